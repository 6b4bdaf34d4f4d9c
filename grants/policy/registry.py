"""The policy in force: read from its files, kept by digest, the last good one never lost."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from grants.errors import PolicyInvalid, PolicyProblem
from grants.policy.load import LoadedPolicy, in_order, load_policy
from grants.policy.model import Policy
from grants.policy.ports import LiveGrant, PolicyReader, PolicyStore, PolicyTx
from grants.policy.source import PolicyFile, digest_of, unpack
from grants.record.model import Event, EventType

_GRANTS_NAMED: Final = 20


@dataclass(frozen=True)
class Refusal:
    """Why the files as they are now are not in force, since when, and their digest if readable."""

    at: datetime
    problems: tuple[PolicyProblem, ...]
    digest: str | None


@dataclass(frozen=True)
class _InForce:
    loaded: LoadedPolicy
    warnings: tuple[PolicyProblem, ...]
    at: datetime


class PolicyRegistry:
    """Gives the policy in force, and loads another when the files change.

    Any thread may call anything. Files are read and hashed at each poll: with bytes compared
    there is no time stamp to be fooled by, and a policy is small.
    """

    def __init__(self, reader: PolicyReader, store: PolicyStore) -> None:
        self._reader = reader
        self._store = store
        self._lock = threading.Lock()
        self._in_force: _InForce | None = None
        self._refusal: Refusal | None = None
        self._held: LoadedPolicy | None = None

    def current(self) -> Policy:
        """Give the last good version; PolicyInvalid before the first."""
        in_force = self._in_force
        if in_force is None:
            raise PolicyInvalid(self.problems)
        return in_force.loaded.policy

    @property
    def in_force(self) -> LoadedPolicy | None:
        """Give the last good version with the places of what it says; None before the first."""
        in_force = self._in_force
        return in_force.loaded if in_force else None

    @property
    def problems(self) -> tuple[PolicyProblem, ...]:
        """Tell what is wrong with the files as they are now; empty when they are in force."""
        refusal = self._refusal
        return refusal.problems if refusal else ()

    @property
    def refused_at(self) -> datetime | None:
        """Tell since when the files are refused; None when they are in force."""
        refusal = self._refusal
        return refusal.at if refusal else None

    @property
    def warnings(self) -> tuple[PolicyProblem, ...]:
        """Give the warnings of the version in force, as of when it was loaded."""
        in_force = self._in_force
        return in_force.warnings if in_force else ()

    @property
    def loaded_at(self) -> datetime | None:
        """Tell when the version in force was loaded by this process."""
        in_force = self._in_force
        return in_force.at if in_force else None

    def load(self, now: datetime) -> Policy:
        """Load the files. A bad version raises PolicyInvalid, and the last good one stays."""
        with self._lock:
            self._look(now)
            if self._refusal is not None:
                raise PolicyInvalid(self._refusal.problems)
        return self.current()

    def start(self, now: datetime) -> Policy:
        """Load the files at a start; when they are refused, go on with the last good version.

        A restart must not end revocation because somebody broke a file meanwhile: what was in
        force stays in force, and `problems` tells. PolicyInvalid only where there is none.
        """
        with self._lock:
            self._look(now)
            if self._in_force is None and not self._fall_back(now):
                raise PolicyInvalid(self.problems)
        return self.current()

    def _fall_back(self, now: datetime) -> bool:
        with self._store.write() as tx:
            body = tx.last_policy()
        if body is None:
            return False
        try:
            loaded = load_policy(unpack(body))
        except (PolicyInvalid, ValueError):
            return False  # kept by a version of Valetkey that read policy otherwise
        self._in_force = _InForce(loaded, (), now)
        return True

    def poll(self, now: datetime) -> bool:
        """Load the files if they changed; tells whether another version came into force.

        Never raises for a bad version: `problems` tells of it. A StoreError goes on to the
        caller, and the next poll tries again.
        """
        with self._lock:
            before = self._in_force
            self._look(now)
            return self._in_force is not before

    def _look(self, now: datetime) -> None:
        try:
            files = self._reader.files()
        except PolicyInvalid as error:
            self._refuse(Refusal(now, error.problems, None))
            return
        digest = digest_of(files)
        if self._in_force is not None and digest == self._in_force.loaded.policy.digest:
            self._refusal = self._held = None
        elif self._held is not None and digest == self._held.policy.digest:
            self._accept(self._held, files, now)
        elif self._refusal is None or digest != self._refusal.digest:
            self._consider(files, digest, now)

    def _consider(self, files: Sequence[PolicyFile], digest: str, now: datetime) -> None:
        self._held = None
        try:
            loaded = load_policy(files)
        except PolicyInvalid as error:
            self._refuse(Refusal(now, error.problems, digest))
            return
        self._accept(loaded, files, now)

    def _accept(self, loaded: LoadedPolicy, files: Sequence[PolicyFile], now: datetime) -> None:
        """Put a version in force, unless it drops a cluster in which grants live: it is held then,
        and tried again at each poll, since grants end.
        """
        policy = loaded.policy
        with self._store.write() as tx:
            problems = _dropped(policy, tx.live_grants(), files)
            if not problems:
                tx.add_policy(policy.digest, loaded.body, now)
                warnings = in_order([*loaded.warnings, *loaded.unknown(tx.known_groups())])
                # What another replica or an earlier start put in force is in force already.
                if tx.last_policy() != loaded.body:
                    tx.append(_loaded_event(policy, len(warnings), now))
        if problems:
            self._refuse(Refusal(now, problems, policy.digest))
            self._held = loaded
            return
        self._in_force = _InForce(loaded, warnings, now)
        self._refusal = self._held = None

    def _refuse(self, refusal: Refusal) -> None:
        """Keep and record a refusal; the same one again is no news."""
        old = self._refusal
        if old is not None and (old.digest, old.problems) == (refusal.digest, refusal.problems):
            return
        with self._store.write() as tx:
            _append_refused(tx, refusal)
        self._refusal = refusal


def _dropped(
    policy: Policy, live: Sequence[LiveGrant], files: Sequence[PolicyFile]
) -> tuple[PolicyProblem, ...]:
    grants: dict[str, list[str]] = {}
    for grant in live:
        if policy.cluster(grant.cluster) is None:
            grants.setdefault(grant.cluster, []).append(grant.id)
    return tuple(
        PolicyProblem(files[0].name, 1, 1, "cluster-live", _still_there(alias, sorted(ids)))
        for alias, ids in sorted(grants.items())
    )


def _still_there(alias: str, ids: Sequence[str]) -> str:
    more = f" and {len(ids) - _GRANTS_NAMED} more" if len(ids) > _GRANTS_NAMED else ""
    named = ", ".join(ids[:_GRANTS_NAMED])
    return f"cluster `{alias}` is gone from the policy, but grants live there: {named}{more}"


def _loaded_event(policy: Policy, warnings: int, now: datetime) -> Event:
    facts = {
        "clusters": len(policy.clusters),
        "entitlements": len(policy.entitlements),
        "warnings": warnings,
    }
    return Event(
        EventType.POLICY_LOADED, now, actor="system", policy_digest=policy.digest, facts=facts
    )


def _append_refused(tx: PolicyTx, refusal: Refusal) -> None:
    # Codes only: a message may quote what somebody typed.
    codes = sorted({problem.code for problem in refusal.problems})
    facts = {"codes": codes, "problems": len(refusal.problems)}
    event = Event(
        EventType.POLICY_REFUSED,
        refusal.at,
        actor="system",
        policy_digest=refusal.digest,
        facts=facts,
    )
    tx.append(event)
