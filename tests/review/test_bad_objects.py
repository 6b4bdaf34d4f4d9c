"""What is not fit for use is said, with its place, and costs nothing but itself."""

import io
import json
import os
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from grants.review.inventory import Inventory, Seen
from grants.review.reading import files, gathering, read_paths
from tests.support.postgres import reachable_folder

NOW = datetime(2026, 3, 1, tzinfo=UTC)
GOOD = "apiVersion: v1\nkind: Namespace\nmetadata: {name: good}\n"
NOBODY = 65534
RBAC = "rbac.authorization.k8s.io/v1"


def read(text: str | bytes) -> Inventory:
    stream = io.BytesIO(text.encode() if isinstance(text, str) else text)
    return read_paths(["-"], stream, now=NOW)


def told(found: Inventory) -> list[tuple[str, int]]:
    return [(problem.code, problem.origin.line) for problem in found.problems]


def names(found: Inventory) -> list[str]:
    return [meta.name for meta in found.namespaces]


def namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


DEEP = 10_000
LAUGHS = "".join(
    f"  l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" if n else "  l0: &l0 [ha]\n"
    for n in range(20)
)

# What is wrong, the text, the problems told with their lines, and the namespaces that are found.
CASES: list[tuple[str, str | bytes, list[tuple[str, int]], list[str]]] = [
    ("nothing", " \n\n", [("empty", 0)], []),
    ("prose", "Just a letter.\n", [("not-an-object", 1)], []),
    ("values of a chart", f"replicas: 3\n---\n{GOOD}", [("not-an-object", 1)], ["good"]),
    ("an archive", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03" * 50, [("binary", 1)], []),
    ("a key twice", f"{GOOD}kind: Namespace\n", [("duplicate-key", 4)], ["good"]),
    (
        "a key twice deep inside",
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: bad\n  name: good\n",
        [("duplicate-key", 5)],
        ["good"],
    ),
    (
        "a key twice in an item",
        '{"kind": "List", "items": [\n{"kind": "Namespace", "apiVersion": "v1", "metadata":\n'
        '{"name": "a", "name": "b"}},\n' + json.dumps(namespace("c")) + "]}",
        [("duplicate-key", 2)],
        ["b", "c"],
    ),
    (
        "two lists of items",
        '{"kind": "List",\n"items": [1],\n"items": []}',
        [("duplicate-key", 1)],
        [],
    ),
    ("a document that is broken", f"a: [\n---\n{GOOD}", [("not-yaml", 2)], ["good"]),
    ("a tab", f"{GOOD}---\nkind: x\n\tbad: y\n---\n{GOOD}", [("not-yaml", 6)], ["good"]),
    ("a quote left open", f"kind: 'x\n---\n{GOOD}", [("not-yaml", 2)], ["good"]),
    (
        "a chart that is not rendered",
        f"apiVersion: v1\nmetadata: {{{{ .Values.meta }}}}\n  x: y\n---\n{GOOD}",
        [("bad-key", 2), ("a-template", 3)],
        ["good"],
    ),
    (
        "cut off in YAML",
        f"{GOOD}---\nkind: Namespace\nmetadata: {{name:",
        [("cut-off", 6)],
        ["good"],
    ),
    (
        "a list cut off between its items",
        "apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Namespace\n  metadata: {name: good}\n",
        [("list-cut-off", 1)],
        ["good"],
    ),
    (
        "JSON cut off",
        json.dumps({"items": [namespace("a"), namespace("b")], "kind": "List"}, indent=1)[:-60],
        [("cut-off", 13)],
        ["a"],
    ),
    ("JSON that is none", '{"kind": "Namespace" "x"}\n', [("not-json", 1)], []),
    ("not an object", "[1, null]", [("not-an-object", 1), ("not-an-object", 1)], []),
    ("items that are none", '{"kind": "List", "items": 5}', [("wrong-type", 1)], []),
    ("items that are none", "kind: List\nitems: 5\n", [("wrong-type", 1)], []),
    ("a list of nothing", "kind: List\napiVersion: v1\nitems:\n", [], []),
    (
        "no name",
        f"apiVersion: v1\nkind: Namespace\nmetadata: {{}}\n---\n{GOOD}",
        [("no-name", 1)],
        ["good"],
    ),
    ("no apiVersion", "kind: Namespace\nmetadata: {name: a}\n", [("no-api-version", 1)], ["a"]),
    ("a kind that is none", "kind: 5\n", [("wrong-type", 1), ("not-an-object", 1)], []),
    (
        "bytes that are no text",
        GOOD.encode() + b"# caf\xe9\n---\nkind: \xff\napiVersion: v1\n",
        [("not-utf-8", 4), ("not-utf-8", 6)],
        ["good"],
    ),
    ("a NUL", f"{GOOD}# \0\n", [("bad-character", 4)], ["good"]),
    (
        "a NUL in JSON",
        json.dumps(namespace("a")).replace("a", "a").encode().replace(b'"a"', b'"a\0"'),
        [("bad-character", 1)],
        ["a\ufffd"],
    ),
    (
        "bytes that are no text in JSON",
        b'{"kind": "List", "items": [\n{"kind": "\xff"},\n'
        + json.dumps(namespace("good")).encode()
        + b"]}",
        [("not-utf-8", 2)],
        ["good"],
    ),
    ("too deep", f"kind: x\nspec: {'[' * DEEP}\n---\n{GOOD}", [("too-deep", 2)], ["good"]),
    (
        "too deep in JSON",
        f'{{"kind": "x", "spec": {"[" * DEEP}{"]" * DEEP}}}',
        [("too-deep", 1)],
        [],
    ),
    (
        "Lists in Lists in Lists",
        '{"kind": "List", "items": [' * 9 + "]}" * 9,
        [("lists-too-deep", 1)],
        [],
    ),
    (
        "Lists in Lists in Lists",
        "kind: List\nitems: [" + "{kind: List, items: [" * 8 + "]}" * 8 + "]\n",
        [("lists-too-deep", 2)],
        [],
    ),
    (
        "a bomb that nobody lights",
        f"kind: x\nspec:\n{LAUGHS}---\n{GOOD}",
        [("too-many-aliases", 8)],
        ["good"],
    ),
    (
        "a bomb",
        f"kind: Namespace\napiVersion: v1\nmetadata:\n{LAUGHS}  name: *l19\n---\n{GOOD}",
        [("too-many-aliases", 9)],
        ["good"],
    ),
    ("an alias to nothing", "kind: *x\n", [("unknown-alias", 1), ("not-an-object", 1)], []),
    ("an alias to itself", f"{GOOD}data: &a [*a]\n", [("unknown-alias", 4)], ["good"]),
    ("a key that is a list", f"? [a, b]\n: c\n{GOOD}", [("bad-key", 1)], ["good"]),
]


@pytest.mark.parametrize(
    ("text", "problems", "found"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_what_is_wrong_is_said_and_the_rest_is_used(
    text: str | bytes, problems: list[tuple[str, int]], found: list[str]
) -> None:
    inventory = read(text)
    assert told(inventory) == problems
    assert names(inventory) == found
    loses = [code for code, _ in problems if code != "no-api-version"]
    assert inventory.partial == bool(loses)


def _role(rules: Any) -> dict[str, Any]:
    return {"apiVersion": RBAC, "kind": "Role", "metadata": {"name": "r"}, "rules": rules}


# The rules as they stand, where something is wrong, and the verbs of the rules that are left.
RULES: list[tuple[Any, list[str], list[tuple[str, ...]]]] = [
    ([{"verbs": "get"}], ["rules[0].verbs"], [()]),
    ([{"verbs": ["get", 5, "list"]}], ["rules[0].verbs[1]"], [("get", "list")]),
    ([5, {"verbs": ["get"]}], ["rules[0]"], [("get",)]),
    ([None, {"verbs": ["get"], "apiGroups": None}, {"verbs": [None]}], [], [("get",), ()]),
    ({"verbs": ["get"]}, ["rules"], []),
    (True, ["rules"], []),
    ([{"verbs": ["get"], "resources": [["pods"]]}], ["rules[0].resources[0]"], [("get",)]),
    ([{"verbs": {"a": 1}, "resourceNames": 7}], ["rules[0].verbs", "rules[0].resourceNames"], [()]),
]


@pytest.mark.parametrize("form", ["json", "yaml"])
@pytest.mark.parametrize(("rules", "places", "verbs"), RULES)
def test_wrong_types_in_rules_are_named_and_what_is_right_is_kept(
    rules: Any, places: list[str], verbs: list[tuple[str, ...]], form: str
) -> None:
    text = json.dumps(_role(rules), indent=2)
    found = read(text if form == "json" else f"# YAML\n{text}")
    assert [dict(problem.facts)["at"] for problem in found.problems] == places
    assert {code for code, _ in told(found)} <= {"wrong-type"}
    (role,) = found.roles
    assert [rule.verbs for rule in role.rules] == verbs
    assert found.partial == bool(places)


@pytest.mark.parametrize(
    "ref", [None, {}, {"kind": "Role"}, {"kind": "User", "name": "x"}, {"kind": 5, "name": "x"}, []]
)
def test_a_binding_to_nothing_is_a_problem(ref: Any) -> None:
    binding = {
        "apiVersion": RBAC,
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "b"},
        "roleRef": ref,
    }
    found = read(json.dumps(binding))
    assert not found.bindings
    assert told(found)[-1] == ("no-role", 1)


def test_labels_and_times_that_are_none_cost_only_themselves() -> None:
    meta = {
        "name": "good",
        "creationTimestamp": "yesterday",
        "labels": {"a": 5, "b": "c", "d": None},
        "annotations": [],
        "uid": {},
    }
    found = read(json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": meta}))
    (kept,) = found.namespaces
    assert kept.labels == {"b": "c", "d": ""}
    places = [dict(problem.facts)["at"] for problem in found.problems]
    assert places == [
        "metadata.uid",
        "metadata.creationTimestamp",
        "metadata.labels.a",
        "metadata.annotations",
    ]


def test_the_same_object_in_two_files_counts_once_and_two_of_a_name_are_said(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text(GOOD)
    assert not read_paths([tmp_path], now=NOW).problems
    (tmp_path / "c.yaml").write_text(f"# other\n{GOOD.replace('}', ', labels: {a: b}}')}")
    found = read_paths([tmp_path], now=NOW)
    (kept,) = found.namespaces
    assert kept.labels == {"a": "b"}
    (problem,) = found.problems
    facts = dict(problem.facts)
    assert (problem.code, problem.origin.line) == ("twice", 2)
    assert (facts["first_file"], facts["first_line"]) == (str(tmp_path / "b.yaml"), "1")
    assert not found.partial


def test_files_that_are_not_there_or_may_not_be_read_are_said(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "empty").mkdir()
    found = read_paths(
        [tmp_path / "none.yaml", tmp_path / "good.yaml", tmp_path / "empty"], now=NOW
    )
    assert [problem.code for problem in found.problems] == ["unreadable", "nothing-inside"]
    assert names(found) == ["good"]
    assert found.partial


def test_a_file_past_the_limit_is_said_and_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "FILE_MOST_BYTES", 100)
    (tmp_path / "big.yaml").write_text(GOOD + "#" * 100)
    (tmp_path / "good.yaml").write_text(GOOD)
    found = read_paths([tmp_path, "-"], io.BytesIO(b"#" * 101), now=NOW)
    assert [problem.code for problem in found.problems] == ["too-big", "too-big"]
    assert names(found) == ["good"]


def test_a_device_without_end_is_read_no_further_than_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(files, "FILE_MOST_BYTES", 100)
    assert told(read_paths(["/dev/zero"], now=NOW)) == [("too-big", 0)]


def test_a_thousand_problems_are_kept_and_the_rest_counted() -> None:
    most = gathering.PROBLEMS_MOST
    found = read(json.dumps({"kind": "List", "items": [5] * (most + 7)}))
    assert len(found.problems) == most + 1
    assert found.problems[-1].facts == (("count", "7"),)


def test_a_hundred_broken_documents_are_enough() -> None:
    found = read("a: [\n---\n" * 300)
    assert told(found)[-1][0] == "too-many-broken"
    assert len(found.problems) == 101


def test_a_large_list_in_which_the_depths_go_on_and_on_ends_in_time() -> None:
    began = time.monotonic()
    read("spec: [" + "[[[[[[[[]]]]]]]]," * 20_000 + "[" * 100_000)
    assert time.monotonic() - began < 5


def test_texts_made_to_take_long_do_not() -> None:
    """Each of these took minutes with a search that begins anew at every character or key."""
    began = time.monotonic()
    keys = ", ".join(f'"k{number}": 0' for number in range(100_000))
    assert told(read(f'{{"a": 1, "a": 2, {keys}}}'))[0][0] == "duplicate-key"
    assert told(read("a: [" + "{{" * 200_000 + "\n---\n"))
    assert told(read("a: [\n" + "#\n" * 200_000 + "---\n" + "b: ]\n---\n" * 200))
    assert time.monotonic() - began < 20


@pytest.fixture
def no_root() -> Iterator[Path]:
    """A folder of somebody who is not root, for as long as the test runs: root may read all."""
    place = reachable_folder(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(dir=place) as name:
        folder, root = Path(name), os.geteuid() == 0
        if root:
            shutil.chown(folder, user=NOBODY)
            os.seteuid(NOBODY)
        yield folder
        if root:
            os.seteuid(0)


def test_a_folder_that_may_not_be_entered_is_said(no_root: Path) -> None:
    closed = no_root / "closed"
    closed.mkdir()
    (closed / "a.yaml").write_text(GOOD)
    closed.chmod(0)
    found = read_paths([closed / "a.yaml", no_root], now=NOW)
    closed.chmod(0o700)
    assert {problem.code for problem in found.problems} == {"unreadable", "nothing-inside"}


def test_whatever_is_cut_or_changed_never_a_traceback() -> None:
    """Half of what an operator's repository holds was edited by hand at three in the morning."""
    seed = int(os.environ.get("VALETKEY_SEED", random.randrange(10**9)))
    print(f"VALETKEY_SEED={seed}")
    chance = random.Random(seed)
    items = [namespace("a"), _role([{"verbs": ["get"], "resources": ["pods"]}])]
    dump = json.dumps({"kind": "List", "apiVersion": "v1", "items": items}, indent=2).encode()
    yaml = f"{GOOD}---\nkind: List\nitems: &x\n- {{a: *x}}\n- <<: *x\n  k: !t |\n   text\n".encode()
    for number in range(1500):
        text = bytearray(dump if number % 2 else yaml)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(text))
            how = chance.randrange(3)
            if how == 0:
                text[place : place + chance.randint(1, 9)] = b""
            elif how == 1:
                text[place] = chance.choice(b"{}[]\"':,&*!|-# \n\t\0\xff0")
            else:
                del text[place:]
            if not text:
                break
        found = read(bytes(text))
        assert all(how is Seen.SEEN or how is Seen.NOT_ASKED for how in found.seen.values())
