"""Secrets that people carry: made here, handed out once, and kept as a digest only."""

import hashlib
import secrets
from typing import Final

_SECRET_BYTES: Final = 32
_LONGEST: Final = 128


def new_secret() -> str:
    """Make a secret of 256 random bits, in characters that a URL and a cookie carry as they are."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def digest_of(secret: str) -> str:
    """Give SHA-256 (hex) of a secret: what is stored, so that the rows let nobody in.

    A secret from outside may be any text; one longer than ours ever are can't match anything.
    """
    return hashlib.sha256(secret[:_LONGEST].encode(errors="replace")).hexdigest()


def same_digest(left: str, right: str) -> bool:
    """Compare two digests in a time that tells nothing about where they differ."""
    return secrets.compare_digest(left.encode(), right.encode())
