"""Where a row of the outbox goes in Slack."""

import re
from typing import Final

from slack_sdk import WebClient

from bot.slack.members import Members, is_organisation
from bot.slack.ports import SlackPorts, account_of
from bot.slack.reading import account_for, known_of
from grants.outbox.model import Place, PlaceKind
from grants.people.model import Account

CHANNEL_ID: Final = re.compile(r"[CG][A-Z0-9]{2,20}")
_GROUP_ID: Final = "S"


class Gone(Exception):
    """There is nowhere to tell it: `why` is a stable word."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Unsure(Exception):
    """Slack does not say right now where to tell it."""


class Places:
    """Finds channels, people's direct messages and the members of user groups.

    Ids count: a channel or person that is renamed stays the same.
    """

    def __init__(self, ports: SlackPorts, client: WebClient, members: Members) -> None:
        self._ports = ports
        self._client = client
        self._members = members

    def address(self, place: Place) -> str:
        """Give what to post to: a channel's id, or a user's, which means their direct message.

        A person is told at the account of our workspace that was linked first: one copy, that
        stays the same message from pending to the closing summary.
        """
        if place.kind is PlaceKind.CHANNEL:
            return place.ref
        if place.kind is PlaceKind.PERSON:
            account = account_for(self._ports, place.ref)
        else:
            account = account_of(place.ref)
        if account is None:
            raise Gone("nobody-linked")
        if account.team != self._ports.settings.team:
            raise Gone("other-team")
        return account.user

    def can_be_read(self, place: Place) -> bool:
        """Tell whether messages can be looked for: not where policy names a channel by its name."""
        return place.kind is not PlaceKind.CHANNEL or bool(CHANNEL_ID.fullmatch(place.ref))

    def conversation(self, place: Place) -> str:
        """Give the conversation's own id, which reading and changing messages need."""
        address = self.address(place)
        if place.kind is PlaceKind.CHANNEL:
            return address
        answer = self._client.conversations_open(users=address)
        return str(answer["channel"]["id"])

    def group_members(self, ref: str) -> tuple[Place, ...]:
        """Give a place for each full member of ours in a user group, by id or handle.

        Who is linked is a person: told once, however many ways lead to them. Unsure: Slack does
        not say of everybody whether they are ours; nobody is left out for that.
        """
        group, team_id = self._group(ref)
        users = self._client.usergroups_users_list(usergroup=group, team_id=team_id)["users"]
        looked = [self._members.look(user) for user in users]
        if any(member.why == "unknown" for member in looked):
            raise Unsure
        return tuple(dict.fromkeys(self._place(m.user) for m in looked if not m.why))

    def _place(self, user: str) -> Place:
        account = Account(self._ports.settings.team, user)
        known = known_of(self._ports, account)
        if known is None:
            return Place(PlaceKind.ACCOUNT, f"{account.team}/{user}")
        return Place(PlaceKind.PERSON, known.person.id)

    def _group(self, ref: str) -> tuple[str, str | None]:
        """Find a group's id and, in an organisation, the workspace that it is in."""
        is_id = ref.startswith(_GROUP_ID) and ref.isalnum() and ref.isupper()
        name, handle = "id" if is_id else "handle", ref.removeprefix("@")
        if is_id and not is_organisation(self._ports.settings.team):
            return ref, None
        for team_id in self._workspaces():
            for group in self._client.usergroups_list(team_id=team_id)["usergroups"]:
                if group.get(name) == handle:
                    return str(group["id"]), team_id
        raise Gone("no_such_subteam")

    def _workspaces(self) -> tuple[str | None, ...]:
        """Name the workspaces in which groups are looked for; the only one needs no name."""
        settings = self._ports.settings
        return settings.workspaces if is_organisation(settings.team) else (None,)
