"""Settings of the intake of audit events."""

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from bot.settings_kinds import Duration, SettingsGroup
from bot.web.audit_tokens import read_tokens


def as_tokens(value: SecretStr) -> SecretStr:
    """Demand pairs of a cluster and a digest; what is wrong is never quoted."""
    read_tokens(value.get_secret_value())
    return value


AuditTokensText = Annotated[SecretStr, AfterValidator(as_tokens)]


class AuditFields(SettingsGroup):
    """Who may send audit events, and how long what they show is kept."""

    audit_tokens: AuditTokensText | None = Field(
        default=None,
        description=(
            "Who may send audit events to `/audit/CLUSTER`: for each cluster its name and the "
            "SHA-256 of its bearer token in hex, as `valetkey usage token CLUSTER` makes them, "
            "with spaces or lines between. A cluster may stand there twice while its token is "
            "replaced. Default: none, and there is no such address."
        ),
    )
    usage_kept: Duration = Field(
        default=timedelta(days=400),
        description=(
            "How long use is kept that was not seen again. Default `400d`, so that what is done "
            "once a year is known. What was heard before is forgotten with it: a window of policy "
            "that is longer never has enough evidence for a verdict."
        ),
    )
