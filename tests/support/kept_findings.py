"""A small world over real rows in which clusters are reviewed, and reviewers answer findings."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from grants.authz.model import RoleRef
from grants.authz.objects import Account as ServiceAccount
from grants.authz.objects import Binding, Role, Subject
from grants.people.model import Account
from grants.policy.model import Notify, Who
from grants.policy.review_model import Annotations, Digest, ReviewPolicy
from grants.review.answering import Click
from grants.review.answers import Answer
from grants.review.details import Detail
from grants.review.inventory import KINDS, Seen
from grants.review.keep_finding import KeepFinding, keep_finding
from grants.review.keep_scan import keep_scan
from grants.review.news import News
from grants.review.not_mine import Disowned, say_not_mine
from grants.review.scan import Scan
from grants.store.store import Store
from tests.support.rbac_objects import account, bind, role, rule
from tests.support.reviews import look_at, sa
from tests.support.world import World

OWNER = "example.com/owner"
REVIEW = ReviewPolicy(
    annotations=Annotations(owner=OWNER),
    reviewers=Who(groups=frozenset({"security"})),
    digests=(Digest(Notify(channels=("C0FINDINGS",)), at_least="low"),),
)


class ReviewedWorld(World):
    """The small world over real rows. `reader` is an account of the shop that reads Secrets."""

    def __init__(self, store: Store) -> None:
        self._store = store
        super().__init__()
        self.review(REVIEW)
        self.policy.policy = replace(
            self.policy.policy, admin_notify=Notify(channels=("C0ADMINS",))
        )

    def new_store(self) -> Any:
        return self._store

    def review(self, review: ReviewPolicy) -> None:
        self.policy.policy = replace(self.policy.policy, review=review)

    def things(
        self,
        *verbs: str,
        owner: str = "team-shop",
        also: Sequence[str] = (),
    ) -> list[ServiceAccount | Role | Binding]:
        said = {OWNER: owner} if owner else {}
        rules = [rule(" ".join(verbs or ("get",)), "secrets")]
        rules += [rule("get", what) for what in also]
        ref = RoleRef("ClusterRole", "reads")
        return [sa("app", "shop", said), role("reads", *rules),
                bind("reads", ref, account("app", "shop"))]  # fmt: skip

    def scan(
        self,
        things: Sequence[Any] | None = None,
        *,
        cluster: str = "prod",
        seen: dict[str, Seen] | None = None,
        by_hand: bool = False,
        asks_for_owners: bool = True,
    ) -> Scan:
        """Review a cluster now, as the running bot does, or as somebody with other policy may."""
        review = self.policy.policy.review
        policy = review if asks_for_owners else replace(review, annotations=Annotations())
        found = self.things() if things is None else things
        look = look_at(
            *found, cluster=cluster, policy=policy, seen=seen or dict.fromkeys(KINDS, Seen.SEEN)
        )
        look = replace(
            look, inventory=replace(look.inventory, taken_at=self.clock.forward(seconds=1))
        )
        at_most = None if by_hand else review.keep_at_most
        return keep_scan([look], store=self._store, actor="system", keep_at_most=at_most)

    def detail(self, rule: str = "secrets-read", cluster: str = "prod") -> Detail:
        """Give a finding that is there."""
        with self._store.read() as tx:
            keys = [one.key for one in tx.known_findings([cluster]) if one.rule == rule]
            found = tx.detail(keys[0])
        assert found is not None
        return found

    def open_rules(self, cluster: str = "prod") -> list[str]:
        with self._store.read() as tx:
            return [one.finding.rule for one in tx.open_details([cluster], 50)]

    def click(self, who: Account, detail: Detail | None = None, **changes: Any) -> Click:
        shown = detail or self.detail()
        click = Click(self.key(), who, shown.finding.key, shown.shown_hash)
        return replace(click, **changes)

    def keep(
        self, who: Account, days: int = 30, reason: str = "It is the vault", **changes: Any
    ) -> Answer:
        command = KeepFinding(self.click(who, **changes), reason, self.day(days))
        return keep_finding(command, ports=self)  # type: ignore[arg-type]

    def keep_by(self, click: Click) -> Answer:
        """Keep by a click that was made before."""
        command = KeepFinding(click, "It is the vault", self.day(30))
        return keep_finding(command, ports=self)  # type: ignore[arg-type]

    def not_mine(self, who: Account, **changes: Any) -> Disowned:
        return say_not_mine(self.click(who, **changes), ports=self)  # type: ignore[arg-type]

    def day(self, days: int) -> date:
        return (self.clock.now() + timedelta(days=days)).date()

    def answers(self, rule: str = "secrets-read") -> list[Answer]:
        with self._store.read() as tx:
            keys = [one.key for one in tx.known_findings(["prod"]) if one.rule == rule]
            return list(tx.answers_of(keys[0], 10))

    def written(self, kind: str = "") -> list[dict[str, Any]]:
        """Give the events of a kind, or of whatever is about findings."""
        with self._store.read() as tx:
            every = [json.loads(one.canonical) for one in tx.events(0, 1000)]
        return [one for one in every if one["type"].startswith(kind or "finding.")]

    def told(self) -> list[tuple[str, str, str]]:
        """Give what waits to be told: code, kind of place, and its reference."""
        rows = self._store.deliveries.undelivered(100, given_up=False)
        return [(one.code, str(one.place.kind), one.place.ref) for one in rows]

    def untold(self) -> list[tuple[str, News]]:
        with self._store.write() as tx:
            return sorted((one.finding.rule, one.news) for one in tx.untold(["prod"]))

    def tell(self) -> None:
        """Have people hear what is news."""
        with self._store.write() as tx:
            tx.note_told({one.finding.key: one.news for one in tx.untold(["prod"])})

    # What the surface in Slack asks for.

    def worst(self, limit: int) -> Sequence[Detail]:
        with self._store.read() as tx:
            return tx.open_details(["prod"], limit)

    def count(self) -> int:
        return len(self.open_rules())

    def one(self, key: str) -> Detail | None:
        with self._store.read() as tx:
            return tx.detail(key)

    def said(self, key: str) -> Sequence[Answer]:
        with self._store.read() as tx:
            return tx.answers_of(key, 5)

    def person_id(self, who: Account) -> str:
        return self.known(who).person.id


def a_group(name: str) -> Subject:
    """A group of people or accounts."""
    return Subject("Group", name)
