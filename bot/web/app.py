"""The web application: every route, and what stands before all of them."""

from collections.abc import Sequence
from typing import Final

import falcon
from prometheus_client import CollectorRegistry

from bot.web.answers import Answers
from bot.web.guard import Headers, HostCheck, RequestLog, Room
from bot.web.health import Live, Metrics, Ready
from bot.web.home import Home, SignOut
from bot.web.pages import Pages
from bot.web.ports import Check, WebPorts
from bot.web.sign_in import CompanyCallback, Link, SlackCallback

SLACK_CALLBACK: Final = "/sign-in/slack/callback"
COMPANY_CALLBACK: Final = "/sign-in/callback"
SLACK_EVENTS: Final = "/slack/events"
AUDIT: Final = "/audit/{cluster}"

App = falcon.App[falcon.Request, falcon.Response]


def sign_in_url(public_url: str, token: str) -> str:
    """Give the address of a sign-in link, for the message that offers it."""
    return f"{public_url}/sign-in/{token}"


def create_app(ports: WebPorts, *, threads: int = 24) -> App:
    """Make the application for a server of so many threads (at least 16)."""
    pages = Pages()
    app: App = falcon.App(
        middleware=[
            RequestLog(ports.registry),
            Headers(),
            HostCheck(ports.public_url),
            Room(threads, audit=ports.audit_intake is not None),
        ],
    )
    app.req_options.strip_url_path_trailing_slash = False
    app.resp_options.secure_cookies_by_default = True
    Answers(pages).install(app)
    _add_pages(app, ports, pages)
    _add_probes(app, ports.checks, ports.registry, ports.metrics_token)
    if ports.slack_events is not None:
        app.add_route(SLACK_EVENTS, ports.slack_events)
    if ports.audit_intake is not None:
        app.add_route(AUDIT, ports.audit_intake)
    return app


def create_probes(
    checks: Sequence[Check],
    registry: CollectorRegistry,
    metrics_token: str | None,
    *,
    threads: int = 24,
) -> App:
    """Make the application of a process that people don't reach: what machines ask, alone."""
    app: App = falcon.App(middleware=[RequestLog(registry), Headers(), Room(threads)])
    Answers(Pages()).install(app)
    _add_probes(app, checks, registry, metrics_token)
    return app


def _add_probes(
    app: App, checks: Sequence[Check], registry: CollectorRegistry, metrics_token: str | None
) -> None:
    app.add_route("/livez", Live())
    app.add_route("/readyz", Ready(checks, registry))
    app.add_route("/metrics", Metrics(registry, metrics_token))


def _add_pages(app: App, ports: WebPorts, pages: Pages) -> None:
    app.add_route("/", Home(ports, pages))
    app.add_route("/sign-out", SignOut(ports, pages))
    app.add_route(SLACK_CALLBACK, SlackCallback(ports))
    app.add_route(COMPANY_CALLBACK, CompanyCallback(ports, pages))
    app.add_route("/sign-in/{token}", Link(ports, pages))
    for asset in pages.assets:
        app.add_route(asset.path, asset)
