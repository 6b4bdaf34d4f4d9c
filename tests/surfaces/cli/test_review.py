"""`valetkey review scan`: its table, its JSON form, its exit codes, what it says of bad input."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner, Result
from syrupy.assertion import SnapshotAssertion

from bot.cli import main
from bot.cli.review_json import as_json, json_schema
from bot.cli.review_sources import ReviewSource, Wanted
from bot.cli.review_table import Look as TableLook
from bot.cli.review_table import table
from bot.wording.review import GAPS, gap_sentence
from grants.authz.model import Rule
from grants.authz.objects import Meta, Role
from grants.review.findings import scanning
from grants.review.findings.scanning import Gap
from grants.review.inventory import Inventory, Seen
from grants.review.scan import Scan, scan
from tests.support.rbac_objects import account, bind, group, role, rule
from tests.support.reviews import ALL_SEEN, look_at, runs, sa
from tests.support.stores import copied, migrated_template

ROOT = Path(__file__).parents[3]

MANIFEST = """\
apiVersion: v1
kind: ServiceAccount
metadata: {name: app, namespace: shop}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reads, namespace: shop}
rules:
  - {apiGroups: [""], resources: [secrets], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reads, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reads}
subjects:
  - {kind: ServiceAccount, name: app}
"""
HARMLESS = MANIFEST.replace("secrets", "pods")
WIDER = MANIFEST.replace("[secrets], verbs: [get]", "['*'], verbs: ['*']")


def run(*words: str, given: bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["review", *words], input=given)


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "app.yaml"
    path.write_text(MANIFEST)
    return path


def findings(result: Result) -> list[dict[str, Any]]:
    jsonschema.Draft202012Validator(json_schema()).validate(json.loads(result.stdout))
    found: list[dict[str, Any]] = json.loads(result.stdout)["findings"]
    return found


def town(cluster: str = "prod", **seen: Seen) -> Scan:
    """One cluster with one of everything that the table shows."""
    reads = role("reads", rule("get list", "secrets"))
    everything = role("cluster-admin", Rule(("*",), ("*",), ("*",)))
    labels = {"kubernetes.io/bootstrapping": "rbac-defaults"}
    own = bind("cluster-admin", everything, group("system:masters"))
    adds = {"rbac.authorization.k8s.io/aggregate-to-view": "true"}
    more = Role("ClusterRole", Meta("more", labels=adds), (rule("get", "secrets"),))
    look = look_at(
        sa("app", said={"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/x"}),
        sa("idle"),
        runs("web", "idle"),
        reads,
        everything,
        more,
        bind("reads", reads, account("app", "shop"), account("gone", "shop")),
        replace(own, meta=replace(own.meta, labels=labels)),
        cluster=cluster,
        seen={**ALL_SEEN, **seen},
    )
    return scan([look])


def test_the_table_of_a_cluster(snapshot: SnapshotAssertion) -> None:
    assert "\n".join(table(town(Pod=Seen.FORBIDDEN), TableLook(width=100))) == snapshot


def test_the_table_of_thirty_clusters(snapshot: SnapshotAssertion) -> None:
    looks = [town(f"c{number:02}").looks[0] for number in range(30)]
    odd = looks[17].inventory
    wider = tuple(
        replace(one, rules=(rule("*", "secrets"),)) if one.meta.name == "reads" else one
        for one in odd.roles
    )
    looks[17] = replace(looks[17], inventory=replace(odd, roles=wider))
    assert "\n".join(table(scan(looks), TableLook(width=110))) == snapshot


def test_the_json_of_a_cluster(snapshot: SnapshotAssertion) -> None:
    written = json.loads(as_json(town()))
    jsonschema.Draft202012Validator(json_schema()).validate(written)
    assert written == snapshot


def test_the_published_schema_is_the_one_that_is_written_by() -> None:
    """Made by `valetkey review schema > docs/review.schema.json`."""
    published = (ROOT / "docs" / "review.schema.json").read_text(encoding="utf-8")
    assert json.loads(published) == json_schema() == json.loads(run("schema").stdout)


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_no_line_of_a_finding_is_wider_than_the_terminal(width: int) -> None:
    lines = list(table(town(), TableLook(width=width)))
    rows = lines[: lines.index("")]
    assert len(rows) > 3
    assert max(map(len, rows)) <= width


def test_colours_are_for_terminals_alone() -> None:
    plain = "\n".join(table(town(), TableLook(width=100)))
    coloured = "\n".join(table(town(), TableLook(width=100, colours=True)))
    assert "\x1b" not in plain
    assert "\x1b[1;31m" not in plain
    assert "\x1b[31mhigh" in coloured


def test_nothing_that_a_terminal_acts_on_is_printed_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "evil.yaml"
    path.write_text(MANIFEST.replace("name: reads", 'name: "re\\e[31mads"'))
    result = run("scan", str(path))
    assert "\x1b" not in result.stdout
    assert "secrets-read" in result.stdout


def test_a_long_table_is_cut_and_says_so() -> None:
    reads = role("reads", rule("get", "secrets"))
    bindings = [bind(f"b{n:03}", reads, account("app", "shop")) for n in range(250)]
    found = scan([look_at(sa("app"), reads, *bindings)])
    short = list(table(found, TableLook()))
    assert "and 50 more lines: --all shows them" in short
    assert len(list(table(found, TableLook(everything=True)))) > 250


def test_a_finding_that_weighs_enough_fails(manifest: Path, tmp_path: Path) -> None:
    wider = tmp_path / "wider.yaml"
    wider.write_text(WIDER)
    codes = [
        run("scan", str(path), *more).exit_code
        for path, more in [
            (manifest, []),
            (manifest, ["--fail-on", "medium"]),
            (manifest, ["--fail-on", "high"]),
            (wider, []),
            (wider, ["--fail-on", "never"]),
        ]
    ]
    assert codes == [0, 1, 0, 1, 0]


def test_policy_says_what_fails_and_what_is_excepted(manifest: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    text = "apiVersion: valetkey/v1\nreview:\n  fail_on: medium\n"
    policy.write_text(text)
    assert run("scan", str(manifest), "--policy", str(policy)).exit_code == 1
    policy.write_text(
        text + "  exceptions:\n    - {rules: [secrets-read], accounts: [shop/app], reason: r,"
        " owner: ann, until: 2999-12-31}\n"
    )
    result = run("scan", str(manifest), "--policy", str(policy))
    assert result.exit_code == 0
    assert "No findings.\n1 finding excepted by policy." in result.stdout
    policy.write_text("apiVersion: valetkey/v1\nreview: {windw: 3}\n")
    broken = run("scan", str(manifest), "--policy", str(policy))
    assert broken.exit_code == 1
    assert "policy.yaml:2:10" in broken.stderr


def test_standard_input_is_read(manifest: Path) -> None:
    (found,) = findings(run("scan", "-", "--format", "json", given=MANIFEST.encode()))
    assert (found["rule"], found["line"]) == ("secrets-read", 11)
    assert found["subject"] == {"kind": "ServiceAccount", "name": "app", "namespace": "shop"}


def test_what_names_no_namespace_stands_where_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / "app.yaml"
    path.write_text(MANIFEST.replace(", namespace: shop", ""))
    (found,) = findings(run("scan", str(path), "-n", "team", "--format", "json"))
    assert found["namespace"] == "team"


def test_what_a_baseline_knew_does_not_fail_again(manifest: Path, tmp_path: Path) -> None:
    first = run("scan", str(manifest), "--format", "json")
    baseline = tmp_path / "baseline.json"
    baseline.write_bytes(first.stdout_bytes)
    again = ["scan", str(manifest), "--fail-on", "low", "--baseline", str(baseline)]
    assert run(*again).exit_code == 0
    (same,) = findings(run(*again, "--format", "json"))
    assert same["state"] == "known"
    manifest.write_text(WIDER)
    wider = run(*again)
    assert wider.exit_code == 1
    assert "wildcard-sensitive (new)" in wider.stdout or "wildcard-resources (new)" in wider.stdout
    assert "Gone since (1):\n  secrets-read  ServiceAccount shop/app" in wider.stdout


def test_since_when_a_finding_is_known_goes_from_baseline_to_baseline(
    manifest: Path, tmp_path: Path
) -> None:
    baseline = tmp_path / "baseline.json"
    baseline.write_bytes(run("scan", str(manifest), "--format", "json").stdout_bytes)
    words = ["scan", str(manifest), "--format", "json", "--baseline", str(baseline)]
    (one,) = findings(run(*words))
    baseline.write_bytes(run(*words).stdout_bytes)
    (two,) = findings(run(*words))
    assert one["first_seen"] == two["first_seen"] is not None
    manifest.write_text(HARMLESS)
    baseline.write_bytes(run(*words).stdout_bytes)
    manifest.write_text(MANIFEST)
    (back,) = findings(run(*words))
    assert (back["state"], back["first_seen"]) == ("reopened", one["first_seen"])


@pytest.mark.parametrize("text", ["{}", "[]", "no", '{"schema": "x", "looks": [], "findings": []}'])
def test_what_is_no_baseline_is_refused_with_its_name(
    text: str, manifest: Path, tmp_path: Path
) -> None:
    baseline = tmp_path / "baseline.json"
    baseline.write_text(text)
    result = run("scan", str(manifest), "--baseline", str(baseline))
    assert result.exit_code == 1
    assert "baseline.json can't be used" in result.stderr


def test_one_finding_is_explained(manifest: Path, snapshot: SnapshotAssertion) -> None:
    (found,) = findings(run("scan", str(manifest), "--format", "json"))
    result = run("scan", str(manifest), "--explain", found["id"])
    assert result.exit_code == 0
    assert result.stdout.replace(str(manifest), "app.yaml") == snapshot
    assert run("scan", str(manifest), "--explain", found["key"]).stdout == result.stdout


@pytest.mark.parametrize("id_", ["ffffffff", "f", ""])
def test_there_is_nothing_to_explain_under_another_id(id_: str, manifest: Path) -> None:
    result = run("scan", str(manifest), "--explain", id_)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr


def test_what_can_not_be_read_is_said_and_is_no_success(manifest: Path, tmp_path: Path) -> None:
    """Else a pipeline would take a file that nobody read for a clean one."""
    broken = tmp_path / "broken.yaml"
    broken.write_text("kind: [")
    result = run("scan", str(manifest), str(broken))
    assert result.exit_code == 6
    assert "broken.yaml" in result.stdout
    assert "secrets-read" in result.stdout
    assert run("scan", str(broken), str(manifest), "--fail-on", "low").exit_code == 1


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["a.yaml", "--cluster", "prod"],
        ["--cluster", "prod", "--all-clusters"],
        ["--all-clusters", "--kubeconfig", __file__],
        ["--all-clusters"],
        ["--cluster", "a", "--cluster", "b", "--audit", __file__],
        ["-", "--audit", "no-such-file"],
    ],
)
def test_a_call_gone_wrong_says_so(words: list[str]) -> None:
    source = ReviewSource(lambda wanted, _: [town(c).looks[0].inventory for c in wanted.clusters])
    given = source if "a" in words else None
    result = CliRunner().invoke(main, ["review", "scan", *words], obj=given)
    assert result.exit_code == 2
    assert "Error" in result.stderr


def of_clusters(*words: str, **inventories: Inventory) -> Result:
    """Review clusters that are given here, by their names."""

    def read(wanted: Wanted, heard: Callable[[str], None]) -> list[Inventory]:
        heard("reading")
        return [inventories[name] for name in wanted.clusters or inventories]

    source = ReviewSource(read)
    return CliRunner().invoke(main, ["review", "scan", *words], obj=source)


def test_clusters_are_reviewed_by_name_or_all() -> None:
    inventories = {name: town(name).looks[0].inventory for name in ("a", "b")}
    one = json.loads(of_clusters("--cluster", "b", "--format", "json", **inventories).stdout)
    assert [look["cluster"] for look in one["looks"]] == ["b"]
    both = of_clusters("--all-clusters", **inventories)
    assert "in 2 clusters" in both.stdout
    assert both.exit_code == 1


def test_a_cluster_that_does_not_answer_is_no_clean_one() -> None:
    kinds = dict.fromkeys(ALL_SEEN, Seen.FAILED)
    silent = of_clusters("--cluster", "a", a=look_at(cluster="a", seen=kinds).inventory)
    assert silent.exit_code == 5
    assert "the cluster did not answer" in silent.stdout
    half = {**ALL_SEEN, "Pod": Seen.FORBIDDEN}
    partly = of_clusters("--cluster", "a", a=look_at(cluster="a", seen=half).inventory)
    assert partly.exit_code == 6


def test_the_bots_own_namespace_is_that_of_its_cluster(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "apiVersion: valetkey/v1\nclusters:\n"
        "  - {name: a, username: 'x:{email}', own_namespace: bot-a}\n"
        "  - {name: b, username: 'x:{email}', own_namespace: bot-b}\n"
    )
    acts = role("acts", rule("get", "pods"), namespace="bot-a")
    binding = bind("acts", acts, account("app", "shop"), namespace="bot-a")
    inventories = {
        name: look_at(sa("app"), acts, binding, cluster=name).inventory for name in ("a", "b")
    }
    words = ["--all-clusters", "--policy", str(policy), "--format", "json"]
    found = findings(of_clusters(*words, **inventories))
    assert [one["cluster"] for one in found if one["rule"] == "own-namespace"] == ["a"]


def test_use_is_judged_by_an_audit_log(tmp_path: Path) -> None:
    """One line of a log is far too little to say that something is not used, and that is said."""
    log = tmp_path / "audit.log"
    event = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "auditID": "1",
        "stage": "ResponseComplete",
        "verb": "get",
        "user": {"username": "system:serviceaccount:shop:app"},
        "objectRef": {"resource": "secrets", "namespace": "shop", "apiVersion": "v1"},
        "requestReceivedTimestamp": "2026-11-29T11:00:00.000000Z",
        "stageTimestamp": "2026-11-29T11:00:00.000000Z",
        "annotations": {"authorization.k8s.io/decision": "allow"},
    }
    log.write_text(f"{json.dumps(event)}\nnot json\n")
    inventory = town("a").looks[0].inventory
    words = ["--cluster", "a", "--audit", str(log), "--format", "json"]
    result = of_clusters(*words, a=inventory)
    found = [one for one in findings(result) if one["rule"] == "unused-permission"]
    assert [one["verdict"] for one in found] == ["insufficient-evidence"] * len(found) != []
    assert all(one["missing"] for one in found)
    assert "audit.log:2: broken" in result.stderr
    codes = {gap["code"] for gap in json.loads(result.stdout)["looks"][0]["not_seen"]}
    assert "no-use" not in codes


def test_every_gap_that_the_code_tells_has_a_sentence() -> None:
    source = Path(scanning.__file__).read_text(encoding="utf-8")
    told = {f"kinds-{how.value}" for how in Seen if how is not Seen.SEEN}
    told |= {code for code in GAPS if f'"{code}"' in source}
    assert told <= set(GAPS)
    assert gap_sentence(Gap("unheard-of")) == "unheard-of"


def test_the_numbers_say_what_was_looked_at() -> None:
    lines = "\n".join(table(town(), TableLook()))
    assert "2 service accounts, 3 roles, 2 bindings, 1 workload in prod" in lines
    later = town()
    tracked = scan(later.looks, known=())
    assert f"{len([f for f in tracked.findings if f.is_open])} of them new" in "\n".join(
        table(tracked, TableLook())
    )
    assert tracked.findings[0].first_seen is not None
    assert later.looks[0].now - tracked.findings[0].first_seen == timedelta(0)


def test_with_a_database_findings_are_followed_and_inventories_kept(tmp_path: Path) -> None:
    url = copied(migrated_template(tmp_path), tmp_path)
    inventory = town("a").looks[0].inventory
    words = ["--cluster", "a", "--store", "--database-url", url, "--format", "json"]
    first = findings(of_clusters(*words, a=inventory))
    assert {one["state"] for one in first} == {"new"}
    later = replace(inventory, taken_at=inventory.taken_at + timedelta(days=1), bindings=())
    result = of_clusters(*words, a=later)
    assert {one["state"] for one in findings(result)} <= {"new", "known"}
    gone = {one["rule"] for one in json.loads(result.stdout)["resolved"]}
    assert "secrets-read" in gone


def test_a_scan_of_files_loads_no_database_and_no_settings(manifest: Path) -> None:
    """They would take as long as reading ten thousand accounts."""
    program = (
        "import sys\nfrom bot.cli import main\n"
        "main(sys.argv[1:], standalone_mode=False)\n"
        "print([name for name in ('sqlalchemy', 'bot.settings') if name in sys.modules])"
    )
    words = [sys.executable, "-c", program, "review", "scan", str(manifest), "--fail-on", "never"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


OUTSIDE = """\
apiVersion: valetkey/outside/v1
cluster: {}
authorizers:
- kind: azure-rbac
  seen: all
  read_at: 2026-05-01T00:00:00Z
  rights:
  - subject: {{kind: Group, name: operators}}
    as: Cluster Admin
    rules: [{{apiGroups: ["*"], resources: ["*"], verbs: ["*"]}}]
"""


def test_rights_outside_of_rbac_are_reviewed_where_a_file_tells_of_them(tmp_path: Path) -> None:
    path = tmp_path / "outside.yaml"
    path.write_text(OUTSIDE.format("a"))
    found = town("a").looks[0].inventory
    words = ("--cluster", "a", "--format", "json")
    without = json.loads(of_clusters(*words, a=found).stdout)
    told = json.loads(of_clusters(*words, "--outside", str(path), a=found).stdout)
    gaps = [{gap["code"] for gap in one["looks"][0]["not_seen"]} for one in (without, told)]
    assert gaps[0] - gaps[1] == {"outside-rbac"}
    before = {one["fingerprint"] for one in without["findings"]}
    (more,) = (one for one in told["findings"] if one["fingerprint"] not in before)
    assert (more["rule"], more["subject"]["name"]) == ("wildcard-all", "operators")
    path.write_text(OUTSIDE.format("b"))
    other = of_clusters(*words, "--outside", str(path), a=found)
    assert (other.exit_code, "which is not looked at" in other.stderr) == (2, True)


def test_what_files_tell_of_other_authorizers_is_not_kept(tmp_path: Path) -> None:
    """The next scan, which has no such file, would take it for mended."""
    path = tmp_path / "outside.yaml"
    path.write_text(OUTSIDE.format("a"))
    result = run("scan", "--cluster", "a", "--store", "--outside", str(path))
    assert (result.exit_code, "goes without --store" in result.stderr) == (2, True)


def test_files_are_not_stored(manifest: Path) -> None:
    result = run("scan", str(manifest), "--store")
    assert (result.exit_code, "goes with clusters" in result.stderr) == (2, True)


ESCALATES = (
    HARMLESS
    + """\
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: boss, namespace: shop}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: boss}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects:
  - {kind: ServiceAccount, name: boss, namespace: shop}
"""
).replace("[pods], verbs: [get]", "[serviceaccounts/token], verbs: [create]")


def test_escalation_paths_are_looked_for_where_that_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "all.yaml"
    path.write_text(ESCALATES)

    def rules(*words: str) -> set[str]:
        said = json.loads(run("scan", str(path), "--format", "json", *words).stdout)
        return {one["rule"] for one in said["findings"]}

    assert rules("--paths") - rules() == {"escalation-path"}


def test_a_scan_is_written_as_sarif_and_as_a_page(tmp_path: Path) -> None:
    path = tmp_path / "all.yaml"
    path.write_text(ESCALATES)
    sarif = json.loads(run("scan", str(path), "--format", "sarif").stdout)
    assert sarif["version"] == "2.1.0"
    assert sarif["runs"][0]["results"]
    (rules,) = [one["tool"]["driver"]["rules"] for one in sarif["runs"]]
    helps = [text for rule in rules for text in rule["help"].values()]
    assert [text for text in helps if "{" in text or "}" in text] == []
    assert any("the role" in text for text in helps)
    page = run("scan", str(path), "--format", "html")
    assert page.exit_code == 1
    assert page.stdout.startswith("<!doctype html>")
    assert "mints a token of shop/boss" in page.stdout


def test_paths_that_are_not_looked_for_again_are_not_gone(tmp_path: Path) -> None:
    path, before = tmp_path / "all.yaml", tmp_path / "before.json"
    path.write_text(ESCALATES)
    before.write_text(run("scan", str(path), "--format", "json", "--paths").stdout)
    words = ("scan", str(path), "--format", "json", "--baseline", str(before))
    assert json.loads(run(*words).stdout)["resolved"] == []
    path.write_text(ESCALATES.replace("name: cluster-admin}", "name: view}"))
    gone = json.loads(run(*words, "--paths").stdout)["resolved"]
    assert "escalation-path" in {one["rule"] for one in gone}
