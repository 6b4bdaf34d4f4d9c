"""Settings of the worker and of what it works on: policy, clusters, times."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field

from bot.settings_kinds import (
    Duration,
    DurationOrNone,
    ExistingFile,
    Installations,
    SettingsGroup,
)


class WorkFields(SettingsGroup):
    """Where the policy and the clusters are named, and how long things may take."""

    policy_path: Path | None = Field(
        default=None, description="The policy: one YAML file, or a folder of them. Needed to serve."
    )
    clusters_path: ExistingFile | None = Field(
        default=None,
        description=(
            "A YAML file that says how each cluster is reached (see below). Default: one cluster "
            "by the alias `in-cluster`, the one that Valetkey runs in."
        ),
    )
    own_namespace: str = Field(
        default="valetkey",
        pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$",
        description=(
            "The namespace that Valetkey itself runs in: access there is a risk that an "
            "entitlement has to accept."
        ),
    )

    activate_within: Duration = Field(
        default=timedelta(minutes=15),
        description=(
            "How long after the last approval access may still begin. Default `15m`: access that "
            "begins when nobody waits for it any more serves nobody."
        ),
    )
    warn_before: Duration = Field(
        default=timedelta(minutes=5),
        description="How long before the end of access its holder is warned. Default `5m`.",
    )
    watch_clusters: bool = Field(
        default=True,
        description=(
            "Whether clusters are watched, `true` or `false`: then what others change (a binding "
            "of Valetkey's, the role of live access) is seen within a second instead of at the "
            "next sweep. Needs the right to `watch`; without it sweeps do. Default `true`."
        ),
    )
    sweep_interval: Duration = Field(
        default=timedelta(minutes=1),
        description=(
            "How often each cluster is swept: its bindings are listed, each role of active access "
            "is read once, both are held against the record, and what differs is acted on. "
            "Default `1m`; it costs a list of a thousand bindings a tenth of a second. The longest "
            "that drift goes unseen where nothing is watched."
        ),
    )
    drift_interval: Duration = Field(
        default=timedelta(minutes=10),
        description=(
            "How often each active grant is looked at by itself: binding, role and its person's "
            "name, by reads of its own. Default `10m`, because sweeps and watches see the same "
            "much sooner: a thousand grants at `1m` are fifty reads a second."
        ),
    )
    review_every: DurationOrNone = Field(
        default=timedelta(0),
        description=(
            "How often the service accounts of each cluster are reviewed, such as `6h`, and what "
            "is found is kept and told. Default `0s`: never. Needs the rights of the component "
            "`deploy/kustomize/review`; a scan of ten thousand accounts takes seconds of one core. "
            "Between, a change of accounts, roles or bindings brings the next review within about "
            "a minute, unless `VALETKEY_WATCH_CLUSTERS` is `false`."
        ),
    )
    stuck_after: Duration = Field(
        default=timedelta(minutes=10),
        description=(
            "How long a revocation may fail before people are told that it is stuck. "
            "Default `10m`; it is retried for ever."
        ),
    )
    former_installations: Installations = Field(
        default=(),
        description=(
            "Ids (`inst-...`) of installations whose database was lost, with spaces between: what "
            "they left in clusters runs to its own end and is then deleted, as what nobody knows. "
            "Default: none, and bindings of other installations are never touched. Never name one "
            "that lives."
        ),
    )
    skew_alarm: Duration = Field(
        default=timedelta(seconds=2),
        ge=timedelta(seconds=1),
        description=(
            "How far this machine's clock may be from the database's or a cluster's before people "
            "are told. Default `2s`: access may end that much late or early. At least `1s`, "
            "because API servers tell whole seconds."
        ),
    )
    worker_count: int = Field(
        default=4,
        ge=1,
        le=64,
        description="How many grants are worked on at the same time in each cluster.",
    )
