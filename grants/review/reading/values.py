"""From what was read to the core's values, with what repeats kept once."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from grants.authz.model import RoleKind, RoleRef, Rule
from grants.authz.objects import (
    Account,
    Binding,
    BindingKind,
    Meta,
    Origin,
    Requirement,
    Role,
    Selector,
    Subject,
)
from grants.review.inventory import DEFAULT_ACCOUNT, Owner, TokenSecret, Workload
from grants.review.reading.quick import make_meta, make_rule
from grants.review.reading.shapes import (
    MetaIn,
    ObjectIn,
    OwnerIn,
    PodSpecIn,
    RuleIn,
    SecretIn,
    SelectorIn,
    SpecIn,
    SubjectIn,
    VolumeIn,
)

ACCOUNT_OF_TOKEN: Final = "kubernetes.io/service-account.name"  # noqa: S105 - the name of an annotation
"""The annotation that makes a Secret hold a service account's token."""

_NOTHING: Final[Mapping[str, str]] = {}
# As large as the object itself, and of no use: the object is there.
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_API_SERVER: Final = "https://kubernetes.default.svc"
_HAVE_REPLICAS: Final = frozenset(
    {"Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"}
)
_BINDING_TO: Final = frozenset({"Role", "ClusterRole"})


class Values:
    """Makes values of objects; whatever is equal is made once."""

    def __init__(self) -> None:
        self._rules: dict[tuple[Any, ...], Rule] = {}

    def role(self, read: ObjectIn, meta: Meta) -> Role:
        """Make a Role or ClusterRole."""
        kind: RoleKind = "ClusterRole" if read.kind == "ClusterRole" else "Role"
        gathers = read.aggregation_rule
        selectors = None
        if gathers is not None:
            selectors = tuple(_selector(one) for one in gathers.cluster_role_selectors or ())
        return Role(kind, meta, tuple([self._rule(rule) for rule in read.rules or ()]), selectors)

    def _rule(self, read: RuleIn) -> Rule:
        key = (
            read.verbs,
            read.api_groups,
            read.resources,
            read.resource_names,
            read.non_resource_urls,
        )
        made = self._rules.get(key)
        if made is None:
            made = self._rules[key] = make_rule(
                read.verbs or (),
                read.api_groups or (),
                read.resources or (),
                read.resource_names or (),
                read.non_resource_urls or (),
            )
        return made


def meta_of(read: MetaIn, namespace: str, origin: Origin | None) -> Meta:
    """Make the metadata, in the namespace that was worked out for it."""
    annotations = read.annotations
    if annotations:
        annotations.pop(_LAST_APPLIED, None)
    return make_meta(
        read.name or read.generate_name or "",
        namespace,
        read.uid or "",
        read.creation_timestamp,
        read.labels or _NOTHING,
        annotations or _NOTHING,
        origin,
    )


def account_of(read: ObjectIn, meta: Meta) -> Account:
    """Make a service account."""
    return Account(meta, read.automount_service_account_token)


def binding_of(read: ObjectIn, meta: Meta) -> Binding | None:
    """Make a binding; None when the role that it names is none."""
    ref = read.role_ref
    if ref is None or not ref.name or ref.kind not in _BINDING_TO:
        return None
    kind: BindingKind = "RoleBinding" if read.kind == "RoleBinding" else "ClusterRoleBinding"
    role = RoleRef("ClusterRole" if ref.kind == "ClusterRole" else "Role", ref.name)
    return Binding(kind, meta, role, tuple([_subject(one) for one in read.subjects or ()]))


def token_secret_of(meta: Meta) -> TokenSecret | None:
    """Make what is known of a token Secret; None for any other Secret."""
    account = meta.annotations.get(ACCOUNT_OF_TOKEN)
    return TokenSecret(meta, account) if account else None


def workload_of(read: ObjectIn, meta: Meta, kind: str) -> Workload:
    """Make a pod, or what makes pods."""
    spec = read.spec or SpecIn()
    pod = _pod_spec(spec, kind)
    return Workload(
        kind=kind,
        meta=meta,
        account=pod.service_account_name or pod.service_account or DEFAULT_ACCOUNT,
        mounts_token=_mounts_token(pod),
        suspended=bool(spec.suspend),
        replicas=_replicas(spec, kind),
        owner=_owner(read.metadata),
        secrets=tuple(dict.fromkeys(_secrets(pod))),
    )


def names_an_account(read: ObjectIn) -> bool:
    """Tell whether an object of a kind that is not known has a pod template with an account."""
    template = read.spec.template if read.spec else None
    return (
        template is not None
        and template.spec is not None
        and bool(template.spec.service_account_name)
    )


def _secrets(pod: PodSpecIn) -> Iterator[str]:
    """Name the Secrets that a pod is given: mounted, projected, or as variables."""
    for volume in pod.volumes or ():
        if volume.secret is not None and volume.secret.secret_name:
            yield volume.secret.secret_name
        for source in (volume.projected.sources if volume.projected else None) or ():
            yield from _name_of(source.secret)
    for box in (*(pod.containers or ()), *(pod.init_containers or ())):
        for one in box.env or ():
            yield from _name_of(one.value_from.secret_key_ref if one.value_from else None)
        for all_of_it in box.env_from or ():
            yield from _name_of(all_of_it.secret_ref)


def _name_of(secret: SecretIn | None) -> Iterator[str]:
    if secret is not None and secret.name:
        yield secret.name


def _pod_spec(spec: SpecIn, kind: str) -> PodSpecIn:
    if kind == "Pod":
        return spec
    template = spec.template
    if kind == "CronJob":
        jobs = spec.job_template
        template = jobs.spec.template if jobs and jobs.spec else None
    return template.spec if template and template.spec else PodSpecIn()


def _replicas(spec: SpecIn, kind: str) -> int | None:
    if spec.replicas is None and kind in _HAVE_REPLICAS:
        return 1
    return spec.replicas


def _mounts_token(pod: PodSpecIn) -> bool | None:
    if any(_projects_token(volume) for volume in pod.volumes or ()):
        return True
    return pod.automount_service_account_token


def _projects_token(volume: VolumeIn) -> bool:
    """Tell whether a volume holds a token that the API server takes; others are for elsewhere."""
    if volume.projected is None:
        return False
    tokens = (source.service_account_token for source in volume.projected.sources or ())
    audiences = [token.audience or "" for token in tokens if token is not None]
    return any(not audience or audience.startswith(_API_SERVER) for audience in audiences)


def _owner(read: MetaIn | None) -> Owner | None:
    owners = (read.owner_references if read else None) or ()
    in_charge = next((one for one in owners if one.controller), None)
    return _as_owner(in_charge)


def _as_owner(read: OwnerIn | None) -> Owner | None:
    return Owner(read.kind, read.name) if read and read.kind and read.name else None


def _subject(read: SubjectIn) -> Subject:
    return Subject(read.kind, read.name, read.namespace or "")


def _selector(read: SelectorIn) -> Selector:
    return Selector(
        tuple(sorted((read.match_labels or {}).items())),
        tuple(
            Requirement(one.key, one.operator, one.values or ())
            for one in read.match_expressions or ()
        ),
    )
