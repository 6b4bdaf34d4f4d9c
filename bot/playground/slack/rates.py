"""Slack's rate limits: for each method and workspace, and for each channel that is posted to.

Tiers: https://docs.slack.dev/apis/web-api/rate-limits. Slack publishes no numbers for bursts;
those here are ours. A bucket fills at the tier's rate, on the machine's own clock, never the
workspace's, which a test may have stopped.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Limit:
    """`burst` calls at once, then `per_minute`."""

    per_minute: float
    burst: int


TIER_1 = Limit(1, 30)
TIER_2 = Limit(20, 20)
TIER_3 = Limit(50, 50)
TIER_4 = Limit(100, 100)
IDENTITY = Limit(600, 100)
POSTS_A_CHANNEL = Limit(60, 10)
POSTS_A_WORKSPACE = Limit(300, 100)

LIMITS: dict[str, Limit] = {
    "apps.connections.open": TIER_1,
    "auth.test": IDENTITY,
    "chat.delete": TIER_3,
    "chat.postEphemeral": TIER_4,
    "chat.postMessage": POSTS_A_WORKSPACE,
    "chat.update": TIER_3,
    "conversations.history": TIER_3,
    "conversations.info": TIER_3,
    "conversations.list": TIER_2,
    "conversations.members": TIER_4,
    "conversations.open": TIER_3,
    "openid.connect.token": TIER_4,
    "openid.connect.userInfo": TIER_3,
    "usergroups.list": TIER_2,
    "usergroups.users.list": TIER_2,
    "users.info": TIER_4,
    "users.list": TIER_2,
    "views.open": TIER_4,
    "views.publish": TIER_4,
    "views.push": TIER_4,
    "views.update": TIER_4,
}
"""Each modelled method's limit, for one workspace and app."""


@dataclass(slots=True)
class _Bucket:
    limit: Limit
    left: float
    at: float

    def wait_seconds(self, now: float) -> float:
        """Fill up to `now`, and return how long until one more call may pass."""
        filled = self.left + (now - self.at) * self.limit.per_minute / 60
        self.left, self.at = min(filled, float(self.limit.burst)), now
        return 0.0 if self.left >= 1 else (1 - self.left) * 60 / self.limit.per_minute


@dataclass(slots=True)
class Rates:
    """The limits in force. `lifted` lets everything through; `limits` may be changed."""

    limits: dict[str, Limit] = field(default_factory=lambda: dict(LIMITS))
    a_channel: Limit = POSTS_A_CHANNEL
    lifted: bool = False
    monotonic: Callable[[], float] = time.monotonic
    _buckets: dict[tuple[str, str], _Bucket] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, method: str, place: str = "") -> int | None:
        """Count a call; None lets it pass, a number is the Retry-After in whole seconds.

        `place` is the conversation that chat.postMessage posts to. A refused call counts nowhere.
        """
        if self.lifted:
            return None
        with self._lock:
            now = self.monotonic()
            buckets = [self._bucket(key, limit, now) for key, limit in self._keys(method, place)]
            wait = max((bucket.wait_seconds(now) for bucket in buckets), default=0.0)
            if wait > 0:
                return max(1, math.ceil(wait))
            for bucket in buckets:
                bucket.left -= 1
            return None

    def _keys(self, method: str, place: str) -> list[tuple[tuple[str, str], Limit]]:
        keys = []
        if method in self.limits:
            keys.append(((method, ""), self.limits[method]))
        if method == "chat.postMessage":
            keys.append(((method, place), self.a_channel))
        return keys

    def _bucket(self, key: tuple[str, str], limit: Limit, now: float) -> _Bucket:
        bucket = self._buckets.get(key)
        if bucket is None or bucket.limit != limit:
            bucket = self._buckets[key] = _Bucket(limit, float(limit.burst), now)
        return bucket

    def reset(self, limits: Mapping[str, Limit] | None = None) -> None:
        """Forget all calls, and set the limits of methods if given."""
        with self._lock:
            self._buckets.clear()
            self.limits |= limits or {}
