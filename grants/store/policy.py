"""Rows that policy needs: its versions, and what a new version must be held against."""

import json
from datetime import datetime

from sqlalchemy import select

from grants.record.model import EventType
from grants.store import tables as t
from grants.store.base import TxBase


class PolicyRows(TxBase):
    """What PolicyTx asks for, beside the record and the live grants."""

    def add_policy(self, digest: str, body: bytes, at: datetime) -> None:
        """Keep the bytes of a policy version by digest (once)."""
        self._insert_once(t.policies, {"digest": digest, "body": body, "at": at})

    def policy_body(self, digest: str) -> bytes | None:
        """Give the bytes of a policy version."""
        row = self._row(select(t.policies.c.body).where(t.policies.c.digest == digest))
        return None if row is None else bytes(row.body)

    def last_policy(self) -> bytes | None:
        """Give the bytes of the version that the newest load in the record names."""
        newest = (
            select(t.events.c.canonical)
            .where(t.events.c.type == str(EventType.POLICY_LOADED))
            .order_by(t.events.c.number.desc())
            .limit(1)
        )
        row = self._row(newest)
        return None if row is None else self.policy_body(json.loads(row.canonical)["policy_digest"])

    def known_groups(self) -> frozenset[str]:
        """Give every group that somebody's last sign-in named."""
        rows = self._rows(
            select(t.sign_ins.c.groups).join(t.profiles, t.profiles.c.sign_in == t.sign_ins.c.id)
        )
        return frozenset(group for row in rows for group in row.groups or ())
