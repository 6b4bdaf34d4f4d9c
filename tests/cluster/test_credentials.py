"""How a cluster is reached: what is loaded, renewed and refused, and that none of it is told."""

import json
import os
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from kubernetes.config import incluster_config

from bot.playground.controlplane.config import exec_plugin
from bot.playground.controlplane.plane import ControlPlane
from bot.playground.scene import bot_token
from grants.authz.model import RoleRef
from grants.clock import SystemClock
from grants.clusters.cluster import KubernetesCluster
from grants.clusters.config import ClusterConfig
from grants.clusters.pool import ClusterPool, read_role
from grants.errors import (
    ClusterForbidden,
    ClusterUnavailable,
    SettingsInvalid,
)
from tests.support.scripted_server import (
    Asked,
    Said,
    Script,
    ScriptedServer,
    status,
    write_kubeconfig,
)

Serve = Callable[[Script], ScriptedServer]
At = Callable[..., KubernetesCluster]

CANARY = "canary-7f3a9c"


def namespace(_: Asked) -> Said:
    return Said(200, {"metadata": {"name": "kube-system", "uid": "the-uid"}})


def cluster_of(**fields: object) -> KubernetesCluster:
    config = ClusterConfig(alias="prod", installation="inst-x", **fields)  # type: ignore[arg-type]
    return KubernetesCluster(config, SystemClock())


def test_the_token_is_shown(server: Serve, cluster_at: At) -> None:
    there = server(namespace)
    assert cluster_at(there.url, token="t-1").uid() == "the-uid"
    assert [asked.token for asked in there.asked] == ["Bearer t-1"]


def test_a_refused_token_is_loaded_anew(server: Serve, cluster_at: At, tmp_path: Path) -> None:
    """A token file of a kubeconfig is read once by the loader, and rotates all the same."""

    def script(asked: Asked) -> Said:
        return namespace(asked) if asked.token == "Bearer new" else status(401, "Unauthorized")

    token_file = tmp_path / "token"
    token_file.write_text("old")
    cluster = cluster_at(server(script).url, tokenFile=str(token_file))
    with pytest.raises(ClusterForbidden):
        cluster.uid()
    token_file.write_text("new")
    assert cluster.uid() == "the-uid"


def test_an_exec_plugin_is_run_once_and_its_token_shown(
    server: Serve, cluster_at: At, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    answer = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {
            "token": "from-plugin",
            "expirationTimestamp": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
        },
    }
    code = f"open({str(runs)!r}, 'a').write('x'); print({json.dumps(answer)!r})"
    there = server(namespace)
    cluster = cluster_at(there.url, **exec_plugin((sys.executable, "-c", code)))
    for _ in range(3):
        cluster.uid()
    assert {asked.token for asked in there.asked} == {"Bearer from-plugin"}
    assert runs.read_text() == "x"


def test_a_plugin_that_fails_is_no_credential(
    server: Serve, cluster_at: At, caplog: pytest.LogCaptureFixture
) -> None:
    there = server(namespace)
    failing = exec_plugin((sys.executable, "-c", "raise SystemExit(3)"))
    with pytest.raises(ClusterUnavailable, match="no credential"):
        cluster_at(there.url, **failing).uid()
    assert there.asked == []


@pytest.mark.parametrize(
    "content",
    [
        "",
        f"token: {CANARY}: [",
        f"users: [{CANARY}]",
        yaml.safe_dump({"current-context": "here", "contexts": [], "users": [{"name": CANARY}]}),
        "\x00",
    ],
    ids=["empty", "no-yaml", "no-contexts", "no-context", "binary"],
)
def test_a_broken_kubeconfig_is_said_without_what_it_holds(tmp_path: Path, content: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(content)
    with pytest.raises(ClusterUnavailable) as caught:
        cluster_of(kubeconfig=path).uid()
    assert caught.value.action == "load credentials"
    assert CANARY not in str(caught.value)


def test_a_missing_kubeconfig_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(ClusterUnavailable, match="load credentials"):
        cluster_of(kubeconfig=tmp_path / "none").uid()


def test_a_token_that_no_header_can_hold_is_not_told(
    server: Serve, cluster_at: At, caplog: pytest.LogCaptureFixture
) -> None:
    """The library's own error quotes the header."""
    caplog.set_level("DEBUG")
    with pytest.raises(ClusterUnavailable) as caught:
        cluster_at(server(namespace).url, token=f"{CANARY}\nx: y").uid()
    assert CANARY not in str(caught.value)
    assert caught.value.__suppress_context__
    assert CANARY not in caplog.text


def test_a_token_is_never_sent_in_clear(cluster_at: At) -> None:
    with pytest.raises(ClusterUnavailable, match="https"):
        cluster_at("http://api.example.com").uid()


def test_a_server_whose_certificate_is_not_looked_at_is_refused(tmp_path: Path) -> None:
    path = write_kubeconfig(tmp_path / "kubeconfig", "https://127.0.0.1:1")
    content = yaml.safe_load(path.read_text())
    content["clusters"][0]["cluster"]["insecure-skip-tls-verify"] = True
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ClusterUnavailable, match="insecure-skip-tls-verify"):
        cluster_of(kubeconfig=path).uid()


def test_a_certificate_of_another_authority_is_refused(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    path = write_kubeconfig(tmp_path / "kubeconfig", control_plane.url)
    with pytest.raises(ClusterUnavailable, match=r"TLS: .*certificate"):
        cluster_of(kubeconfig=path).uid()


def test_a_token_that_nobody_gave_is_forbidden(control_plane: ControlPlane, tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    control_plane.write_kubeconfig(path, {"token": "nobody-gave-this"})
    with pytest.raises(ClusterForbidden):
        cluster_of(kubeconfig=path).uid()


def test_a_pod_reaches_its_own_cluster(
    control_plane: ControlPlane,
    kubeconfig: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token = tmp_path / "token"
    token.write_text(bot_token(control_plane))
    host, _, port = control_plane.url.removeprefix("https://").rpartition(":")
    monkeypatch.setitem(os.environ, "KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setitem(os.environ, "KUBERNETES_SERVICE_PORT", port)
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(token))
    ca_file = str(control_plane.authority.ca_file)
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", ca_file)
    inside, outside = cluster_of(in_cluster=True), cluster_of(kubeconfig=kubeconfig)
    assert inside.uid() == outside.uid()
    assert inside.endpoints() == (control_plane.url,)
    inside.close()
    outside.close()


@pytest.mark.parametrize(
    "fields",
    [
        {"endpoints": ("http://api.example.com",)},
        {"endpoints": ("https://user@api.example.com",)},
        {"endpoints": ("https://api.example.com?x=y",)},
        {"endpoints": ("https://",)},
        {"endpoints": ("https://a:b",)},
        {"endpoints": ("https://a.example", "https://a.example")},
        {"in_cluster": True, "context": "prod"},
        {"pool_size": 0},
    ],
)
def test_a_configuration_that_cannot_be_safe_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(SettingsInvalid):
        cluster_of(**fields)


def test_a_role_is_read_with_a_persons_own_kubeconfig(kubeconfig: Path) -> None:
    read = read_role(kubeconfig, None, RoleRef("ClusterRole", "view"), None, SystemClock())
    assert read is not None
    assert read.rules
    missing = RoleRef("Role", "none")
    assert read_role(kubeconfig, "playground", missing, "default", SystemClock()) is None


def test_clusters_are_found_by_their_alias(kubeconfig: Path) -> None:
    configs = [
        ClusterConfig(alias=alias, installation="inst-x", kubeconfig=kubeconfig)
        for alias in ("prod", "test")
    ]
    pool = ClusterPool(configs, SystemClock())
    assert pool.aliases() == ("prod", "test")
    found = pool.get("test")
    assert found is not None
    assert found.alias == "test"
    assert pool.get("other") is None
    assert pool.run("prod", found.uid, timedelta(seconds=10)) == found.uid()
    pool.close()
    with pytest.raises(SettingsInvalid):
        ClusterPool(configs + configs, SystemClock())


def test_a_lookup_is_waited_for_only_so_long(server: Serve, tmp_path: Path) -> None:
    def hang(_: Asked) -> None:
        hung.ended.wait()

    hung, quick = server(hang), server(namespace)
    configs = [
        ClusterConfig(
            alias=alias,
            installation="inst-x",
            kubeconfig=write_kubeconfig(tmp_path / alias, there.url),
            pool_size=1,
        )
        for alias, there in (("hung", hung), ("quick", quick))
    ]
    pool = ClusterPool(configs, SystemClock())
    slow, fast = pool.get("hung"), pool.get("quick")
    assert slow is not None
    assert fast is not None
    for _ in range(3):
        with pytest.raises(ClusterUnavailable):
            pool.run("hung", slow.uid, timedelta(seconds=0.05))
    assert pool.run("quick", fast.uid, timedelta(seconds=10)) == "the-uid"
    with pytest.raises(ClusterUnavailable):
        pool.run("other", fast.uid, timedelta(seconds=1))
    # What nobody waits for any more is not sent.
    assert len(hung.asked) == 1
    pool.close()


def test_lookups_that_belong_together_are_out_at_the_same_time(kubeconfig: Path) -> None:
    configs = [ClusterConfig(alias="prod", installation="inst-x", kubeconfig=kubeconfig)]
    pool, together = ClusterPool(configs, SystemClock()), threading.Barrier(2)

    def meet() -> int:
        return together.wait(10)

    def fail() -> None:
        meet()
        raise ClusterForbidden("prod", "get", "")

    assert set(pool.run_all("prod", (meet, meet), timedelta(seconds=20))) == {0, 1}
    with pytest.raises(ClusterForbidden):
        pool.run_all("prod", (fail, meet), timedelta(seconds=20))
    never = threading.Event()
    with pytest.raises(ClusterUnavailable):
        pool.run_all("prod", (never.wait, str), timedelta(seconds=0.05))
    never.set()
    with pytest.raises(ClusterUnavailable):
        pool.run_all("other", (str,), timedelta(seconds=1))
    pool.close()


def test_the_first_of_several_calls_is_made_by_who_asks(kubeconfig: Path) -> None:
    configs = [ClusterConfig(alias="prod", installation="inst-x", kubeconfig=kubeconfig)]
    pool, together = ClusterPool(configs, SystemClock()), threading.Barrier(3)

    def meet() -> int:
        together.wait(10)
        return threading.get_ident()

    def fail() -> int:
        raise ClusterForbidden("prod", "get", "")

    own, *others = pool.run_beside("prod", (meet, meet, meet))
    assert own == threading.get_ident()
    assert own not in others
    for calls in ((fail, threading.get_ident), (threading.get_ident, fail)):
        with pytest.raises(ClusterForbidden):
            pool.run_beside("prod", calls)
    pool.close()


def test_a_call_is_made_while_who_asked_does_something_else(kubeconfig: Path) -> None:
    configs = [ClusterConfig(alias="prod", installation="inst-x", kubeconfig=kubeconfig)]
    pool, together = ClusterPool(configs, SystemClock()), threading.Barrier(2)

    def fail() -> int:
        raise ClusterForbidden("prod", "get", "")

    started = pool.start("prod", lambda: together.wait(10))
    assert {together.wait(10), started.result()} == {0, 1}
    failing = pool.start("prod", fail)
    with pytest.raises(ClusterForbidden):
        failing.result()
    with pytest.raises(ClusterUnavailable):
        pool.start("other", fail)
    pool.close()


def test_what_has_not_begun_is_made_by_who_waits_or_by_nobody(kubeconfig: Path) -> None:
    """Each holds a thread for as long as an API server takes, and people's looks need theirs."""
    configs = [ClusterConfig(alias="prod", installation="inst-x", kubeconfig=kubeconfig)]
    pool, hold = ClusterPool(configs, SystemClock()), threading.Event()
    made: list[str] = []
    busy = [pool.start("prod", lambda: hold.wait(10)) for _ in range(configs[0].threads)]
    pool.start("prod", lambda: made.append("left")).leave()
    assert pool.start("prod", threading.get_ident).result() == threading.get_ident()
    assert pool.run("prod", str, timedelta(seconds=10)) == ""
    hold.set()
    assert all(one.result() for one in busy)
    last = pool.start("prod", lambda: made.append("last"))
    last.result()
    assert made == ["last"]
    pool.close()
