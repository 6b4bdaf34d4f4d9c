"""Paths in plain words: what each step does, what allows it, and what else it needs."""

from typing import Final

from grants.authz.paths.model import CLUSTER, EACH, Need, NeedKind, Party, PartyKind, Path, Step
from grants.authz.rbac import Allowance
from grants.authz.words import rule_lines

_ADMIN, _SECRETS, _NODE = PartyKind.CLUSTER_ADMIN, PartyKind.EVERY_SECRET, PartyKind.NODE

GOAL_WORDS: Final = {
    _ADMIN: "cluster-admin",
    _SECRETS: "every Secret",
    _NODE: "a node",
}

# By kind of step; where a step reaches a goal, by that, too.
_DOES: Final[dict[tuple[str, PartyKind | None], str]] = {
    ("token-create", None): "mints a token of {}",
    ("workload-create", None): "starts a pod as {}",
    ("workload-create", _NODE): "starts a pod that takes its node over",
    ("workload-create", _SECRETS): "mounts Secrets of every namespace into pods there",
    ("pods-exec", None): "opens a shell in a pod of {}",
    ("ephemeral-containers", None): "adds a container to a pod of {}",
    ("ephemeral-containers", _NODE): "adds a container to a pod that takes its node over",
    ("pods-mutate", None): "puts another image into a pod of {}",
    ("secrets-read", None): "reads a token of {} in a Secret",
    ("secrets-read", _SECRETS): "reads the Secrets of every namespace",
    ("secrets-write", None): "makes a Secret that is filled with a token of {}",
    ("impersonate", None): "impersonates {}",
    ("impersonate", _ADMIN): "impersonates the group system:masters",
    ("bind", None): "binds itself to {}",
    ("escalate", None): "writes whatever it likes into a role that it holds: {}",
    ("aggregate-label", None): "writes a role that one it holds gathers: {}",
    ("csr-approve", None): "approves its own certificate as {}",
    ("nodes-proxy", None): "runs commands through a kubelet in a pod of {}",
    ("nodes-proxy", _NODE): "commands a node's kubelet",
    ("namespace-mutate", _NODE): "takes Pod Security's label away and starts a pod that takes its "
    "node over",
    ("pv-create", _NODE): "mounts a node's own files by a volume that it makes",
    ("webhook-config", _ADMIN): "changes by a webhook what others write",
    ("admission-policy", _ADMIN): "changes by an admission policy what others write",
    ("wildcard-all", _ADMIN): "may do anything already",
    ("wildcard-all", _SECRETS): "reads any Secret, as it may do anything",
    ("wildcard-all", _NODE): "takes any node over, as it may do anything",
    ("masters-bound", _ADMIN): "is asked nothing, as a member of system:masters",
    ("node", None): "takes a token of {} from a pod on that node",
    ("pod", None): "has the token of {}",
}

STEP_KINDS: Final = frozenset(kind for kind, _ in _DOES)
"""Every kind of step there is."""

_NEEDS: Final[dict[NeedKind, tuple[str, str]]] = {
    # As seen to be so, and as supposed.
    NeedKind.POD_RUNS: ("{name} in {namespace} runs as it", "a pod of that account runs"),
    NeedKind.POD_ON_NODE: ("", "a pod of that account runs on that node"),
    NeedKind.POD_SECURITY: (
        "no label of namespace {namespace} has Pod Security refuse it",
        "Pod Security lets it pass",
    ),
    NeedKind.LABELS_LIFTED: ("the labels of namespace {namespace} are its to change", ""),
    NeedKind.WORKLOAD_EXISTS: ("{name} is there in {namespace}", "there is a {name} to change"),
    NeedKind.TOKEN_SECRET: ("Secret {namespace}/{name} holds that token", ""),
    NeedKind.SECRET_NAMES: ("", "the Secrets' names are known"),
    NeedKind.TAKES_INPUT: ("", "the process there takes commands from its input"),
    NeedKind.OLD_API_SERVER: ("", "the API server lets get alone open it, as older ones do"),
    NeedKind.LATER_WRITE: ("", "somebody with more rights writes something afterwards"),
    NeedKind.OPERATOR_RUNS: ("", "{name} is installed"),
    NeedKind.AUTO_APPROVAL: ("", "the controller manager approves nodes' certificates by itself"),
    NeedKind.BINDING_EXISTS: ("{name} is a binding that it may join", ""),
    NeedKind.HOLDS_ROLE: ("it holds {name}", ""),
}


def party_words(party: Party) -> str:
    """Name a party."""
    match party.kind:
        case PartyKind.ACCOUNT:
            return f"{party.namespace}/{party.name}"
        case PartyKind.PODS:
            return f"any pod of namespace {party.namespace}"
        case PartyKind.USER | PartyKind.GROUP:
            return f"{party.kind} {party.name}"
        case PartyKind.ROLE:
            return f"{'Role' if party.namespace else 'ClusterRole'} {party.name} {_where(party)}"
        case _:
            return GOAL_WORDS.get(party.kind, str(party))


def _where(party: Party) -> str:
    if party.scope == CLUSTER:
        return "everywhere"
    return "in every namespace" if party.scope == EACH else f"in {party.scope}"


def step_words(step: Step) -> str:
    """Say what a step does, without its actor: `mints a token of team/boss`."""
    goal = step.gains.kind if step.gains.kind in GOAL_WORDS else None
    does = _DOES.get((step.kind, goal)) or _DOES[step.kind, None]
    return does.format(party_words(step.gains))


def because_words(one: Allowance) -> str:
    """Say what allows a step: the binding, the role and the line of it."""
    role = one.role
    line = rule_lines((one.rule,))[0]
    if not one.binding.meta.name:
        return f"{role.kind} {role.meta.name} has: {line}"
    via = f" by {one.subject}" if one.subject.kind == "Group" else ""
    return f"{one.binding}{via} gives {role.kind} {role.meta.name}: {line}"


def need_words(need: Need) -> str:
    """Say what a step needs besides; what is only supposed is said to be."""
    seen, supposed = _NEEDS[need.kind]
    text = seen if need.seen else f"supposed: {supposed}"
    return text.format(name=need.name, namespace=need.namespace)


def path_lines(path: Path) -> tuple[str, ...]:
    """Say a path, a line for each step."""
    return tuple(
        f"{number}. {party_words(step.actor)} {step_words(step)} ({_grounds(step)})"
        if step.because or step.needs
        else f"{number}. {party_words(step.actor)} {step_words(step)}"
        for number, step in enumerate(path.steps, 1)
    )


def _grounds(step: Step) -> str:
    reasons = [because_words(one) for one in step.because]
    return "; ".join([*reasons, *(need_words(need) for need in step.needs)])
