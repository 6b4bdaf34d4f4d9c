"""The web app over fakes: two providers that say what a test wants, and browsers with cookies."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode, urlsplit

import falcon.testing

from bot.web.app import create_app
from bot.web.oidc import LoginAnswer, LoginStart, VerifiedLogin
from bot.web.ports import Check, WebPorts
from grants.access.model import AccessRequest, RequestState
from grants.errors import LoginRefused, ValetkeyError
from grants.people.model import Account
from grants.people.offer_sign_in import OfferSignIn, offer_sign_in
from tests.support.memory_store import MemoryStore

PUBLIC = "https://valetkey.acme.example"
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ADA = Account("T0ACME", "U0ADA")
BOB = Account("T0ACME", "U0BOB")


@dataclass
class StoppedClock:
    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


@dataclass
class People:
    clock: StoppedClock = field(default_factory=StoppedClock)
    store: MemoryStore = field(default_factory=MemoryStore)


def ada(**changes: object) -> VerifiedLogin:
    login = VerifiedLogin(
        issuer="https://login.acme.example",
        subject="ada",
        email="ada@acme.example",
        email_verified=True,
        name="Ada Lovelace",
        groups=frozenset({"engineers"}),
        acr=None,
        amr=("pwd",),
        auth_time=NOW,
        claims={"sub": "ada"},
    )
    return replace(login, **changes)


def slack_user(account: Account) -> VerifiedLogin:
    claims = {"https://slack.com/team_id": account.team, "https://slack.com/user_id": account.user}
    return ada(issuer="https://slack.com", subject=account.user, auth_time=None, claims=claims)


@dataclass
class FakeProvider:
    """Stands for a relying party: it checks the state as the real one, and believes the code."""

    host: str
    logins: dict[str, VerifiedLogin | LoginRefused] = field(default_factory=dict)
    is_down: bool = False

    def start(self) -> LoginStart:
        if self.is_down:
            raise LoginRefused("unavailable", self.host)
        state = secrets.token_urlsafe(16)
        question = urlencode({"state": state, "client_id": "valetkey"})
        return LoginStart(f"https://{self.host}/authorize?{question}", state, "nonce", "verifier")

    def finish(
        self, answer: LoginAnswer, kept: Mapping[str, str], *, now: datetime
    ) -> VerifiedLogin:
        if self.is_down:
            raise LoginRefused("unavailable", self.host)
        if answer.state != kept["state"]:
            raise LoginRefused("state", self.host)
        if answer.error:
            raise LoginRefused("denied", self.host)
        login = self.logins[answer.code or ""]
        if isinstance(login, LoginRefused):
            raise login
        return login

    def code_for(self, login: VerifiedLogin | LoginRefused) -> str:
        code = secrets.token_urlsafe(8)
        self.logins[code] = login
        return code


@dataclass
class Drafts:
    """Stands for the verb that submits a kept request."""

    outcome: ValetkeyError | RequestState = RequestState.PENDING
    submitted: list[tuple[str, str]] = field(default_factory=list)

    def submit(self, person: str, draft: str) -> AccessRequest:
        self.submitted.append((person, draft))
        if isinstance(self.outcome, ValetkeyError):
            raise self.outcome
        return AccessRequest(
            id=draft,
            version=2,
            state=self.outcome,
            requester=person,
            recipient=person,
            items=(),
            salt=b"",
            groups=(),
            policy_digest="",
            created_at=NOW,
            pending_until=NOW + timedelta(hours=4),
        )


@dataclass
class Rig:
    """Everything behind the app, and the app."""

    people: People = field(default_factory=People)
    slack: FakeProvider = field(default_factory=lambda: FakeProvider("slack.example"))
    company: FakeProvider = field(default_factory=lambda: FakeProvider("login.acme.example"))
    drafts: Drafts = field(default_factory=Drafts)
    labels: dict[Account, str] = field(default_factory=lambda: {ADA: "Ada L.", BOB: "Bob"})
    checks: tuple[Check, ...] = ()
    metrics_token: str | None = None
    slack_events: object | None = None
    audit_intake: object | None = None
    threads: int = 24
    public_url: str = PUBLIC

    def __post_init__(self) -> None:
        self.ports = WebPorts(
            public_url=self.public_url,
            people=self.people,
            slack_login=self.slack,
            company_login=self.company,
            submit_draft=self.drafts.submit,
            account_label=lambda account: self.labels[account],
            checks=self.checks,
            metrics_token=self.metrics_token,
            slack_events=self.slack_events,
            audit_intake=self.audit_intake,
        )
        self.app = create_app(self.ports, threads=self.threads)

    def offer(self, account: Account = ADA, draft: str | None = None) -> str:
        key = secrets.token_hex(8)
        return offer_sign_in(OfferSignIn(key, account, draft), ports=self.people).token

    def browser(self) -> "Browser":
        return Browser(self)


@dataclass
class Browser:
    """One person's browser: its cookies, and the company and Slack sessions that it has."""

    rig: Rig
    jar: dict[str, str] = field(default_factory=dict)
    set_cookies: list[falcon.testing.Cookie] = field(default_factory=list)

    def request(self, method: str, path: str, **options: object) -> falcon.testing.Result:
        headers = {"Host": urlsplit(PUBLIC).netloc, "Accept": "text/html"}
        headers |= options.pop("headers", {})
        if self.jar:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        client = falcon.testing.TestClient(self.rig.app)
        answer = client.simulate_request(
            method, path, headers={k: v for k, v in headers.items() if v is not None}, **options
        )
        self._keep(answer)
        return answer

    def get(self, path: str, **options: object) -> falcon.testing.Result:
        return self.request("GET", path, **options)

    def post(self, path: str, form: Mapping[str, str], **options: object) -> falcon.testing.Result:
        headers = {"Origin": PUBLIC, "Content-Type": "application/x-www-form-urlencoded"}
        headers |= options.pop("headers", {})
        return self.request("POST", path, body=urlencode(form), headers=headers, **options)

    def press(self, path: str, action: str | None = None) -> falcon.testing.Result:
        """Load a page and press its button."""
        page = self.get(path)
        assert page.status_code == 200, page.text
        return self.post(action or path, {"form_token": token_on(page)})

    def begin(self, token: str) -> str:
        """Open a link and press Continue; gives where the browser is sent."""
        answer = self.press(f"/sign-in/{token}")
        assert answer.status_code == 200, answer.text
        return sent_to(answer)

    def back_from_slack(self, url: str, account: Account, **changes: str) -> falcon.testing.Result:
        code = self.rig.slack.code_for(slack_user(account))
        return self.back("/sign-in/slack/callback", url, code, **changes)

    def back_from_company(
        self, url: str, login: VerifiedLogin | LoginRefused | None = None, **changes: str
    ) -> falcon.testing.Result:
        code = self.rig.company.code_for(login or ada())
        return self.back("/sign-in/callback", url, code, **changes)

    def back(self, path: str, url: str, code: str, **changes: str) -> falcon.testing.Result:
        question = {"code": code, "state": state_in(url)} | changes
        return self.get(path, query_string=urlencode(question))

    def link(
        self, account: Account = ADA, login: VerifiedLogin | None = None, draft: str | None = None
    ) -> falcon.testing.Result:
        """Go the whole way of a first sign-in."""
        to_slack = self.begin(self.rig.offer(account, draft))
        proven = self.back_from_slack(to_slack, account)
        assert proven.status_code == 303, proven.text
        return self.back_from_company(proven.headers["Location"], login)

    def _keep(self, answer: falcon.testing.Result) -> None:
        for name, cookie in answer.cookies.items():
            self.set_cookies.append(cookie)
            # As browsers do: an empty value is a value, only a date in the past takes it away.
            if cookie.expires is not None and cookie.expires < datetime.now(cookie.expires.tzinfo):
                self.jar.pop(name, None)
            else:
                self.jar[name] = cookie.value


def token_on(page: falcon.testing.Result) -> str:
    found = re.search(r'name="form_token" value="([0-9a-f]{64})"', page.text)
    assert found, page.text
    return found[1]


def sent_to(page: falcon.testing.Result) -> str:
    found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', page.text)
    assert found, page.text
    return found[1].replace("&amp;", "&")


def state_in(url: str) -> str:
    found = re.search(r"[?&]state=([^&]+)", url)
    assert found, url
    return found[1]
