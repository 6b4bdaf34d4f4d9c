"""The shipped manifests say what the example policy, the settings and the code say."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from bot.clusters_file import read_clusters
from bot.settings import load_settings, require_for_serving
from deploy import manifests
from deploy.__main__ import main
from deploy.rbac import bind_role, bound_roles, policy_config_map
from grants.authz.model import RoleRef
from grants.clusters.config import ClusterTimes
from grants.clusters.reply import BODY_MOST_BYTES
from grants.errors import SettingsInvalid
from grants.policy.load import load_policy
from grants.policy.model import Entitlement, Notify, Policy, Stage, Who
from grants.policy.source import PolicyFile, PolicyPath

EXAMPLE = Path(manifests.__file__).parent / "example-policy.yaml"
ROOT = EXAMPLE.parents[1]
HOW = "python -m deploy {} deploy/example-policy.yaml > deploy/kustomize/base/{}"


def named(kind: str, name: str) -> dict[str, Any]:
    (found,) = (m for m in manifests.base() if m["kind"] == kind and m["metadata"]["name"] == name)
    return found


def entitlement(name: str, role: RoleRef, *, wide: bool = False) -> Entitlement:
    return Entitlement(
        name=name,
        description="",
        clusters=("*",),
        namespaces=() if wide else ("*",),
        cluster_wide=wide,
        role=role,
        ask=Who(everyone=True),
        stages=(Stage(Who(groups=frozenset({"g"}))),),
        notify=Notify(channels=("#c",)),
        duration_default=timedelta(hours=1),
        duration_maximum=timedelta(hours=1),
    )


def policy_of(*entitlements: Entitlement) -> Policy:
    return Policy("", Who(), Who(), Notify(), (), entitlements)


def rules(policy: Policy) -> list[dict[str, list[str]]]:
    manifest = yaml.safe_load(bind_role(policy))
    assert (manifest["kind"], manifest["metadata"]["name"]) == ("ClusterRole", "valetkey-bind")
    found: list[dict[str, list[str]]] = manifest["rules"]
    return found


@pytest.mark.security("B1")
def test_the_bot_may_bind_the_roles_of_the_example_policy_and_no_other() -> None:
    policy = load_policy(PolicyPath(EXAMPLE).files()).policy
    shipped = {
        (plural, name)
        for role in ("valetkey", "valetkey-bind")
        for rule in named("ClusterRole", role)["rules"]
        if "bind" in rule["verbs"]
        for plural in rule["resources"]
        for name in rule["resourceNames"]
    }
    wanted = {(f"{role.kind.lower()}s", role.name) for role in bound_roles(policy)}
    assert shipped == wanted


def test_what_is_made_from_the_example_policy_is_what_is_shipped() -> None:
    policy = load_policy(PolicyPath(EXAMPLE).files()).policy
    shipped = (manifests.BASE / "clusterrole-bind.yaml").read_text()
    assert bind_role(policy) == shipped, HOW.format("bind-role", "clusterrole-bind.yaml")
    shipped = (manifests.BASE / "policy.yaml").read_text()
    made = policy_config_map(PolicyPath(EXAMPLE).files())
    assert made == shipped, HOW.format("config-map", "policy.yaml")


def test_the_pod_is_given_the_example_policy_byte_for_byte() -> None:
    (text,) = named("ConfigMap", "valetkey-policy")["data"].values()
    assert text.encode() == EXAMPLE.read_bytes()


def test_the_clusters_of_the_example_policy_are_reached(tmp_path: Path) -> None:
    file = tmp_path / "clusters.yaml"
    file.write_text(named("ConfigMap", "valetkey-clusters")["data"]["clusters.yaml"])
    policy = load_policy(PolicyPath(EXAMPLE).files()).policy
    assert list(read_clusters(file)) == [cluster.alias for cluster in policy.clusters]


def test_the_settings_are_those_that_serving_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read as the pod would read them; only the secrets' files stand elsewhere."""
    (container,) = named("Deployment", "valetkey")["spec"]["template"]["spec"]["containers"]
    given = named("ConfigMap", "valetkey-settings")["data"]
    given["VALETKEY_CLUSTERS_PATH"] = str(tmp_path / "clusters.yaml")
    (tmp_path / "clusters.yaml").write_text("")
    mounted = {m["name"]: m["mountPath"] for m in container["volumeMounts"]}
    for variable in container["env"]:
        folder, _, file = variable["value"].rpartition("/")
        assert folder == mounted["secrets"]
        (tmp_path / file).write_text("xapp-1-a" if file == "slack-app-token" else "xoxb-1-a")
        given[variable["name"]] = str(tmp_path / file)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    try:
        settings = load_settings()
        require_for_serving(settings)
    except SettingsInvalid as error:
        pytest.fail(str(error))
    assert str(settings.policy_path) == mounted["policy"]
    assert settings.own_namespace == named("Namespace", "valetkey")["metadata"]["name"]
    assert mounted["data"] in settings.database_url.get_secret_value()


def test_every_file_of_the_base_is_a_resource_of_it() -> None:
    kustomization = yaml.safe_load((manifests.BASE / "kustomization.yaml").read_text())
    files = {path.name for path in manifests.BASE.iterdir()} - {"kustomization.yaml"}
    assert files == set(kustomization["resources"])
    assert set(kustomization) == {"apiVersion", "kind", "resources"}, "the base is not plain"


def test_every_object_stands_in_the_bots_namespace_and_says_whose_it_is() -> None:
    for manifest in manifests.base():
        meta = manifest["metadata"]
        assert meta["labels"]["app.kubernetes.io/name"] == "valetkey"
        if "/namespaces/" in manifests.collection_path(manifest):
            assert meta["namespace"] == "valetkey"


def test_every_rule_says_why() -> None:
    for name in ("clusterrole.yaml", "clusterrole-bind.yaml"):
        lines = (manifests.BASE / name).read_text().splitlines()
        begins = [n for n, line in enumerate(lines) if line.startswith("  - ")]
        assert begins
        assert all(lines[n - 1].startswith("  # ") for n in begins)


def test_the_page_says_the_figures_of_the_code() -> None:
    page = " ".join((ROOT / "docs" / "kubernetes.md").read_text().split())
    times = ClusterTimes()
    connect, read, whole = (
        f"{t.total_seconds():g} s" for t in (times.connect, times.read, times.whole_list)
    )
    assert f"Connecting takes at most {connect}, each wait for bytes {read}" in page
    assert f"a whole list {whole}" in page
    assert f"Answers above {BODY_MOST_BYTES // 2**20} MiB" in page


def test_no_rule_holds_a_wildcard() -> None:
    for name in ("valetkey", "valetkey-bind"):
        for rule in named("ClusterRole", name)["rules"]:
            assert "*" not in str(rule)


def test_roles_are_listed_by_kind_and_once() -> None:
    view, debug = RoleRef("ClusterRole", "view"), RoleRef("Role", 'it\'s: "debug"')
    policy = policy_of(entitlement("a", view), entitlement("b", debug), entitlement("c", view))
    rbac = "rbac.authorization.k8s.io"
    assert rules(policy) == [
        {
            "apiGroups": [rbac],
            "resources": ["clusterroles"],
            "verbs": ["bind", "watch"],
            "resourceNames": ["view"],
        },
        {
            "apiGroups": [rbac],
            "resources": ["roles"],
            "verbs": ["bind", "watch"],
            "resourceNames": [debug.name],
        },
    ]


def test_cluster_wide_bindings_are_written_only_where_the_policy_has_them() -> None:
    view = RoleRef("ClusterRole", "view")
    assert len(rules(policy_of(entitlement("a", view)))) == 1
    *_, last = rules(policy_of(entitlement("a", view), entitlement("wide", view, wide=True)))
    assert last["resources"] == ["clusterrolebindings"]
    assert last["verbs"] == ["create", "update", "delete"]


def test_a_policy_without_entitlements_binds_nothing() -> None:
    assert rules(policy_of()) == []


@given(st.text(st.characters(codec="utf-8")))
def test_a_config_map_holds_any_text_as_it_is(text: str) -> None:
    made = policy_config_map((PolicyFile("folder/p.yaml", text.encode()),))
    assert yaml.safe_load(made)["data"] == {"p.yaml": text}


def test_the_command_writes_what_the_functions_make() -> None:
    done = CliRunner().invoke(main, ["bind-role", str(EXAMPLE)])
    assert done.output == (manifests.BASE / "clusterrole-bind.yaml").read_text()
    done = CliRunner().invoke(main, ["config-map", str(EXAMPLE)])
    assert done.output == (manifests.BASE / "policy.yaml").read_text()


def test_the_command_names_what_is_wrong_with_a_policy(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("apiVersion: valetkey/v1\nadmins: 3\n")
    done = CliRunner().invoke(main, ["bind-role", str(tmp_path / "p.yaml")])
    assert done.exit_code == 1
    assert "p.yaml:2:" in done.output
