"""Names of people in clusters: rendered from what is proven, refused in doubt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grants.errors import Reason
from grants.policy.model import ClusterPolicy
from grants.policy.subjects import (
    LONGEST_NAME,
    is_printable,
    placeholders,
    render_connect,
    render_groups,
    render_subject,
)
from tests.support.policies import someone


def refusal(code: str, **facts: str) -> Reason:
    return Reason(code, holds=False, facts=tuple(facts.items()))


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("oidc:{email}", "oidc:erin@example.com"),
        ("{sub}", "sub-erin"),
        ("{iss}#{sub}", "https://id.example.com#sub-erin"),
        ("u-{realm.login}", "u-erin.e"),
        ("{https://example.com/uid}", "4711"),
        ("{preferred_username}", "erin"),
        ("{flat.name}", "whole"),
    ],
)
def test_names_are_made_of_what_the_sign_in_proved(template: str, name: str) -> None:
    claims: dict[str, object] = {
        "realm": {"login": "erin.e"},
        "https://example.com/uid": 4711,
        "preferred_username": "erin",
        "flat.name": "whole",
        "flat": {"name": "part"},
        # The identity never comes from claims.
        "sub": "somebody-else",
    }
    assert render_subject(template, someone(claims=claims)) == name


def test_an_address_that_is_not_verified_names_nobody() -> None:
    assert render_subject("{email}", someone(verified=False)) == refusal("email-unverified")


def test_a_claim_called_email_is_no_way_around_verification() -> None:
    known = someone(verified=False, claims={"email": "boss@example.com", "email_verified": True})
    assert render_subject("{email}", known) == refusal("email-unverified")


@pytest.mark.parametrize(
    "claims",
    [{}, {"login": None}, {"login": ""}, {"login": True}, {"login": ["a"]}, {"login": {"a": "b"}},
     {"login": 1.5}],
)  # fmt: skip
def test_a_claim_that_is_no_word_or_number_is_missing(claims: dict[str, object]) -> None:
    assert render_subject("u-{login}", someone(claims=claims)) == refusal(
        "claim-missing", claim="login"
    )


def test_a_path_that_leads_nowhere_is_missing() -> None:
    known = someone(claims={"realm": "flat"})
    assert render_subject("{realm.login}", known) == refusal("claim-missing", claim="realm.login")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("system:masters", "reserved"),
        ("SYSTEM:masters", "reserved"),
        ("system:serviceaccount:kube-system:default", "reserved"),
        (" erin", "unprintable"),
        ("erin ", "unprintable"),
        ("er\nin", "unprintable"),
        ("er\x1b[0min", "unprintable"),
        ("er\u202ein", "unprintable"),
        ("er\u200bin", "unprintable"),
        ("er\u2028in", "unprintable"),
        ("\ud800", "unprintable"),
        ("e" * (LONGEST_NAME + 1), "too-long"),
    ],
)
def test_a_name_that_could_be_taken_for_another_is_refused(value: str, why: str) -> None:
    known = someone("erin", value, claims={"login": value})
    assert render_subject("{login}", known) == refusal("name-unsafe", why=why)
    assert render_groups("{group}", known) == refusal("name-unsafe", why=why)


@pytest.mark.parametrize("template", ["", "oidc:", "oidc:{email", "oidc:{}", "{a b}"])
def test_a_template_that_names_nobody_apart_is_refused(template: str) -> None:
    assert render_subject(template, someone()) == refusal("name-unsafe", why="bad-template")


def test_the_reserved_prefix_counts_where_the_name_begins() -> None:
    known = someone(claims={"login": "system:masters"})
    assert render_subject("oidc:{login}", known) == "oidc:system:masters"


def test_what_a_claim_says_is_never_filled_in_again() -> None:
    known = someone(claims={"login": "{email}"})
    assert render_subject("u:{login}", known) == "u:{email}"


def test_groups_are_rendered_each_and_sorted() -> None:
    assert render_groups("oidc:{group}", someone("erin", "b", "a")) == ("oidc:a", "oidc:b")
    assert render_groups("oidc:{group}", someone()) == ()
    assert render_groups("oidc:{group}", someone("erin", "")) == ("oidc:",)


def test_a_cluster_without_groups_needs_none() -> None:
    assert render_groups("", someone(unknown_groups=True)) == ()


@pytest.mark.security("P4")
def test_groups_that_are_not_known_are_refused() -> None:
    found = render_groups("oidc:{group}", someone(unknown_groups=True))
    assert found == refusal("groups-unknown", of="recipient")


@pytest.mark.parametrize("template", ["oidc:", "{group}{group}", "{email}", "{group"])
def test_a_template_of_groups_holds_the_group_once(template: str) -> None:
    found = render_groups(template, someone("erin", "a"))
    assert found == refusal("name-unsafe", why="bad-template")


@pytest.mark.parametrize(
    ("namespace", "text"),
    [("shop", "kubectl --context prod -n shop {x}"),
     (None, "kubectl --context prod -n default {x}")],
)  # fmt: skip
def test_the_way_to_connect_is_filled_in(namespace: str | None, text: str) -> None:
    connect = "kubectl --context {cluster} -n {namespace} {x}"
    assert render_connect(ClusterPolicy("prod", "{sub}", connect=connect), namespace) == text


def test_placeholders_are_listed_or_out_of_order() -> None:
    assert placeholders("a{b}c{d.e}") == ("b", "d.e")
    assert placeholders("plain") == ()
    assert placeholders("a}b{c") is None


def test_spaces_show_and_controls_do_not() -> None:
    assert is_printable("Grüße, 世界 \u00a0")
    assert not any(is_printable(text) for text in ("\t", "\x7f", "a\u2066b", "\ue000", "\ufeff"))


CLAIMS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.dictionaries(st.text(max_size=3), inner, max_size=2) | st.lists(inner),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(["login", "realm", "x"]), CLAIMS), st.text(max_size=20))
def test_no_claim_renders_a_name_of_the_clusters_own(claims: dict[str, object], group: str) -> None:
    known = someone("erin", group, claims=claims)
    for name in (
        render_subject("{login}", known),
        render_subject("{login}{x}", known),
        render_subject("{realm.login}", known),
        *_each(render_groups("{group}", known)),
    ):
        if isinstance(name, str):
            assert name
            assert not name.lower().startswith("system:")
            assert is_printable(name)
            assert name == name.strip()


def _each(names: tuple[str, ...] | Reason) -> tuple[str, ...]:
    return () if isinstance(names, Reason) else names
