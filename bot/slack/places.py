"""Where a row of the outbox goes in Slack."""

from typing import Final

from slack_sdk import WebClient

from bot.slack.members import Members
from bot.slack.ports import SlackPorts, account_of
from bot.slack.reading import account_for
from grants.outbox.model import Place, PlaceKind

_GROUP_ID: Final = "S"


class Gone(Exception):
    """There is nowhere to tell it: `why` is a stable word."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Places:
    """Finds channels, people's direct messages and the members of user groups."""

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

    def conversation(self, place: Place) -> str:
        """Give the conversation's own id, which reading and changing messages need."""
        address = self.address(place)
        if place.kind is PlaceKind.CHANNEL:
            return address
        answer = self._client.conversations_open(users=address)
        return str(answer["channel"]["id"])

    def group_members(self, ref: str) -> tuple[Place, ...]:
        """Give a place for each full member of our workspace in a user group, by id or handle."""
        group = self._group_id(ref)
        users = self._client.usergroups_users_list(usergroup=group)["users"]
        team = self._ports.settings.team
        full = [user for user in users if not self._members.look(user).why]
        return tuple(Place(PlaceKind.ACCOUNT, f"{team}/{user}") for user in full)

    def _group_id(self, ref: str) -> str:
        if ref.startswith(_GROUP_ID) and ref.isalnum() and ref.isupper():
            return ref
        handle = ref.removeprefix("@")
        for group in self._client.usergroups_list()["usergroups"]:
            if group.get("handle") == handle:
                return str(group["id"])
        raise Gone("no_such_subteam")
