"""Policies loaded, and each way in which one is refused, with the place where it is wrong."""

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest

from grants.authz.model import RoleRef
from grants.authz.risks import ACCEPTABLE
from grants.errors import PolicyInvalid
from grants.policy.load import load_policy
from grants.policy.model import Notify, OnRoleChange, Stage, Who
from grants.policy.source import MAX_BYTES, PolicyFile, pack
from tests.support.policies import VALID, brief, changed, load, problems_of

EXAMPLE = Path(__file__).parents[2] / "deploy" / "example-policy.yaml"

NAME = "view-shop"
ASK = "{groups: [engineers]}"
DURATION = "{default: 1h, maximum: 8h}"
DECIDE = "{groups: [leads], people: [boss@example.com]}"
NOTIFY = '{channels: ["#access"]}'
ROLE = "{kind: ClusterRole, name: view}"
NAMESPACES = '    namespaces: [shop, "shop-*"]\n'
END = '    notify: {channels: ["#access"]}\n'
GROUPS = '    groups: "oidc:{group}"\n'
MORE = """\
    reason: optional
    pending_limit: 2d
    accept_risk: {rules: [secrets-read, system-namespace], reason: Night shift}
    on_role_change: tell
"""


def test_a_valid_policy_says_what_its_file_says() -> None:
    policy = load().policy
    (found,) = policy.entitlements
    assert policy.digest == hashlib.sha256(VALID.encode()).hexdigest()
    assert policy.admins == Who(groups=frozenset({"admins"}))
    assert policy.auditors == Who(people=frozenset({"ida@example.com"}))
    assert policy.admin_notify == Notify(channels=("#admins",))
    assert policy.clusters[0].username == "oidc:{email}"
    assert policy.clusters[0].own_namespace == "valetkey"
    assert (found.name, found.description) == ("view-shop", "Look at the shop")
    assert (found.clusters, found.namespaces) == (("prod",), ("shop", "shop-*"))
    assert found.role == RoleRef("ClusterRole", "view")
    assert found.ask == Who(groups=frozenset({"engineers"}))
    leads = Who(frozenset({"leads"}), frozenset({"boss@example.com"}))
    assert found.stages == (Stage(leads, quorum=1),)
    assert found.duration_default == timedelta(hours=1)
    assert found.duration_maximum == timedelta(hours=8)
    assert found.pending_limit == timedelta(hours=4)
    assert found.reason_required
    assert not found.cluster_wide
    assert not found.accept_risk.rules
    assert found.on_role_change is OnRoleChange.REVOKE_IF_WIDER
    assert load().warnings == ()


def test_everything_that_may_be_left_out_may_be_said() -> None:
    text = changed(
        (GROUPS, "    connect: |\n      kubectl -n {namespace}\n    own_namespace: vk\n"),
        (NAMESPACES, "    cluster_wide: true\n"),
        ("{groups: [engineers]}", "{everyone: true}"),
        ("people: [boss@example.com]}", "people: [Boss@Example.com], quorum: 2}"),
        (NOTIFY, '{user_groups: ["@leads"], people: [Ida@example.com]}\n' + MORE),
    )
    policy = load(text).policy
    (found,) = policy.entitlements
    assert policy.clusters[0].groups == ""
    assert policy.clusters[0].connect == "kubectl -n {namespace}\n"
    assert policy.clusters[0].own_namespace == "vk"
    assert found.cluster_wide
    assert found.ask.everyone
    assert found.stages[0].quorum == 2
    assert found.stages[0].who.people == {"boss@example.com"}
    assert found.notify == Notify(user_groups=("@leads",), people=("ida@example.com",))
    assert not found.reason_required
    assert found.pending_limit == timedelta(days=2)
    assert found.accept_risk.rules == {"secrets-read", "system-namespace"}
    assert found.accept_risk.reason == "Night shift"
    assert found.on_role_change is OnRoleChange.TELL


def test_the_example_is_valid_and_has_nothing_to_warn_of() -> None:
    loaded = load_policy([PolicyFile("example-policy.yaml", EXAMPLE.read_bytes())])
    assert loaded.warnings == ()
    assert {str(e.role) for e in loaded.policy.entitlements} == {
        "ClusterRole/view",
        "ClusterRole/edit",
    }


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("valetkey/v1", "valetkey/v2", "1:13 bad-value"),
        ("apiVersion: valetkey/v1\n", "", "1:1 missing"),
        ("valetkey/v1", "1", "1:13 bad-value"),
        ("admins:\n  groups: [admins]\n", "", "1:1 missing"),
        ("  groups: [admins]\n", "  groups: []\n", "3:3 nobody"),
        ("  groups: [admins]\n", "  people: []\n", "3:3 nobody"),
        ("groups: [admins]", "groups: admins", "3:11 wrong-type"),
        ("groups: [admins]", "groups: [no, 12]", "3:16 wrong-type"),
        ("groups: [admins]", "groups: ['']", "3:12 empty-text"),
        ("groups: [admins]", 'groups: ["a\\u202eb"]', "3:12 unprintable"),
        ("groups: [admins]", f"groups: [{'g' * 257}]", "3:12 too-long"),
        ("groups: [admins]", "groups: [admins]\n  everyone: true", "4:3 unknown-key"),
        ("people: [ida@example.com]", "people: [ida]", "5:12 bad-email"),
        ("people: [ida@example.com]", "people: [a@b@c]", "5:12 bad-email"),
        ("admin_notify:", "admin_notfy:", "6:1 unknown-key"),
        ('    username: "oidc:{email}"\n', "", "9:5 missing"),
        ("oidc:{email}", "oidc:", "10:15 bad-template"),
        ("oidc:{email}", "oidc:{email", "10:15 bad-template"),
        ("oidc:{email}", "oidc:{}", "10:15 bad-template"),
        ("oidc:{email}", "{group}", "10:15 bad-template"),
        ("oidc:{email}", "System:{email}", "10:15 bad-template"),
        ("oidc:{group}", "oidc:", "11:13 bad-template"),
        ("oidc:{group}", "{group}{group}", "11:13 bad-template"),
        ("oidc:{group}", "oidc:{email}", "11:13 bad-template"),
        ("oidc:{group}", "system:{group}", "11:13 bad-template"),
        ('    groups: "oidc:{group}"\n', '    connect: "{subject}"\n', "11:14 bad-template"),
        ('    groups: "oidc:{group}"\n', '    connect: "a\\eb"\n', "11:14 unprintable"),
        ('    groups: "oidc:{group}"\n', "    own_namespace: A\n", "11:20 bad-name"),
        (f"name: {NAME}", "name: View shop", "13:11 bad-name"),
        ("Look at the shop", "' '", "14:18 empty-text"),
        ("Look at the shop", "x" * 501, "14:18 too-long"),
        ("Look at the shop", '"one\\ntwo"', "14:18 unprintable"),
        ("    description: Look at the shop\n", "", "13:5 missing"),
        ("clusters: [prod]", "clusters: []", "15:15 empty-list"),
        ("clusters: [prod]", "clusters: [prod, stage-*]", "15:22 no-cluster"),
        ("clusters: [prod]", "clusters: ['[p]rod']", "15:16 bad-pattern"),
        (NAMESPACES, "", "13:5 scope"),
        (NAMESPACES, "    cluster_wide: false\n", "13:5 scope"),
        (NAMESPACES, "    namespaces: []\n", "16:17 empty-list"),
        (NAMESPACES, "    namespaces: ['']\n", "16:18 bad-pattern"),
        (NAMESPACES, "    cluster_wide: yes\n", "16:19 wrong-type"),
        (NAMESPACES, NAMESPACES + "    cluster_wide: true\n", "17:19 scope"),
        (NAMESPACES, "    namespaces: [kube-system]\n", "16:18 risk-not-accepted"),
        (NAMESPACES, "    namespaces: [shop, valetkey]\n", "16:24 risk-not-accepted"),
        (ROLE, "{kind: Group, name: view}", "17:18 bad-value"),
        (ROLE, "{kind: Role, name: a/b}", "17:30 bad-name"),
        (ROLE, "{kind: Role}", "17:11 missing"),
        (ROLE, "view", "17:11 wrong-type"),
        (ASK, "{}", "18:10 nobody"),
        (ASK, "{groups: [], everyone: false}", "18:10 nobody"),
        (ASK, "{everyone: 1}", "18:21 wrong-type"),
        (DURATION, "{default: 9h, maximum: 8h}", "19:25 duration-order"),
        (DURATION, "{default: 0m, maximum: 8h}", "19:25 bad-duration"),
        (DURATION, "{default: -1h, maximum: 8h}", "19:25 bad-duration"),
        (DURATION, "{default: 1h, maximum: 31d}", "19:38 bad-duration"),
        (DURATION, "{default: 1h, maximum: 999999d}", "19:38 bad-duration"),
        (DURATION, "{default: 60, maximum: 8h}", "19:25 bad-duration"),
        (DURATION, "{default: 1h 30m, maximum: 8h}", "19:25 bad-duration"),
        (DURATION, "{default: 1h}", "19:15 missing"),
        (DECIDE, "{}", "20:13 nobody"),
        (DECIDE, "{groups: [leads], quorum: 0}", "20:39 out-of-range"),
        (DECIDE, "{groups: [leads], quorum: 21}", "20:39 out-of-range"),
        (DECIDE, "{groups: [leads], quorum: two}", "20:39 wrong-type"),
        (DECIDE, "{people: [a@b.c, A@b.c], quorum: 2}", "20:46 quorum"),
        (DECIDE, "{everyone: true}", "20:14 unknown-key"),
        (DECIDE, "[{groups: [leads]}]", "20:13 wrong-type"),
        (NOTIFY, "{}", "21:13 nobody"),
        (NOTIFY, "{channels: []}", "21:13 nobody"),
        (NOTIFY, "{groups: [leads]}", "21:14 unknown-key"),
        (END, END + "    reason: maybe\n", "22:13 bad-value"),
        (END, END + "    pending_limit: 0s\n", "22:20 bad-duration"),
        (END, END + "    accept_risk: {rules: [secrets-red], reason: x}\n", "22:27 unknown-risk"),
        (END, END + "    accept_risk: {rules: [pods-exec], reason: x}\n", "22:27 unknown-risk"),
        (END, END + "    accept_risk: {rules: [bind]}\n", "22:18 missing"),
        (END, END + "    accept_risk: {rules: [bind], reason: ' '}\n", "22:42 empty-text"),
        (END, END + "    accept_risk: {rules: [], reason: x}\n", "22:26 empty-list"),
        (END, END + "    accept_risk: [bind]\n", "22:18 wrong-type"),
        (END, END + "    on_role_change: ignore\n", "22:21 bad-value"),
        (END, END + "    description: again\n", "22:5 duplicate-key"),
        (END, END + "  - *other\n", "22:5 alias"),
        (END, END + "  - text\n", "22:5 wrong-type"),
        (END, END + "\tx", "22:1 not-yaml"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_line_and_column(old: str, new: str, found: str) -> None:
    assert problems_of(changed((old, new))) == [found]


@pytest.mark.parametrize("name", ["Prod", "-prod", "prod.", "p" * 64, "pr od", "'*'"])
def test_a_cluster_has_a_plain_name(name: str) -> None:
    text = changed(("  - name: prod", f"  - name: {name}"), ("clusters: [prod]", "clusters: ['*']"))
    assert problems_of(text) == ["9:11 bad-name"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["1:1 empty"]),
        ("just words", ["1:1 wrong-type"]),
        ("- a list", ["1:1 wrong-type"]),
        ("apiVersion: valetkey/v1\n", ["1:1 missing", "1:1 missing"]),
        ("apiVersion: valetkey/v1\nadmins: {groups: [a]}\nclusters: []\n", ["3:11 empty-list"]),
        ("apiVersion: valetkey/v1\nadmins: {groups: [a]}\nclusters:\n", ["3:10 wrong-type"]),
        ("apiVersion: valetkey/v1\nadmins: {groups: [a]}\nclusters: {a: 1}\n", ["3:11 wrong-type"]),
    ],
)
def test_hardly_a_policy_at_all_is_refused_too(text: str, found: list[str]) -> None:
    assert problems_of(text) == found


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    text = changed(
        ("  groups: [admins]", "  groups: []"),
        ("oidc:{email}", "oidc:"),
        ("clusters: [prod]", "clusters: [prod, other]"),
        (NOTIFY, "{}"),
    )
    more = VALID[VALID.index("  - name: view-shop") :].replace("maximum: 8h", "maximum: 8 h")
    assert problems_of(text + more) == [
        "3:3 nobody",
        "10:15 bad-template",
        "15:22 no-cluster",
        "21:13 nobody",
        "28:38 bad-duration",
    ]


def test_a_cluster_of_wrong_form_is_still_one_that_entitlements_may_name() -> None:
    assert problems_of(changed(("oidc:{email}", "oidc:"))) == ["10:15 bad-template"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (NOTIFY, "{chanels: [x]}", "`chanels` is not known here; is `channels` meant?"),
        (NOTIFY, "{zzz: 1}", "`zzz` is not known here; known: channels, user_groups, people"),
        ("clusters: [prod]", "clusters: [dev]", "`dev` matches no cluster; there are: prod"),
        (DECIDE, "{people: [a@b.c], quorum: 2}", "2 must approve, but only 1 may"),
        (DURATION, "{default: 9h, maximum: 90m}", "is longer than the maximum of 1h30m"),
        ("valetkey/v1", "v1", "must be `valetkey/v1`"),
    ],
)  # fmt: skip
def test_messages_help(old: str, new: str, message: str) -> None:
    with pytest.raises(PolicyInvalid) as caught:
        load(changed((old, new)))
    assert message in [problem.message for problem in caught.value.problems]


def test_braces_in_what_people_wrote_are_not_filled_in() -> None:
    with pytest.raises(PolicyInvalid) as caught:
        load(changed((END, END + '    accept_risk: {rules: ["{message}"], reason: x}\n')))
    assert caught.value.problems[0].message.startswith("`{message}` is not a risk")


def test_the_longest_description_just_fits() -> None:
    assert (
        len(load(changed(("Look at the shop", "x" * 500))).policy.entitlements[0].description)
        == 500
    )


def test_every_risk_that_can_be_found_can_be_accepted() -> None:
    rules = ", ".join(sorted(ACCEPTABLE))
    text = changed((END, f"{END}    accept_risk: {{rules: [{rules}], reason: All of it}}\n"))
    assert load(text).policy.entitlements[0].accept_risk.rules == set(ACCEPTABLE)


def test_a_role_of_one_namespace_can_not_be_given_cluster_wide() -> None:
    text = changed((NAMESPACES, "    cluster_wide: true\n"), ("kind: ClusterRole", "kind: Role"))
    assert problems_of(text) == ["17:18 scope"]


def test_a_risky_namespace_that_a_pattern_matches_is_a_warning() -> None:
    text = changed((NAMESPACES, "    namespaces: ['*-system', 'v*']\n"))
    found = [brief(warning) for warning in load(text).warnings]
    assert found == ["16:18 covers-risky-namespace", "16:30 covers-risky-namespace"]
    accepted = text.replace(
        END, END + "    accept_risk: {rules: [system-namespace, own-namespace], reason: x}\n"
    )
    assert load(accepted).warnings == ()


def test_the_bots_own_namespace_matters_only_in_its_cluster() -> None:
    other = '  - name: lab\n    username: "{sub}"\n    own_namespace: shop\n'
    text = changed(("entitlements:", other + "entitlements:"))
    assert load(text).warnings == ()
    assert problems_of(text.replace("clusters: [prod]", "clusters: [lab]")) == [
        "19:18 risk-not-accepted"
    ]


def test_what_is_probably_forgotten_is_a_warning() -> None:
    text = changed(('admin_notify:\n  channels: ["#admins"]\n', ""))
    text = text[: text.index("entitlements:")]
    assert [brief(w) for w in load(text).warnings] == ["1:1 no-admin-notify", "1:1 no-entitlements"]
    nobody = changed(('  channels: ["#admins"]', "  channels: []"))
    assert [brief(w) for w in load(nobody).warnings] == ["7:3 no-admin-notify"]


def test_groups_and_people_that_never_signed_in_are_warned_of() -> None:
    loaded = load(known_groups={"admins", "leads"}, known_emails={"BOSS@example.com"})
    assert [brief(w) for w in loaded.warnings] == ["5:12 unknown-person", "18:20 unknown-group"]
    assert load(known_groups={"admins", "leads", "engineers"}).warnings == ()
    assert load().warnings == ()


FIRST = VALID[: VALID.index("entitlements:")]
SECOND = "apiVersion: valetkey/v1\n" + VALID[VALID.index("entitlements:") :]


def folder(**texts: str) -> list[PolicyFile]:
    return [PolicyFile(f"{name}.yaml", text.encode()) for name, text in texts.items()]


def where(files: list[PolicyFile]) -> list[str]:
    with pytest.raises(PolicyInvalid) as caught:
        load_policy(files)
    return [f"{problem.file}:{brief(problem)}" for problem in caught.value.problems]


def test_a_folder_is_read_as_one_policy() -> None:
    files = folder(b=SECOND, a=FIRST)
    policy = load_policy(files).policy
    assert policy.entitlements == load().policy.entitlements
    assert policy.clusters == load().policy.clusters
    assert policy.digest == hashlib.sha256(pack(files)).hexdigest()
    assert policy.digest == load_policy(files[::-1]).policy.digest
    assert policy.digest != load_policy(folder(c=SECOND, a=FIRST)).policy.digest


def test_a_name_that_stands_twice_is_refused_with_both_places() -> None:
    again = FIRST.replace("  groups: [admins]", "  groups: [others]")
    files = folder(a=FIRST, b=SECOND, c=SECOND, d=again)
    assert where(files) == [
        "c.yaml:3:11 duplicate-name",
        "d.yaml:2:1 duplicate-section",
        "d.yaml:4:1 duplicate-section",
        "d.yaml:6:1 duplicate-section",
        "d.yaml:9:11 duplicate-name",
    ]
    with pytest.raises(PolicyInvalid) as caught:
        load_policy(files)
    messages = [problem.message for problem in caught.value.problems]
    assert messages[0] == "entitlement `view-shop` stands in b.yaml:3:11 already"
    assert messages[1] == "`admins` stands in a.yaml:3:3 already"
    assert messages[4] == "cluster `prod` stands in a.yaml:9:11 already"


def test_names_within_one_file_are_unique_too() -> None:
    entitlement = VALID[VALID.index("  - name: view-shop") :]
    assert problems_of(VALID + entitlement) == ["22:11 duplicate-name"]


def test_where_one_file_can_not_be_read_nothing_is_said_to_be_missing() -> None:
    assert where(folder(a="a: [", b=SECOND)) == ["a.yaml:2:1 not-yaml"]
    assert where(folder(a=FIRST, b="x")) == ["b.yaml:1:1 wrong-type"]


def test_every_file_of_a_folder_says_its_version() -> None:
    assert where(folder(a=FIRST, b=SECOND.replace("apiVersion: valetkey/v1\n", ""))) == [
        "b.yaml:1:1 missing"
    ]


def test_no_files_and_too_many_bytes_are_refused() -> None:
    with pytest.raises(PolicyInvalid) as caught:
        load_policy([])
    assert caught.value.problems[0].code == "unreadable"
    half = b"#" * (MAX_BYTES // 2 + 1)
    with pytest.raises(PolicyInvalid) as caught:
        load_policy([PolicyFile("a.yaml", half), PolicyFile("b.yaml", half)])
    assert caught.value.problems[0].code == "too-big"


def test_a_packed_folder_is_never_taken_for_a_policy() -> None:
    packed = pack(folder(a=FIRST, b=SECOND))
    with pytest.raises(PolicyInvalid):
        load_policy([PolicyFile("x.yaml", packed)])


def test_names_and_bytes_of_a_folder_can_not_be_shifted_into_one_another() -> None:
    one = pack([PolicyFile("a.yaml", b"x"), PolicyFile("b.yaml", b"y")])
    other = pack([PolicyFile("a.yaml", b"x\n6 1\nb.yaml\ny"), PolicyFile("c.yaml", b"")])
    assert one != other
