"""What the app brings: its tokens, secrets, scopes, commands and redirect URLs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

BOT_SCOPES = frozenset(
    {
        "chat:write",
        "commands",
        "channels:read",
        "channels:history",
        "groups:read",
        "groups:history",
        "im:read",
        "im:write",
        "im:history",
        "users:read",
        "users:read.email",
        "usergroups:read",
    }
)


@dataclass(frozen=True, slots=True)
class SlackApp:
    """The installed app, as its manifest and its credentials say. Secrets stay out of the repr."""

    bot_token: str = field(repr=False)
    app_token: str = field(repr=False)
    signing_secret: str = field(repr=False)
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    redirect_uris: tuple[str, ...] = ()
    scopes: frozenset[str] = BOT_SCOPES
    commands: tuple[str, ...] = ("/access",)

    @staticmethod
    def made_up(seed: str = "valetkey", *, redirect_uris: tuple[str, ...] = ()) -> SlackApp:
        """Return credentials of the right form that open nothing: they follow from `seed`."""

        def secret(purpose: str) -> str:
            return hashlib.sha256(f"{seed}:{purpose}".encode()).hexdigest()

        return SlackApp(
            bot_token=f"xoxb-{secret('bot')[:40]}",
            app_token=f"xapp-1-{secret('app')[:40]}",
            signing_secret=secret("signing")[:32],
            client_id=f"{int(secret('client')[:10], 16)}.{int(secret('app id')[:10], 16)}",
            client_secret=secret("client secret")[:32],
            redirect_uris=redirect_uris,
        )
