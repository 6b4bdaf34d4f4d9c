"""YAML as read strictly, with its places."""

import gc
import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from grants.policy.yaml_lines import MAX_DEPTH, read_lines


def problems(text: str | bytes) -> list[tuple[int, int, str]]:
    lines = read_lines(text.encode() if isinstance(text, str) else text)
    return [(*problem.mark, problem.code) for problem in lines.problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("1:30", "1:30"),
        ("0x1F", 31),
        ("0o17", 15),
        ("012", 12),
        ("-7", -7),
        ("1_000", "1_000"),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-.inf", -math.inf),
        ("true", True),
        ("False", False),
        ("tRue", "tRue"),
        ("null", None),
        ("~", None),
        ("", None),
        ("'true'", "true"),
        ('"1"', "1"),
        ("2026-11-22", "2026-11-22"),
        ("=", "="),
        ("99999999999999999999999", 1e23),
        (".a", ".a"),
        ("Nobody", "Nobody"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    lines = read_lines(f"a: {text}\n".encode())
    assert lines.problems == []
    assert lines.value == {"a": value}
    assert type(lines.value["a"]) is type(value)


def test_not_a_number_is_one_too() -> None:
    assert math.isnan(read_lines(b"a: .NaN").value["a"])


def test_every_value_and_key_has_its_place() -> None:
    lines = read_lines("ä: {b: [x, yy,\n    z]}\nc:\n  - d: 1\n    e: 2\n".encode())
    assert lines.value == {"ä": {"b": ["x", "yy", "z"]}, "c": [{"d": 1, "e": 2}]}
    assert lines.mark(("ä", "b", 0)) == (1, 9)
    assert lines.mark(("ä", "b", 1)) == (1, 12)
    assert lines.mark(("ä", "b", 2)) == (2, 5)
    assert lines.mark(("c", 0)) == (4, 5)
    assert lines.mark(("c", 0, "e")) == (5, 8)
    assert lines.mark(("c", 0, "e"), key=True) == (5, 5)


def test_what_is_missing_has_the_place_of_what_is_around_it() -> None:
    lines = read_lines(b"a:\n  b: 1\n")
    assert lines.mark(("a", "gone", "further")) == (2, 3)
    assert lines.mark(("gone",)) == (1, 1)
    assert read_lines(b"").mark(("gone",)) == (1, 1)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: 1\nb: 2\na: 3\n", [(3, 1, "duplicate-key")]),
        ("a: {x: 1, x: 2}\n", [(1, 11, "duplicate-key")]),
        ("a: 1\na: {y: 1, y: 2}\n", [(2, 1, "duplicate-key"), (2, 11, "duplicate-key")]),
        ("a: &here 1\nb: *here\n", [(1, 4, "anchor"), (2, 4, "alias")]),
        ("a: &here [1]\n", [(1, 4, "anchor")]),
        ("a: !!str 1\n", [(1, 4, "tag")]),
        ("a: ! 1\n", [(1, 4, "tag")]),
        ("!x a: 1\n", [(1, 1, "tag")]),
        ("? [a]\n: 1\n", [(1, 3, "bad-key")]),
        ("a: 1\n---\nb: 2\n", [(2, 1, "several-documents")]),
        ("a: [1, 2\nb: 3\n", [(2, 2, "not-yaml")]),
        ("a:\n\t- b\n", [(2, 1, "not-yaml")]),
        ("a: 'x\n", [(2, 1, "not-yaml")]),
        ("a: b: c\n", [(1, 5, "not-yaml")]),
        ("ä: \x07\n", [(1, 4, "not-yaml")]),
        ("%YAML 1.3\n---\na: b\n", [(1, 1, "not-yaml")]),
        ("", [(1, 1, "empty")]),
        ("# nothing\n", [(1, 1, "empty")]),
        (b"a: b\nc: \xff", [(2, 4, "not-utf-8")]),
        ("[" * (MAX_DEPTH + 2), [(1, MAX_DEPTH + 2, "too-big")]),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    text: str | bytes, found: list[tuple[int, int, str]]
) -> None:
    assert problems(text) == found


def test_the_first_of_two_keys_counts() -> None:
    assert read_lines(b"a: 1\na: 2\n").value == {"a": 1}


def test_a_merge_key_is_a_key_like_others() -> None:
    assert read_lines(b"<<: {a: 1}\n").value == {"<<": {"a": 1}}


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert read_lines("\ufeffa: b".encode()).value == {"a": "b"}


def test_too_many_values_are_not_read_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grants.policy.yaml_lines.MAX_NODES", 5)
    assert problems("[1, 2, 3, 4, 5, 6, 7]") == [(1, 14, "too-big")]


@pytest.mark.parametrize("on", [True, False])
def test_cycle_collection_is_left_as_it_was(*, on: bool) -> None:
    was = gc.isenabled()
    (gc.enable if on else gc.disable)()
    try:
        read_lines(b"a: [")
        assert gc.isenabled() is on
    finally:
        (gc.enable if was else gc.disable)()


TREES = st.recursive(
    st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


class Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


@given(st.dictionaries(st.text(), TREES, max_size=3))
def test_whatever_is_written_is_read_back(tree: dict[str, object]) -> None:
    text = yaml.dump(tree, Dumper=Plain, allow_unicode=True, default_style='"')
    lines = read_lines(text.encode())
    assert lines.problems == []
    assert lines.value == tree


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    lines = read_lines(data)
    assert all(line >= 1 and column >= 1 for line, column in lines.values.values())


@given(st.text("{}[]:,-&*!?|>'\"#%@` \nab~<", max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    assert read_lines(text.encode()) is not None
