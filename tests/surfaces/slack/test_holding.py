"""Access in Slack while it lasts: the end in sight, given back, revoked, stuck, summed up."""

from dataclasses import replace

import pytest

from bot.playground.slack import Person, buttons, words
from grants.access.cluster_port import BindingPlace
from grants.access.model import Cause, Grant, GrantState
from grants.authz.model import RoleRef
from grants.errors import ClusterUnavailable
from grants.policy.model import Notify
from tests.support.slack_bot import SlackBot, card_of, is_ping


@pytest.fixture
def erin(bot: SlackBot) -> Person:
    return bot.person("erin", "engineers")


@pytest.fixture
def ada(bot: SlackBot) -> Person:
    return bot.person("ada", "approvers")


@pytest.fixture
def grant(bot: SlackBot, erin: Person, ada: Person) -> Grant:
    """Erin's hour of looking at payments-dev, switched on and told."""
    request = bot.world.ask(bot.account(erin))
    decided = bot.world.approve(bot.account(ada), request)
    active = bot.world.reconcile(decided.grants[0])
    bot.deliver()
    assert active.state is GrantState.ACTIVE
    return active


def test_active_access_shows_its_end_and_how_to_connect(
    bot: SlackBot, erin: Person, ada: Person, grant: Grant
) -> None:
    card = bot.read(erin)
    ends = int((bot.world.clock.now().timestamp()) + 3600)
    assert (
        f"*Active* until <!date^{ends}^{{date_short_pretty}} at {{time}}|5 Jan 2026 13:00 UTC>"
        in card
    )
    assert "kubectl --context prod -n payments-dev get pods" in card
    assert buttons(card_of(erin)) == {"give-back": "Give back"}
    assert "*Active* until" in bot.read(ada), "the approver's copy goes on, too"


def test_while_it_is_switched_on_the_card_says_what_is_in_the_way(
    bot: SlackBot, erin: Person, ada: Person
) -> None:
    request = bot.world.ask(bot.account(erin))
    decided = bot.world.approve(bot.account(ada), request)
    bot.world.cluster.fail_all(ClusterUnavailable)
    bot.world.reconcile(decided.grants[0])
    with bot.world.store.write() as tx:
        tx.retell(request.id)
    bot.deliver()
    assert "*Approved, being switched on:*" in bot.read(erin)
    assert "Not yet: the cluster does not answer" in bot.read(erin)


def test_a_warning_comes_before_the_end(bot: SlackBot, erin: Person, grant: Grant) -> None:
    bot.world.clock.forward(minutes=56)
    bot.world.reconcile(grant.id)
    bot.deliver()
    warning = erin.messages()[-1]
    assert "Your access ends soon: <!date^" in words(warning)
    assert buttons(warning) == {}, "it would outlive the access"


def test_given_back_it_ends_with_a_summary_and_its_proof(
    bot: SlackBot, erin: Person, ada: Person, grant: Grant
) -> None:
    bot.world.clock.forward(minutes=20)
    card = card_of(erin)
    assert erin.click(card, "give-back", confirm=False) is None
    erin.click(card, "give-back")
    bot.deliver()
    assert "*Being taken away:*" in bot.read(erin)
    assert buttons(card_of(erin)) == {}
    ended = bot.world.reconcile(grant.id)
    bot.deliver()
    assert ended.state is GrantState.ENDED
    said = bot.read(erin)
    assert "*Ended:* *view-payments* in *payments-dev* on *prod*" in said
    assert "It was given back early." in said
    assert "(20 minutes)" in said
    assert "Proven: the binding is gone" in said
    assert "as seen from one endpoint" in said
    cards = [m for m in erin.messages() if not is_ping(m)]
    assert len(cards) == 1, "one card from asking to the end"
    assert "*Ended*" in bot.read(ada)


@pytest.mark.security("D1")
def test_what_still_allows_it_is_quoted_as_it_came(
    bot: SlackBot, erin: Person, grant: Grant
) -> None:
    bot.world.cluster.allow_otherwise(grant.subject, "because <!channel> *of* a webhook")
    erin.click(card_of(erin), "give-back")
    bot.world.reconcile(grant.id)
    bot.deliver()
    blocks = card_of(erin).blocks
    proof = next(b for b in blocks if b["block_id"].startswith("proof:"))
    assert proof["elements"][0]["type"] == "plain_text"
    assert "still allowed by “because <!channel> *of* a webhook”" in proof["elements"][0]["text"]


def test_who_gave_nothing_can_not_give_back(bot: SlackBot, ada: Person, grant: Grant) -> None:
    erin = bot.double.as_user(next(u for u in bot.workspace.users.values() if u.name == "erin"))
    erin.click(card_of(erin), "give-back")
    payload = bot.double.deliveries[-1].payload
    forged = {
        **payload,
        "user": {**payload["user"], "id": ada.id},
        "trigger_id": "7.7.7",
        "channel": {"id": ada.channel().id},
    }
    bot.world.reconcile(grant.id)
    assert bot.double.deliver_raw(forged).ok
    assert "Only the person who has this access" in words(ada.messages()[-1])


def test_an_admin_revokes_from_home_with_a_reason_that_is_shown(
    bot: SlackBot, erin: Person, grant: Grant
) -> None:
    kim = bot.person("kim", "admins")
    kim.open_home()
    home = kim.home()
    assert home is not None
    assert "For admins: live access" in words(home)
    kim.click(home, "revoke")
    assert "You revoke view-payments in payments-dev on prod of oidc:erin@example.com" in words(
        kim.view()
    )
    kim.type(kim.view(), "reason", "Incident is over <@U1>")
    assert kim.submit(kim.view()).ok
    ended = bot.world.reconcile(grant.id)
    bot.deliver()
    assert ended.cause is Cause.REVOKED
    said = bot.read(erin)
    assert "It was revoked by an admin." in said
    assert f"<@{kim.id}>" in said
    assert "“Incident is over <@U1>”" in said
    quote = next(b for b in card_of(erin).blocks if "Incident" in str(b))
    assert quote["text"]["type"] == "plain_text"


def test_only_admins_see_and_use_revoke(bot: SlackBot, erin: Person, grant: Grant) -> None:
    cleo = bot.person("cleo", "sales")
    cleo.open_home()
    assert "For admins" not in words(cleo.home())  # type: ignore[arg-type]
    kim = bot.person("kim", "admins")
    kim.open_home()
    kim.click(kim.home(), "revoke")  # type: ignore[arg-type]
    kim.type(kim.view(), "reason", "No more")
    bot.world.sign_in("kim", "sales")
    kim.submit(kim.view())
    assert "Only admins can revoke access." in words(kim.view())
    assert bot.world.grant(grant.id).state is GrantState.ACTIVE


def test_a_stuck_revocation_is_shown_to_admins_until_it_is_solved(
    bot: SlackBot, erin: Person, grant: Grant
) -> None:
    ops = bot.workspace.add_channel("ops", members=[erin.id])
    policy = bot.world.policy.policy
    bot.world.policy.policy = replace(policy, admin_notify=Notify(channels=(ops.id,)))
    erin.click(card_of(erin), "give-back")
    bot.world.cluster.fail_all()
    for _ in range(3):
        bot.world.clock.forward(minutes=2)
        bot.world.reconcile(grant.id)
    bot.deliver()
    assert bot.world.grant(grant.id).stuck
    card = bot.read(erin, ops)
    assert "*Access could not be taken away:*" in card
    assert "the cluster does not answer" in card
    assert f"kubectl delete rolebinding -n payments-dev {grant.binding_name}" in card
    assert "count on the access still working" in bot.read(erin)
    kim = bot.person("kim", "admins")
    kim.open_home()
    assert "*Stuck*" in words(kim.home())  # type: ignore[arg-type]
    bot.world.cluster.mend()
    bot.world.clock.forward(minutes=2)
    bot.world.reconcile(grant.id)
    bot.deliver()
    assert "*Solved:*" in bot.read(erin, ops)
    assert "Proven: the binding is gone" in bot.read(erin, ops)


def test_what_never_became_active_says_why(bot: SlackBot, erin: Person, ada: Person) -> None:
    request = bot.world.ask(bot.account(erin))
    decided = bot.world.approve(bot.account(ada), request)
    bot.world.cluster.remove_role(RoleRef("ClusterRole", "view"))
    ended = bot.world.reconcile(decided.grants[0])
    bot.deliver()
    assert ended.cause is Cause.NEVER_ACTIVE
    assert "It never became active, because the role is gone." in bot.read(erin)
    assert "never active" in bot.read(erin)


def test_somebody_elses_hand_in_the_cluster_is_named(
    bot: SlackBot, erin: Person, grant: Grant
) -> None:
    bot.world.cluster.remove_binding(BindingPlace(grant.binding_name, grant.namespace))
    bot.world.clock.forward(minutes=1)
    bot.world.reconcile(grant.id)
    bot.deliver()
    assert "Somebody removed it in the cluster, outside Valetkey." in bot.read(erin)
    assert "the binding was deleted" in bot.read(erin)


def test_home_shows_time_left_and_teaches_when_empty(
    bot: SlackBot, erin: Person, grant: Grant
) -> None:
    bot.world.clock.forward(minutes=15)
    erin.open_home()
    home = erin.home()
    assert home is not None
    assert "45 minutes left" in words(home)
    erin.click(home, "give-back")
    bot.world.reconcile(grant.id)
    erin.open_home()
    said = words(erin.home())  # type: ignore[arg-type]
    assert "You have none right now. Ask for some" in said
    assert "Nothing. Requests that you can decide on will stand here." in said
    erin.click(erin.home(), "ask")  # type: ignore[arg-type]
    assert erin.view().title == "Ask for access"


def test_home_of_somebody_unknown_leads_to_the_sign_in(bot: SlackBot) -> None:
    someone = bot.user("someone")
    someone.open_home()
    home = someone.home()
    assert home is not None
    assert "First sign in" in words(home)
    assert bot.world.store._rows.attempts == {}, "looking makes no link"
    someone.click(home, "sign-in-offer")
    assert "sign-in" in buttons(someone.view())
    assert len(bot.world.store._rows.attempts) == 1


def test_history_shows_ones_own_and_everybodys_to_auditors(
    bot: SlackBot, erin: Person, ada: Person, grant: Grant
) -> None:
    audie = bot.person("audie", "auditors")
    erin.slash("/access", "history")
    assert "*Your access*" in words(erin.messages()[-1])
    assert "*view-payments* in *payments-dev* on *prod*" in words(erin.messages()[-1])
    ada.slash("/access", "history")
    assert "There was none yet." in words(ada.messages()[-1])
    audie.slash("/access", "history")
    assert f"<@{erin.id}>: *view-payments*" in words(audie.messages()[-1])


def test_what_a_card_shows_in_silence_is_also_said_aloud(
    bot: SlackBot, erin: Person, grant: Grant
) -> None:
    """A card that changes in place notifies nobody: who waits for access would not know."""
    assert bot.world.grant(grant.id).state is GrantState.ACTIVE
    assert any(m.text.startswith("Your access is active until ") for m in erin.messages())
