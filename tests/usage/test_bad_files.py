"""Files that are not as they should be: what is wrong is counted and named, the rest is used."""

import gzip
import io
import itertools
import json
import tracemalloc

import pytest

from grants.usage import blocks
from grants.usage.blocks import Span
from grants.usage.blocks import blocks as blocks_of
from grants.usage.documents import Documents
from grants.usage.folded import BROKEN, CUT_OFF, LOST, MOST_PLACES, TOO_LONG
from grants.usage.reading import Reader
from tests.support.audit import NOW, START, event, lines, only, read

BAD = {
    "half an object": b'{"auditID": "x", "stage":',
    "no JSON": b"%!s(MISSING)",
    "a wrong type": b'{"auditID": 7, "stage": "ResponseComplete"}',
    "a wrong type inside": b'{"auditID": "7", "user": ["x"]}',
    "a null time": json.dumps(event(9) | {"stageTimestamp": None}).encode(),
    "not UTF-8": json.dumps(event(9)).encode().replace(b"prices", b"\xff\xfe"),
    "half a character": json.dumps(event(9)).replace("prices", "\\ud800").encode(),
    "a number": b"42",
    "deep nesting": b"[" * 100_000,
    "a cut envelope": json.dumps({"log": json.dumps(event(9))[:-9]}).encode(),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_broken_line_costs_itself_alone_and_its_place_is_named(bad):
    folded = read(lines(event(1), event(2), BAD[bad], event(3)))
    assert only(folded)[3] == 3
    assert folded.words[BROKEN] == 1
    assert folded.places == [("audit.log", 3, BROKEN)]
    assert folded.is_partial
    assert folded.parts["prod"].losses == {("2026-03-02T08", BROKEN): 1}


def test_of_many_broken_lines_all_are_counted_and_the_first_are_named():
    some = [event(n) if n % 3 else b"{" for n in range(900)]
    folded = read(lines(*some))
    assert only(folded)[3] == 600
    assert folded.words[BROKEN] == 300
    assert [line for _, line, _ in folded.places] == [1 + 3 * n for n in range(MOST_PLACES)]
    assert folded.lines == 900


def test_a_line_without_its_end_at_the_end_was_cut_off():
    folded = read(lines(event(1)) + json.dumps(event(2)).encode()[:-20])
    assert only(folded)[3] == 1
    assert folded.words[CUT_OFF] == 1
    assert folded.words[BROKEN] == 0


@pytest.mark.parametrize("share", [0.3, 0.6, 0.999])
def test_gzip_that_was_cut_off_is_read_as_far_as_it_goes(share, dice):
    """The middle of it may be lost in what the codec holds back, but nothing that came out."""
    some = [event(n, uid=f"{dice.getrandbits(800):0200x}") for n in range(2000)]
    data = gzip.compress(lines(*some))
    folded = read(data[: int(len(data) * share)])
    assert folded.words[CUT_OFF] >= 1
    assert folded.events > 2000 * share * 0.8


def test_gzip_that_is_damaged_is_read_as_far_as_it_goes():
    data = bytearray(gzip.compress(lines(*(event(n) for n in range(3_000)))))
    data[len(data) // 2 : len(data) // 2 + 40] = b"\xff" * 40
    folded = read(bytes(data))
    assert folded.events > 0
    assert folded.is_partial


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\x1f\x8b", b"\x1f", b"hello\n", b"[]", b"{}"])
def test_a_file_with_nothing_in_it_gives_nothing(data):
    assert read(data).events == 0


def test_a_line_that_is_too_long_is_passed_over_without_being_kept(monkeypatch):
    monkeypatch.setattr(blocks, "LONGEST_LINE_BYTES", 1_000_000)
    long = b'{"auditID":"' + b"x" * 5_000_000 + b'"}'
    folded = read(lines(event(1), long, event(2), long, long, event(3)) + long)
    assert only(folded)[3] == 3
    assert folded.words[TOO_LONG] == 4
    assert folded.lines == 7


def test_an_object_over_many_lines_that_is_too_long_is_passed_over():
    long = json.dumps(event(1, requestObject=["x" * 100] * 3000), indent=1)
    data = f"[{json.dumps(event(2), indent=1)}, {long}, {json.dumps(event(3), indent=1)}]".encode()
    documents = Documents(io.BytesIO(data), longest_bytes=100_000)
    assert len(list(documents)) == 2
    assert documents.too_long == 1


def test_memory_grows_with_rows_and_not_with_events():
    line = lines(event(0))
    count = 20_000

    class Long:
        def __init__(self):
            self.numbers = iter(range(count))

        def read(self, _size):
            some = itertools.islice(self.numbers, 100)
            return b"".join(line.replace(b"000000000000", b"%012d" % n) for n in some)

    reader = Reader(NOW, "prod", kept=1000)
    tracemalloc.start()
    reader.read(Long())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert reader.folded.events == count
    assert peak < len(line) * count / 4


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_parts_of_a_file_have_every_line_once(tmp_path, parts, dice):
    path = tmp_path / "audit.log"
    wanted = [json.dumps({"n": n, "x": "y" * dice.randrange(300)}) for n in range(500)]
    path.write_text("\n".join(wanted) + dice.choice(["", "\n"]))
    size = path.stat().st_size
    edges = sorted({0, size, *(dice.randrange(size) for _ in range(parts - 1))})
    got = []
    for start, end in itertools.pairwise(edges):
        with path.open("rb") as file:
            for block in blocks_of(Span(file, start, end)):
                got += block.data.decode().splitlines()
    assert got == wanted


def test_damage_anywhere_is_never_a_traceback(dice):
    """Six hundred files with a few bytes changed, taken out or put in."""
    forms = [
        lines(*(event(n) for n in range(8))),
        json.dumps([event(1), event(2)], indent=1).encode(),
        lines({"records": [{"properties": {"log": json.dumps(event(n))}} for n in range(4)]}),
        gzip.compress(lines(*(event(n) for n in range(8)))),
    ]
    for _ in range(600):
        data = bytearray(dice.choice(forms))
        for _ in range(dice.randrange(1, 6)):
            at = dice.randrange(len(data))
            data[at : at + dice.randrange(4)] = dice.randbytes(dice.randrange(4))
        folded = read(bytes(data))
        assert folded.events <= 10
        assert set(folded.words) & LOST or folded.events or folded.words or folded.lines


def test_the_hour_of_a_loss_is_that_of_what_came_before_it():
    folded = read(lines(b"{", event(1, START), b"{", b"{"))
    assert folded.parts["prod"].losses == {("", BROKEN): 1, ("2026-03-02T08", BROKEN): 2}
