"""Who may send audit events: a bearer token for each cluster, of which only digests are kept."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_NAME: Final = re.compile(r"[A-Za-z0-9][-A-Za-z0-9_.]{0,99}")
_TOKEN_BYTES: Final = 32
_NOBODY: Final = ("0" * 64,)

Digests = Mapping[str, tuple[str, ...]]


def new_token() -> str:
    """Make a token that nobody can guess; being so long, it needs no salt and no slow digest."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def digest_of(token: str) -> str:
    """Give what is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


@lru_cache(maxsize=8)
def read_tokens(text: str) -> Digests:
    """Read pairs of a cluster's name and a digest; ValueError, which quotes nothing, if wrong."""
    words = text.split()
    if not words or len(words) % 2:
        raise ValueError("write pairs: a cluster's name and the SHA-256 of its token")
    found: dict[str, tuple[str, ...]] = {}
    for cluster, digest in zip(words[::2], words[1::2], strict=True):
        if not _NAME.fullmatch(cluster):
            raise ValueError("a cluster's name has letters, digits, dashes and dots")
        if not _DIGEST.fullmatch(digest):
            raise ValueError("a token stands there as its SHA-256: 64 digits of small hex")
        found[cluster] = (*found.get(cluster, ()), digest)
    return found


def may_send(digests: Digests, cluster: str, token: str) -> bool:
    """Tell whether a token is a cluster's; takes as long for a cluster that is not there."""
    given = digest_of(token)
    known = digests.get(cluster, _NOBODY)
    return any(hmac.compare_digest(given, each) for each in known)
