"""Which proxy an address is reached through, and that no password of one is shown."""

import pytest

from grants.proxies import Proxy, ProxyRules, read_proxy

OWN = Proxy("own", 3128)
ALSO = Proxy("also", 3128)
FALLBACK = Proxy("env", 3128)


@pytest.mark.parametrize(
    ("text", "proxy"),
    [
        ("http://proxy.example:3128", Proxy("proxy.example", 3128)),
        ("proxy.example:3128", Proxy("proxy.example", 3128)),
        ("http://proxy.example/", Proxy("proxy.example", 80)),
        ("http://me:s%40crt@proxy:1", Proxy("proxy", 1, "me", "s@crt")),
        ("http://[::1]:3128", Proxy("::1", 3128)),
    ],
)
def test_an_address_is_read(text, proxy):
    assert read_proxy(text) == proxy
    assert read_proxy(proxy.secret_url) == proxy


@pytest.mark.parametrize(
    "text",
    [
        "https://canary-7:canary-8@proxy:3128",
        "socks5://canary-7@proxy",
        "http://canary-7:x@",
        "http://canary-7:x@proxy:port",
        "http://proxy/canary-7",
        "http://proxy?canary-7",
        "http://[canary-7",
    ],
)
@pytest.mark.security("D2")
def test_what_is_no_proxy_is_refused_without_being_quoted(text):
    with pytest.raises(ValueError, match=r"address|http") as caught:
        read_proxy(text)
    assert "canary" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.security("D2")
def test_user_and_password_are_not_shown():
    proxy = Proxy("proxy", 3128, "canary-user", "canary-word")
    assert "canary" not in f"{proxy} {proxy.url} {ProxyRules(own=proxy)}"
    assert proxy.authorization == "Basic Y2FuYXJ5LXVzZXI6Y2FuYXJ5LXdvcmQ="
    assert OWN.authorization == ""


def test_what_is_set_for_the_one_thing_counts_before_what_is_set_for_all():
    assert ProxyRules(OWN, FALLBACK).choose("https://a", ALSO) == OWN
    assert ProxyRules(None, FALLBACK).choose("https://a", ALSO) == ALSO
    assert ProxyRules(None, FALLBACK).choose("wss://a") == FALLBACK
    assert ProxyRules(None, FALLBACK).choose("http://a") is None, "HTTPS_PROXY is for https"
    assert ProxyRules().choose("https://a") is None


@pytest.mark.parametrize(
    ("rule", "url"),
    [
        ("*", "https://a.example"),
        ("example.com", "https://example.com"),
        ("example.com", "https://api.EXAMPLE.com:6443"),
        (".example.com", "https://api.example.com"),
        ("example.com:6443", "https://api.example.com:6443"),
        ("example.com:443", "wss://example.com"),
        ("10.0.0.0/8", "https://10.1.2.3:6443"),
        ("10.1.2.3", "https://10.1.2.3"),
        ("::1", "https://[::1]:6443"),
        ("fd00::/8", "https://[fd00::5]"),
    ],
)
def test_a_host_that_no_proxy_names_is_reached_directly(rule, url):
    rules = ProxyRules.read("http://own:1", {"NO_PROXY": f"other.example, {rule}"})
    assert rules.choose(url) is None


@pytest.mark.parametrize(
    ("rule", "url"),
    [
        ("example.com", "https://notexample.com"),
        ("example.com", "https://example.com.evil"),
        ("example.com:6443", "https://example.com"),
        ("10.0.0.0/8", "https://11.1.2.3"),
        ("10.0.0.0/8", "https://ten.example"),
        ("", "https://example.com"),
        (".", "https://example.com"),
    ],
)
def test_any_other_host_is_not(rule, url):
    rules = ProxyRules.read("http://own:1", {"no_proxy": rule})
    assert rules.choose(url) == Proxy("own", 1)


def test_the_environment_is_read_in_both_spellings():
    for name in ("HTTPS_PROXY", "https_proxy"):
        assert ProxyRules.read(None, {name: "env:3128"}).choose("https://a") == FALLBACK
    with pytest.raises(ValueError, match="http"):
        ProxyRules.read(None, {"HTTPS_PROXY": "socks5://env"})
