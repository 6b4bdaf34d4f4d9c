"""Slack's two ways out through a proxy: the Web API's client, and the WebSocket."""

from typing import Any

from slack_sdk import WebClient

from grants.proxies import ProxyRules, read_proxy


def through_proxy(client: WebClient, rules: ProxyRules) -> WebClient:
    """Give a client the proxy that its address is reached through.

    Said outright, None included: the SDK would take the environment's for hosts that NO_PROXY
    names, too.
    """
    proxy = rules.choose(client.base_url)
    client.proxy = proxy.secret_url if proxy else None
    return client


def socket_options(proxy: str | None) -> dict[str, Any]:
    """Give what `websocket.create_connection` has to know of the Web API's proxy.

    Without one it looks at the environment by itself, by the same rule: HTTPS_PROXY unless NO_PROXY
    names the host.
    """
    if not proxy:
        return {}
    read = read_proxy(proxy)
    return {
        "proxy_type": "http",
        "http_proxy_host": read.host,
        "http_proxy_port": read.port,
        "http_proxy_auth": (read.user, read.password) if read.user else None,
    }
