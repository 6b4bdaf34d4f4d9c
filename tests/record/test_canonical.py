"""The bytes of an event are pinned: whoever verifies the record must get the same ones."""

import json
from datetime import datetime, timedelta, timezone

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from grants.plain_json import plain_bytes
from grants.record.canonical import canonical, plain_facts, utc_text
from grants.record.model import Event, EventType
from grants.record.writer import EventBuffer
from tests.support.store_values import NOW

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = st.one_of(
    TEXT,
    st.booleans(),
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,62}", fullmatch=True)
FACTS = st.dictionaries(NAMES, SCALARS | st.lists(SCALARS))


def test_the_bytes_of_an_event_never_change():
    event = Event(
        EventType.GRANT_ENDED,
        NOW,
        "per-a",
        grant="gra-b",
        request="req-c",
        why_digest="d" * 4,
        policy_digest="e" * 4,
        facts={"zeta": 1e21, "alpha": ["é", True, 10], "half": 0.5, "whole": 3.0},
    )
    assert canonical("evt-x", event).numbered(7) == (
        b'{"actor":"per-a","at":"2026-01-05T09:30:00.123456Z",'
        b'"facts":{"alpha":["\xc3\xa9",true,10],"half":0.5,"whole":3,"zeta":1e+21},'
        b'"grant":"gra-b","id":"evt-x","number":7,"policy_digest":"eeee","request":"req-c",'
        b'"schema":1,"type":"grant.ended","why_digest":"dddd"}'
    )


@given(FACTS)
def test_facts_come_back_from_the_bytes(facts):
    """Numbers as RFC 8785 has them: each is a double."""
    event = Event(EventType.POLICY_LOADED, NOW, "system", facts=facts)
    body = json.loads(canonical("evt-x", event).numbered(1), parse_int=float)
    assert body["facts"] == facts


@given(FACTS, st.integers(1, 2**53 - 1), TEXT)
def test_the_bytes_are_those_of_rfc_8785_whatever_writes_them(facts, number, actor):
    event = Event(EventType.POLICY_LOADED, NOW, actor, facts=facts)
    body = {
        "schema": 1,
        "number": number,
        "id": "evt-x",
        "type": "policy.loaded",
        "at": utc_text(NOW),
        "actor": actor,
        "facts": facts,
    }
    assert canonical("evt-x", event).numbered(number) == rfc8785.dumps(body)


@given(st.text(st.characters(max_codepoint=0x2030), max_size=30))
def test_controls_and_quotes_are_escaped_as_rfc_8785_has_it(actor):
    event = Event(EventType.POLICY_LOADED, NOW, actor, facts={"of": [actor]})
    written = canonical("evt-x", event).numbered(1)
    assert rfc8785.dumps(json.loads(written)) == written
    assert json.loads(written)["actor"] == actor


@given(st.lists(st.dictionaries(NAMES, st.lists(TEXT) | TEXT | st.none() | st.integers(0, 10**9))))
def test_what_is_hashed_is_written_as_rfc_8785_has_it(values):
    assert plain_bytes(values) == rfc8785.dumps(values)


def test_half_a_character_is_refused():
    with pytest.raises(ValueError, match="surrogates"):
        canonical("evt-x", Event(EventType.POLICY_LOADED, NOW, "\ud800")).numbered(1)


@given(FACTS)
def test_the_order_of_facts_does_not_matter(facts):
    backwards = dict(reversed(facts.items()))
    first = canonical("e", Event(EventType.POLICY_LOADED, NOW, "system", facts=facts)).numbered(1)
    other = canonical("e", Event(EventType.POLICY_LOADED, NOW, "system", facts=backwards)).numbered(
        1
    )
    assert first == other


def test_a_time_is_written_in_utc_whatever_its_zone():
    east = timezone(timedelta(hours=5, minutes=30))
    assert utc_text(datetime(2026, 1, 1, 5, 30, tzinfo=east)) == "2026-01-01T00:00:00.000000Z"


@pytest.mark.parametrize("name", ["", "Upper", "with space", "é", "_x", "x" * 64])
def test_a_fact_has_a_plain_name(name):
    with pytest.raises(ValueError, match="name"):
        plain_facts({name: 1})


def test_numbers_end_at_the_one_that_was_reserved():
    buffer = EventBuffer()
    for actor in ("a", "b", "c"):
        buffer.add(Event(EventType.POLICY_LOADED, NOW, actor))
    numbered = buffer.numbered(12)
    assert [(event.actor, stored.number) for event, stored in numbered] == [
        ("a", 10),
        ("b", 11),
        ("c", 12),
    ]
    assert len({stored.id for _, stored in numbered}) == 3
