"""The form of a policy file: what pydantic checks, and what editors are told as JSON Schema.

What ties several parts together is checked in `checks`; here stands what one value may be.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema

from grants.authz.risks import ACCEPTABLE
from grants.policy.fields import (
    Duration,
    Email,
    Name,
    Pattern,
    Reference,
    Shape,
    WhoShape,
    checked_text,
    prose,
    wrong,
)
from grants.policy.model import OPEN_REQUESTS
from grants.policy.review_schema import REVIEW_KEYS, ReviewShape
from grants.policy.subjects import placeholders

API_VERSION: Final = "valetkey/v1"
SCHEMA_ID: Final = "urn:valetkey:policy:v1"
MAX_QUORUM: Final = 20
MAX_OPEN_REQUESTS: Final = 10_000

_ROLE: Final = r"^[^/%]{1,253}$"


def _template(needs: Callable[[tuple[str, ...]], str]) -> AfterValidator:
    def check(value: str) -> str:
        names = placeholders(value)
        if names is None:
            raise wrong("bad-template", "braces must stand in pairs around a claim, as in {email}")
        if complaint := needs(names):
            raise wrong("bad-template", complaint)
        if value.lower().startswith("system:"):
            raise wrong("bad-template", "names that begin with `system:` are the cluster's own")
        return value

    return AfterValidator(check)


def _of_person(names: tuple[str, ...]) -> str:
    if not names:
        return "must hold a placeholder such as {email}, or everybody has one name"
    return "{group} is for the template of groups" if "group" in names else ""


def _of_group(names: tuple[str, ...]) -> str:
    return "" if names == ("group",) else "must hold {group} once, and no other placeholder"


def _of_connect(names: tuple[str, ...]) -> str:
    unknown = sorted(set(names) - {"cluster", "namespace"})
    return f"knows {{cluster}} and {{namespace}}, not {{{unknown[0]}}}" if unknown else ""


def _risk_id(value: str) -> str:
    if value not in ACCEPTABLE:
        raise wrong(
            "unknown-risk",
            f"`{value}` is not a risk that can be accepted; those are:"
            f" {', '.join(sorted(ACCEPTABLE))}",
        )
    return value


RoleName = Annotated[
    str, *checked_text(_ROLE, "bad-name", "must be a role's name, without / and %")
]
RiskId = Annotated[
    str,
    AfterValidator(_risk_id),
    WithJsonSchema({"type": "string", "enum": sorted(ACCEPTABLE)}),
]


class AskShape(WhoShape):
    """Who may ask."""

    everyone: bool = Field(default=False, description="Anybody who is signed in.")


class DecideShape(WhoShape):
    """Who decides, judged at the click, and how many of them are needed."""

    quorum: Annotated[int, Field(ge=1, le=MAX_QUORUM)] = Field(
        1, description="How many different people must approve."
    )


class NotifyShape(Shape):
    """Who is told. Being told makes nobody eligible to decide."""

    channels: list[Reference] = Field([], description="Slack channels, by id or #name.")
    user_groups: list[Reference] = Field([], description="Slack user groups, by id or @handle.")
    people: list[Email] = Field([], description="People, by verified email address.")


class ClusterShape(Shape):
    """A cluster, and what its people are called in it."""

    name: Name = Field(description="The alias by which entitlements, people and the record say it.")
    username: Annotated[str, *prose(253), _template(_of_person)] = Field(
        description="The user name of a person, such as `oidc:{email}`; any claim may be named."
    )
    groups: Annotated[str, *prose(253), _template(_of_group)] | None = Field(
        default=None, description="The name of a group, such as `oidc:{group}`."
    )
    connect: Annotated[str, *prose(2000, several_lines=True), _template(_of_connect)] | None = (
        Field(default=None, description="How to connect; {cluster} and {namespace} are filled in.")
    )
    own_namespace: Name = Field(
        "valetkey", description="The namespace of this bot's own credential in this cluster."
    )


class RoleShape(Shape):
    """Which role is bound."""

    kind: Literal["Role", "ClusterRole"]
    name: RoleName


class DurationShape(Shape):
    """For how long."""

    default: Duration = Field(description="What the form offers first.")
    maximum: Duration = Field(description="The longest that can be asked for; at most 30d.")


class AcceptRiskShape(Shape):
    """Risks taken on knowingly; the card shows them with the reason."""

    rules: list[RiskId] = Field(min_length=1, description="Ids of risks.")
    reason: Annotated[str, *prose(300)] = Field(description="Why that is right here.")


class EntitlementShape(Shape):
    """What can be asked for."""

    name: Name
    description: Annotated[str, *prose(500)] = Field(description="Plain words for the card.")
    clusters: list[Pattern] = Field(min_length=1, description="Aliases or patterns of them.")
    namespaces: list[Pattern] | None = Field(
        default=None, min_length=1, description="Namespaces or patterns; or else `cluster_wide`."
    )
    cluster_wide: bool = Field(default=False, description="The whole cluster, all namespaces.")
    role: RoleShape
    ask: AskShape
    duration: DurationShape
    decide: DecideShape
    notify: NotifyShape
    reason: Literal["required", "optional"] = "required"
    pending_limit: Duration = Field(
        timedelta(hours=4), description="How long a request waits for its decision."
    )
    accept_risk: AcceptRiskShape | None = None
    on_role_change: Literal["tell", "revoke", "revoke-if-wider"] = Field(
        "revoke-if-wider",
        description="What happens to live access when its role's rules change: everybody concerned"
        " is told; it is revoked also, if so set, always or when the role gives more.",
    )


class LimitsShape(Shape):
    """What one person may have at once."""

    open_requests: Annotated[int, Field(ge=1, le=MAX_OPEN_REQUESTS)] = Field(
        OPEN_REQUESTS,
        description="How many requests of one person may be open (pending, or kept until a"
        " sign-in) at once.",
    )


class DocumentShape(Shape):
    """One policy file; a folder's files are read as one."""

    model_config = ConfigDict(title="Valetkey policy")

    apiVersion: Literal["valetkey/v1"]  # noqa: N815 - the file's word, as Kubernetes has it
    admins: WhoShape | None = Field(default=None, description="Who may revoke and sees all.")
    auditors: WhoShape | None = Field(default=None, description="Who sees all, changes nothing.")
    admin_notify: NotifyShape | None = Field(default=None, description="Where admins are told.")
    limits: LimitsShape | None = Field(default=None, description="What one person may have.")
    clusters: list[ClusterShape] = Field([])
    entitlements: list[EntitlementShape] = Field([])
    review: ReviewShape | None = Field(
        default=None, description="What the review of service accounts goes by."
    )


KEYS: Final[dict[tuple[str, ...], type[Shape]]] = {
    (): DocumentShape,
    ("admins",): WhoShape,
    ("auditors",): WhoShape,
    ("admin_notify",): NotifyShape,
    ("limits",): LimitsShape,
    ("clusters",): ClusterShape,
    ("entitlements",): EntitlementShape,
    ("entitlements", "role"): RoleShape,
    ("entitlements", "ask"): AskShape,
    ("entitlements", "duration"): DurationShape,
    ("entitlements", "decide"): DecideShape,
    ("entitlements", "notify"): NotifyShape,
    ("entitlements", "accept_risk"): AcceptRiskShape,
    **{("review", *path): shape for path, shape in REVIEW_KEYS.items()},
}
"""Which form stands where, list indexes left out: to propose the key that was meant."""


def json_schema() -> dict[str, Any]:
    """Give the JSON Schema of a policy file, for editors; `load_policy` checks more."""
    found = DocumentShape.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        **found,
    }
