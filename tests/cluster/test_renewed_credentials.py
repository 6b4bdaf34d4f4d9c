"""Credentials that change while the bot runs: taken up without a restart, no call lost for it."""

import json
import os
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml
from kubernetes.config import incluster_config

from bot.playground.controlplane.config import exec_plugin
from bot.playground.processes import wait_until
from grants.clock import SystemClock
from grants.clusters.cluster import KubernetesCluster
from grants.clusters.config import ClusterConfig, ClusterTimes
from grants.errors import ClusterForbidden, ClusterUnavailable
from tests.support.scripted_server import (
    Asked,
    Said,
    Script,
    ScriptedServer,
    status,
    write_kubeconfig,
)

Serve = Callable[[Script], ScriptedServer]
SOON = timedelta(seconds=20)


def cluster_of(path: Path | None = None, **fields: Any) -> KubernetesCluster:
    config = ClusterConfig(alias="prod", installation="inst-x", kubeconfig=path, **fields)
    return KubernetesCluster(config, SystemClock())


def said(uid: str) -> Said:
    return Said(200, {"metadata": {"name": "kube-system", "uid": uid}})


def by_token(asked: Asked) -> Said:
    """Name the cluster after the token, so that a test sees which one was shown."""
    return said(asked.token.split(" ", 1)[1])


def replaced(path: Path, content: str) -> None:
    """Put another file in the place of one, as a mounted Secret is replaced."""
    beside = path.with_name(f"{path.name}.new")
    beside.write_text(content)
    beside.replace(path)


def soon(cluster: KubernetesCluster, uid: str) -> None:
    wait_until(lambda: cluster.uid() == uid, within=SOON, what=f"{uid} is used")


def plugin(code: str) -> dict[str, object]:
    return exec_plugin((sys.executable, "-c", code))


def token_plugin(counter: Path, ends_in: timedelta, before: str = "") -> dict[str, object]:
    """A plugin that gives `run-1`, `run-2` and so on; `before` is done first."""
    ends = (datetime.now(UTC) + ends_in).isoformat()
    return plugin(
        f"""
import json, pathlib, sys, time, subprocess
path = pathlib.Path({str(counter)!r})
count = len(path.read_text()) + 1 if path.exists() else 1
path.write_text("x" * count)
{before}
print(json.dumps({{
    "apiVersion": "client.authentication.k8s.io/v1",
    "kind": "ExecCredential",
    "status": {{"token": f"run-{{count}}", "expirationTimestamp": {ends!r}}},
}}))
"""
    )


def test_a_token_file_that_rotates_is_read_before_anybody_is_refused(
    server: Serve, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("first")
    there = server(by_token)
    cluster = cluster_of(write_kubeconfig(tmp_path / "k", there.url, tokenFile="token"))
    assert cluster.uid() == "first"
    replaced(token, "second")
    soon(cluster, "second")
    cluster.close()


def test_a_pods_token_and_authority_are_read_again_as_they_rotate(
    server: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, authority = tmp_path / "token", tmp_path / "ca.crt"
    token.write_text("first")
    authority.write_text(trustme.CA().cert_pem.bytes().decode())
    with client_checked(by_peer="") as (host, port, ca):
        authority.write_bytes(ca.cert_pem.bytes())
        monkeypatch.setitem(os.environ, "KUBERNETES_SERVICE_HOST", host)
        monkeypatch.setitem(os.environ, "KUBERNETES_SERVICE_PORT", str(port))
        monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(token))
        monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(authority))
        cluster = cluster_of(in_cluster=True)
        assert cluster.uid() == "bearer first"
        replaced(token, "second")
        soon(cluster, "bearer second")
        cluster.close()


def test_a_call_that_is_refused_goes_through_with_credentials_loaded_anew(
    server: Serve, tmp_path: Path
) -> None:
    """The first call after a token had ended failed, whatever it was for."""
    valid = ["Bearer run-1"]

    def script(asked: Asked) -> Said:
        return by_token(asked) if asked.token in valid else status(401, "Unauthorized")

    counter = tmp_path / "runs"
    user = token_plugin(counter, timedelta(hours=1))
    cluster = cluster_of(write_kubeconfig(tmp_path / "k", server(script).url, **user))
    assert cluster.uid() == "run-1"
    valid[:] = ["Bearer run-2"]
    assert cluster.uid() == "run-2"
    cluster.close()


def test_credentials_that_stay_refused_are_loaded_once_for_a_call(
    server: Serve, tmp_path: Path
) -> None:
    counter = tmp_path / "runs"
    there = server(lambda _: status(401, "Unauthorized"))
    user = token_plugin(counter, timedelta(hours=1))
    cluster = cluster_of(write_kubeconfig(tmp_path / "k", there.url, **user))
    for runs in (1, 2, 3):
        with pytest.raises(ClusterForbidden):
            cluster.uid()
        assert len(counter.read_text()) == runs
    assert len(there.asked) == 3
    cluster.close()


def test_many_calls_that_are_refused_at_once_load_credentials_once(
    server: Serve, tmp_path: Path
) -> None:
    valid, together = ["Bearer run-1"], threading.Barrier(4, timeout=20)

    def script(asked: Asked) -> Said:
        if asked.token in valid:
            return by_token(asked)
        together.wait()  # all of them are out before the first is answered
        return status(401, "Unauthorized")

    counter = tmp_path / "runs"
    user = token_plugin(counter, timedelta(hours=1))
    cluster = cluster_of(write_kubeconfig(tmp_path / "k", server(script).url, **user))
    cluster.uid()
    valid[:] = ["Bearer run-2"]
    seen: list[str] = []
    # By itself each: `uid` would be one call for several of them.
    threads = [
        threading.Thread(target=lambda: seen.append(cluster._uid_at(None))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert seen == ["run-2"] * 4
    assert len(counter.read_text()) == 2
    cluster.close()


def test_a_plugin_is_run_again_when_its_token_is_about_to_end(
    server: Serve, tmp_path: Path
) -> None:
    counter = tmp_path / "runs"
    user = token_plugin(counter, timedelta(minutes=1))
    cluster = cluster_of(write_kubeconfig(tmp_path / "k", server(by_token).url, **user))
    first = cluster.uid()
    wait_until(lambda: cluster.uid() != first, within=SOON, what="another token is shown")
    cluster.close()


def test_a_plugin_that_fails_and_then_works_needs_no_restart(server: Serve, tmp_path: Path) -> None:
    counter = tmp_path / "runs"
    user = token_plugin(counter, timedelta(hours=1), before="if count < 3: sys.exit(1)")
    cluster = cluster_of(write_kubeconfig(tmp_path / "k", server(by_token).url, **user))
    for _run in range(2):
        with pytest.raises(ClusterUnavailable, match="no credential"):
            cluster.uid()
    assert cluster.uid() == "run-3"
    cluster.close()


def test_a_plugin_that_hangs_is_ended_with_all_that_it_began_and_tried_again(
    server: Serve, tmp_path: Path
) -> None:
    """It was waited for without an end, and its cluster was not reached until a restart."""
    counter, child = tmp_path / "runs", tmp_path / "child"
    hang = f"""
if count == 1:
    begun = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    pathlib.Path({str(child)!r}).write_text(str(begun.pid))
    time.sleep(600)
"""
    user = token_plugin(counter, timedelta(hours=1), before=hang)
    path = write_kubeconfig(tmp_path / "k", server(by_token).url, **user)
    cluster = cluster_of(path, times=ClusterTimes(plugin=timedelta(seconds=1)))
    with pytest.raises(ClusterUnavailable, match="no credential"):
        cluster.uid()
    wait_until(
        lambda: not is_alive(int(child.read_text())), within=SOON, what="its child has ended"
    )
    assert cluster.uid() == "run-2"
    cluster.close()


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_plugin_is_run_where_its_kubeconfig_lies_with_its_own_arguments_and_environment(
    server: Serve, tmp_path: Path
) -> None:
    answer = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "PLACEHOLDER"},
    }
    script = tmp_path / "plugin.sh"
    text = json.dumps(answer).replace("PLACEHOLDER", "'$1-$WHO-$(basename \"$PWD\")'")
    script.write_text(f"#!/bin/sh\necho '{text}'\n")
    script.chmod(0o700)
    user = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "./plugin.sh",
            "args": ["a b"],
            "env": [{"name": "WHO", "value": "me"}],
            "interactiveMode": "Never",
        }
    }
    cluster = cluster_of(write_kubeconfig(tmp_path / "k", server(by_token).url, **user))
    assert cluster.uid() == f"a b-me-{tmp_path.name}"
    cluster.close()


def test_a_plugin_that_is_not_installed_is_no_credential(server: Serve, tmp_path: Path) -> None:
    user = exec_plugin(("no-such-plugin-anywhere",))
    cluster = cluster_of(write_kubeconfig(tmp_path / "k", server(by_token).url, **user))
    with pytest.raises(ClusterUnavailable, match="no credential"):
        cluster.uid()
    cluster.close()


def test_a_kubeconfig_that_leads_to_another_server_is_followed(
    server: Serve, tmp_path: Path
) -> None:
    first, second = server(lambda _: said("one")), server(lambda _: said("two"))
    path = write_kubeconfig(tmp_path / "k", first.url)
    cluster = cluster_of(path)
    assert cluster.uid() == "one"
    replaced(path, write_kubeconfig(tmp_path / "other", second.url).read_text())
    soon(cluster, "two")
    cluster.close()


def test_a_kubeconfig_that_is_half_written_changes_nothing_yet(
    server: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    there = server(by_token)
    path = write_kubeconfig(tmp_path / "k", there.url, token="first")
    whole = write_kubeconfig(tmp_path / "other", there.url, token="second").read_text()
    cluster = cluster_of(path)
    cluster.uid()
    path.write_text(whole[: len(whole) // 2])
    wait_until(
        lambda: cluster.uid() == "first" and "can't be used" in caplog.text,
        within=SOON,
        what="the half file was seen",
    )
    path.write_text(whole)
    soon(cluster, "second")
    cluster.close()


@contextmanager
def client_checked(by_peer: str) -> Iterator[tuple[str, int, trustme.CA]]:
    """An https server that names itself after the client's certificate (`by_peer`: which field)
    or, without one, after the token that it is shown. Gives its host, port and authority.
    """
    ca = trustme.CA()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            peer = self.connection.getpeercert() or {}  # type: ignore[attr-defined]
            names = dict(pair for rdn in peer.get("subject", ()) for pair in rdn)
            uid = names.get(by_peer) or self.headers.get("Authorization", "")
            body = said(uid).as_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    ca.configure_trust(context)
    context.verify_mode = ssl.CERT_OPTIONAL
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.socket = context.wrap_socket(httpd.socket, server_side=True)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield "127.0.0.1", httpd.server_port, ca
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()


def write_certificate(ca: trustme.CA, folder: Path, name: str) -> None:
    made = ca.issue_cert("client.example", common_name=name)
    replaced(folder / "client.pem", made.cert_chain_pems[0].bytes().decode())
    replaced(folder / "client.key", made.private_key_pem.bytes().decode())


def test_a_clients_certificate_that_is_renewed_on_disk_is_shown(tmp_path: Path) -> None:
    with client_checked(by_peer="commonName") as (host, port, ca):
        write_certificate(ca, tmp_path, "first")
        ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        user = {"client-certificate": "client.pem", "client-key": "client.key"}
        path = write_kubeconfig(tmp_path / "k", f"https://{host}:{port}", **user)
        trust(path, "ca.pem")
        cluster = cluster_of(path)
        assert cluster.uid() == "first"
        write_certificate(ca, tmp_path, "second")
        soon(cluster, "second")
        cluster.close()


def test_an_authority_that_is_replaced_on_disk_is_trusted_and_the_former_one_no_more(
    tmp_path: Path,
) -> None:
    with client_checked(by_peer="") as (host, port, ca):
        trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        path = write_kubeconfig(tmp_path / "k", f"https://{host}:{port}", token="t")
        trust(path, "ca.pem")
        cluster = cluster_of(path)
        with pytest.raises(ClusterUnavailable, match="TLS"):
            cluster.uid()
        replaced(tmp_path / "ca.pem", ca.cert_pem.bytes().decode())
        wait_until(lambda: answers(cluster), within=SOON, what="the new authority is trusted")
        replaced(tmp_path / "ca.pem", trustme.CA().cert_pem.bytes().decode())
        wait_until(lambda: not answers(cluster), within=SOON, what="it is trusted no more")
        cluster.close()


def answers(cluster: KubernetesCluster) -> bool:
    try:
        return cluster.uid() == "Bearer t"
    except ClusterUnavailable:
        return False


def trust(path: Path, ca_file: str) -> None:
    content = yaml.safe_load(path.read_text())
    content["clusters"][0]["cluster"]["certificate-authority"] = ca_file
    path.write_text(yaml.safe_dump(content))
