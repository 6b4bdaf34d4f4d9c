"""Limits for what a provider says of a person: it is kept, shown and rendered into names."""

import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from grants.people.model import Profile

LONGEST_SUBJECT: Final = 255
LONGEST_ISSUER: Final = 512
_LONGEST_LABEL: Final = 200
_LONGEST_EMAIL: Final = 320
_LONGEST_GROUP: Final = 512
_MOST_GROUPS: Final = 5_000
_LONGEST_STRENGTH: Final = 200
_MOST_METHODS: Final = 16
_LONGEST_CLAIM_BYTES: Final = 2_048
_ALL_CLAIMS_BYTES: Final = 16_384
_LONGEST_CLAIM_NAME: Final = 128
_OF_THE_PROTOCOL: Final = frozenset(
    {"aud", "azp", "nonce", "exp", "iat", "nbf", "jti", "sid", "at_hash", "c_hash", "s_hash"}
)


def plain(text: str, longest: int) -> str:
    """Take out what is not plain text (controls, bidi marks, line ends) and cut to a length."""
    kept = "".join(c for c in text if _is_plain(c))
    return " ".join(kept.split())[:longest]


def _is_plain(text: str) -> bool:
    return all(unicodedata.category(c) not in {"Cc", "Cf", "Zl", "Zp"} for c in text)


def bounded_profile(profile: Profile) -> Profile:
    """Bound the labels. An email that would have to be mended is none: it may name a subject."""
    email = profile.email
    if email is not None and not _is_sound_email(email):
        email = None
    return replace(
        profile,
        name=plain(profile.name, _LONGEST_LABEL),
        email=email,
        email_verified=profile.email_verified and email is not None,
    )


def _is_sound_email(email: str) -> bool:
    is_one_word = not any(c.isspace() for c in email)
    return 0 < len(email) <= _LONGEST_EMAIL and is_one_word and _is_plain(email)


def bounded_strength(acr: str | None, amr: Iterable[str]) -> tuple[str | None, tuple[str, ...]]:
    """Bound what is said of the login's strength; a value too long is as good as not said."""
    sound = [one for one in amr if len(one) <= _LONGEST_STRENGTH and _is_plain(one)]
    is_sound = acr is not None and len(acr) <= _LONGEST_STRENGTH and _is_plain(acr)
    return (acr if is_sound else None), tuple(sound[:_MOST_METHODS])


def bounded_groups(groups: Iterable[str] | None) -> frozenset[str] | None:
    """Bound the groups: too many are unknown, so denied, never a part that looks like all.

    A single name that is too long or not plain text can't match anything in policy and is left out.
    """
    if groups is None:
        return None
    every = frozenset(groups)
    if len(every) > _MOST_GROUPS:
        return None
    return frozenset(g for g in every if 0 < len(g) <= _LONGEST_GROUP and _is_plain(g))


def bounded_claims(claims: Mapping[str, object]) -> dict[str, object]:
    """Keep claims that subjects may be rendered from: texts, numbers, booleans, lists of texts.

    One that is too large is left out, and in order of name so is what no longer fits in all; a
    subject that needs it is then refused for the missing claim.
    """
    kept: dict[str, object] = {}
    room_bytes = _ALL_CLAIMS_BYTES
    for name in sorted(claims):
        size_bytes = _size_bytes(name, claims[name])
        if size_bytes is not None and size_bytes <= room_bytes:
            kept[name] = claims[name]
            room_bytes -= size_bytes
    return kept


def _size_bytes(name: str, value: object) -> int | None:
    """Measure a claim; None when it is not one that is kept."""
    if name in _OF_THE_PROTOCOL or len(name) > _LONGEST_CLAIM_NAME or not _is_kept_kind(value):
        return None
    size_bytes = len(json.dumps([name, value]).encode())
    return size_bytes if size_bytes <= _LONGEST_CLAIM_BYTES else None


def _is_kept_kind(value: object) -> bool:
    if isinstance(value, list):
        return all(isinstance(one, str) for one in value)
    return isinstance(value, str | int | float | bool)
