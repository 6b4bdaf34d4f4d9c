"""What is read line by line of kubectl's lists is what libyaml reads of them, or is left to it."""

import io
import random
import tracemalloc
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from grants.review.inventory import Inventory
from grants.review.reading import read_paths, yaml_lists, yaml_text
from grants.review.reading.yaml_events import NO_HEAD
from tests.bench import dump

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HEAD = "apiVersion: v1\nitems:\n"
TAIL = "kind: List\nmetadata:\n  resourceVersion: ''\n"
GOOD = "- apiVersion: v1\n  kind: Namespace\n  metadata:\n    name: {}\n"
ROLE = "- apiVersion: rbac.authorization.k8s.io/v1\n  kind: Role\n  metadata:\n    name: r\n"
EDITS = 3000
TEXTS = (
    *("a b", "on", "null", "1e3", "0x1f", "-", "~", "é", " x", "x ", "a: b", "a #b"),
    *("'", '"', "a\nb", "---", "- a", "1_", "1__2"),
)


def read(text: str) -> Inventory:
    return read_paths(["-"], io.BytesIO(text.encode()), now=NOW)


@pytest.fixture
def by_libyaml(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Read as if there were no other reader than libyaml's."""

    def plainly(text: str) -> Inventory:
        with monkeypatch.context() as patch:
            patch.setattr(yaml_text, "read_items", lambda data, *_: (data, NO_HEAD))
            return read(text)

    return plainly


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The texts that libyaml is given."""
    given: list[bytes] = []
    loader = yaml.CSafeLoader

    def load(data: bytes) -> yaml.CSafeLoader:
        given.append(data)
        return loader(data)

    monkeypatch.setattr(yaml, "CSafeLoader", load)
    return given


def around(item: str, tail: str = TAIL) -> str:
    return f"{HEAD}{GOOD.format('one')}{item}{GOOD.format('two')}{GOOD.format('three')}{tail}"


PLAIN = {
    "quoted": "  rules:\n  - verbs:\n    - '*'\n    apiGroups:\n    - \"\"\n",
    "a list behind its key": "  rules:\n    - verbs:\n        - get\n        - list\n",
    "nothing in it": "  rules: []\n  aggregationRule: {}\n",
    "nothing behind the colon": "  rules:\n  aggregationRule:\n",
    "words and numbers": "  x:\n  - yes\n  - 017\n  - 1.5e3\n  - Null\n",
    "underscores": "  x:\n  - 1_\n  - 1__2\n  spec:\n    replicas: 1_0_\n",
    "colons within": "  f:metadata:\n    f:uid: a:b\n  at: 2025-03-01T10:00:00Z\n",
    "spaces within": "  about: one (two), three - four\n",
    "mappings in lists in mappings": "  a:\n  - b:\n    - c: 1\n      d:\n        e: f\n    g: h\n",
}
LEFT = {
    "a text of several lines": "  about: one\n    two\n",
    "a literal text": "  about: |\n    - one: two\n",
    "a quoted text of several lines": "  about: 'one\n\n    two'\n",
    "an escape": '  about: "\\u00e9"\n',
    "a quote in quotes": "  about: 'it''s'\n",
    "another alphabet": "  about: größer\n",
    "a flow": "  rules: [{verbs: [get]}]\n",
    "a comment": "  about: x # y\n",
    "a line of comment": "# kind: Role\n",
    "an empty line": "\n",
    "a list in a list": "  x:\n  - - a\n",
    "a key that is asked for": "  ? x\n  : y\n",
    "a tag": "  x: !!str 1\n",
    "a quoted key": "  'x': y\n",
    "a space at the end": "  x: y \n",
    "a line that is long": f"  x: {'a ' * yaml_lists.LINE_MOST}a\n",
}
DOUBTED = {
    "a key twice": "  kind: Role\n",
    "an anchor": "  x: &y z\n",
    "an alias": "  x: *y\n",
    "an alias of another item's": f"  about: &y get\n{ROLE}  rules:\n  - verbs: [*y]\n",
    "a quote within quotes": '  about: "one"two"\n',
    "too deep a line": "  about: one\n   two: three\n",
    "too shallow a line": " about: one\n",
    "an item behind a value": "  about: one\n  - two\n",
    "a line of the list": "about: one\n",
    "the list's end": TAIL,
    "the list's end, and a document": f"{TAIL}---\nkind: List\nitems:\n",
    "a document's end": "...\n",
    "another document": "---\n",
    "a quote that does not end": "  about: 'one\n",
    "a quote that ends in another item": f"  about: 'one\n{GOOD.format('x')}  two: three'\n",
    "a tab": "  about:\tone\n",
    "a break of its own": "  about: one\r\n",
    "a break of another alphabet": "  about: 'one\u2028two'\n",
    "an item behind a comment": "- # theirs\n  kind: Role\n  metadata:\n    name: q\n",
    "an item on a line of its own": "- \n  kind: Role\n  metadata:\n    name: q\n",
    "an item behind a comment's sign": "-  #kind: Role\n  kind: Role\n  metadata:\n    name: q\n",
    "no kind": "- metadata:\n    name: x\n",
    "a list in it": "- kind: List\n  items:\n  - kind: Namespace\n",
    "a wrong type": "  rules: get\n",
    "a template, and something broken": f"  x: 'a {{{{ b }}}}'\n{ROLE}  rules: [\n",
}


@pytest.mark.parametrize("item", PLAIN.values(), ids=PLAIN)
def test_a_plain_item_is_read_without_libyaml(
    item: str, by_libyaml: Any, loaded: list[bytes]
) -> None:
    text = around(ROLE + item)
    found = read(text)
    # Of the whole list the last item is left to it.
    assert [data.decode() for data in loaded] == [HEAD + GOOD.format("three") + TAIL]
    assert found == by_libyaml(text)


@pytest.mark.parametrize("item", LEFT.values(), ids=LEFT)
def test_an_item_that_is_not_plain_is_given_to_libyaml_alone(
    item: str, by_libyaml: Any, loaded: list[bytes]
) -> None:
    text = around(ROLE + item)
    found = read(text)
    assert [data.decode() for data in loaded] == [ROLE + item, HEAD + GOOD.format("three") + TAIL]
    assert found == by_libyaml(text)


@pytest.mark.parametrize("item", DOUBTED.values(), ids=DOUBTED)
def test_where_there_is_a_doubt_libyaml_reads_on(item: str, by_libyaml: Any) -> None:
    for tail in (TAIL, "kind: RoleList\n", ""):
        for begin in ("", ROLE):
            text = around(begin + item, tail)
            assert read(text) == by_libyaml(text)


@pytest.mark.parametrize("cut", range(1, 60))
def test_a_dump_that_was_cut_off_is_told_at_its_line(cut: int, by_libyaml: Any) -> None:
    text = around(ROLE + PLAIN["quoted"])[:-cut]
    found = read(text)
    assert found == by_libyaml(text)


def test_a_line_as_long_as_the_file_takes_no_more_than_its_own_size(by_libyaml: Any) -> None:
    text = around(f"{ROLE}  x: {'a ' * 400_000}a\n")
    tracemalloc.start()
    found = read(text)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 12 * len(text)
    assert found == by_libyaml(text)


def test_where_most_items_are_not_plain_libyaml_reads_on(
    by_libyaml: Any, loaded: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yaml_lists, "ODD_MOST", 3)
    odd = "".join(
        f"- {{apiVersion: v1, kind: Namespace, metadata: {{name: n{n}}}}}\n" for n in range(9)
    )
    plain = "".join(GOOD.format(f"p{n}") for n in range(9))
    found = read(around(odd))
    assert len(loaded) == 3 + 1, "the fourth was left to whoever reads on"
    assert found == by_libyaml(around(odd))
    loaded.clear()
    read(around(plain + odd))
    assert len(loaded) == 9 + 1, "they are no more than the others"


def test_lines_are_counted_on(by_libyaml: Any) -> None:
    text = around(ROLE + PLAIN["quoted"]) + "---\nkind: 1\n---\n'x\n"
    found = read(text)
    assert [role.meta.origin.line for role in found.roles if role.meta.origin] == [7]
    assert [meta.origin.line for meta in found.namespaces if meta.origin] == [3, 16, 20]
    assert found == by_libyaml(text)


def test_whatever_stands_in_a_list_it_is_read_as_libyaml_does(
    dice: random.Random, by_libyaml: Any, loaded: list[bytes]
) -> None:
    alone = 0
    for _ in range(EDITS):
        text = edited(listed(dice), dice)
        loaded.clear()
        found = read(text)
        alone += sum(data.startswith(b"- ") for data in loaded)
        assert found == by_libyaml(text), text
    assert alone > EDITS / 10


def listed(dice: random.Random) -> str:
    """Write a list as one of the many who write YAML does."""
    items = list(dump.items(dice.randint(1, 2), dice.randrange(1000)))
    for item in items:
        if dice.random() < 0.3:
            item["metadata"]["annotations"] = {"about": dice.choice(TEXTS) * dice.choice((1, 30))}
        if dice.random() < 0.1:
            item[dice.choice(TEXTS)] = dice.choice((None, True, 3, [], {}, [[1], {"a": []}]))
    whole = {"apiVersion": "v1", "items": items, "kind": "List"}
    return yaml.dump(
        whole,
        Dumper=yaml.CSafeDumper,
        default_style=dice.choice((None, None, None, "'", '"')),
        allow_unicode=dice.random() < 0.5,
        width=dice.choice((20, 80, 1000)),
    )


def edited(text: str, dice: random.Random) -> str:
    """Change a few letters and lines of a text, or none."""
    for _ in range(dice.randrange(4)):
        lines = text.splitlines(keepends=True)
        place, other = dice.randrange(len(lines)), dice.randrange(len(lines))
        letter = dice.randrange(len(lines[place]))
        line = lines[place]
        match dice.randrange(6):
            case 0:
                lines[place] = line[:letter] + line[letter + 1 :]
            case 1:
                lines[place] = (
                    line[:letter] + dice.choice(" :-#'\"[]{}&*!|>\n\t\ré1a_") + line[letter:]
                )
            case 2:
                lines[place] = " " * dice.randrange(1, 4) + line
            case 3:
                lines[place] = line.removeprefix("  ")
            case 4:
                lines[place], lines[other] = lines[other], line
            case _:
                lines.insert(other, line)
        text = "".join(lines)
        if not text.strip():
            return HEAD
    return text
