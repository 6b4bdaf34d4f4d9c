"""Slack, the identity provider and clusters behind a proxy that only knows CONNECT.

Their names are known to the proxy alone, so that what reaches them went through it; their
certificates are a private authority's, so that what is believed was checked from end to end.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from slack_bolt import App
from slack_bolt.authorization import AuthorizeResult
from slack_sdk import WebClient
from websockets.sync.server import ServerConnection, serve

from bot.playground.certs import Authority
from bot.playground.tls_front import tls_front
from bot.slack.app import make_client
from bot.slack.ports import SlackSettings
from bot.slack.socket_mode import SocketMode, SocketOptions
from bot.web.oidc.settings import ProviderSettings
from bot.web.oidc.transport import Transport
from grants.clock import SystemClock
from grants.clusters.cluster import KubernetesCluster
from grants.clusters.config import ClusterConfig
from grants.errors import ClusterUnavailable, LoginRefused
from grants.proxies import ProxyRules
from tests.support.connect_proxy import ConnectProxy
from tests.support.scripted_server import Asked, Said, ScriptedServer, write_kubeconfig
from tests.support.socket_server import DEADLINE_SECONDS

API, API_PORT = "api.prod.example", 6443
LOGIN, SLACK, WSS = "login.acme.example", "slack.acme.example", "wss.acme.example"
USER = "valetkey:canary-9f%3A"
SECRET = "canary-9f:"


def script(asked: Asked) -> Said:
    """All of the servers in one: a cluster, a provider, Slack's Web API."""
    if asked.path == "/api/v1/namespaces/kube-system":
        return Said(200, {"metadata": {"name": "kube-system", "uid": "the-uid"}})
    if asked.path == "/.well-known/openid-configuration":
        return Said(200, {"issuer": f"https://{LOGIN}"})
    if asked.path == "/api/apps.connections.open":
        return Said(200, {"ok": True, "url": f"wss://{WSS}/link?ticket=1"})
    return Said(200, {"ok": True, "user_id": "U1"})


class Town:
    """The servers, their authority, another one that signed nothing, and proxies to them."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.ca_file = folder / "ca" / "ca.pem"
        authority = Authority.in_folder(folder / "ca")
        self.other_ca_file = Authority.in_folder(folder / "other").ca_file
        self.server = stack.enter_context(ScriptedServer(script))
        leaf = authority.leaf("town", API, LOGIN, SLACK, WSS)
        port = int(self.server.url.rpartition(":")[2])
        front = stack.enter_context(tls_front(port, leaf))
        sockets = stack.enter_context(
            serve(self._hello, "127.0.0.1", 0, ssl=leaf.server_context(), ping_interval=None)
        )
        thread = threading.Thread(target=sockets.serve_forever)
        thread.start()
        stack.callback(thread.join)
        stack.callback(sockets.shutdown)
        self._stack = stack
        self._routes = {(API, API_PORT): front.port, (LOGIN, 443): front.port}
        self._routes |= {
            (SLACK, 443): front.port,
            (WSS, 443): sockets.socket.getsockname()[1],
        }

    @staticmethod
    def _hello(connection: ServerConnection) -> None:
        connection.send(json.dumps({"type": "hello"}))
        for _frame in connection:
            pass

    def proxy(self, login: str = "") -> ConnectProxy:
        return self._stack.enter_context(ConnectProxy(self._routes, login))


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with ExitStack() as stack:
        yield Town(tmp_path, stack)


Reach = Callable[[Town, ProxyRules, Path], None]


def reach_cluster(town: Town, rules: ProxyRules, ca_file: Path) -> None:
    path = write_kubeconfig(town.folder / "kubeconfig", f"https://{API}:{API_PORT}")
    content = yaml.safe_load(path.read_text())
    content["clusters"][0]["cluster"]["certificate-authority"] = str(ca_file)
    path.write_text(yaml.safe_dump(content))
    cluster = KubernetesCluster(
        ClusterConfig("prod", "inst-x", kubeconfig=path, proxies=rules), SystemClock()
    )
    try:
        assert cluster.uid() == "the-uid"
    finally:
        cluster.close()


def reach_provider(town: Town, rules: ProxyRules, ca_file: Path) -> None:
    settings = ProviderSettings(
        name="company",
        issuer=f"https://{LOGIN}",
        client_id="valetkey",
        redirect_uri="https://valetkey.acme.example/callback",
        ca_file=ca_file,
        proxies=rules,
    )
    said = Transport(settings).get_json(settings.discovery_url, malformed="malformed")
    assert said == {"issuer": f"https://{LOGIN}"}


def slack_client(rules: ProxyRules, ca_file: Path) -> WebClient:
    settings = SlackSettings(
        team="T1",
        bot_token="xoxb-1",
        public_url="https://valetkey.acme.example",
        api_url=f"https://{SLACK}/api/",
        ca_file=str(ca_file),
        proxies=rules,
    )
    return make_client(settings, 5, token="xoxb-1")


def reach_slack(town: Town, rules: ProxyRules, ca_file: Path) -> None:
    assert slack_client(rules, ca_file).auth_test()["user_id"] == "U1"


def reach_slacks_socket(town: Town, rules: ProxyRules, ca_file: Path) -> None:
    """Open Socket Mode as the bot does: by the Web API, and then the WebSocket that it names."""
    client = slack_client(rules, town.ca_file)
    if ca_file != town.ca_file:
        client.ssl = slack_client(rules, ca_file).ssl
        client.apps_connections_open = lambda **_: {"url": f"wss://{WSS}/link"}  # type: ignore[assignment, method-assign, return-value]
    app = App(
        client=WebClient(),
        authorize=lambda: AuthorizeResult(enterprise_id=None, team_id="T1", bot_token="xoxb-1"),
        request_verification_enabled=False,
        signing_secret="",
    )
    heard = Ended()
    socket = SocketMode(app, lambda: "xapp-1", client, SocketOptions(connections=1), heard)
    socket.start()
    try:
        heard.wait()
    finally:
        socket.stop(DEADLINE_SECONDS)
    if heard.why:
        raise ConnectionError(heard.why)


class Ended:
    """Hears whether a connection stands or could not be opened."""

    def __init__(self) -> None:
        self._known = threading.Event()
        self.why = ""

    def standing(self, count: int) -> None:
        if count:
            self._known.set()

    def ended(self, why: str) -> None:
        if not self._known.is_set():
            self.why = why
            self._known.set()

    def came(self, way: str, kind: str, outcome: str, seconds: float) -> None: ...

    def wait(self) -> None:
        assert self._known.wait(DEADLINE_SECONDS)


WAYS: dict[str, tuple[Reach, tuple[str, int], type[Exception]]] = {
    "cluster": (reach_cluster, (API, API_PORT), ClusterUnavailable),
    "provider": (reach_provider, (LOGIN, 443), LoginRefused),
    "slack": (reach_slack, (SLACK, 443), OSError),
    "slacks-socket": (reach_slacks_socket, (WSS, 443), ConnectionError),
}
every_way = pytest.mark.parametrize(("reach", "target", "fails"), WAYS.values(), ids=WAYS.keys())


def rules_for(own: str | None, **environ: str) -> ProxyRules:
    return ProxyRules.read(own, environ)


@every_way
def test_it_is_reached_through_the_proxy_that_is_set_for_it(
    town: Town, reach: Reach, target: tuple[str, int], fails: type[Exception]
) -> None:
    proxy = town.proxy()
    reach(town, rules_for(proxy.url), town.ca_file)
    assert target in proxy.tunnels
    assert (proxy.refused, proxy.unasked) == ([], 0)


@every_way
def test_without_a_proxy_it_is_not_reached_at_all(
    town: Town, reach: Reach, target: tuple[str, int], fails: type[Exception]
) -> None:
    """Else what went through proves nothing."""
    with pytest.raises(fails):
        reach(town, rules_for(None), town.ca_file)


@every_way
def test_the_environments_proxy_counts_where_none_is_set(
    town: Town, reach: Reach, target: tuple[str, int], fails: type[Exception]
) -> None:
    proxy, own = town.proxy(), town.proxy()
    reach(town, rules_for(None, HTTPS_PROXY=proxy.url), town.ca_file)
    assert target in proxy.tunnels
    before = len(proxy.tunnels)
    reach(town, rules_for(own.url, HTTPS_PROXY=proxy.url), town.ca_file)
    assert target in own.tunnels
    assert len(proxy.tunnels) == before


@every_way
@pytest.mark.security("D2")
def test_a_proxy_that_asks_who_comes_is_told_and_nobody_else_is(
    town: Town,
    reach: Reach,
    target: tuple[str, int],
    fails: type[Exception],
    caplog: pytest.LogCaptureFixture,
) -> None:
    proxy = town.proxy("valetkey:canary-9f:")
    reach(town, rules_for(proxy.url_for(USER)), town.ca_file)
    assert target in proxy.tunnels
    assert all("proxy-authorization" not in asked.headers for asked in town.server.asked)
    strict = town.proxy("valetkey:another")
    with pytest.raises(fails) as caught:
        reach(town, rules_for(strict.url_for(USER)), town.ca_file)
    assert strict.tunnels == []
    assert SECRET not in f"{caught.value}{caught.value!r}{caplog.text}"
    assert "canary" not in f"{caught.value}{caught.value!r}{caplog.text}"


@every_way
def test_behind_the_proxy_only_the_private_authority_is_believed(
    town: Town, reach: Reach, target: tuple[str, int], fails: type[Exception]
) -> None:
    """Whoever runs the proxy could answer for everybody."""
    proxy = town.proxy()
    asked = len(town.server.asked)
    with pytest.raises(fails):
        reach(town, rules_for(proxy.url), town.other_ca_file)
    assert target in proxy.tunnels, "it was the certificate that was refused, not the way"
    assert len(town.server.asked) == asked


@every_way
def test_a_proxy_that_is_away_is_as_a_server_that_is_away(
    town: Town, reach: Reach, target: tuple[str, int], fails: type[Exception]
) -> None:
    with ConnectProxy({}) as gone:
        url = gone.url
    with pytest.raises(fails):
        reach(town, rules_for(url), town.ca_file)


def test_a_host_that_no_proxy_names_is_reached_directly(town: Town) -> None:
    """The one server that has an address of this machine: a cluster's, in the clear."""
    proxy = town.proxy()
    path = write_kubeconfig(town.folder / "direct", town.server.url)
    for exempt, tunnels in (("127.0.0.0/8", 0), ("other.example", 1)):
        cluster = KubernetesCluster(
            ClusterConfig(
                "prod",
                "inst-x",
                kubeconfig=path,
                proxies=rules_for(proxy.url, NO_PROXY=exempt),
            ),
            SystemClock(),
        )
        if tunnels:
            with pytest.raises(ClusterUnavailable):
                cluster.uid()
        else:
            assert cluster.uid() == "the-uid"
        cluster.close()
        assert proxy.unasked == tunnels


def test_the_kubeconfigs_own_proxy_goes_before_the_environments(town: Town) -> None:
    own, of_file, of_all = town.proxy(), town.proxy(), town.proxy()
    path = write_kubeconfig(town.folder / "kubeconfig", f"https://{API}:{API_PORT}")
    content = yaml.safe_load(path.read_text())
    content["clusters"][0]["cluster"] |= {
        "certificate-authority": str(town.ca_file),
        "proxy-url": of_file.url,
    }
    path.write_text(yaml.safe_dump(content))

    def reach(rules: ProxyRules) -> None:
        config = ClusterConfig("prod", "inst-x", kubeconfig=path, proxies=rules)
        cluster = KubernetesCluster(config, SystemClock())
        assert cluster.uid() == "the-uid"
        cluster.close()

    reach(rules_for(None, HTTPS_PROXY=of_all.url))
    assert (len(of_file.tunnels), len(of_all.tunnels)) == (1, 0)
    reach(rules_for(own.url, HTTPS_PROXY=of_all.url))
    assert (len(own.tunnels), len(of_file.tunnels), len(of_all.tunnels)) == (1, 1, 0)


def test_a_kubeconfig_with_a_proxy_of_another_kind_is_refused_by_name(town: Town) -> None:
    path = write_kubeconfig(town.folder / "kubeconfig", f"https://{API}:{API_PORT}")
    content: dict[str, Any] = yaml.safe_load(path.read_text())
    content["clusters"][0]["cluster"]["proxy-url"] = f"socks5://{USER}@127.0.0.1:1"
    path.write_text(yaml.safe_dump(content))
    cluster = KubernetesCluster(ClusterConfig("prod", "inst-x", kubeconfig=path), SystemClock())
    with pytest.raises(ClusterUnavailable, match="proxy-url: only http") as caught:
        cluster.uid()
    assert "canary" not in str(caught.value)


def test_every_listed_endpoint_is_asked_through_the_proxy(town: Town) -> None:
    proxy = town.proxy()
    second = "api-2.prod.example"
    proxy.routes[second, API_PORT] = proxy.routes[API, API_PORT]
    leaf_names_it_not = f"https://{second}:{API_PORT}"
    path = write_kubeconfig(town.folder / "kubeconfig", f"https://{API}:{API_PORT}")
    content = yaml.safe_load(path.read_text())
    content["clusters"][0]["cluster"]["certificate-authority"] = str(town.ca_file)
    path.write_text(yaml.safe_dump(content))
    config = ClusterConfig(
        "prod",
        "inst-x",
        kubeconfig=path,
        endpoints=(f"https://{API}:{API_PORT}", leaf_names_it_not),
        proxies=rules_for(proxy.url),
    )
    cluster = KubernetesCluster(config, SystemClock())
    assert cluster.ready(config.endpoints[0])
    assert not cluster.ready(config.endpoints[1]), "its certificate names another host"
    assert (second, API_PORT) in proxy.tunnels
    cluster.close()
