"""One round held against a real API server."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bot.playground.processes import wait_until
from grants.authz.aggregation import gathered
from grants.authz.model import Question, Rule
from grants.authz.objects import Caller, Role
from grants.authz.rbac import Rbac
from tests.support.agreement.oracle import Oracle, Ours, Verdict
from tests.support.agreement.rounds import Round
from tests.support.agreement.semantics import NEVER_ALLOWED, Ask, Request, Semantic
from tests.support.agreement.server import SETTLED_WITHIN, Server
from tests.support.rbac_objects import bind, role, user


@dataclass
class Tally:
    """What was asked, by semantic and the server's answer, and where ours differs."""

    seen: Counter[tuple[Semantic, bool]] = field(default_factory=Counter)
    differing: dict[Semantic, list[str]] = field(default_factory=dict)
    answers: list[tuple[Ask | Request, bool]] = field(default_factory=list)

    def add(self, asked: Ask | Request, server: Verdict, ours: Sequence[Verdict]) -> None:
        """Count one answer; the server's reason must be among ours."""
        self.seen[asked.semantic, server.allowed] += 1
        self.answers.append((asked, server.allowed))
        for verdict in ours:
            if verdict.allowed != server.allowed or not server.reasons <= verdict.reasons:
                said = f"{asked}\n  server: {server}\n  ours: {verdict}"
                self.differing.setdefault(asked.semantic, []).append(said)
                break

    @property
    def total(self) -> int:
        """All that was asked."""
        return self.seen.total()

    @property
    def allowed(self) -> int:
        """How much of it was allowed."""
        return sum(count for (_, allowed), count in self.seen.items() if allowed)

    @property
    def disagreements(self) -> list[str]:
        """Each difference in words."""
        return [said for all_ in self.differing.values() for said in all_]


def hold(server: Server, round_: Round, tally: Tally) -> None:
    """Put a round into the cluster, ask everything, count, and take it out again."""
    before = server.roles()
    for name in round_.namespaces:
        server.must("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    server.each(server.make_account, round_.accounts)
    try:
        server.put_roles(round_.roles, round_.name)
        server.put_bindings(round_.bindings, round_.name)
        _settle(server, round_, "first", round_.roles)
        _ask(server, round_.asks, [*before, *round_.roles], tally)
        _request(server, round_.requests, [*before, *round_.roles], tally)
        every = [*round_.roles, *round_.late]
        server.put_roles(round_.late, round_.name)
        _settle(server, round_, "late", every)
        _ask(server, round_.late_asks, [*before, *every], tally)
    finally:
        server.clean(round_.name, round_.namespaces)


def _settle(server: Server, round_: Round, phase: str, roles: Sequence[Role]) -> None:
    """Wait until the controller has filled the aggregated roles, and the authorizer seen it all.

    The server's parts each see one kind of object, in order: so the last of each kind is waited
    for. Whether what was filled in is right, the questions tell; here only time is given for it.
    """
    wanted = {one.meta.name: set(one.rules) for one in gathered(roles) if one.aggregates}

    def filled() -> bool:
        now = {one.meta.name: set(one.rules) for one in server.roles()}
        return all(now.get(name) == rules for name, rules in wanted.items())

    try:
        wait_until(filled, within=SETTLED_WITHIN, what="aggregated roles to be filled")
    except TimeoutError:
        print("the aggregated roles are filled otherwise than expected")
    last = Caller(f"{round_.name}-{phase}-last")
    for place in ("", round_.namespaces[0]):
        made = role(f"{last.user}-role", Rule(("see",), ("",), ("last",)), namespace=place)
        server.put_roles([made], round_.name)
        binding = bind(f"{last.user}-binding", made, user(last.user), namespace=place)
        server.put_bindings([binding], round_.name)
        server.wait_allowed(last, Question("see", "", "last", namespace=place or None))
        # The second must not be answered by the first.
        last = Caller(f"{last.user}-inside")


def _oracles(server: Server, files: Sequence[Role]) -> tuple[Oracle, ...]:
    """Ours twice: with roles as the cluster filled them, and as we fill them from files."""
    bindings = server.bindings()
    return Ours(Rbac(server.roles(), bindings, aggregate=False)), Ours(Rbac(files, bindings))


def _ask(server: Server, asks: Sequence[Ask], files: Sequence[Role], tally: Tally) -> None:
    oracles = _oracles(server, files)
    answers = server.each(server.review, [(ask.caller, ask.question) for ask in asks])
    for ask, answer in zip(asks, answers, strict=True):
        ours = [oracle.review(ask.caller, ask.question) for oracle in oracles]
        tally.add(ask, answer, ours)


def _request(
    server: Server, requests: Sequence[Request], files: Sequence[Role], tally: Tally
) -> None:
    oracles = _oracles(server, files)
    for request, answer in zip(requests, server.each(server.request, requests), strict=True):
        tally.add(request, answer, [oracle.request(request) for oracle in oracles])


MARK: Final = "<!-- agreement -->"
END: Final = "<!-- /agreement -->"


def table(tally: Tally, seed: int, server: str) -> str:
    """Write the table of the docs."""
    share = round(100 * tally.allowed / tally.total)
    said = f"{tally.total:,} questions of seed {seed} to kube-apiserver {server}, {share} % of"
    lines = [
        MARK,
        f"{said} them allowed: {len(tally.disagreements)} disagreements.",
        "",
        "| what is asked about | allowed | denied | disagreements |",
        "|---|---:|---:|---:|",
    ]
    for one in Semantic:
        yes = "never" if one in NEVER_ALLOWED else f"{tally.seen[one, True]:,}"
        differing = len(tally.differing.get(one, ()))
        lines.append(f"| {one} | {yes} | {tally.seen[one, False]:,} | {differing} |")
    return "\n".join([*lines, END])


def put_table(page: Path, text: str) -> None:
    """Put the table between its marks."""
    before, rest = page.read_text().split(MARK)
    page.write_text(before + text + rest.split(END)[1])
