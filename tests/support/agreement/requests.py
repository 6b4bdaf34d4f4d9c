"""Real requests: what a review would believe, and a request can't say."""

from collections.abc import Callable, Sequence
from typing import Final

from grants.authz.escalation import EVERYTHING, RBAC_GROUP
from grants.authz.model import RoleRef, Rule
from grants.authz.objects import (
    AUTHENTICATED,
    Binding,
    Caller,
    Role,
    Subject,
    account_caller,
)
from tests.support.agreement.rules import EACH
from tests.support.agreement.semantics import Case, Request, Semantic
from tests.support.agreement.words import KINDS, VERBS, Words, bindable
from tests.support.rbac_objects import account, bind, gathering, group, label, role, user

# No API server has it: who may ask is told that there is none (404), who may not is refused (403),
# and nothing is ever changed.
API: Final = "/apis/none.test/v1"
GROUP: Final = "none.test"


def _somebody(words: Words) -> tuple[Caller, Subject]:
    """Make a caller with the groups that a real request always has."""
    if words.chance(0.5):
        name = words.fresh("user")
        return Caller(name, frozenset({AUTHENTICATED})), user(name)
    team = words.fresh("group")
    return Caller(words.fresh("user"), frozenset({AUTHENTICATED, team})), group(team)


def _asked(
    words: Words,
    semantic: Semantic,
    rule: Rule,
    asked: Sequence[tuple[str, str, str]],
    place: str,
) -> Case:
    """Bind a rule in a namespace, and make requests: method, path, query."""
    caller, subject = _somebody(words)
    made = bindable(words, [rule], place)
    binding = bind(words.object_name("b"), made, subject, namespace=place)
    return Case([made], [binding], requests=[Request(semantic, caller, *one) for one in asked])


def looks(words: Words) -> Case:
    place = words.place()
    rule = Rule(("list", "watch"), (GROUP,), ("widgets",), ("one", "two"))
    path = f"{API}/namespaces/{place}/widgets"
    watch = words.one(("", "&watch=1", "&watch=true", "&watch"))
    good = ("metadata.name=one", "metadata.name==two", "metadata.name%3Done",
            "spec.x=y,metadata.name=one")  # fmt: skip
    bad = ("metadata.name=three", "metadata.name!=one", "metadata.namespace=one", "spec.x=one",
           "metadata.name=one/two", "metadata.name%3D")  # fmt: skip
    asked = [("GET", path, f"fieldSelector={words.one(good)}{watch}") for _ in range(EACH)]
    asked += [("GET", path, f"fieldSelector={words.one(bad)}{watch}") for _ in range(EACH - 2)]
    asked += [("GET", path, watch.lstrip("&")), ("GET", f"{path}/one", "")]
    return _asked(words, Semantic.REQUEST_LOOKS, rule, asked, place)


def create(words: Words) -> Case:
    """By name only what is made by its name: an apply, but no POST."""
    place = words.place()
    path = f"{API}/namespaces/{place}/widgets"
    rule = Rule(("create", "patch", "update"), (GROUP,), ("widgets",), ("one",))
    named = [("PATCH", f"{path}/one", ""), ("PUT", f"{path}/one", "")]
    others = [("POST", path, ""), ("PATCH", f"{path}/two", "")]
    if words.chance(0.5):
        rule = Rule(("create",), (GROUP,), ("widgets", "widgets/exec"), ())
        named = [("POST", path, ""), ("POST", f"{path}/one/exec", "")]
        others = [("PATCH", f"{path}/one", ""), ("POST", f"{path}/one/log", "")]
    asked = [*named, *others] * (EACH // 2)
    return _asked(words, Semantic.REQUEST_CREATE, rule, asked, place)


def delete_all(words: Words) -> Case:
    """By name nothing but what is named in the path, whatever a field selector says."""
    place = words.place()
    path = f"{API}/namespaces/{place}/widgets"
    all_, one, two = (path, ""), (f"{path}/one", ""), (f"{path}/two", "")
    selected = (path, "fieldSelector=metadata.name=one")
    names, good, bad = words.one((
        ((), (all_, selected, one, two), ((f"{API}/widgets", ""), (f"{path}/one/status", ""))),
        (("one",), (one,), (all_, selected, two)),
    ))  # fmt: skip
    rule = Rule(("deletecollection", "delete"), (GROUP,), ("widgets",), names)
    asked = [("DELETE", *words.one(pool)) for pool in (good, bad) for _ in range(EACH)]
    return _asked(words, Semantic.REQUEST_DELETE_ALL, rule, asked, place)


def cluster_scoped(words: Words) -> Case:
    place = words.place()
    kinds = (("", "nodes"), ("", "persistentvolumes"), ("storage.k8s.io", "storageclasses"))
    rule = Rule(("get", "list"), ("", "storage.k8s.io"), tuple(kind for _, kind in kinds))
    asked = []
    for _ in range(EACH):
        api_group, kind = words.one(kinds)
        api = f"/apis/{api_group}/v1" if api_group else "/api/v1"
        name = words.one(("", "/none-such"))
        asked.append(("GET", f"{api}/{kind}{name}", ""))
        # Nothing is served there, but the question is put with the namespace.
        asked.append(("GET", f"{api}/namespaces/{place}/{kind}{name}", ""))
    return _asked(words, Semantic.REQUEST_CLUSTER_SCOPED, rule, asked, place)


def namespace_itself(words: Words) -> Case:
    place = words.place()
    other = words.one(words.namespaces, place)
    rule = Rule(("get", "list"), ("",), ("namespaces", "namespaces/status"))
    asked = [
        *[("GET", f"/api/v1/namespaces/{place}", "")] * 3,
        ("GET", f"/api/v1/namespaces/{place}/status", ""),
        ("GET", f"/api/v1/namespaces/{other}", ""),
        ("GET", "/api/v1/namespaces", ""),
        ("GET", "/api/v1/namespaces", f"fieldSelector=metadata.name={place}"),
        ("GET", f"/api/v1/namespaces/{other}/status", ""),
    ]
    return _asked(words, Semantic.REQUEST_NAMESPACE, rule, asked, place)


def tokens(words: Words, accounts: Sequence[tuple[str, str]]) -> Case:
    """An account of the cluster asks with its own token: the server says which groups it is in."""
    home, name = words.one(accounts)
    place = words.place()
    subject = words.one((
        account(name, home), group("system:serviceaccounts"),
        group(f"system:serviceaccounts:{home}"), group(AUTHENTICATED),
        user(f"system:serviceaccount:{home}:{name}"),
    ))  # fmt: skip
    # A kind of its own, since the groups hold all accounts.
    kind = words.fresh("kind")
    made = bindable(words, [Rule(("get",), (GROUP,), (kind,))], place)
    binding = bind(words.object_name("b"), made, subject, namespace=place)
    path = f"{API}/namespaces/{place}/{kind}/one"
    requests = []
    for other in words.dice.sample(list(accounts), min(2 * EACH, len(accounts))):
        caller = account_caller(*other)
        requests.append(Request(Semantic.REQUEST_TOKEN, caller, "GET", path, token=True))
        requests.append(
            Request(Semantic.REQUEST_TOKEN, caller, "PUT", path, token=True)
            if words.chance(0.3)
            else Request(
                Semantic.REQUEST_TOKEN, account_caller(home, name), "GET", path, token=True
            )
        )
    return Case([made], [binding], requests=requests)


_WRITER: Final = Rule(
    ("create",), (RBAC_GROUP,), ("roles", "rolebindings", "clusterroles", "clusterrolebindings")
)


def _writer(words: Words, held: Sequence[Rule], place: str | None) -> tuple[Caller, Role, Binding]:
    """Make somebody who may write roles and bindings there, and holds some things."""
    caller, subject = _somebody(words)
    made = bindable(words, [*held, _WRITER], place)
    return caller, made, bind(words.object_name("b"), made, subject, namespace=place or "")


def _collection(kind: str, place: str | None) -> str:
    return f"/apis/{RBAC_GROUP}/v1/" + (
        f"namespaces/{place}/{kind}s" if place else f"cluster{kind}s"
    )


def write_role(words: Words) -> Case:
    """Roles are written (on trial: nothing is kept) by somebody who holds some things there."""
    place = words.place() if words.chance(0.7) else None
    held = _held(words)
    if place is None and words.chance(0.3):
        held += EVERYTHING
    if words.chance(0.15):
        held.append(Rule(("escalate",), (RBAC_GROUP,), ("roles",)))
    caller, made, binding = _writer(words, held, place)
    requests = []
    for _ in range(2 * EACH):
        wanted = role(words.fresh("tried"), *_wanted(words, held), namespace=place or "")
        if place is None and words.chance(0.4):
            wanted = gathering(words.fresh("tried"), label(a="b"))
        path = _collection("role", place)
        requests.append(Request(Semantic.WRITE_ROLE, caller, "POST", path, "dryRun=All", wanted))
    return Case([made], [binding], requests=requests)


def write_binding(words: Words) -> Case:
    place = words.place() if words.chance(0.7) else None
    held = _held(words)
    wanted = [words.one([r for r in held if r.resources])] if words.chance(0.6) else None
    target = bindable(words, wanted or _wanted(words, held), place)
    named = role(words.object_name("r"), *words.one((_wanted(words, held), [_other(words)])))
    if words.chance(0.3):
        plural = "roles" if target.kind == "Role" else "clusterroles"
        held.append(Rule(("bind",), (RBAC_GROUP,), (plural,), (target.meta.name,)))
    caller, made, binding = _writer(words, held, place)
    requests = []
    for _ in range(EACH):
        for ref in (target.ref, named.ref, RoleRef("ClusterRole", words.fresh("gone"))):
            tried = bind(words.fresh("tried"), ref, user("somebody"), namespace=place or "")
            path = _collection("rolebinding", place)
            requests.append(
                Request(Semantic.WRITE_BINDING, caller, "POST", path, "dryRun=All", tried)
            )
    return Case([made, target, named], [binding], requests=requests)


def _held(words: Words) -> list[Rule]:
    """Hold a few rules, now and then a wide one."""
    held = [words.rule() for _ in range(words.dice.randint(1, 3))]
    if words.chance(0.3):
        held.append(Rule(words.some(VERBS), ("*",), words.some(("*", "*/scale", "pods/exec"), 2)))
    if words.chance(0.5):
        held.append(Rule(words.some(VERBS), ("",), words.some(KINDS), ("one", "two")))
    return held


def _wanted(words: Words, held: Sequence[Rule]) -> list[Rule]:
    """Want parts of what is held, or a little more."""
    # The last one most of all: it is the one with names, where there is one.
    usable = [rule for rule in held if rule.resources]
    source = usable[-1] if words.chance(0.4) else words.one(usable)
    names = words.one((source.resource_names, (), ("one",), ("three",)))
    kinds = tuple("pods/scale" if "*" in kind and words.chance(0.7) else kind
                  for kind in words.some(source.resources))  # fmt: skip
    wanted = [Rule(words.some(source.verbs), words.some(source.api_groups), kinds, names)]
    if words.chance(0.6):
        wanted.append(_other(words) if words.chance(0.7) else words.one(held))
    if words.chance(0.05):
        wanted.append(EVERYTHING[0])
    return wanted


def _other(words: Words) -> Rule:
    names = words.one(((), ("one",), ("three",)))
    kinds = words.some((*KINDS, "*", "*/log"))
    return Rule(words.some(VERBS), words.some(("", "apps", "*")), kinds, names)


CASES: Final[tuple[Callable[[Words], Case], ...]] = (
    looks,
    create,
    delete_all,
    cluster_scoped,
    namespace_itself,
    write_role,
    write_binding,
)
