"""What a finding is about, as far as somebody who answers it goes by it.

What was kept is this and no more: when it grows or changes, the answer no longer holds.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from grants.authz.model import rules_digest
from grants.authz.objects import Role
from grants.review.finding import Finding
from grants.review.findings.look import Look

CHANGED: Final[Mapping[str, str]] = {
    "severity": "it weighs more than when it was kept",
    "rules": "the role gives something else than was looked at",
    "owner": "it is said to be somebody else's than when it was kept",
    "lines": "it gives more than was looked at",
    "shown": "something else shows it than was looked at",
}
"""What may have changed, and how that is said."""


@dataclass(frozen=True, slots=True)
class Substance:
    """What is compared. `rules` is the digest of the role's rules, "" where it was not read.

    `owner` is None where policy asks nobody whose an account is. `shown` is the evidence where no
    role says all of it, such as the steps of a path.
    """

    severity: int
    rules: str = ""
    owner: str | None = None
    lines: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()

    def hash_of(self, finding: str) -> str:
        """Give the hash that a button carries, by which a click says what was seen (hex)."""
        body = msgspec.json.encode([finding, self], order="deterministic")
        return hashlib.sha256(body).hexdigest()

    def outgrown_by(self, now: "Substance") -> str:
        """Name what is more or other now than it was; "" when nothing is."""
        if now.severity > self.severity:
            return "severity"
        if now.rules != self.rules:
            return "rules"
        if now.owner is not None and now.owner != self.owner:
            return "owner"
        if set(now.lines) - set(self.lines):
            return "lines"
        return "shown" if now.shown != self.shown else ""


def substances_of(look: Look, findings: Iterable[Finding]) -> Mapping[str, Substance]:
    """Give the substance of each finding of a look, by key; each role's rules are read once."""
    digests: dict[int, tuple[Role, str]] = {}

    def digest(role: Role) -> str:
        # The role is kept with its digest: another may get its id otherwise.
        known = digests.get(id(role))
        if known is None:
            known = digests[id(role)] = role, rules_digest(role.rules)
        return known[1]

    asked = bool(look.policy.annotations.owner)
    found = {}
    for one in findings:
        role = look.role(one.role, one.role_namespace)
        found[one.key] = Substance(
            int(one.severity),
            digest(role) if role is not None else "",
            one.owner if asked else None,
            one.permission,
            one.evidence if one.role is None else (),
        )
    return found
