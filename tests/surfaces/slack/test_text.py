"""Text for Slack: what hides is taken out, what is too long is cut, lengths are read."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.ask_form import read_length
from bot.slack.choices import as_value, from_value
from bot.slack.inbound import Kind, read_inbound
from bot.slack.text import clean, code, date, fit, fit_escaped, label, mention, one_line


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("a\x00b\x1b[31mc", "ab[31mc"),
        ("pay\u202eload\u2066", "payload"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("one\r\ntwo\rthree\u2028four", "one\ntwo\nthree\nfour"),
        ("tab\there", "tab here"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("\U000e0041tag\ud800", "tag"),
    ],
)
def test_what_hides_or_steers_is_taken_out(raw: str, cleaned: str) -> None:
    assert clean(raw) == cleaned


def test_a_cut_shows_and_an_escape_is_never_cut_in_two() -> None:
    assert fit("abcdef", 6) == "abcdef"
    assert fit("abcdefg", 6) == "abcde…"
    assert fit_escaped("a<b", 10) == "a&lt;b"
    assert fit_escaped("<<<", 9) == "&lt;&lt;…"
    assert fit("😀😀😀", 4) == "😀…", "counted as Slack's clients do"


@given(text=st.text(max_size=300), limit=st.integers(1, 100))
def test_what_is_cut_fits(text: str, limit: int) -> None:
    assert len(fit(text, limit)) <= limit
    cut = fit_escaped(text, limit)
    assert len(cut) <= limit
    assert "<" not in cut
    assert ">" not in cut


def test_labels_mentions_and_code_can_not_be_broken_out_of() -> None:
    shown = label("<@U1> *x* `y`\n~z~")
    assert shown.startswith("&lt;@U1&gt; ")
    assert not set(shown) & set("<>*`~\n")
    assert one_line(" a \n b ") == "a b"
    assert code("a```b<c").strip("`").count("`") == 0
    assert "&lt;c" in code("a```b<c")
    assert mention("U123ABC") == "<@U123ABC>"
    assert mention("U1> <!channel") == "U1&gt; &lt;!channel"


def test_a_date_has_the_fallback_that_slack_demands() -> None:
    at = datetime(2026, 1, 5, 12, tzinfo=UTC)
    shown = "<!date^1767614400^{date_short_pretty} at {time}|5 Jan 2026 12:00 UTC>"
    assert date(at) == shown


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("90m", 90),
        ("1h30m", 90),
        ("1h 30m", 90),
        (" 2 H ", 120),
        ("1 hour 30 minutes", 90),
        ("2 hours, 5 mins", 125),
        ("1d", 1440),
        ("45 min", 45),
        ("3600s", 60),
        ("", None),
        ("soon", None),
        ("-5m", None),
        ("1.5h", None),
        ("30m1h", None),
        ("90", None),
        ("9" * 30 + "h", None),
    ],
)
def test_lengths_are_read_as_people_write_them(text: str, minutes: int | None) -> None:
    wanted = None if minutes is None else timedelta(minutes=minutes)
    assert read_length(text) == wanted


def test_a_name_too_long_for_an_option_goes_by_its_digest() -> None:
    long = "debug-" + "x" * 200
    assert as_value("debug") == "debug"
    assert len(as_value(long)) <= 75
    assert from_value(as_value(long), ["other", long]) == long
    assert from_value("#forged", ["other"]) == "#forged"


@given(
    body=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["type", "user", "team", "team_id", "view", "actions", "event", "command", "id"]
                ),
                inner,
                max_size=5,
            )
        ),
        max_leaves=20,
    )
)
def test_any_json_reads_as_something_that_standing_can_judge(body: object) -> None:
    if not isinstance(body, dict):
        return
    inbound = read_inbound(body)
    assert inbound.kind in Kind
    assert inbound.account is None or inbound.account.user
    for read in (inbound.trigger_id, inbound.text, inbound.value, inbound.channel):
        assert isinstance(read, str)
    assert dict(inbound.state) is not None


def test_a_click_has_one_key_and_another_click_another() -> None:
    """A click is one thing, by whichever trigger it comes; the next one is made a moment later."""

    def click(at: str, trigger: str = "1.2", user: str = "U1", **message: str) -> str:
        action = {"action_id": "approve", "block_id": "b", "value": "v", "action_ts": at}
        body = {
            "type": "block_actions",
            "user": {"id": user, "team_id": "T1"},
            "trigger_id": trigger,
            "container": {"channel_id": "C1", "message_ts": "5.5"} | message,
            "actions": [action],
        }
        return read_inbound(body).key

    assert click("1.2") == click("1.2", trigger="9.9")
    others = {click("1.3"), click("1.2", user="U2"), click("1.2", message_ts="5.6")}
    assert len(others | {click("1.2")}) == 4


def test_a_submit_is_known_by_its_view_and_what_it_holds() -> None:
    def submit(trigger: str, value: str) -> str:
        view = {"id": "V1", "state": {"values": {"b": {"a": {"value": value}}}}}
        user = {"id": "U1", "team_id": "T1"}
        body = {"type": "view_submission", "user": user, "view": view, "trigger_id": trigger}
        return read_inbound(body).key

    assert submit("1.2", "x") == submit("1.3", "x"), "pressed again after a lost answer"
    assert submit("1.2", "x") != submit("1.2", "y")
