"""What right-sizing says: notes on rules, what to think of, what evidence lacks."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from bot.wording.filling import fill
from grants.authz.words import in_few_words, rule_lines
from grants.review.rightsizing import cautions, companions, unseen, watched
from grants.review.rightsizing.model import Caution, Kept, Proposal, Replaced, Taken
from grants.review.rightsizing.propose import ELECTION_NOTE
from grants.usage.coverage import Lack

NOTES: Final[Mapping[str, str]] = {
    ELECTION_NOTE: "Leader election: renewed all the time.",
    companions.LEASE_ANEW: "Leader election: makes its lease anew when it is gone; not seen.",
    companions.LIST_AFTER_WATCH: "A watch that is lost for long begins with a list.",
    companions.STREAM_BY_WEBSOCKET: "By WebSocket `create` is asked for too, and no log tells.",
    unseen.KUBELET: "Kept: kubelets ask for this themselves, and no audit log shows its use.",
    unseen.OTHER_SERVERS: "Kept: other servers may ask for this path, and no audit log shows it.",
    unseen.NOT_IN_REQUESTS: "Kept: it is checked within other requests, and no log shows its use.",
    unseen.NOT_COVERED: "Kept: evidence is not enough to tell whether it is used.",
}

CAUTIONS: Final[Mapping[str, str]] = {
    cautions.NEVER_SEEN: "Nothing was seen of this account. Is it used at all?",
    cautions.WRITES_ROLES: (
        "It writes roles or bindings. Kubernetes lets it write into them only what it holds "
        "itself, so with less it may be refused to write what it writes now."
    ),
    cautions.APPLY_CREATES: (
        "It changes {kinds}. An apply or a PUT makes what is not there, for which `create` is "
        "needed too. In the window none was seen to make anything: add it if that is how it works."
    ),
    cautions.NEW_NAMESPACES: (
        "It began to work in {namespaces} only lately. In namespaces that are yet to come it will "
        "have no rights."
    ),
    cautions.NOT_BY_RBAC: (
        "{requests} kinds of requests were allowed that today's bindings do not allow: by another "
        "authorizer, or by rights that are gone. They are not in the proposal."
    ),
    cautions.WILDCARD: (
        "It holds rights by `*`. What is checked within other requests (bind, escalate, use) goes "
        "with them, and no log shows whether it was used."
    ),
}

_AUDIT: Final = "Import audit logs of the whole window; see `valetkey review right-size --help`."
LACKS: Final[Mapping[str, str]] = {
    Lack.NOTHING_SEEN: f"nothing was heard of the cluster. {_AUDIT}",
    Lack.BEGAN_LATE: f"audit events begin only within the window. {_AUDIT}",
    Lack.GAP: f"there are gaps in which nothing was heard. {_AUDIT}",
    Lack.LOSSES: "events were lost or could not be read. Import whole files.",
    Lack.KIND_NOT_SEEN: "nobody was ever seen doing that. The audit policy may drop it: log it.",
    Lack.KIND_BEGAN_LATE: "it is logged only since some time within the window. Wait.",
    Lack.KIND_SILENT: "for days nobody was seen doing that. The audit policy may have dropped it.",
    Lack.ACCOUNTS_NOT_SEEN: "for days no service account was seen. The policy may leave them out.",
    Lack.UNSEEN_VERB: "no audit event ever bears this verb.",
    watched.YOUNG_BINDING: "it was given within the window and had no time to be used. Wait.",
    watched.YOUNG_ACCOUNT: "the account was made within the window. Wait.",
    watched.UNKNOWN_AGE: "nothing says how old it is. Read the cluster, or a dump of it.",
}

_SHOWN: Final = 20


def note_words(notes: Iterable[str]) -> tuple[str, ...]:
    """Say what is to be known about a rule."""
    return tuple(NOTES.get(note, note) for note in notes)


def caution_words(caution: Caution) -> str:
    """Say what a person should think of."""
    return fill(CAUTIONS[caution.code], dict(caution.facts))


def lack_lines(lacks: Iterable[tuple[str, str, str, str]]) -> Iterator[str]:
    """Say what evidence lacks, the same lack once with all that it keeps from being judged."""
    by_why: dict[str, list[str]] = {}
    for verb, group, what, why in lacks:
        kind = f"{what}.{group}" if group and group != "*" else what
        by_why.setdefault(why, []).append(f"{verb} {kind}")
    for why, rights in by_why.items():
        more = f" and {len(rights) - _SHOWN} more" if len(rights) > _SHOWN else ""
        yield f"{', '.join(rights[:_SHOWN])}{more}: {LACKS.get(why, why)}"


def proposal_lines(proposal: Proposal) -> Iterator[str]:
    """Say what is taken away and what stays, why, and what shows it."""
    since, until = proposal.window.since.date(), proposal.window.until.date()
    yield f"{proposal.target}, by what it was seen to do from {since} to {until}:"
    if proposal.changes_nothing:
        yield ""
        yield "It holds nothing that it does not need; nothing is proposed."
        return
    yield from _section("Taken away:", (_taken(one) for one in proposal.taken))
    stays = (
        f"{where_words(scoped.scope)}: {in_few_words(scoped.plain)}" for scoped in proposal.scopes
    )
    yield from _section("Stays:", stays)
    yield from _section("Kept unseen:", (_kept(one) for one in proposal.kept))
    yield from _section("Bindings:", (_replaced(one) for one in proposal.replaced))
    yield from _section("Think of:", (caution_words(one) for one in proposal.cautions))
    yield ""
    yield replay_words(proposal)


def replay_words(proposal: Proposal) -> str:
    """Say what the replay showed."""
    found = proposal.replay
    if found.holds:
        by_group = f", {found.by_group} of them by groups" if found.by_group else ""
        return (
            f"Replay: all {found.asked} kinds of requests that it made or may have to make are "
            f"still allowed{by_group}; nothing is allowed that was not."
        )
    return (
        f"Replay: FAILED. {len(found.denied)} of {found.asked} kinds of requests would be denied, "
        f"{len(found.gained)} rights would be new. Do not apply this."
    )


def where_words(scope: str | None) -> str:
    """Say where rights hold."""
    return "everywhere" if scope is None else f"in namespace {scope}"


def _taken(one: Taken) -> str:
    left = []
    if one.left_in:
        left.append(f"in {_few(one.left_in)}")
    if one.left_names:
        left.append(f"for {_few(one.left_names)}")
    stays = f" (stays {' '.join(left)})" if left else ""
    by = ", ".join(str(binding) for binding in one.bindings)
    (line,) = rule_lines((one.rule,))
    return f"{where_words(one.scope)}: {line}{stays}; by {by}"


def _kept(one: Kept) -> str:
    (line,) = rule_lines((one.rule,))
    return f"{where_words(one.scope)}: {line}. {NOTES[one.why]}"


def _replaced(one: Replaced) -> str:
    if not one.stays:
        return f"delete {one.binding}"
    return f"take it out of {one.binding}, which {len(one.stays)} others are in"


def _few(names: tuple[str, ...], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield ""
        yield title
        yield from (f"  {line}" for line in found)
