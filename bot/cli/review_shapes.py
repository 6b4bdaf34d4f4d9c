"""What `review diff` and `right-size` write as JSON: contracts, with their schemas in docs.

What is written is held to them by tests; a field that no shape names is an error there.
"""

from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from bot.cli.review_json import NameOut

SeverityOut = Literal["info", "low", "medium", "high", "critical"]


class RuleOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule in Kubernetes' own field names."""

    apiGroups: tuple[str, ...]  # noqa: N815 - as said above
    nonResourceURLs: tuple[str, ...]  # noqa: N815
    resourceNames: tuple[str, ...]  # noqa: N815
    resources: tuple[str, ...]
    verbs: tuple[str, ...]


class RoleOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A role, in the namespace of its binding or of none."""

    kind: str
    name: str


class GivenOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rights that a subject gains or loses; a namespace of null is everywhere."""

    namespace: str | None
    says: str
    rules: tuple[RuleOut, ...]
    binding: NameOut
    role: RoleOut
    through: NameOut
    file: str | None
    line: int | None


class RiskOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule of the catalogue that gained rights show; `allowed` says why policy allows it."""

    rule: str
    severity: SeverityOut
    namespace: str | None
    allowed: str | None


class SubjectOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one subject gains and loses; `severity` is null where nothing of it is of concern."""

    subject: NameOut
    severity: SeverityOut | None
    born: bool
    by_group_alone: bool
    gained: tuple[GivenOut, ...]
    lost: tuple[GivenOut, ...]
    risks: tuple[RiskOut, ...]


class NewFindingOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A finding that was not there before; `open` says that somebody has to act."""

    fingerprint: str
    rule: str
    severity: SeverityOut
    open: bool
    allowed: str | None
    says: str
    subject: NameOut | None
    namespace: str | None
    permission: tuple[str, ...]
    fix: str
    file: str | None
    line: int | None


class NewPathOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An escalation path that was not there before."""

    start: str = msgspec.field(name="from")
    goal: str
    severity: SeverityOut
    allowed: str | None
    steps: tuple[str, ...]
    file: str | None
    line: int | None


class DiffOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a change of manifests gives and takes; `partial` names the sides not wholly read."""

    schema: Literal["valetkey/review-diff/v1"]
    taken_at: datetime
    worst: SeverityOut | None
    partial: tuple[str, ...]
    resolved: int
    subjects: tuple[SubjectOut, ...]
    findings: tuple[NewFindingOut, ...]
    paths: tuple[NewPathOut, ...]


class AccountOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A service account."""

    namespace: str
    name: str


class TakenOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is taken away; `left_in` and `left_names` say where and for what it stays."""

    namespace: str | None
    rule: RuleOut
    bindings: tuple[str, ...]
    left_in: tuple[str, ...]
    left_names: tuple[str, ...]


class KeptOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept though no log can show its use."""

    namespace: str | None
    rule: RuleOut
    why: str


class CautionOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something to think of, by a stable code."""

    code: str
    facts: dict[str, str]
    says: str


class ReplayOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What became of the requests that were seen, asked of the proposal."""

    holds: bool
    asked: int
    by_group: int
    denied: int
    gained: int


class RightSizeOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One proposal; `apply`, `delete` and `replace` are objects for kubectl."""

    schema: Literal["valetkey/right-size/v1"]
    account: AccountOut
    cluster: str | None
    since: datetime
    until: datetime
    changes_nothing: bool
    apply: tuple[dict[str, Any], ...]
    delete: tuple[dict[str, Any], ...]
    replace: tuple[dict[str, Any], ...]
    taken: tuple[TakenOut, ...]
    kept_unseen: tuple[KeptOut, ...]
    cautions: tuple[CautionOut, ...]
    replay: ReplayOut


SHAPES: Final[dict[str, tuple[type[msgspec.Struct], str]]] = {
    "diff": (DiffOut, "urn:valetkey:review-diff:v1"),
    "right-size": (RightSizeOut, "urn:valetkey:right-size:v1"),
}


def shape_schema(of: str) -> dict[str, Any]:
    """Give the JSON Schema of a form."""
    shape, id_ = SHAPES[of]
    (found,), parts = msgspec.json.schema_components([shape], ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": id_,
        **found,
        "$defs": parts,
    }
