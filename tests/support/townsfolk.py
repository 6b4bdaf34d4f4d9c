"""The people of the town, as a story drives them."""

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from bot.playground.controlplane.client import Answer
from bot.playground.idp.credential import Wanted, exec_credential
from bot.playground.slack.person import Person
from bot.playground.slack.records import Delivery, Message
from bot.playground.town import Town
from tests.support.signing_in import Browser

T = TypeVar("T")
LINK = re.compile(r"https://localhost:\d+/sign-in/[A-Za-z0-9_-]+")


class Townsfolk:
    """Does what people do: type, click, sign in, run kubectl's calls with their own token."""

    def __init__(self, town: Town) -> None:
        self.town = town

    def person(self, key: str) -> Person:
        return self.town.slack.as_user(self.town.users[key].id)

    def wait(self, what: Callable[[], T], seconds: float = 10) -> T:
        """Wait until something is so; what is asked may be of the cluster, so no lock is held."""
        deadline = time.monotonic() + seconds
        while not (found := what()):
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds} s; the log ends:\n{self.log()[-3000:]}")
            threading.Event().wait(0.02)
        return found

    def browser(self, key: str, *, company: str | None = None) -> Browser:
        user = self.town.users[key].id
        ca_file = self.town.authority.ca_file
        return Browser(ca_file, self.town.slack, user, company or key)

    def link_for(self, key: str) -> str:
        """Ask for a sign-in link as an unlinked person gets one."""
        sent = self.person(key).slash("/access", "")
        assert sent.acked
        return link_in(sent.answer)

    def sign_in(self, key: str) -> None:
        """Link somebody: Slack's login and the company's, in one browser."""
        page = self.browser(key).open_link(self.link_for(key))
        assert page.status_code == 200, page.text

    def ask(
        self, key: str, *, namespace: str, entitlement: str, length: str, reason: str
    ) -> Delivery:
        """Open the form, fill it in, and submit it."""
        person = self.person(key)
        assert person.slash("/access", "").acked
        view = person.view()
        self.choose(person, "cluster", "prod")
        self.choose(person, "namespace", namespace)
        self.choose(person, "entitlement", entitlement)
        view = person.view()
        person.type(view, "length", length)
        person.type(view, "reason", reason)
        return person.submit(view)

    def choose(self, person: Person, action: str, query: str) -> None:
        """Pick the first option that the typeahead offers for what is typed."""
        options = person.suggest(person.view(), action, query)
        assert options, f"{action} offers nothing for {query}"
        person.choose(person.view(), action, options[0])

    def card(self, key: str, text: str, place: str | None = None) -> Message:
        """Wait for a message that says something."""
        person = self.person(key)

        def found() -> Message | None:
            matching = [m for m in person.messages(place) if text in said(m)]
            return matching[-1] if matching else None

        try:
            return self.wait(found)  # type: ignore[return-value]
        except AssertionError as error:
            seen = "\n".join(said(message) for message in person.messages(place))
            raise AssertionError(f"no message says {text!r}; there are:\n{seen}") from error

    def token(self, key: str) -> str:
        """The person's own ID token, by the exec credential that kubectl runs."""
        wanted = Wanted(self.town.provider.issuer, self.town.authority.ca_file, key)
        credential: Any = exec_credential(wanted, self.town.folder / "tokens")
        return str(credential["status"]["token"])

    def get_pods(self, key: str, namespace: str) -> Answer:
        """`kubectl get pods` as this person, with nothing but their own token."""
        plane = self.town.plane
        assert plane is not None
        path = f"/api/v1/namespaces/{namespace}/pods"
        return plane.request("GET", path, token=self.token(key))

    def whoami(self, key: str) -> str:
        """`kubectl auth whoami` as this person."""
        plane = self.town.plane
        assert plane is not None
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        answer: Any = plane.request("POST", path, body, token=self.token(key)).body
        return str(answer["status"]["userInfo"]["username"])

    def log(self) -> str:
        return Path(self.town.folder / "valetkey.log").read_text()


def said(message: Message) -> str:
    """All the text of a message."""
    return f"{message.text} {message.blocks}"


def link_in(answer: object) -> str:
    """Find the sign-in link in what was answered."""
    found = LINK.search(str(answer))
    assert found is not None, answer
    return found[0]
