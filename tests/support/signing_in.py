"""Signing in as people do, by plain HTTP: the link, Slack's consent, the company's login."""

import re
from html import unescape
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests

from bot.playground.idp.browserless import browser_session, login_as
from bot.playground.slack.double import SlackDouble

_FORM_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')
_LEAVING = re.compile(r'http-equiv="refresh" content="0; ?url=([^"]+)"')
_MOST_STEPS = 12


class Browser:
    """One browser of one person: its own cookies, one Slack account, one company account."""

    def __init__(self, ca_file: Path, slack: SlackDouble, slack_user: str, person: str) -> None:
        self.session: requests.Session = browser_session(ca_file)
        self._slack = slack
        self._slack_user = slack_user
        self._person = person

    def open_link(self, link: str) -> requests.Response:
        """Open a sign-in link, press Continue, and go wherever that leads; gives the last page."""
        page = self.session.get(link, timeout=20)
        token = _FORM_TOKEN.search(page.text)
        if token is None:
            return page
        answer = self.session.post(
            link,
            data={"form_token": unescape(token[1])},
            headers={"Origin": origin(link)},
            allow_redirects=False,
            timeout=20,
        )
        return self._go_on(answer)

    def _go_on(self, answer: requests.Response) -> requests.Response:
        for _step in range(_MOST_STEPS):
            target = self._target(answer)
            if target is None:
                return answer
            answer = self.session.get(self._through(target), allow_redirects=False, timeout=20)
        raise AssertionError("the redirects have no end")

    @staticmethod
    def _target(answer: requests.Response) -> str | None:
        if answer.is_redirect:
            return urljoin(answer.url, answer.headers["location"])
        leaving = _LEAVING.search(answer.text)
        return unescape(leaving[1]) if leaving else None

    def _through(self, target: str) -> str:
        """Do what a person does at the two providers' pages; gives where the browser goes next."""
        parts = urlsplit(target)
        if parts.path == "/openid/connect/authorize":
            return self._slack.sign_in.consent(target, self._slack_user)
        if parts.path in {"/auth", "/authorize"} or "client_id=" in parts.query:
            return login_as(self._person, target, self.session, second_factor=True)
        return target


def origin(url: str) -> str:
    """Give an address' origin."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
