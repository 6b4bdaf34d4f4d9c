"""What the people of a run do, all at once: ask, approve, deny, give back, revoke, click again."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final

from bot.playground.slack import Delivery, FormError, Message, View
from bot.playground.slack.person import Person
from tests.replicas.eyes import Record, Reviews
from tests.replicas.stage import ALIAS, QUORUM, Resident, Stage

CLOSED: Final = ("request.approved", "request.denied", "request.cancelled", "request.expired")


class StuckStoryError(AssertionError):
    """Somebody did what people do, and it led nowhere for too long."""


class Folk:
    """Each requester lives one story after another on a thread of their own, until told to rest."""

    def __init__(self, stage: Stage, record: Record, reviews: Reviews) -> None:
        self._stage = stage
        self._record = record
        self._reviews = reviews
        self._resting = threading.Event()
        self._crowd = ThreadPoolExecutor(16, "crowd")
        self._threads: list[threading.Thread] = []
        self.errors: list[BaseException] = []
        self.stories = 0

    def start(self) -> None:
        for number, resident in enumerate(self._stage.people["engineers"]):
            dice = random.Random(f"{self._stage.seed}:{number}")
            thread = threading.Thread(
                target=self._live, args=(resident, dice), name=f"engineer-{number}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def rest(self) -> None:
        """Begin no new story; returns when those under way are told to their end."""
        self._resting.set()
        for thread in self._threads:
            thread.join(180)
        assert not any(thread.is_alive() for thread in self._threads), "a story has no end"
        self._crowd.shutdown()
        if self.errors:
            raise self.errors[0]

    def _live(self, resident: Resident, dice: random.Random) -> None:
        self._resting.wait(dice.uniform(0, 2))
        while not self._resting.is_set():
            try:
                Story(self._stage, self._record, self._reviews, self._crowd, resident, dice).play()
                self.stories += 1
            except BaseException as error:  # noqa: BLE001 - told by `rest`
                self.errors.append(error)
                return
            self._resting.wait(dice.uniform(0.2, 1.5))


class Story:
    """One request of one person, from the form to the proof that access is gone."""

    def __init__(
        self,
        stage: Stage,
        record: Record,
        reviews: Reviews,
        crowd: ThreadPoolExecutor,
        who: Resident,
        dice: random.Random,
    ) -> None:
        self._stage = stage
        self._record = record
        self._reviews = reviews
        self._crowd = crowd
        self._who = who
        self._dice = dice
        self._entitlement = dice.choice(sorted(QUORUM))
        self._namespace = dice.choice(stage.namespaces)
        self._seconds = dice.randint(*stage.lease_seconds)

    def play(self) -> None:
        longest = 60 + self._stage.patience_seconds
        self._reviews.watch(self._who.subject, self._namespace, longest)
        request = self.ask()
        self._decide(request)
        grant = self._record.find(request, "grant.activating")
        if grant is not None:
            self._use_up(grant["grant"])

    def _tries(self) -> Iterator[None]:
        """Once more, and once more, until patience ends."""
        deadline = time.monotonic() + self._stage.patience_seconds
        while time.monotonic() < deadline:
            yield

    def _person(self, who: Resident) -> Person:
        return self._stage.slack.as_user(who.user)

    # -- asking

    def ask(self) -> str:
        """Fill in the form, as often as it takes; gives the request."""
        before = self._record.count(self._who.person)
        for _try in self._tries():
            self._try_form()
            found = self._record.wait(
                self._who.person, "request.submitted", seconds=1.5, after=before
            )
            if found is not None:
                return str(found["request"])
        raise StuckStoryError(f"{self._who.user.name} could not ask")

    def _try_form(self) -> None:
        person = self._person(self._who)
        with suppress(FormError):
            while person.views():
                person.close(person.view(), whole_stack=True)
        with suppress(FormError):
            self._again(lambda: person.slash("/access", ""))
            for action, query in (
                ("cluster", ALIAS),
                ("namespace", self._namespace),
                ("entitlement", self._entitlement),
            ):
                self._choose(person, action, query)
            self._again(lambda: person.fill(person.view(), "length", f"{self._seconds}s"))
            person.type(person.view(), "reason", f"Story of {self._who.user.name}")
            self._again(lambda: person.submit(person.view()))

    def _choose(self, person: Person, action: str, query: str) -> None:
        for option in person.suggest(person.view(), action, query):
            self._again(lambda: person.choose(person.view(), action, option))  # noqa: B023
            return
        raise FormError(f"nothing is offered for {action}")

    # -- deciding

    def _decide(self, request: str) -> None:
        """Have approvers click at the same moment; whoever had no ack clicks once more."""
        for _try in self._tries():
            if self._record.find(request, *CLOSED) is not None:
                return
            card = self._card(self._stage.channel.id, "approve", request)
            if card is None:
                self._record.wait(request, *CLOSED, seconds=0.1)
                continue
            self._many_click(card)
            self._record.wait(request, *CLOSED, seconds=1)
        raise StuckStoryError(f"{request} was not decided")

    def _many_click(self, card: Message) -> None:
        count = self._dice.choice((1, 2, 3, 4))
        some = self._dice.sample(self._stage.people["platform"], count)
        gate = threading.Barrier(len(some))
        done = [self._crowd.submit(self._click_at_once, one, card, gate) for one in some]
        for one in done:
            one.result(self._stage.patience_seconds * 2)

    def _click_at_once(self, who: Resident, card: Message, gate: threading.Barrier) -> None:
        gate.wait(30)
        with suppress(FormError):  # the card may have changed: it is decided
            self._click(who, card, "approve")

    # -- living with it, and its end

    def _use_up(self, grant: str) -> None:
        patience = self._stage.patience_seconds
        if self._record.wait(grant, "grant.active", "grant.ended", seconds=patience) is None:
            raise StuckStoryError(f"{grant} did not become active")
        way = self._dice.choice(("expires", "expires", "given back", "revoked"))
        if way == "given back":
            self._until_ending(grant, lambda: self._give_back(grant))
        if way == "revoked":
            self._until_ending(grant, lambda: self._revoke(grant))
        if self._record.wait(grant, "grant.ended", seconds=patience) is None:
            raise StuckStoryError(f"{grant} did not end")
        # A replica that stood still may wake only now.
        self._reviews.watch(self._who.subject, self._namespace)

    def _until_ending(self, grant: str, act: Callable[[], None]) -> None:
        for _try in self._tries():
            if self._record.find(grant, "grant.revoking") is not None:
                return
            with suppress(FormError):
                act()
            self._record.wait(grant, "grant.revoking", seconds=0.5)

    def _give_back(self, grant: str) -> None:
        card = self._card(None, "give-back", grant, self._who)
        if card is not None:
            self._click(self._who, card, "give-back")

    def _revoke(self, grant: str) -> None:
        """An admin revokes it from Home, and says why."""
        admin = self._stage.people["admins"][0]
        person = self._person(admin)
        self._again(person.open_home)
        home = person.home()
        block = _block_of(home, "revoke", grant) if home else None
        if home is None or block is None:
            return
        self._again(lambda: person.click(home, "revoke", block))
        view = person.view()
        person.type(view, "reason", "Tried out")
        self._again(lambda: person.submit(view))

    # -- clicking

    def _card(
        self, channel: str | None, action: str, about: str, who: Resident | None = None
    ) -> Message | None:
        """Find the message that has a button of this kind about something."""
        person = self._person(who or self._stage.people["platform"][0])
        for message in reversed(person.messages(channel)):
            if _block_of(message, action, about) is not None:
                return message
        return None

    def _resting(self, seconds: float) -> None:
        self._stage.workspace.come(lambda: False, seconds)

    def _click(self, who: Resident, card: Message, action: str) -> None:
        person = self._person(who)
        self._again(lambda: person.click(card, action, as_shown=True))

    def _again(self, act: Callable[[], Delivery | None]) -> None:
        """Do something; without an ack the same is sent once more, or done once more."""
        done = act()
        for _try in self._tries():
            if done is None or done.acked:
                return
            self._resting(self._dice.uniform(0.05, 0.3))
            done = self._stage.slack.redeliver(done)
        raise StuckStoryError("nobody acks")


def _block_of(shown: Message | View, action: str, about: str) -> str | None:
    """Find the block of a button whose value is about something."""
    for block in shown.blocks:
        elements: list[dict[str, Any]] = [*block.get("elements", ()), block.get("accessory") or {}]
        for element in elements:
            if element.get("action_id") == action and about in str(element.get("value", "")):
                return str(block["block_id"])
    return None
