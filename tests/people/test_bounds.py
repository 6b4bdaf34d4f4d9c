"""What a provider says is bounded and made plain before it is kept (D1)."""

import pytest

from grants.people.bounds import (
    bounded_claims,
    bounded_groups,
    bounded_profile,
    bounded_strength,
    plain,
)
from grants.people.model import Profile


@pytest.mark.security("D1")
def test_a_name_loses_controls_bidi_marks_and_line_ends():
    assert plain("Ada\u202e\x1b[31m\r\n  Love\u2028lace\x00", 100) == "Ada[31m Lovelace"
    assert plain("x" * 1000, 200) == "x" * 200


@pytest.mark.parametrize(
    "email",
    ["ada@acme.example\nbob@acme.example", "a da@acme.example", "a\u202eb@c", "", "x" * 400],
)
def test_an_email_that_would_have_to_be_mended_is_none_and_not_verified(email):
    profile = bounded_profile(Profile("Ada", email, email_verified=True))
    assert profile.email is None
    assert not profile.email_verified


def test_a_sound_profile_stays_as_it_is():
    profile = Profile("Ada Lovelace", "ada@acme.example", email_verified=True)
    assert bounded_profile(profile) == profile


@pytest.mark.security("P4")
def test_too_many_groups_are_unknown_never_a_part_that_looks_like_all():
    assert bounded_groups(f"g{n}" for n in range(5_001)) is None
    assert len(bounded_groups(f"g{n}" for n in range(5_000)) or ()) == 5_000
    assert bounded_groups(None) is None
    assert bounded_groups([]) == frozenset()


def test_a_group_name_that_is_not_plain_text_is_left_out():
    assert bounded_groups(["ops", "o\x00ps", "", "x" * 600]) == {"ops"}


def test_claims_keep_what_names_are_rendered_from_and_nothing_of_the_protocol():
    claims = {
        "sub": "ada",
        "nonce": "n",
        "aud": "valetkey",
        "uid": 7,
        "teams": ["a", "b"],
        "nested": {"a": 1},
        "large": "x" * 3_000,
    }
    assert bounded_claims(claims) == {"sub": "ada", "uid": 7, "teams": ["a", "b"]}


def test_all_claims_together_are_bounded():
    kept = bounded_claims({f"c{n:02}": "x" * 1_000 for n in range(50)})
    assert 10 < len(kept) < 17


def test_a_strength_that_is_too_long_is_as_good_as_not_said():
    assert bounded_strength("x" * 300, ["pwd", "y" * 300]) == (None, ("pwd",))
    assert bounded_strength("mfa", ["pwd", "otp"]) == ("mfa", ("pwd", "otp"))
