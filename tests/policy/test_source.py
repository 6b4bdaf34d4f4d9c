"""Policy files as they lie on disk."""

import hashlib
import os
from pathlib import Path

import pytest

from grants.errors import PolicyInvalid
from grants.policy import source
from grants.policy.source import PolicyFile, PolicyPath, digest_of, pack


def codes(path: Path) -> list[str]:
    with pytest.raises(PolicyInvalid) as caught:
        PolicyPath(path).files()
    return [problem.code for problem in caught.value.problems]


def test_one_file_is_read_under_the_name_it_was_given(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(b"x")
    assert PolicyPath(path).files() == (PolicyFile(str(path), b"x"),)


def test_a_folder_gives_its_yaml_files_by_name(tmp_path: Path) -> None:
    for name in ("b.yml", "a.yaml", "notes.md", ".hidden.yaml", "c.yaml.bak"):
        (tmp_path / name).write_text(name)
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "d.yaml").write_text("d")
    assert [file.name for file in PolicyPath(tmp_path).files()] == ["a.yaml", "b.yml"]


def test_a_mounted_config_map_is_read_through_its_links(tmp_path: Path) -> None:
    real = tmp_path / "..2026"
    real.mkdir()
    (real / "policy.yaml").write_text("x")
    (tmp_path / "..data").symlink_to(real)
    (tmp_path / "policy.yaml").symlink_to(tmp_path / "..data" / "policy.yaml")
    assert PolicyPath(tmp_path).files() == (PolicyFile("policy.yaml", b"x"),)


def test_what_can_not_be_read_is_refused_by_name(tmp_path: Path) -> None:
    assert codes(tmp_path / "nothing.yaml") == ["unreadable"]
    assert codes(tmp_path) == ["unreadable"]
    (tmp_path / "folder.yaml").mkdir()
    assert codes(tmp_path) == ["unreadable"]
    with pytest.raises(PolicyInvalid, match="No such file or directory"):
        PolicyPath(tmp_path / "nothing.yaml").files()


def test_a_pipe_in_place_of_the_file_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "policy.yaml")
    (file,) = PolicyPath(tmp_path).files()
    assert file.data == b""


def test_a_folder_that_may_not_be_listed_is_refused(tmp_path: Path) -> None:
    class Shut(type(tmp_path)):  # type: ignore[misc]
        def iterdir(self) -> None:
            raise PermissionError(13, "Permission denied")

    assert codes(Shut(tmp_path)) == ["unreadable"]


def test_too_much_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "MAX_BYTES", 10)
    (tmp_path / "a.yaml").write_bytes(b"x" * 6)
    (tmp_path / "b.yaml").write_bytes(b"x" * 4)
    assert len(PolicyPath(tmp_path).files()) == 2
    (tmp_path / "b.yaml").write_bytes(b"x" * 5)
    assert codes(tmp_path) == ["too-big"]
    monkeypatch.setattr(source, "MAX_FILES", 1)
    assert codes(tmp_path) == ["too-big"]


def test_the_digest_is_of_the_bytes_that_are_kept() -> None:
    one = [PolicyFile("anywhere/policy.yaml", b"x")]
    assert digest_of(one) == hashlib.sha256(b"x").hexdigest()
    two = [PolicyFile("b.yaml", b"y"), PolicyFile("a.yaml", b"x")]
    assert digest_of(two) == hashlib.sha256(pack(two)).hexdigest()
    assert pack(two) == b"valetkey policy folder v1\n6 1\na.yaml\nx\n6 1\nb.yaml\ny\n"
