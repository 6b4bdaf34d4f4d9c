"""Where the control plane's programs come from, tried against a loopback archive and a stand-in for
Go.
"""

from __future__ import annotations

import io
import socket
import tarfile
import threading
import time
from pathlib import Path

import pytest

from bot.playground.controlplane import archive, assets, versions
from bot.playground.processes import free_port
from tests.support import archive_server
from tests.support.archive_server import SAYS, ArchiveServer, good_archive, program

ALL = list(versions.CONTROL_PLANE)


def fake_go(folder: Path, *, built: str | None = None, ends: int = 0) -> Path:
    """A `go` that builds what prints the right version (or `built`), slowly enough to be met
    half-way.

    It writes a line for each build into `builds`.
    """
    says = "\n".join(
        f'    *{versions.BINARIES[name].package}) says="{built or line}" ;;'
        for name, line in SAYS.items()
    )
    go = folder / "go"
    go.write_text(
        f"""#!/bin/sh
if [ "$1" = version ]; then echo "go version go1.26.0 linux/amd64"; exit; fi
test {ends} = 0 || {{ echo "no such module"; yes some/package | head -n 99; exit {ends}; }}
for package; do :; done
while [ "$1" != -o ]; do shift; done
case "$package" in
{says}
esac
echo "$package" >> {folder}/builds
printf '#!/bin/sh\\necho "%s"\\n' "$says" > "$2"
chmod +x "$2"
"""
    )
    go.chmod(0o755)
    return go


@pytest.fixture
def sources(tmp_path: Path) -> assets.AssetSources:
    """An empty cache, an index that nobody serves, a Go that works."""
    index = f"http://127.0.0.1:{free_port()}/index.yaml"
    return assets.AssetSources(cache=tmp_path / "cache", index_url=index, go=fake_go(tmp_path))


def builds(tmp_path: Path) -> list[str]:
    path = tmp_path / "builds"
    return path.read_text().split() if path.exists() else []


def with_index(sources: assets.AssetSources, server: ArchiveServer) -> assets.AssetSources:
    return assets.AssetSources(cache=sources.cache, index_url=server.index_url, go=sources.go)


def test_the_archive_is_preferred_and_only_what_it_lacks_is_built(sources, tmp_path):
    with ArchiveServer(good_archive()) as server:
        found = assets.ensure(with_index(sources, server), ALL)
    assert sorted(found) == sorted(ALL)
    assert {path.parent for path in found.values()} == {sources.folder}
    assert builds(tmp_path) == ["k8s.io/kubernetes/cmd/kube-controller-manager"]


def test_an_archive_that_is_not_what_the_index_promised_is_refused(sources, tmp_path):
    said: list[str] = []
    with ArchiveServer(good_archive(), sha512="0" * 128) as server:
        assets.ensure(with_index(sources, server), ALL, said.append)
    assert any("SHA-512" in line for line in said)
    assert len(builds(tmp_path)) == len(ALL)


def test_a_broken_archive_with_the_promised_sum_is_refused(sources, tmp_path):
    with ArchiveServer(b"no archive at all") as server:
        parcel = archive.look_up(server.index_url, patience_seconds=5)
        with pytest.raises(archive.ArchiveRefusedError):
            archive.fetch(parcel, ALL, tmp_path / "desk")


def test_an_archive_of_another_version_is_not_used(sources, tmp_path):
    old = archive_server.archive_of({"x/etcd": program("etcd Version: 2.3.8")})
    said: list[str] = []
    with ArchiveServer(old) as server:
        assets.ensure(with_index(sources, server), ["etcd"], said.append)
    assert any("2.3.8" in line for line in said)
    assert builds(tmp_path) == ["go.etcd.io/etcd/server/v3"]


def test_a_member_that_points_elsewhere_is_not_followed(tmp_path):
    """A link named like a program, and a path that climbs out, both end as nothing outside the
    desk.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        link = tarfile.TarInfo("kube-apiserver")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
        climbing = tarfile.TarInfo("../../etcd")
        climbing.size = 4
        tar.addfile(climbing, io.BytesIO(b"etcd"))
    desk = tmp_path / "a" / "b"
    with ArchiveServer(buffer.getvalue()) as server:
        held = archive.fetch(archive.look_up(server.index_url, patience_seconds=5), ALL, desk)
    assert held == {"etcd"}
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["etcd"]
    assert (desk / "etcd").read_bytes() == b"etcd"


def test_an_unreachable_archive_falls_to_the_build(sources, tmp_path):
    said: list[str] = []
    assert sorted(assets.ensure(sources, ALL, said.append)) == sorted(ALL)
    assert any("not used" in line and "ConnectionError" in line for line in said)
    assert len(builds(tmp_path)) == len(ALL)


def test_a_network_that_swallows_everything_costs_no_more_than_the_patience():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        started = time.monotonic()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/index.yaml"
        with pytest.raises(archive.ArchiveUnreachableError):
            archive.look_up(url, patience_seconds=0.3)
        assert time.monotonic() - started < 2


def test_what_is_there_already_is_used_and_nothing_is_asked(sources, tmp_path):
    assets.ensure(sources, ALL)
    before = builds(tmp_path)
    with ArchiveServer(good_archive()) as server:
        assert sorted(assets.ensure(with_index(sources, server), ALL)) == sorted(ALL)
    assert server.asked == []
    assert builds(tmp_path) == before


def test_the_developers_own_folder_goes_first_unless_its_version_is_another(sources, tmp_path):
    given = tmp_path / "given"
    given.mkdir()
    for name, says in {"etcd": SAYS["etcd"], "kube-apiserver": "Kubernetes v1.30.1"}.items():
        (given / name).write_bytes(program(says))
        (given / name).chmod(0o755)
    said: list[str] = []
    found = assets.ensure(
        assets.AssetSources(cache=sources.cache, given=given, index_url=None, go=sources.go),
        ["etcd", "kube-apiserver"],
        said.append,
    )
    assert found["etcd"] == given / "etcd"
    assert found["kube-apiserver"] == sources.folder / "kube-apiserver"
    assert any("1.30.1" in line for line in said)


def test_the_environment_says_where_to_look():
    sources = assets.AssetSources.from_environment(
        {"KUBEBUILDER_ASSETS": "/k", "XDG_CACHE_HOME": "/c", "VALETKEY_ENVTEST_INDEX": ""}
    )
    assert (sources.given, sources.cache, sources.index_url) == (
        Path("/k"),
        Path("/c/valetkey"),
        None,
    )
    plain = assets.AssetSources.from_environment({"HOME": "/home/ada"})
    assert (plain.given, plain.cache) == (None, Path("/home/ada/.cache/valetkey"))
    assert plain.index_url == archive.INDEX_URL


def test_a_failed_build_names_what_is_missing_and_why_for_each_way(sources, tmp_path):
    fake_go(tmp_path, ends=3)
    with pytest.raises(assets.AssetsMissingError) as caught:
        assets.ensure(sources, ALL)
    for part in (*ALL, "Archive:", "Build:", "no such module"):
        assert part in str(caught.value)
    assert assets.find(sources, ALL) == {}


def test_a_build_of_another_version_does_not_reach_the_cache(sources, tmp_path):
    fake_go(tmp_path, built="Kubernetes v1.36.0")
    with pytest.raises(assets.AssetsMissingError, match=r"1\.36\.0"):
        assets.ensure(sources, ["kube-apiserver"])
    assert not (sources.folder / "kube-apiserver").exists()


def test_two_at_once_build_once(sources, tmp_path):
    found: list[dict[str, Path]] = []
    both = [
        threading.Thread(target=lambda: found.append(assets.ensure(sources, ALL))) for _ in range(2)
    ]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert [sorted(paths) for paths in found] == [sorted(ALL)] * 2
    assert len(builds(tmp_path)) == len(ALL)


def test_what_a_killed_process_left_half_filled_is_swept(sources):
    left = sources.folder / ".filling-x1"
    left.mkdir(parents=True)
    (left / "etcd").write_bytes(b"half")
    assets.ensure(sources, ["etcd"])
    assert sorted(path.name for path in sources.folder.iterdir()) == [".lock", "etcd"]
