"""`valetkey review right-size`, from a dump and an audit log as they come from a cluster."""

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator

from bot.cli.review_shapes import shape_schema
from bot.cli.review_sources import ReviewSource, Wanted
from bot.cli.right_size import right_size
from bot.cli.usage import usage
from bot.wording.right_sizing import CAUTIONS, LACKS, NOTES
from grants.review.inventory import Inventory
from grants.review.reading import read_paths
from grants.review.rightsizing import cautions
from grants.usage.coverage import Lack
from tests.support.stores import copied, migrated_template

SIZED = Draft202012Validator(
    shape_schema("right-size"), format_checker=Draft202012Validator.FORMAT_CHECKER
)
OLD = "2024-11-05T09:30:00Z"
USER = "system:serviceaccount:shop:worker"
RBAC = "rbac.authorization.k8s.io"
VERSION = {"apiVersion": f"{RBAC}/v1"}


def dump(rules: list[dict[str, Any]], *others: dict[str, Any]) -> str:
    ref = {"apiGroup": RBAC, "kind": "ClusterRole", "name": "worker"}
    subject = {"kind": "ServiceAccount", "name": "worker", "namespace": "shop"}
    objects = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta("worker", "shop")},
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "ClusterRole",
            "metadata": meta("worker"),
            "rules": rules,
        },
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": meta("worker"),
            "roleRef": ref,
            "subjects": [subject, *others],
        },
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})


def meta(name: str, namespace: str = "") -> dict[str, Any]:
    place = {"namespace": namespace} if namespace else {}
    return {"name": name, **place, "creationTimestamp": OLD, "uid": f"u-{name}"}


def now() -> datetime:
    """The command reads the clock: a log made as this file was loaded is old when the test runs."""
    return datetime.now(UTC).replace(microsecond=0)


def events(*asked: tuple[str, str, str]) -> Iterator[str]:
    """What was asked each half hour, for forty days."""
    end = now()
    at, number = end - timedelta(days=40), 0
    while at < end:
        for verb, resource, name in asked:
            number += 1
            yield json.dumps(event(number, at, verb, resource, name))
        at += timedelta(minutes=30)


def event(number: int, at: datetime, verb: str, resource: str, name: str) -> dict[str, Any]:
    time = at.strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    ref = {"resource": resource, "namespace": "shop", "apiVersion": "v1"}
    return {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "auditID": f"a-{number}",
        "stage": "ResponseComplete",
        "requestURI": f"/api/v1/namespaces/shop/{resource}",
        "verb": verb,
        "user": {"username": USER},
        "objectRef": {**ref, **({"name": name} if name else {})},
        "responseStatus": {"code": 200},
        "requestReceivedTimestamp": time,
        "stageTimestamp": time,
        "annotations": {"authorization.k8s.io/decision": "allow"},
    }


RULES = [{"apiGroups": [""], "resources": ["pods", "secrets"], "verbs": ["get", "list"]}]


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Result]:
    def with_files(dumped: str, log: Iterator[str], *options: str) -> Result:
        (tmp_path / "dump.json").write_text(dumped)
        (tmp_path / "audit.log").write_text("".join(f"{line}\n" for line in log))
        arguments = ["shop/worker", "-f", str(tmp_path / "dump.json")]
        arguments += ["--audit", str(tmp_path / "audit.log"), "--window", "30d", *options]
        return CliRunner().invoke(right_size, arguments)

    return with_files


SEEN = (("get", "pods", "a"), ("get", "secrets", "tls"))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return migrated_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def url(template: Path, tmp_path: Path) -> str:
    return copied(template, tmp_path)


@pytest.fixture
def stored(url: str, tmp_path: Path) -> Callable[..., Result]:
    """Right-size by use that `usage import` has kept."""

    def by_store(clusters: tuple[str, ...], *options: str) -> Result:
        for cluster in clusters:
            words = ["import", "--database-url", url, "--cluster", cluster]
            done = CliRunner().invoke(usage, [*words, str(tmp_path / "audit.log")])
            assert done.exit_code == 0, done.output
        words = ["shop/worker", "-f", str(tmp_path / "dump.json"), "--window", "30d"]
        return CliRunner().invoke(right_size, [*words, "--database-url", url, *options])

    return by_store


def alike(text: str) -> dict[str, Any]:
    """A proposal but for the moment when it was made."""
    found = json.loads(text)
    del found["since"], found["until"]
    for made in found["apply"]:
        del made["metadata"]["annotations"]
    return found


def test_imported_use_gives_the_same_proposal_as_its_logs(run: Any, stored: Any) -> None:
    by_logs = run(dump(RULES), events(*SEEN), "--format", "json")
    by_store = stored(("prod",), "--store", "--format", "json")
    assert (by_logs.exit_code, by_store.exit_code) == (0, 0), by_store.output
    assert alike(by_store.stdout) == alike(by_logs.stdout)


def test_whose_imported_use_counts_must_be_clear(run: Any, stored: Any) -> None:
    run(dump(RULES), events(*SEEN))
    unclear = stored(("prod", "other"), "--store")
    assert (unclear.exit_code, "other, prod" in unclear.output) == (2, True)
    assert stored((), "--store", "--used-in", "prod").exit_code == 0
    unknown = stored((), "--store", "--used-in", "elsewhere")
    assert (unknown.exit_code, "no use of elsewhere" in unknown.output) == (2, True)


def test_a_database_without_use_is_no_evidence(run: Any, stored: Any) -> None:
    run(dump(RULES), events(*SEEN))
    result = stored((), "--store")
    assert (result.exit_code, "no use is in the database" in result.output) == (2, True)


@pytest.mark.parametrize("options", [(), ("--store", "--audit", "a.log"), ("--used-in", "prod")])
def test_use_comes_from_logs_or_from_the_database(
    run: Any, stored: Any, options: tuple[str, ...]
) -> None:
    run(dump(RULES), events(*SEEN))
    result = stored((), *options)
    assert (result.exit_code, "--audit" in result.output) == (2, True)


def test_a_proposal_is_told_in_words(run: Any) -> None:
    result = run(dump(RULES), events(*SEEN))
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith("shop/worker, by what it was seen to do from ")
    assert (
        "  everywhere: get secrets in core (stays in shop for tls); by ClusterRoleBinding worker"
        in lines
    )
    assert "  in namespace shop: read pods (a), secrets (tls)" in lines
    assert "  delete ClusterRoleBinding worker" in lines
    assert lines[-1] == (
        "Replay: all 2 kinds of requests that it made or may have to make are still allowed; "
        "nothing is allowed that was not."
    )


def test_the_yaml_can_be_applied_and_says_from_when_it_is(run: Any) -> None:
    result = run(dump(RULES), events(*SEEN), "--format", "yaml")
    role, binding = yaml.safe_load_all(result.stdout)
    assert (role["kind"], role["metadata"]["namespace"]) == ("Role", "shop")
    assert role["rules"] == [
        {"apiGroups": [""], "resources": ["pods"], "resourceNames": ["a"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["tls"], "verbs": ["get"]},
    ]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert set(role["metadata"]["annotations"]) == {
        "valetkey.dev/right-sized-account",
        "valetkey.dev/evidence-since",
        "valetkey.dev/evidence-until",
    }


def test_a_name_can_not_leave_its_comment(run: Any) -> None:
    nasty = "a\nkind: ClusterRoleBinding"
    result = run(dump(RULES), events(("get", "pods", nasty)), "--format", "yaml")
    assert all(one["kind"] in {"Role", "RoleBinding"} for one in yaml.safe_load_all(result.stdout))


def test_files_for_kubectl_are_written(run: Any, tmp_path: Path) -> None:
    other = {"kind": "Group", "apiGroup": RBAC, "name": "admins"}
    result = run(dump(RULES, other), events(*SEEN), "--out", str(tmp_path / "out"))
    assert result.exit_code == 0
    folder = tmp_path / "out" / "shop" / "worker"
    assert len(list(yaml.safe_load_all((folder / "apply.yaml").read_text()))) == 2
    assert list(yaml.safe_load_all((folder / "delete.yaml").read_text())) == []
    (kept,) = yaml.safe_load_all((folder / "replace.yaml").read_text())
    assert kept["subjects"] == [{"apiGroup": RBAC, "kind": "Group", "name": "admins"}]


def test_programs_get_json(run: Any) -> None:
    told = json.loads(run(dump(RULES), events(*SEEN), "--format", "json").stdout)
    assert told["schema"] == "valetkey/right-size/v1"
    assert told["replay"] == {"holds": True, "asked": 2, "by_group": 0, "denied": 0, "gained": 0}
    assert told["delete"][0]["metadata"] == {"name": "worker"}
    assert len(told["taken"]) == 3


def test_an_apply_that_made_something_needs_create(run: Any) -> None:
    """The server answers it with 201, and asks for `create` within the request."""
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["patch", "create", "delete"]}]
    seen = (("patch", "pods", "a"), ("delete", "pods", "b"))

    def proposed(code: int) -> tuple[set[str], int, list[str]]:
        first = json.dumps(
            event(0, now() - timedelta(days=9), "patch", "pods", "a")
            | {"auditID": "made", "responseStatus": {"code": code}}
        )
        log = itertools.chain(events(*seen), [first])
        told = json.loads(run(dump(rules), log, "--format", "json", "--vouch").stdout)
        (role,) = (one for one in told["apply"] if "rules" in one)
        verbs = {verb for rule in role["rules"] for verb in rule["verbs"]}
        codes = [one["code"] for one in told["cautions"]]
        return verbs, told["replay"]["asked"], codes

    assert proposed(200) == ({"patch", "delete"}, 2, [cautions.APPLY_CREATES])
    assert proposed(201) == ({"patch", "delete", "create"}, 3, [])


def test_json_is_as_its_schema_says(run: Any) -> None:
    wild = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
    group = {"kind": "Group", "apiGroup": RBAC, "name": "admins"}
    for rules, others, options in (
        (RULES, (), ()),
        (RULES, (group,), ("--exactly",)),
        (wild, (), ("--vouch",)),
        ([*RULES, {"nonResourceURLs": ["/metrics"], "verbs": ["get"]}], (), ("--vouch",)),
    ):
        result = run(dump(rules, *others), events(*SEEN), "--format", "json", *options)
        told = json.loads(result.stdout)
        assert [one.message for one in SIZED.iter_errors(told)] == []
        told["taken"][0]["more"] = 1
        assert list(SIZED.iter_errors(told))


def test_what_was_never_seen_by_anybody_is_insufficient_evidence(run: Any) -> None:
    rules = [*RULES, {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["delete"]}]
    result = run(dump(rules), events(*SEEN))
    assert result.exit_code == 1
    assert "insufficient evidence about shop/worker" in result.stderr
    assert "delete deployments.apps: nobody was ever seen doing that" in result.stderr
    assert result.stdout == ""
    kept = run(dump(rules), events(*SEEN), "--keep-unjudged")
    assert kept.exit_code == 0
    assert "Kept: evidence is not enough" in kept.stdout
    vouched = run(dump(rules), events(*SEEN), "--vouch")
    assert "everywhere: delete deployments in apps; by" in vouched.stdout


def test_a_log_with_broken_lines_is_no_evidence_of_silence(run: Any) -> None:
    broken = (line if number % 50 else "{broken" for number, line in enumerate(events(*SEEN)))
    result = run(dump(RULES), broken)
    assert result.exit_code == 1
    assert "events were lost" in result.stderr


def test_roles_that_could_not_all_be_read_are_no_ground(run: Any) -> None:
    result = run(dump(RULES)[:-5], events(*SEEN))
    assert result.exit_code == 6
    assert "nothing is proposed" in result.stderr


def test_a_cluster_is_read_as_files_are(run: Any, tmp_path: Path) -> None:
    asked: list[Wanted] = []

    def read(wanted: Wanted, _heard: Any) -> tuple[Inventory, ...]:
        asked.append(wanted)
        return (replace(read_paths([tmp_path / "dump.json"], now=now()), cluster="prod"),)

    run(dump(RULES), events(*SEEN))
    arguments = ["shop/worker", "--cluster", "prod", "--audit", str(tmp_path / "audit.log")]
    source = ReviewSource(read)
    result = CliRunner().invoke(right_size, [*arguments, "--window", "30d"], obj=source)
    assert result.exit_code == 0
    assert asked[0].clusters == ("prod",)
    both = CliRunner().invoke(right_size, [*arguments, "-f", "x"], obj=source)
    assert both.exit_code == 2


def test_policy_says_how_far_back_to_look_for_whom(run: Any, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yml"
    policy.write_text(
        "apiVersion: valetkey/v1\nreview:\n  window: 30d\n  windows:\n"
        "  - {accounts: [shop/yearly], window: 400d}\n"
    )
    run(dump(RULES), events(*SEEN))
    arguments = ["-f", str(tmp_path / "dump.json"), "--audit", str(tmp_path / "audit.log")]
    arguments += ["--policy", str(policy), "--format", "json"]
    told = json.loads(CliRunner().invoke(right_size, ["shop/worker", *arguments]).stdout)
    length = datetime.fromisoformat(told["until"]) - datetime.fromisoformat(told["since"])
    assert length == timedelta(days=30)


@pytest.mark.parametrize("subject", ["worker", "a/b/c", "../x", "shop/..", "/"])
def test_what_names_no_account_is_refused(subject: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("{}")
    arguments = [subject, "-f", str(tmp_path / "x"), "--audit", str(tmp_path / "x")]
    assert CliRunner().invoke(right_size, arguments).exit_code == 2


def test_every_word_has_a_sentence() -> None:
    assert set(CAUTIONS) == set(cautions.CODES)
    assert set(Lack) <= set(LACKS)
    assert all(text.endswith(".") for text in NOTES.values())
