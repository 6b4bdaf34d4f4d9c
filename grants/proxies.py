"""Which proxy a server is reached through: one rule for Slack, identity provider and clusters.

What is set for the one thing counts, then the environment's HTTPS_PROXY; hosts that NO_PROXY names
are reached directly, whatever is set. Only `http://` proxies: TLS runs through their tunnel from
end to end, so that they learn names of hosts and nothing else.
"""

import base64
import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote, urlsplit

_DEFAULT_PORT: Final = 80
_PORTS: Final = {"https": 443, "wss": 443, "http": 80, "ws": 80}


@dataclass(frozen=True)
class Proxy:
    """An HTTP proxy. User and password are secrets and stay out of the repr."""

    host: str
    port: int
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def url(self) -> str:
        """Its address, without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def secret_url(self) -> str:
        """Its address with user and password, if any, as libraries want it: never to be shown."""
        if not self.user:
            return self.url
        who = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}@"
        return self.url.replace("://", f"://{who}", 1)

    @property
    def authorization(self) -> str:
        """The value of `Proxy-Authorization`, empty where none is needed; a secret."""
        if not self.user:
            return ""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


@dataclass(frozen=True)
class ProxyRules:
    """What is set for one thing (`own`), for all of this process (`fallback`), and NO_PROXY."""

    own: Proxy | None = None
    fallback: Proxy | None = None
    exempt: tuple[str, ...] = ()

    def choose(self, url: str, also: Proxy | None = None) -> Proxy | None:
        """Choose the proxy for an address, or None; `also` goes before the fallback."""
        parts = urlsplit(url)
        if not parts.hostname or _is_exempt(parts.hostname, _port_of(url), self.exempt):
            return None
        is_tls = parts.scheme in {"https", "wss"}
        return self.own or also or (self.fallback if is_tls else None)

    @classmethod
    def read(cls, own: str | None, environ: Mapping[str, str]) -> "ProxyRules":
        """Read the rules; ValueError, without what was given, when one is no proxy's address."""
        fallback = environ.get("HTTPS_PROXY") or environ.get("https_proxy")
        exempt = environ.get("NO_PROXY") or environ.get("no_proxy") or ""
        return cls(
            own=read_proxy(own) if own else None,
            fallback=read_proxy(fallback) if fallback else None,
            exempt=tuple(one.strip().lower() for one in exempt.split(",") if one.strip()),
        )


NO_PROXIES: Final = ProxyRules()


def read_proxy(text: str) -> Proxy:
    """Read `http://user:password@host:port`; ValueError says what is wrong, never what was given.

    Without `http://` it is meant; user and password may be left out, and are percent-encoded.
    """
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("it is no address") from None
    if parts.scheme != "http":
        raise ValueError("only http:// proxies are known: TLS runs through their tunnel")
    if not host or parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError("it must be http://, a host and a port, nothing after it")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Proxy(host, port or _DEFAULT_PORT, user, password)


def _port_of(url: str) -> int | None:
    parts = urlsplit(url)
    return parts.port or _PORTS.get(parts.scheme)


def _is_exempt(host: str, port: int | None, exempt: Iterable[str]) -> bool:
    """Tell whether NO_PROXY names a host: `*`, a domain and all below it, an address, a range."""
    return any(_matches(host.lower(), port, one) for one in exempt)


def _matches(host: str, port: int | None, rule: str) -> bool:
    if rule == "*":
        return True
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(rule, strict=False)
    except ValueError:
        pass  # one of the two is a name
    name, colon, number = rule.rpartition(":")
    if colon and number.isdecimal() and "]" not in number:
        if int(number) != port:
            return False
        rule = name
    rule = rule.strip("[]").lstrip(".")
    return bool(rule) and (host == rule or host.endswith(f".{rule}"))
