"""The pages of a sign-in: the link from Slack, the way to a login, and the way back."""

from dataclasses import dataclass
from typing import Final

import falcon

from bot.logs import get_logger
from bot.web.cookies import ATTEMPT, FORM, SESSION, Held, held_attempt
from bot.web.forms import check_form, form_token
from bot.web.oidc import VerifiedLogin, read_answer, slack_account
from bot.web.pages import Pages
from bot.web.ports import WebPorts
from bot.wording import error_sentence, request_state_words
from grants.errors import LinkRefused, LoginRefused, ValetkeyError
from grants.people.bounds import plain
from grants.people.fail_sign_in import FailSignIn, fail_sign_in
from grants.people.finish_sign_in import FinishSignIn, LoginFacts, SignedIn, finish_sign_in
from grants.people.model import Account, Attempt, AttemptStep, Profile
from grants.people.offer_sign_in import OFFER_LASTS
from grants.people.open_attempt import OpenAttempt, open_attempt
from grants.people.prove_slack import ProveSlack, prove_slack
from grants.people.queries import look_at_attempt
from grants.people.run_login import KeepLogin, Login, TakeLogin, keep_login, take_login
from grants.people.start_session import StartSession, start_session

CONTINUE: Final = "continue"
_LONGEST_LABEL: Final = 80

_log = get_logger("web.sign_in")


class Link:
    """The link that Slack shows. Looking at it uses nothing up: previews look, too."""

    def __init__(self, ports: WebPorts, pages: Pages) -> None:
        self._ports = ports
        self._pages = pages

    def on_get(self, req: falcon.Request, resp: falcon.Response, token: str) -> None:
        """Say who asks for what, and offer to go on."""
        attempt = look_at_attempt(token, ports=self._ports.people)
        left = attempt.expires_at - self._ports.people.clock.now()
        self._pages.show(
            resp,
            "sign_in",
            label=plain(self._ports.account_label(attempt.account), _LONGEST_LABEL),
            account=attempt.account,
            link=attempt.link,
            draft=attempt.draft is not None,
            minutes=max(1, round(left.total_seconds() / 60)),
            form_token=form_token(req, resp, CONTINUE),
        )

    def on_post(self, req: falcon.Request, resp: falcon.Response, token: str) -> None:
        """Bind the attempt to this browser and lead it to the first login."""
        check_form(req, self._ports.public_url, CONTINUE)
        held = held_attempt(req)
        command = OpenAttempt(token, held.browser if held else None)
        opened = open_attempt(command, ports=self._ports.people)
        attempt, mine = opened.attempt, Held(opened.attempt.id, opened.browser)
        ATTEMPT.give(resp, str(mine), OFFER_LASTS)
        login = next_login(attempt)
        url = begin_login(self._ports, mine, login)
        # A page and not a redirect: see the form-action of the content security policy.
        self._pages.show(resp, "leaving", url=url, login=login)


class SlackCallback:
    """The way back from Sign in with Slack; the company's login follows."""

    def __init__(self, ports: WebPorts) -> None:
        self._ports = ports

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Prove the Slack account and go on to the company's login."""
        held = held_by(req)
        login = come_back(self._ports, held, "slack", req.query_string)
        with _Failing(self._ports, held, "slack"):
            team, user = slack_account(login, self._ports.slack_team)
        command = ProveSlack(held.attempt, held.browser, Account(team, user))
        prove_slack(command, ports=self._ports.people)
        # The address is the pinned provider's own endpoint, never one from the request.
        resp.status = falcon.HTTP_303
        resp.set_header("Location", begin_login(self._ports, held, "company"))


class CompanyCallback:
    """The way back from the company's login: the end of a sign-in."""

    def __init__(self, ports: WebPorts, pages: Pages) -> None:
        self._ports = ports
        self._pages = pages

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Finish the sign-in, go on with the draft, and say how both went."""
        held = held_by(req)
        login = come_back(self._ports, held, "company", req.query_string)
        with _Failing(self._ports, held, "company"):
            facts = login_facts(login)
        command = FinishSignIn(held.attempt, held.browser, facts)
        done = finish_sign_in(command, ports=self._ports.people)
        self._start_session(req, resp, done)
        self._pages.show(
            resp,
            "done",
            profile=done.sign_in.profile,
            subject=done.person.subject,
            linked_now=done.linked_now,
            groups_known=done.sign_in.groups is not None,
            draft=go_on(self._ports, done),
        )

    def _start_session(self, req: falcon.Request, resp: falcon.Response, done: SignedIn) -> None:
        """Give the browser secrets that nobody knew before the sign-in."""
        lasts = self._ports.session_lasts
        command = StartSession(done.person.id, lasts, replaces=SESSION.read(req))
        session = start_session(command, ports=self._ports.people)
        SESSION.give(resp, session.secret, lasts)
        ATTEMPT.take(resp)
        FORM.take(resp)


@dataclass(frozen=True)
class DraftOutcome:
    """How a kept request went on: sent or not, and one sentence."""

    sent: bool
    text: str


def go_on(ports: WebPorts, done: SignedIn) -> DraftOutcome | None:
    """Submit the draft of who just signed in; a refusal is told and undoes no sign-in."""
    if done.draft is None:
        return None
    try:
        request = ports.submit_draft(done.person.id, done.draft)
    except ValetkeyError as error:
        _log.info("the draft was not sent", extra={"code": error.code})
        return DraftOutcome(sent=False, text=error_sentence(error))
    return DraftOutcome(sent=True, text=request_state_words(request.state))


def next_login(attempt: Attempt) -> Login:
    """Tell which login comes next: Slack's is needed once, to link."""
    return "slack" if attempt.link and attempt.step is AttemptStep.OPENED else "company"


def held_by(req: falcon.Request) -> Held:
    """Give the attempt of this browser; LinkRefused when it holds none.

    Without one there is nothing to record: anybody can call the address.
    """
    held = held_attempt(req)
    if held is None:
        raise LinkRefused("not-opened")
    return held


def begin_login(ports: WebPorts, held: Held, login: Login) -> str:
    """Start a login and keep its values; gives the address to send the browser to."""
    with _Failing(ports, held, login):
        start = ports.provider(login).start()
    command = KeepLogin(held.attempt, held.browser, login, start.kept())
    keep_login(command, ports=ports.people)
    return start.url


def come_back(ports: WebPorts, held: Held, login: Login, query: str) -> VerifiedLogin:
    """Judge what a browser brought back from a login; a refused one uses the attempt up."""
    answer = read_answer(query, login)
    take = TakeLogin(held.attempt, held.browser, login, answer.state)
    kept = take_login(take, ports=ports.people)
    with _Failing(ports, held, login):
        now = ports.people.clock.now()
        return ports.provider(login).finish(answer, kept, now=now)


def login_facts(login: VerifiedLogin) -> LoginFacts:
    """Hand a verified login to the core; LoginRefused when its time is not known."""
    if login.auth_time is None:
        raise LoginRefused("auth-time-missing", "company")
    return LoginFacts(
        issuer=login.issuer,
        subject=login.subject,
        auth_time=login.auth_time,
        groups=login.groups,
        acr=login.acr,
        amr=login.amr,
        profile=Profile(login.name, login.email, login.email_verified),
        claims=login.claims,
    )


class _Failing:
    """Records a LoginRefused of what runs inside, and lets it go on to the page.

    A provider that did not answer leaves the link good, to try again; all else uses it up.
    """

    def __init__(self, ports: WebPorts, held: Held, login: Login) -> None:
        self._ports = ports
        self._held = held
        self._login = login

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, LoginRefused):
            held, final = self._held, error.why != "unavailable"
            command = FailSignIn(held.attempt, held.browser, self._login, error.why, final=final)
            fail_sign_in(command, ports=self._ports.people)
