"""`valetkey serve`, broken on purpose: it asks Slack something before each step of a grant.

The checker must find it: access then outlasts its time while Slack hangs.
"""

from collections.abc import Callable
from contextlib import suppress

from slack_sdk import WebClient

from bot import wiring
from bot.cli import main
from bot.serving import worker
from bot.settings import load_settings
from bot.slack.troubles import CALL_FAILS
from grants.access.fresh import Fresh


def _asking_first(
    core: wiring.Core, suspect: Callable[[str], None]
) -> Callable[[str, Fresh | None], object | None]:
    forward = wiring.reconcile(core, suspect)
    settings = load_settings()
    token = settings.slack_bot_token.get_secret_value() if settings.slack_bot_token else ""
    client = WebClient(token=token, base_url=settings.slack_api_url, timeout=10)

    def asks_first(grant: str, fresh: Fresh | None) -> object | None:
        with suppress(*CALL_FAILS):
            client.auth_test()
        return forward(grant, fresh)

    return asks_first


if __name__ == "__main__":
    worker.reconcile = _asking_first  # type: ignore[attr-defined,assignment]  # broken on purpose
    main()
