"""mrkdwn as a reader sees it. Whatever the text holds, no markup of its own gets through."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.playground.slack import Workspace
from bot.playground.slack.mrkdwn import Reader

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
STAMP = int(NOON.timestamp())


def reader(tz: str = "Europe/Berlin") -> Reader:
    workspace = Workspace(seed="mrkdwn")
    workspace.add_user("erin", "Erin Engineer")
    workspace.add_channel("ops")
    workspace.add_usergroup("oncall", "On call", [])
    return Reader(tz, NOON, workspace.users, workspace.channels, workspace.usergroups)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("plain", "plain"),
        ("*bold* and _lean_ and ~gone~", "<strong>bold</strong> and <em>lean</em> and <s>gone</s>"),
        ("2 * 3 * 4", "2 * 3 * 4"),
        ("snake_case_name", "snake_case_name"),
        ("a `*code*` b", "a <code>*code*</code> b"),
        ("```a\n*b*```", "<pre>a\n*b*</pre>"),
        ("one\ntwo", "one<br>two"),
        (">quoted\nnot", "<blockquote>quoted</blockquote>not"),
        ("&gt;quoted", "<blockquote>quoted</blockquote>"),
        ("&lt;b&gt; &amp; c", "&lt;b&gt; &amp; c"),
        ("&amp;lt;", "&amp;lt;"),
        ("<!channel>", '<span class="mention">@channel</span>'),
        ("<@U404>", "&lt;@U404&gt;"),
        ("<javascript:alert(1)|click>", "&lt;javascript:alert(1)|click&gt;"),
        (":white_check_mark: :unknown:", "✔ :unknown:"),
        (
            "<https://x.test/?a=1&amp;b=2|see *this*>",
            (
                '<a href="https://x.test/?a=1&amp;b=2" target="_blank" rel="noreferrer noopener">'
                "see *this*</a>"
            ),
        ),
        (
            "at https://x.test/y.",
            (
                'at <a href="https://x.test/y" target="_blank" rel="noreferrer noopener">'
                "https://x.test/y</a>."
            ),
        ),
    ],
)
def test_text_is_read_as_slack_reads_it(text: str, html: str) -> None:
    assert str(reader().mrkdwn(text)) == html


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        ("{time}", "13:00"),
        ("{time_secs}", "13:00:00"),
        ("{date_num}", "2026-11-22"),
        ("{date}", "November 22, 2026"),
        ("{date_short}", "Nov 22, 2026"),
        ("{date_long}", "Sunday, November 22, 2026"),
        ("{date_short_pretty} at {time}", "today at 13:00"),
        ("{ago}", "0 min ago"),
        ("{unknown}", "{unknown}"),
    ],
)
def test_a_date_is_shown_in_the_readers_zone(form: str, shown: str) -> None:
    """https://docs.slack.dev/messaging/formatting-message-text#date-formatting"""
    html = str(reader().mrkdwn(f"<!date^{STAMP}^{form}|12:00 UTC>"))
    assert html == f'<time datetime="2026-11-22T13:00:00+01:00" title="12:00 UTC">{shown}</time>'


def test_another_zone_is_another_day() -> None:
    html = str(reader("Pacific/Auckland").mrkdwn(f"<!date^{STAMP}^{{date_pretty}} {{time}}|x>"))
    assert ">today 01:00<" in html
    later = f"<!date^{STAMP + 86_400}^{{date_pretty}}|x>"
    assert ">tomorrow<" in str(reader().mrkdwn(later))


def test_mentions_show_names() -> None:
    one = reader()
    (erin,) = (user.id for user in one.users.values() if user.name == "erin")
    (ops,) = one.channels
    (oncall,) = one.usergroups
    html = str(one.mrkdwn(f"<@{erin}> <#{ops}|old> <!subteam^{oncall}>"))
    assert [part.split("<")[0] for part in html.split('class="mention">')[1:]] == [
        "@erin",
        "#ops",
        "@oncall",
    ]


@given(st.text(alphabet=st.sampled_from("ab<>&|!^*_~`'\"\n:/@#x=()\ue000\ue0010 "), max_size=60))
def test_no_tag_comes_from_the_text(text: str) -> None:
    html = str(reader().mrkdwn(text))
    for piece in html.split("<")[1:]:
        name = piece.removeprefix("/").split(">")[0].split(" ")[0]
        assert name in ("strong", "em", "s", "code", "pre", "br", "blockquote", "a", "span", "time")
    assert "javascript:" not in html or "href" not in html


@given(st.text(max_size=40))
def test_plain_text_is_never_markup(text: str) -> None:
    html = str(reader().plain(text))
    assert "<" not in html.replace("<br>", "")
