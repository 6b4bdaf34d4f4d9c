"""One rule against one request, as Kubernetes' own authorizer answers it."""

import pytest

from grants.authz.matching import allows, allows_path, reaches
from grants.authz.model import Rule


def rule(resources: str, verbs: str = "get", groups: str = "", names: str = "") -> Rule:
    return Rule(
        tuple(verbs.split()),
        tuple(groups.split(",")),
        tuple(resources.split()),
        tuple(names.split()),
    )


@pytest.mark.parametrize(
    ("given", "asked", "allowed"),
    [
        ("pods", "pods", True),
        ("pods", "pods/log", False),
        ("pods/log", "pods", False),
        ("*", "pods/log", True),
        ("*/scale", "deployments/scale", True),
        ("*/scale", "deployments", False),
        ("*/scale", "deployments/status", False),
        ("pods/*", "pods/log", False),
        ("pods/*", "pods", False),
        ("*/*", "pods/log", False),
        ("pod*", "pods", False),
        ("Pods", "pods", False),
    ],
)
def test_resources_match_as_in_kubernetes(given: str, asked: str, *, allowed: bool) -> None:
    assert allows(rule(given), "get", "", asked) is allowed


@pytest.mark.parametrize(
    ("verbs", "asked", "allowed"),
    [
        ("get", "get", True),
        ("*", "escalate", True),
        ("get*", "get", False),
        ("GET", "get", False),
        ("list", "get", False),
    ],
)
def test_verbs_match_wholly_or_by_the_one_wildcard(
    verbs: str, asked: str, *, allowed: bool
) -> None:
    assert allows(rule("pods", verbs), asked, "", "pods") is allowed


@pytest.mark.parametrize(
    ("groups", "asked", "allowed"),
    [("", "", True), ("*", "apps", True), ("apps", "", False), ("apps/v1", "apps", False)],
)
def test_groups_match_wholly_or_by_the_one_wildcard(
    groups: str, asked: str, *, allowed: bool
) -> None:
    assert allows(rule("deployments", groups=groups), "get", asked, "deployments") is allowed


@pytest.mark.parametrize(
    ("names", "asked", "allowed"),
    [("", "any", True), ("one two", "two", True), ("one", "two", False), ("*", "two", False),
     ("one", "", False)],
)  # fmt: skip
def test_named_objects_match_wholly(names: str, asked: str, *, allowed: bool) -> None:
    assert allows(rule("secrets", names=names), "get", "", "secrets", asked) is allowed


@pytest.mark.parametrize(
    ("url", "asked", "allowed"),
    [
        ("/healthz", "/healthz", True),
        ("/healthz/*", "/healthz/etcd", True),
        ("/healthz/*", "/healthz", False),
        ("*", "/anything", True),
        ("/a*b", "/axb", False),
        ("/healthz", "/healthz/etcd", False),
    ],
)
def test_only_a_trailing_star_is_wild_in_a_path(url: str, asked: str, *, allowed: bool) -> None:
    found = Rule(("get",), non_resource_urls=(url,))
    assert allows_path(found, "get", asked) is allowed
    assert not allows_path(found, "post", asked)


def test_a_binding_in_a_namespace_never_reaches_what_stands_outside() -> None:
    assert not reaches("", "nodes/proxy", "team")
    assert reaches("", "nodes/proxy", None)
    assert reaches("", "namespaces", "team"), "its own namespace object"
    assert reaches("", "pods", "team")
