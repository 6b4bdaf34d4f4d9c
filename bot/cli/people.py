"""`valetkey people`: who a Slack account is linked to, and taking a link away."""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import click

from bot.cli.database import database_option
from bot.cli.failing import failing
from grants.clock import Clock, SystemClock
from grants.errors import NotFound
from grants.people.attempts import account_ref
from grants.people.bounds import plain
from grants.people.model import Account, Known
from grants.people.queries import accounts_of, known_account
from grants.people.unlink import UnlinkAccount, unlink_account
from grants.store import schema
from grants.store.engine import open_database
from grants.store.store import Store

Format = Literal["table", "json"]

_LONGEST = 200


class AccountName(click.ParamType[Account]):
    """A Slack account as TEAM/USER: their ids, never a display name."""

    name = "account"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Account:
        """Read what was typed."""
        if isinstance(value, Account):
            return value
        team, slash, user = str(value).partition("/")
        if not (team and slash and user) or not (team + user).isalnum():
            self.fail("write the account as TEAM/USER, such as T012AB3C4/U061F7AUR", param, ctx)
        return Account(team, user)


@dataclass(frozen=True)
class _Ports:
    store: Store
    clock: Clock


@click.group()
def people() -> None:
    """Who is linked to which Slack account."""


@people.command()
@database_option
@click.argument("account", type=AccountName(), metavar="TEAM/USER")
@click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True
)
def show(database_url: str, account: Account, form: Format) -> None:
    """Show who a Slack account is linked to, and how they last signed in."""
    with failing(), _ports(database_url) as ports:
        known = known_account(account, ports=ports)
        if known is None:
            raise NotFound("account", account_ref(account))
        accounts = accounts_of(known.person.id, ports=ports)
    facts = _facts(known, accounts)
    if form == "json":
        click.echo(json.dumps(facts))
        return
    for name, value in facts.items():
        click.echo(f"{name:<15} {_cell(value)}")


@people.command()
@database_option
@click.argument("account", type=AccountName(), metavar="TEAM/USER")
@click.option("--yes", is_flag=True, help="Don't ask.")
def unlink(database_url: str, account: Account, *, yes: bool) -> None:
    """Take a Slack account's link away, and end its person's web sessions.

    Access that the person has goes on to its own end: revoke it in Slack where that is not meant.
    The account may link itself again, to whatever identity it then proves.
    """
    ref = account_ref(account)
    with failing(), _ports(database_url) as ports:
        if known_account(account, ports=ports) is None:
            raise NotFound("account", ref)
        if not yes:
            click.confirm(f"Take the link of {ref} away?", abort=True)
        person = unlink_account(UnlinkAccount(account), ports=ports)
    click.echo(f"{ref} is linked to nobody now; it was {person.id}")


@contextmanager
def _ports(url: str) -> Iterator[_Ports]:
    schema.check(url)
    with closing(Store(open_database(url))) as store:
        yield _Ports(store, SystemClock())


def _facts(known: Known, accounts: tuple[Account, ...]) -> Mapping[str, object]:
    """Give what is shown; the names are a contract of `--format json`."""
    sign_in = known.sign_in
    return {
        "person": known.person.id,
        "issuer": known.person.issuer,
        "subject": known.person.subject,
        "name": sign_in.profile.name,
        "email": sign_in.profile.email,
        "email_verified": sign_in.profile.email_verified,
        "groups": None if sign_in.groups is None else sorted(sign_in.groups),
        "signed_in_at": sign_in.auth_time.isoformat(),
        "acr": sign_in.acr,
        "amr": list(sign_in.amr),
        "accounts": [account_ref(account) for account in accounts],
    }


def _cell(value: object) -> str:
    """Write a value for a terminal: what a provider said may hold anything."""
    if isinstance(value, list):
        return ", ".join(plain(str(one), _LONGEST) for one in value) or "none"
    return "not known" if value is None else plain(str(value), _LONGEST)
