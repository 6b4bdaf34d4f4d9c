"""The form of a policy file: what pydantic checks, and what editors are told as JSON Schema.

What ties several parts together is checked in `checks`; here stands what one value may be.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from grants.authz.risks import ACCEPTABLE
from grants.policy.durations import DURATION_PATTERN, format_duration, parse_duration
from grants.policy.model import OPEN_REQUESTS
from grants.policy.subjects import is_printable, placeholders

API_VERSION: Final = "valetkey/v1"
SCHEMA_ID: Final = "urn:valetkey:policy:v1"
LONGEST_DURATION: Final = timedelta(days=30)
MAX_QUORUM: Final = 20
MAX_OPEN_REQUESTS: Final = 10_000

_NAME: Final = r"^[a-z0-9](?:[-a-z0-9.]{0,61}[a-z0-9])?$"
_PATTERN: Final = r"^[-a-z0-9.*?]{1,63}$"
_EMAIL: Final = r"^[^@\s]{1,64}@[^@\s]{1,189}$"
_ROLE: Final = r"^[^/%]{1,253}$"


def _wrong(code: str, message: str) -> PydanticCustomError:
    # Given as a fact, so that braces in what people wrote are never read as placeholders.
    return PydanticCustomError(code, "{message}", {"message": message})


def _text(
    pattern: str, code: str, sentence: str, **schema: Any
) -> tuple[AfterValidator, WithJsonSchema]:
    """Make the two halves of a checked text: the check with its sentence, and its schema."""
    whole = re.compile(pattern.removeprefix("^").removesuffix("$"))

    def check(value: str) -> str:
        if not whole.fullmatch(value) or not is_printable(value):
            raise _wrong(code, sentence)
        return value

    return AfterValidator(check), WithJsonSchema({"type": "string", "pattern": pattern, **schema})


def _prose(most: int, *, several_lines: bool = False) -> tuple[AfterValidator, WithJsonSchema]:
    """Make a text that people read: not empty, not too long, nothing in it that can't be shown."""

    def check(value: str) -> str:
        shown = value.replace("\n", "").replace("\t", "") if several_lines else value
        if not value.strip():
            raise _wrong("empty-text", "must say something")
        if len(value) > most:
            raise _wrong("too-long", f"must be at most {most} characters, not {len(value)}")
        if not is_printable(shown):
            raise _wrong("unprintable", "has characters that can't be shown")
        return value

    schema = {"type": "string", "minLength": 1, "maxLength": most}
    return AfterValidator(check), WithJsonSchema(schema)


def _duration(value: object) -> timedelta:
    found = parse_duration(value) if isinstance(value, str) else None
    if found is None:
        raise _wrong("bad-duration", "must be a length of time such as 30m, 8h, 1h30m or 2d")
    if found <= timedelta(0):
        raise _wrong("bad-duration", "must be longer than nothing")
    if found > LONGEST_DURATION:
        raise _wrong("bad-duration", f"must be at most {format_duration(LONGEST_DURATION)}")
    return found


def _template(needs: Callable[[tuple[str, ...]], str]) -> AfterValidator:
    def check(value: str) -> str:
        names = placeholders(value)
        if names is None:
            raise _wrong("bad-template", "braces must stand in pairs around a claim, as in {email}")
        if complaint := needs(names):
            raise _wrong("bad-template", complaint)
        if value.lower().startswith("system:"):
            raise _wrong("bad-template", "names that begin with `system:` are the cluster's own")
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
        raise _wrong(
            "unknown-risk",
            f"`{value}` is not a risk that can be accepted; those are:"
            f" {', '.join(sorted(ACCEPTABLE))}",
        )
    return value


Name = Annotated[
    str,
    *_text(_NAME, "bad-name", "must be 1 to 63 of a-z, 0-9, - and ., ending in a letter or digit"),
]
Pattern = Annotated[
    str, *_text(_PATTERN, "bad-pattern", "must be 1 to 63 of a-z, 0-9, -, ., * and ?")
]
Email = Annotated[str, *_text(_EMAIL, "bad-email", "must be an email address")]
Reference = Annotated[str, *_prose(256)]
RoleName = Annotated[str, *_text(_ROLE, "bad-name", "must be a role's name, without / and %")]
Duration = Annotated[
    timedelta,
    PlainValidator(_duration),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "minLength": 2}),
]
RiskId = Annotated[
    str,
    AfterValidator(_risk_id),
    WithJsonSchema({"type": "string", "enum": sorted(ACCEPTABLE)}),
]


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class WhoShape(_Shape):
    """Groups of the identity provider, and people by verified email address."""

    groups: list[Reference] = Field([], description="Groups, spelled as the provider spells them.")
    people: list[Email] = Field([], description="People, by verified email address.")


class AskShape(WhoShape):
    """Who may ask."""

    everyone: bool = Field(default=False, description="Anybody who is signed in.")


class DecideShape(WhoShape):
    """Who decides, judged at the click, and how many of them are needed."""

    quorum: Annotated[int, Field(ge=1, le=MAX_QUORUM)] = Field(
        1, description="How many different people must approve."
    )


class NotifyShape(_Shape):
    """Who is told. Being told makes nobody eligible to decide."""

    channels: list[Reference] = Field([], description="Slack channels, by id or #name.")
    user_groups: list[Reference] = Field([], description="Slack user groups, by id or @handle.")
    people: list[Email] = Field([], description="People, by verified email address.")


class ClusterShape(_Shape):
    """A cluster, and what its people are called in it."""

    name: Name = Field(description="The alias by which entitlements, people and the record say it.")
    username: Annotated[str, *_prose(253), _template(_of_person)] = Field(
        description="The user name of a person, such as `oidc:{email}`; any claim may be named."
    )
    groups: Annotated[str, *_prose(253), _template(_of_group)] | None = Field(
        default=None, description="The name of a group, such as `oidc:{group}`."
    )
    connect: Annotated[str, *_prose(2000, several_lines=True), _template(_of_connect)] | None = (
        Field(default=None, description="How to connect; {cluster} and {namespace} are filled in.")
    )
    own_namespace: Name = Field(
        "valetkey", description="The namespace of this bot's own credential in this cluster."
    )


class RoleShape(_Shape):
    """Which role is bound."""

    kind: Literal["Role", "ClusterRole"]
    name: RoleName


class DurationShape(_Shape):
    """For how long."""

    default: Duration = Field(description="What the form offers first.")
    maximum: Duration = Field(description="The longest that can be asked for; at most 30d.")


class AcceptRiskShape(_Shape):
    """Risks taken on knowingly; the card shows them with the reason."""

    rules: list[RiskId] = Field(min_length=1, description="Ids of risks.")
    reason: Annotated[str, *_prose(300)] = Field(description="Why that is right here.")


class EntitlementShape(_Shape):
    """What can be asked for."""

    name: Name
    description: Annotated[str, *_prose(500)] = Field(description="Plain words for the card.")
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


class LimitsShape(_Shape):
    """What one person may have at once."""

    open_requests: Annotated[int, Field(ge=1, le=MAX_OPEN_REQUESTS)] = Field(
        OPEN_REQUESTS,
        description="How many requests of one person may be open (pending, or kept until a"
        " sign-in) at once.",
    )


class DocumentShape(_Shape):
    """One policy file; a folder's files are read as one."""

    model_config = ConfigDict(title="Valetkey policy")

    apiVersion: Literal["valetkey/v1"]  # noqa: N815 - the file's word, as Kubernetes has it
    admins: WhoShape | None = Field(default=None, description="Who may revoke and sees all.")
    auditors: WhoShape | None = Field(default=None, description="Who sees all, changes nothing.")
    admin_notify: NotifyShape | None = Field(default=None, description="Where admins are told.")
    limits: LimitsShape | None = Field(default=None, description="What one person may have.")
    clusters: list[ClusterShape] = []
    entitlements: list[EntitlementShape] = []


KEYS: Final[dict[tuple[str, ...], type[_Shape]]] = {
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
