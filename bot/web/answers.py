"""Turns whatever was raised into an answer: a page for people, problem details for programs."""

import logging
from http import HTTPStatus

import falcon

from bot.logs import get_logger
from bot.web.forms import FormRefused
from bot.web.guard import PAGES, surface_of
from bot.web.pages import Pages
from bot.web.problems import PROBLEM_TYPE
from bot.web.refusals import Refusal, refusal_of, refusal_of_form, refusal_of_status
from grants.errors import ValetkeyError

_log = get_logger("web")


class Answers:
    """The error handlers of the app."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def install(self, app: falcon.App) -> None:  # type: ignore[type-arg]
        """Take over every error, Falcon's own included: none is answered in its words."""
        app.add_error_handler(Exception, self._unexpected)
        app.add_error_handler(falcon.HTTPError, self._of_falcon)
        app.add_error_handler(FormRefused, self._of_form)
        app.add_error_handler(ValetkeyError, self._of_ours)

    def _of_ours(
        self, req: falcon.Request, resp: falcon.Response, error: ValetkeyError, _params: object
    ) -> None:
        refusal = refusal_of(error)
        facts = {"code": error.code, "why": getattr(error, "why", None)}
        level = logging.WARNING if refusal.is_our_fault else logging.INFO
        _log.log(level, "refused", extra=facts)
        self._answer(req, resp, refusal)

    def _of_form(
        self, req: falcon.Request, resp: falcon.Response, error: FormRefused, _params: object
    ) -> None:
        _log.warning("form refused", extra={"why": error.why})
        self._answer(req, resp, refusal_of_form(error.why))

    def _of_falcon(
        self, req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError, _params: object
    ) -> None:
        resp.set_headers(error.headers or {})
        self._answer(req, resp, refusal_of_status(HTTPStatus(error.status_code)))

    def _unexpected(
        self, req: falcon.Request, resp: falcon.Response, error: Exception, _params: object
    ) -> None:
        _log.error("a request failed", exc_info=error)
        self._answer(req, resp, refusal_of_status(HTTPStatus.INTERNAL_SERVER_ERROR))

    def _answer(self, req: falcon.Request, resp: falcon.Response, refusal: Refusal) -> None:
        resp.status = refusal.status
        if surface_of(req.path) == PAGES and "text/html" in (req.get_header("Accept") or ""):
            self._pages.show_refusal(resp, refusal, req.context.number)
            return
        resp.data = refusal.as_problem()
        resp.content_type = PROBLEM_TYPE
