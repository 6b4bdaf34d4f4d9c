"""Rows that policy needs: its versions, and what a new version must be held against."""

from datetime import datetime

from sqlalchemy import select

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

    def known_groups(self) -> frozenset[str]:
        """Give every group that somebody's last sign-in named."""
        rows = self._rows(
            select(t.sign_ins.c.groups).join(t.profiles, t.profiles.c.sign_in == t.sign_ins.c.id)
        )
        return frozenset(group for row in rows for group in row.groups or ())
