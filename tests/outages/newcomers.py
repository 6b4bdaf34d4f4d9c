"""People who have to sign in first: what they ask for is kept, and goes on after the login."""

import random
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from typing import Final

import requests

from bot.playground.idp import LoginStoppedError
from bot.playground.slack import FormError
from tests.outages.stage import OutageStage
from tests.replicas.eyes import Record, Reviews
from tests.replicas.folk import Story, StuckStoryError
from tests.support.signing_in import Browser

LINK: Final = re.compile(r"https://localhost:\d+/sign-in/[A-Za-z0-9_-]+")
_LINK_SECONDS: Final = 12.0
_SAID: Final = "You are signed in as"
_NOT_THIS_TIME: Final = (requests.RequestException, LoginStoppedError, FormError)
"""What somebody meets whose browser, or whose provider, does not get through."""


class NewcomerStory(Story):
    """A story that begins with a login, as often as it takes."""

    _stage: OutageStage

    def ask(self) -> str:
        """Fill in the form and sign in where that is wanted; gives the request.

        A link that did not lead through is opened again before another one is asked for: there
        are ten in ten minutes.
        """
        before = self._record.count(self._who.person)
        for _again in self._tries():
            self._try_form()
            with ExitStack() as stack, suppress(*_NOT_THIS_TIME):
                self._sign_in(stack, before)
            found = self._submitted(before)
            if found is not None:
                return found
        raise StuckStoryError(f"{self._who.user.name} could not sign in and ask")

    def _submitted(self, before: int) -> str | None:
        found = self._record.wait(self._who.person, "request.submitted", seconds=1, after=before)
        return None if found is None else str(found["request"])

    def _sign_in(self, stack: ExitStack, before: int) -> None:
        """Open the link that is shown, if one is, and go on with it for a while."""
        person = self._person(self._who)
        link = LINK.search(str(person.view().blocks))
        if link is None:
            return
        user, ca_file = self._who.user, self._stage.plane.authority.ca_file
        browser = Browser(ca_file, self._stage.slack, user.id, user.name)
        stack.enter_context(closing(browser.session))
        deadline = time.monotonic() + _LINK_SECONDS
        while time.monotonic() < deadline:
            with suppress(*_NOT_THIS_TIME):
                page = browser.open_link(link[0])
                if _SAID in page.text:
                    self._stage.log.add(time.time(), "signed-in", person=self._who.person)
            if self._submitted(before) is not None:
                return


class Newcomers:
    """Two at a time sign in and live their story, then the next, until told to rest."""

    def __init__(self, stage: OutageStage, record: Record, reviews: Reviews) -> None:
        self._stage = stage
        self._record = record
        self._reviews = reviews
        self._left = list(stage.people["newcomers"])
        self._resting = threading.Event()
        self._crowd = ThreadPoolExecutor(4, "newcomers")
        self._threads = [threading.Thread(target=self._come, daemon=True) for _ in range(2)]
        self.errors: list[BaseException] = []

    def start(self) -> None:
        for thread in self._threads if self._left else ():
            thread.start()

    def rest(self) -> None:
        """Let nobody more come; returns when those under way have told their story."""
        self._resting.set()
        for thread in self._threads if self._left or self.errors else ():
            thread.join(180)
            assert not thread.is_alive(), "a story has no end"
        self._crowd.shutdown()
        if self.errors:
            raise self.errors[0]

    def _come(self) -> None:
        while not self._resting.is_set():
            try:
                who = self._left.pop()
            except IndexError:
                return
            dice = random.Random(f"{self._stage.seed}:{who.user.name}")
            try:
                NewcomerStory(
                    self._stage, self._record, self._reviews, self._crowd, who, dice
                ).play()
            except BaseException as error:  # noqa: BLE001 - told by `rest`
                self.errors.append(error)
                return
