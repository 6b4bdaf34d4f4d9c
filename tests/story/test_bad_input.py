"""Bad input and broken parts, tried on the whole: a clear sentence, and nothing half-done.

docs/bad-input.md has the table; what the smaller tests try is there too.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from bot.playground.certs import Authority
from bot.playground.controlplane.plane import ControlPlane
from bot.playground.idp.provider import Lie
from bot.playground.slack.courier import signature
from bot.playground.slack.records import Message, View
from bot.playground.town import Town
from tests.support.bad_town import BadTown, in_time, run_bot
from tests.support.townsfolk import said

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PLACE = "payments-dev"
REQUESTS = "access-requests"
POLICY_WITHIN = 12  # seconds; the files are looked at every five
HIDDEN = "\x1b[31m\u202e\u2066\u200b"

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def folk(
    authority: Authority, binaries: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BadTown]:
    """One town for the file: signed HTTP, SQLite, and a relay before the API server."""
    folder = tmp_path_factory.mktemp("bad")
    with Town(folder, authority, signed_http=True) as made:
        issuer = made.start_provider()
        with ControlPlane(folder / "plane", binaries, authority, issuers=[issuer]) as plane:
            made.join_cluster(plane)
            folk = BadTown(made)
            made.start_bot()
            yield folk
            made.stop_bot()
            folk.stop()


@pytest.fixture(scope="module")
def signed_in(folk: BadTown) -> BadTown:
    for key in ("erin", "ada", "omar"):
        folk.sign_in(key)
    return folk


def filled_form(folk: BadTown, key: str, reason: str, length: str = "1h") -> View:
    """Open the form and fill it in, but don't submit it."""
    person = folk.person(key)
    assert person.slash("/access", "").acked
    for action, query in (("cluster", "prod"), ("namespace", PLACE), ("entitlement", "view")):
        folk.choose(person, action, query)
    person.type(person.view(), "length", length)
    person.type(person.view(), "reason", reason)
    return person.view()


def asked(folk: BadTown, reason: str) -> Message:
    """Have Erin ask; gives the approvers' card."""
    folk.ask("erin", namespace=PLACE, entitlement="view", length="1h", reason=reason)
    return folk.card("ada", reason, REQUESTS)


def last_said(folk: BadTown, key: str, text: str) -> Message:
    """Wait for a message in the channel or in the person's own conversation."""
    person = folk.person(key)

    def found() -> Message | None:
        every = [*person.messages(REQUESTS), *person.messages()]
        return next((m for m in reversed(every) if text in said(m)), None)

    return folk.wait(found)  # type: ignore[return-value]


def test_a_provider_that_is_down_is_said_with_the_next_step_and_the_link_stays_good(
    folk: BadTown,
) -> None:
    """First in the file: nothing of the provider has been read yet."""
    link = folk.link_for("alex")
    browser = folk.browser("alex")
    browser.session.headers["Accept"] = "text/html"
    folk.town.provider.stop()
    page = browser.open_link(link)
    assert page.status_code == 503, page.text
    folk.town.provider.start()
    assert "does not answer" in page.text
    assert "open the link from Slack again" in page.text
    assert folk.rows("accounts") == []
    assert browser.open_link(link).status_code == 200
    assert len(folk.rows("accounts")) == 1


@pytest.mark.parametrize(
    ("body", "status"), [("{}", 503), ('{"id_token": "e30.e30.e30"}', 200)], ids=["fails", "lies"]
)
def test_a_token_that_is_none_signs_nobody_in(folk: BadTown, body: str, status: int) -> None:
    before = folk.rows("accounts")
    folk.town.provider.lie("token", Lie(body=body, status=status))
    try:
        page = folk.browser("omar").open_link(folk.link_for("omar"))
    finally:
        folk.town.provider.heal()
    assert page.status_code in {403, 503}, page.text
    assert "nobody was signed in" in page.text
    assert "Traceback" not in page.text
    assert folk.rows("accounts") == before
    assert folk.events()[-1]["type"] in {"sign-in.failed", "sign-in.offered"}


@pytest.mark.security("D6")
def test_a_replayed_signed_request_decides_nothing_twice(signed_in: BadTown) -> None:
    folk = signed_in
    card = asked(folk, "Replay drill")
    in_time(folk.person("ada").click(card, "approve"))
    payload = folk.town.slack.deliveries[-1].payload
    folk.card("erin", "Give back")
    before = folk.state()["decisions"], [grant[0] for grant in folk.rows("grants")]
    body, at = urlencode({"payload": json.dumps(payload)}).encode(), str(int(time.time()))
    for _again in range(2):
        answer = folk.town.slack.courier.post(body, FORM, timestamp=at)
        assert answer.status_code == 200
    assert before == (folk.state()["decisions"], [grant[0] for grant in folk.rows("grants")])


@pytest.mark.parametrize(
    ("forged", "code"),
    [({"signed": ""}, "unsigned"), ({"signed": "v0=" + "0" * 64}, "bad-signature"), ({}, "stale")],
)
def test_what_is_not_freshly_signed_is_refused_by_name(
    folk: BadTown, forged: dict[str, str], code: str
) -> None:
    body, at = b"command=%2Faccess&text=help", str(int(time.time()) - 400 * (code == "stale"))
    answer = folk.town.slack.courier.post(body, FORM, timestamp=at, **forged)
    assert (answer.status_code, answer.json()["error"]) == (401, code)


def test_signed_nonsense_is_refused_by_name(folk: BadTown) -> None:
    secret, at = folk.town.app.signing_secret, str(int(time.time()))
    for body in (b"payload={", b"payload=[1]", b"\xff\xfe"):
        signed = signature(secret, at, body)
        answer = folk.town.slack.courier.post(body, FORM, timestamp=at, signed=signed)
        assert (answer.status_code, answer.json()["error"]) == (400, "malformed")


@pytest.mark.security("P6")
def test_forged_buttons_and_other_peoples_are_named_and_change_nothing(signed_in: BadTown) -> None:
    folk = signed_in
    card = asked(folk, "Forgery drill")
    folk.person("ada").click(card, "deny")
    payload = folk.town.slack.deliveries[-1].payload
    request = payload["actions"][0]["value"].partition(":")[0]
    grant = next(row[0] for row in folk.rows("grants"))
    omar = {**payload["user"], "id": folk.town.users["omar"].id}
    before = folk.state()

    def act(number: int, action: str, value: str, user: dict[str, Any] = omar) -> None:
        element = {**payload["actions"][0], "action_id": action, "value": value}
        forged = {**payload, "user": user, "trigger_id": f"9.{number}", "actions": [element]}
        in_time(folk.town.slack.deliver_raw(forged))

    act(1, "approve", f"{request}:{'0' * 64}", payload["user"])
    last_said(folk, "ada", "shows something else than what was asked for")
    act(2, "approve", "req-1:x", payload["user"])
    last_said(folk, "ada", "There is no such request")
    act(3, "cancel", request)
    last_said(folk, "omar", "Only the person who asked can cancel")
    act(4, "give-back", grant)
    last_said(folk, "omar", "Only the person who has this access can give it back")
    act(5, "of-an-older-version", request)
    last_said(folk, "omar", "not known (any more)")
    assert folk.state() == before


@pytest.mark.security("D1")
def test_markup_in_a_reason_is_plain_text_on_the_card(signed_in: BadTown) -> None:
    folk = signed_in
    mark = "Markup drill"
    reason = f"{mark} <!channel> <https://evil.example|click> *b* {HIDDEN}`x`\n```\n# end"
    folk.ask("erin", namespace=PLACE, entitlement="view", length="1h", reason=reason)
    card = folk.card("ada", mark, REQUESTS)
    texts = list(every_text(card.blocks))
    quoted = [kind for kind, text in texts if "<!channel>" in text]
    assert quoted == ["plain_text"], "the reason is quoted once, where Slack reads no markup"
    marked = [text for kind, text in texts if kind == "mrkdwn"] + [card.text]
    assert not [text for text in marked if "<!channel" in text or "<https://evil" in text]
    assert not [text for _, text in texts if set(text) & set("\x1b\u202e\u2066\u200b")]


def every_text(blocks: object) -> Iterator[tuple[str, str]]:
    """Give each text object of blocks: its type and what it says."""
    if isinstance(blocks, list | tuple):
        for one in blocks:
            yield from every_text(one)
    if isinstance(blocks, dict):
        if isinstance(blocks.get("text"), str):
            yield blocks["type"], blocks["text"]
        for one in blocks.values():
            yield from every_text(one)


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        ("cluster_down", "did not tell the rules of the role"),
        ("cluster_slow", "did not tell the rules of the role"),
        ("cluster_forbids", "refuses the bot's own account"),
    ],
)
def test_a_cluster_in_trouble_is_said_in_place_and_the_form_goes_on_after_it(
    signed_in: BadTown, trouble: str, told: str
) -> None:
    folk, erin = signed_in, signed_in.person("erin")
    view = filled_form(folk, "erin", f"Drill of {trouble}")
    before = folk.state()
    with getattr(folk, trouble)():
        done = in_time(erin.submit(view))
        assert folk.state() == before
    assert told in " ".join(done.errors.values()), done.errors
    folk.wait(lambda: in_time(erin.submit(erin.view())).errors == {} and not erin.views())
    assert len(folk.rows("requests")) == len(before["requests"]) + 1


def test_a_locked_database_is_said_in_time_and_nothing_is_half_done(signed_in: BadTown) -> None:
    folk, erin, ada = signed_in, signed_in.person("erin"), signed_in.person("ada")
    card = asked(folk, "Lock drill")
    view = filled_form(folk, "erin", "Second lock drill")
    before = folk.state()
    with folk.database_locked():
        done = in_time(erin.submit(view))
        assert "database can't be reached" in " ".join(done.errors.values())
        in_time(ada.click(card, "approve"))
        last_said(folk, "ada", "database can't be reached")
    assert folk.state() == before
    folk.wait(lambda: in_time(erin.submit(erin.view())).errors == {} and not erin.views())
    in_time(ada.click(card, "approve"))
    assert len(folk.rows("requests")) == len(before["requests"]) + 1
    assert len(folk.rows("grants")) == len(before["grants"]) + 1


def test_a_bad_policy_is_refused_visibly_while_the_last_good_one_stays(signed_in: BadTown) -> None:
    folk, path = signed_in, signed_in.town.folder / "policy.yaml"
    good = path.read_text()
    refused = told_of_policy(folk)
    path.write_text("clusters: [")
    folk.wait(lambda: folk.ready()["checks"]["policy"] == "refused", POLICY_WITHIN)
    assert told_of_policy(folk) == refused + 1
    assert tracebacks(folk) == []
    view = filled_form(folk, "erin", "Under the last good policy")
    assert in_time(folk.person("erin").submit(view)).errors == {}
    path.write_text(good.replace("[platform, oncall]", "[]"))
    folk.wait(lambda: told_of_policy(folk) == refused + 2, POLICY_WITHIN)
    path.unlink()
    folk.wait(lambda: told_of_policy(folk) == refused + 3, POLICY_WITHIN)
    assert folk.ready()["checks"]["policy"] == "refused"
    path.write_text(good)
    folk.wait(lambda: folk.ready()["checks"]["policy"] == "ok", POLICY_WITHIN)


def tracebacks(folk: BadTown) -> list[str]:
    """What broke in the whole story so far: a part that is away is a warning, not a traceback."""
    return [line for line in folk.log().splitlines() if "Traceback" in line]


def told_of_policy(folk: BadTown) -> int:
    return sum(event["type"] == "policy.refused" for event in folk.events())


def test_a_second_serve_on_one_file_ends_at_once_and_harms_nothing(folk: BadTown) -> None:
    done = folk.serve()
    assert done.returncode == 4
    assert "Another Valetkey process already uses this database file." in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert folk.ready()["checks"]["database"] == "ok"


@pytest.fixture(scope="module")
def elsewhere(folk: BadTown, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Another database, empty but for its tables."""
    url = f"sqlite:///{tmp_path_factory.mktemp('other') / 'db' / 'valetkey.db'}"
    done = run_bot("db", "upgrade", environment=folk.environment({"DATABASE_URL": url}))
    assert done.returncode == 0, done.stderr
    return url


def test_an_old_schema_is_named_with_the_command_that_mends_it(
    folk: BadTown, tmp_path: Path
) -> None:
    done = folk.serve(DATABASE_URL=f"sqlite:///{tmp_path / 'db' / 'valetkey.db'}")
    assert done.returncode == 4
    assert "valetkey db upgrade" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "policy"),
        ("clusters: [", "policy.yaml:2:1: not YAML"),
        ("apiVersion: valetkey/v1\n", "policy"),
    ],
    ids=["missing", "broken", "empty"],
)
def test_a_policy_that_is_bad_from_the_start_is_named_by_line(
    folk: BadTown, elsewhere: str, tmp_path: Path, text: str | None, told: str
) -> None:
    path = tmp_path / "policy.yaml"
    if text is not None:
        path.write_text(text)
    done = folk.serve(DATABASE_URL=elsewhere, POLICY_PATH=str(path))
    assert done.returncode in {1, 3}
    assert told in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
