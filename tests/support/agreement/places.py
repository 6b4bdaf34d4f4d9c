"""Cases about bindings: where they give, and to whom."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from grants.authz.model import Question, RoleRef, Rule
from grants.authz.objects import (
    ACCOUNT_PREFIX,
    ACCOUNTS_GROUP,
    ANONYMOUS,
    AUTHENTICATED,
    UNAUTHENTICATED,
    Caller,
    Role,
    Subject,
    account_caller,
)
from tests.support.agreement.rules import EACH
from tests.support.agreement.semantics import Ask, Case, Semantic
from tests.support.agreement.words import PATHS, Words, bindable, bound, placed
from tests.support.rbac_objects import account, bind, group, role, user

OUTSIDE: Final = (
    ("", "nodes"),
    ("", "persistentvolumes"),
    ("rbac.authorization.k8s.io", "clusterroles"),
    ("storage.k8s.io", "storageclasses"),
)


def everywhere(words: Words) -> Case:
    rule = words.rule()
    hits = [words.hit(rule) for _ in range(EACH)]
    made = bound(words, Semantic.EVERYWHERE, [rule], hits, wide=True)
    stranger = words.somebody(None)[0]
    made.asks += [replace(ask, caller=stranger) for ask in made.asks]
    return made


def scope(words: Words) -> Case:
    rule = words.rule()
    place = words.place()
    caller, subject = words.somebody(place)
    made = role(words.object_name("r"), rule)
    hits = [replace(words.hit(rule), namespace=place) for _ in range(EACH)]
    far = [None, *(name for name in words.namespaces if name != place)]
    outside = [replace(hit, namespace=words.one(far)) for hit in hits]
    asks = [Ask(Semantic.SCOPE, caller, question) for question in (*hits, *outside)]
    return Case([made], [bind(words.object_name("b"), made, subject, namespace=place)], asks)


def role_of_place(words: Words) -> Case:
    """Two Roles of one name in two namespaces and a ClusterRole: each binding leads to its own."""
    here, there = words.dice.sample(list(words.namespaces), 2)
    name, caller = words.object_name("r"), words.somebody(None)
    rules = [Rule((verb,), ("",), ("pods", "jobs")) for verb in words.dice.sample(
        ["get", "list", "watch"], 3)]  # fmt: skip
    roles = [role(name, rules[0], namespace=here), role(name, rules[1], namespace=there),
             role(name, rules[2])]  # fmt: skip
    binding = bind(words.object_name("b"), roles[0], caller[1], namespace=here)
    verb = rules[0].verbs[0]
    hits = [Question(verb, "", kind, namespace=here) for kind in ("pods", "jobs") * (EACH // 2)]
    outside = [
        Question(rules[1].verbs[0], "", "pods", namespace=here),
        Question(rules[2].verbs[0], "", "pods", namespace=here),
        Question(verb, "", "pods", namespace=there),
        Question(rules[1].verbs[0], "", "pods", namespace=there),
    ]
    asks = [Ask(Semantic.ROLE, caller[0], question) for question in (*hits, *outside)]
    return Case(roles, [binding], asks)


def path_in_namespace(words: Words) -> Case:
    place = words.place()
    caller, subject = words.somebody(place)
    made = role(words.object_name("r"), Rule(("*",), non_resource_urls=("*",)))
    binding = bind(words.object_name("b"), made, subject, namespace=place)
    questions = [Question("get", path=words.one(PATHS)) for _ in range(2 * EACH)]
    return Case([made], [binding], [Ask(Semantic.PATH_IN_NAMESPACE, caller, q) for q in questions])


def cluster_scoped(words: Words) -> Case:
    """A review that names a namespace is believed, although no request ever would."""
    place = words.place()
    caller, subject = words.somebody(place)
    rule_ = Rule(("get", "list"), tuple(g for g, _ in OUTSIDE), tuple(k for _, k in OUTSIDE))
    made = bindable(words, [rule_], place)
    binding = bind(words.object_name("b"), made, subject, namespace=place)
    hits = [Question("get", *words.one(OUTSIDE), namespace=place) for _ in range(EACH)]
    outside = [replace(hit, namespace=None) for hit in hits]
    asks = [Ask(Semantic.CLUSTER_SCOPED, caller, question) for question in (*hits, *outside)]
    return Case([made], [binding], asks)


def namespace_itself(words: Words) -> Case:
    place = words.place()
    caller, subject = words.somebody(place)
    made = bindable(words, [Rule(("get", "delete"), ("",), ("namespaces",))], place)
    binding = bind(words.object_name("b"), made, subject, namespace=place)
    verb = words.one(("get", "delete"))
    own = Question(verb, "", "namespaces", "", place, place)
    other = words.one(words.namespaces, place)
    questions = [
        *(own for _ in range(EACH)),
        Question(verb, "", "namespaces", "", other, other),
        Question(verb, "", "namespaces", "", place),
        Question("list", "", "namespaces"),
        Question("update", "", "namespaces", "", place, place),
    ]
    asks = [Ask(Semantic.NAMESPACE_ITSELF, caller, question) for question in questions]
    return Case([made], [binding], asks)


def _of_subject(
    words: Words,
    semantic: Semantic,
    subject: Subject,
    callers: tuple[list[Caller], list[Caller]],
    place: str | None,
) -> Case:
    """Bind something to a subject, and ask it of who that is and of who that is not."""
    rule = words.rule()
    made = bindable(words, [rule], place)
    binding = bind(words.object_name("b"), made, *words.noise(), subject, namespace=place or "")
    asks = [
        Ask(semantic, words.one(pool), placed(words, words.hit(rule), place))
        for pool in callers
        for _ in range(EACH)
    ]
    return Case([made], [binding], asks)


def _maybe(words: Words) -> str | None:
    return words.place() if words.chance(0.5) else None


def groups(words: Words) -> Case:
    name, other = words.fresh("group"), words.fresh("group")
    ins = [
        Caller(words.fresh("user"), frozenset({name})),
        Caller(words.fresh("user"), frozenset({other, name, AUTHENTICATED})),
    ]
    outs = [
        Caller(words.fresh("user"), frozenset({other, AUTHENTICATED})),
        Caller(name),
        Caller(words.fresh("user"), frozenset({name.upper(), f"{name}s"})),
    ]
    return _of_subject(words, Semantic.GROUPS, group(name), (ins, outs), _maybe(words))


def account_(words: Words) -> Case:
    home, name = words.place(), words.fresh("account")
    away = words.one(words.namespaces, home)
    outs = [
        account_caller(away, name),
        account_caller(home, f"{name}x"),
        Caller(name),
        Caller(f"{home}:{name}"),
        Caller(f"{ACCOUNT_PREFIX.upper()}{home}:{name}"),
    ]
    # Its user name alone is enough, whatever its groups are.
    ins = [account_caller(home, name), Caller(f"{ACCOUNT_PREFIX}{home}:{name}")]
    subject = account(name, home)
    return _of_subject(words, Semantic.ACCOUNT, subject, (ins, outs), _maybe(words))


def account_of_place(words: Words) -> Case:
    place, name = words.place(), words.fresh("account")
    away = words.one(words.namespaces, place)
    callers = [account_caller(place, name)], [account_caller(away, name), Caller(name)]
    return _of_subject(words, Semantic.ACCOUNT_OF_PLACE, account(name), callers, place)


def account_groups(words: Words) -> Case:
    """A verb of its own: these groups hold every account that other cases ask about."""
    verb = words.fresh("verb")
    home = words.place()
    subject = words.one((f"{ACCOUNTS_GROUP}:{home}", ACCOUNTS_GROUP, AUTHENTICATED))
    place = _maybe(words)
    made = bindable(words, [Rule((verb,), ("",), ("pods",))], place)
    binding = bind(words.object_name("b"), made, group(subject), namespace=place or "")
    ins = [account_caller(home, words.fresh("account")) for _ in range(EACH)]
    outs: list[Caller] = [Caller(words.fresh("user")), Caller(f"{ACCOUNT_PREFIX}{home}:x")]
    if subject == f"{ACCOUNTS_GROUP}:{home}":
        outs.append(account_caller(words.one(words.namespaces, home), words.fresh("account")))
        outs.append(Caller(words.fresh("user"), frozenset({AUTHENTICATED, ACCOUNTS_GROUP})))
    question = Question(verb, "", "pods")
    callers = [*ins, *(words.one(outs) for _ in range(EACH))]
    asks = [Ask(Semantic.ACCOUNT_GROUPS, c, placed(words, question, place)) for c in callers]
    return Case([made], [binding], asks)


def account_as_user(words: Words) -> Case:
    home, name = words.place(), words.fresh("account")
    callers = (
        [account_caller(home, name)],
        [account_caller(words.one(words.namespaces, home), name), Caller(name)],
    )
    subject = user(f"{ACCOUNT_PREFIX}{home}:{name}")
    return _of_subject(words, Semantic.ACCOUNT_AS_USER, subject, callers, _maybe(words))


def star_subject(words: Words) -> Case:
    """Nobody but who is really called `*`; a verb of its own, since all such cases share it."""
    verb = words.fresh("verb")
    by_user = words.chance(0.5)
    star = Caller("*", frozenset({AUTHENTICATED})) if by_user else Caller("x", frozenset({"*"}))
    made = role(words.object_name("r"), Rule((verb,), ("",), ("pods",)))
    binding = bind(words.object_name("b"), made, user("*") if by_user else group("*"))
    others = [words.somebody(None)[0] for _ in range(EACH)]
    question = Question(verb, "", "pods")
    asks = [Ask(Semantic.STAR_SUBJECT, caller, placed(words, question, None))
            for caller in (*(star for _ in range(EACH)), *others)]  # fmt: skip
    return Case([made], [binding], asks)


def anonymous(words: Words) -> Case:
    verb = words.fresh("verb")
    nobody = Caller(ANONYMOUS, frozenset({UNAUTHENTICATED}))
    subject = words.one((user(ANONYMOUS), group(UNAUTHENTICATED)))
    made = role(words.object_name("r"), Rule((verb,), ("",), ("pods",)))
    others = [words.somebody(None)[0] for _ in range(EACH)]
    question = Question(verb, "", "pods")
    asks = [Ask(Semantic.ANONYMOUS, caller, placed(words, question, None))
            for caller in (*(nobody for _ in range(EACH)), *others)]  # fmt: skip
    return Case([made], [bind(words.object_name("b"), made, subject)], asks)


def dangling(words: Words) -> Case:
    rule = words.rule()
    place = _maybe(words)
    caller, subject = words.somebody(place)
    made: Role = bindable(words, [rule], place)
    binding = bind(words.object_name("b"), made, subject, namespace=place or "")
    # One that never comes, so that the first asking is not the only one that is denied.
    gone = RoleRef("ClusterRole", words.fresh("gone"))
    never = bind(words.object_name("b"), gone, subject, namespace=place or "")
    questions = [placed(words, words.hit(rule), place) for _ in range(EACH)]
    asks = [Ask(Semantic.DANGLING, caller, question) for question in questions]
    return Case([], [binding, never], asks, late=[made], late_asks=asks)


CASES: Final[tuple[Callable[[Words], Case], ...]] = (
    everywhere,
    scope,
    role_of_place,
    path_in_namespace,
    cluster_scoped,
    namespace_itself,
    groups,
    account_,
    account_of_place,
    account_groups,
    account_as_user,
    star_subject,
    anonymous,
    dangling,
)
