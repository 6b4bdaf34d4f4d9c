"""What the pages say exists: links, commands, targets, settings, metrics, kinds of events."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from bot.cli import main
from bot.settings import Settings, secret_names
from bot.settings_kinds import PREFIX
from tests.support.pages import FENCE

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("deploy/**/*.md"))
    if path.is_file()
)
NEEDED = ("README", "CONTRIBUTING", "SECURITY", "CHANGELOG", "ARCHITECTURE")

# What the tests and make's targets read, beside the settings.
_OF_TESTS = re.compile(r"VALETKEY_(TEST|FAULT|PLAYGROUND|ENVTEST)_[A-Z_]+")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
_HTML_LINK = re.compile(r"<(?:img|a|source)\b[^>]*?\b(?:src|href|srcset)=\"([^\"]+)\"")
_INDENTED = re.compile(r"(?:^|\n\n)((?: {4}[^\n]*\n?)+)")
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
# Where a command begins: on a line of its own, after another, or after variables that it is given.
_BEGIN = r"(?:^|[;&|(]|\$ |\brun )[ \t]*(?:[A-Z_]+=\S+[ \t]+)*"
_MAKE = re.compile(rf"{_BEGIN}make[ \t]+([a-z][a-z-]*)", re.MULTILINE)
_COMMAND = re.compile(rf"{_BEGIN}(?:valetkey|python -m bot)((?:[ \t]+[a-z-]+)+)", re.MULTILINE)
_METRIC = re.compile(r"\bvaletkey_[a-z_]+")
_SUFFIXES = ("", "_total", "_bucket", "_count", "_sum")


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose_of(page: Path) -> str:
    """The text without blocks of code: brackets in them are no links."""
    return _INLINE.sub("", FENCE.sub("", text_of(page)))


def code_of(page: Path) -> Iterator[str]:
    """Everything on a page that is marked as code, block by block."""
    text = text_of(page)
    for found in FENCE.finditer(text):
        yield found[4]
    rest = FENCE.sub("", text)
    for found in _INDENTED.finditer(rest):
        yield found[1]
    for found in _INLINE.finditer(rest):
        yield found[1]


@cache
def anchors_of(page: Path) -> frozenset[str]:
    """The anchors that a forge gives a page's headings, and those that it sets itself."""
    found: list[str] = re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text_of(page))
    for heading in re.findall(r"^#{1,6} +(.+?) *#*$", FENCE.sub("", text_of(page)), re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        repeated = sum(one == anchor or one.startswith(f"{anchor}-") for one in found)
        found.append(f"{anchor}-{repeated}" if anchor in found else anchor)
    return frozenset(found)


def names(page: Path) -> str:
    return str(page.relative_to(ROOT))


def broken_links(page: Path, root: Path = ROOT) -> list[str]:
    links = [*_LINK.findall(prose_of(page)), *_HTML_LINK.findall(prose_of(page))]
    own = [link for link in links if not re.match(r"[a-z]+:", link)]
    return [link for link in own if not leads_somewhere(link, page, root)]


def leads_somewhere(link: str, page: Path, root: Path) -> bool:
    target, _, anchor = link.partition("#")
    to = (page.parent / target).resolve() if target else page
    if not to.exists() or not to.is_relative_to(root):
        return False
    return not anchor or (to.suffix == ".md" and anchor in anchors_of(to))


def targets() -> frozenset[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return frozenset(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))


def unknown_targets(text: str) -> list[str]:
    known = targets()
    return [name for name in _MAKE.findall(text) if name not in known]


def unknown_commands(text: str) -> list[str]:
    """Follow the words after `valetkey` as click would, as far as there are groups."""
    return [words.strip() for words in _COMMAND.findall(text) if not is_command(words.split())]


def is_command(words: list[str]) -> bool:
    at: click.Command = main
    for word in words:
        if word.startswith("-"):
            options = [name for p in at.get_params(click.Context(at)) for name in p.opts]
            return word in {*options, "--help", "-h"}
        if not isinstance(at, click.Group):
            return True  # an argument
        below = at.get_command(click.Context(at), word)
        if below is None:
            return False
        at = below
    return True


def unknown_settings(text: str) -> list[str]:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    known |= {f"{PREFIX}{name.upper()}_FILE" for name in secret_names()}
    said = set(re.findall(rf"\b{PREFIX}[A-Z_]*[A-Z]\b", text))
    return sorted(name for name in said - known if not _OF_TESTS.fullmatch(name))


@cache
def metrics() -> frozenset[str]:
    """The names that the code gives to what it counts."""
    sources = [*(ROOT / "bot").glob("*metrics.py"), *(ROOT / "bot" / "web").glob("*.py")]
    named = (re.findall(r"\"(valetkey_[a-z_]+)\"", text_of(path)) for path in sources)
    return frozenset(name for names in named for name in names)


def unknown_metrics(text: str) -> list[str]:
    known = {name + suffix for name in metrics() for suffix in _SUFFIXES}
    return sorted(name for name in set(_METRIC.findall(text)) if name not in known)


def test_the_pages_that_everybody_looks_for_are_there():
    assert {f"{name}.md" for name in NEEDED} <= {names(page) for page in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_every_link_leads_somewhere(page):
    assert broken_links(page) == []


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_every_command_that_a_page_tells_to_run_is_there(page):
    wrong = [name for code in code_of(page) for name in unknown_targets(code)]
    wrong += [name for code in code_of(page) for name in unknown_commands(code)]
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_every_setting_that_a_page_names_is_there(page):
    assert unknown_settings(text_of(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_every_metric_that_a_page_names_is_counted(page):
    assert unknown_metrics(text_of(page)) == []


@pytest.mark.parametrize("page", ["CHANGELOG.md", "docs/operations.md"])
def test_every_metric_is_told(page):
    """Their names are a contract."""
    said = set(_METRIC.findall(text_of(ROOT / page)))
    assert [n for n in sorted(metrics()) if not said & {n + s for s in _SUFFIXES}] == []


def test_every_readiness_check_is_explained():
    sources = [text_of(path) for path in sorted((ROOT / "bot" / "serving").glob("*.py"))]
    named = r"\b(?:Check\(|clock_check\([^\"]*\"[a-z]+\", )\"([a-z-]+)\""
    checks = {name for source in sources for name in re.findall(named, source)}
    said = set(re.findall(r"^\| `([a-z]+)` \| (?:yes|no) \|", operations(), re.MULTILINE))
    assert checks == said


def test_every_loop_is_explained():
    source = (ROOT / "bot" / "worker" / "loops.py").read_text(encoding="utf-8")
    loops = re.findall(r"\bLoop\(\"([a-z]+)\"", source)
    line = operations().partition("The loops are ")[2].partition("\n")[0]
    assert loops
    assert [name for name in loops if f"`{name}`" not in line] == []


def operations() -> str:
    return text_of(ROOT / "docs" / "operations.md")


# That the checks above can fail.


def test_a_broken_page_is_seen(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# One\n\n[a](#one) [b](#two) [c](gone.md) [d](page.md#one) ![e](no.png) "
        "[f](https://example.com/x)\n`[g](not-a-link)`\n"
    )
    assert broken_links(page, tmp_path) == ["#two", "gone.md", "no.png"]
    assert unknown_targets("make check && A=<b> make frobnicate") == ["frobnicate"]
    assert unknown_commands("valetkey db upgrade\nvaletkey db frobnicate --x") == [
        "db frobnicate --x"
    ]
    assert unknown_settings("VALETKEY_LISTEN_PORT VALETKEY_LISTEN_PROT") == ["VALETKEY_LISTEN_PROT"]
    assert unknown_metrics("valetkey_loop_runs_total valetkey_lop_runs") == ["valetkey_lop_runs"]
