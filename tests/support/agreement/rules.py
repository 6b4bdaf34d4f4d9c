"""Cases about one rule: what is within it, and what is just outside."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from grants.authz.model import Question, Rule
from tests.support.agreement.semantics import Case, Semantic
from tests.support.agreement.words import GROUPS, KINDS, PATHS, SUBS, VERBS, Words, bound

EACH: Final = 4
"""Questions of each answer that a case is meant to have."""


def exact(words: Words) -> Case:
    rule = words.rule()
    hits = [words.hit(rule, name=words.name()) for _ in range(EACH)]
    nears = [words.near(rule, hit) for hit in hits]
    return bound(words, Semantic.EXACT, [rule], [*hits, *nears])


def any_verb(words: Words) -> Case:
    rule = replace(words.rule(), verbs=("*",))
    hits = [words.hit(rule, verb=words.one((*VERBS, "GET", "*", "g"))) for _ in range(EACH)]
    outside = [
        replace(hit, resource=words.one(KINDS, *rule.resources))
        if words.chance(0.5)
        else replace(hit, api_group=words.one(GROUPS, *rule.api_groups))
        for hit in hits[: EACH // 2]
    ]
    verb = words.one(VERBS)
    spelled = Rule((f"{verb}*", f"{verb} "), ("none",), ("widgets",))
    outside += [Question(verb, "none", "widgets"), Question(f"{verb}s", "none", "widgets")]
    return bound(words, Semantic.ANY_VERB, [rule, spelled], [*hits, *outside])


def any_group(words: Words) -> Case:
    rule = replace(words.rule(), api_groups=("*",))
    hits = [words.hit(rule, api_group=words.one((*GROUPS, "new.io", "*"))) for _ in range(EACH)]
    outside = [
        replace(hits[0], verb=words.one(VERBS, *rule.verbs)),
        replace(hits[1], resource=words.one(KINDS, *rule.resources)),
    ]
    group = words.one(GROUPS, "")
    spelled = Rule(("prune",), (f"{group}/v1", f"{group}*"), ("widgets",))
    outside += [Question("prune", group, "widgets"), Question("prune", "", "widgets")]
    return bound(words, Semantic.ANY_GROUP, [rule, spelled], [*hits, *outside])


def any_kind(words: Words) -> Case:
    rule = replace(words.rule(), resources=("*",))
    hits = [
        words.hit(rule, resource=words.one(KINDS), subresource=words.one(("", *SUBS)))
        for _ in range(EACH)
    ]
    outside = [
        replace(hits[0], verb=words.one(VERBS, *rule.verbs)),
        replace(hits[1], api_group=words.one(GROUPS, *rule.api_groups)),
    ]
    kind = words.one(KINDS)
    spelled = Rule(("prune",), ("",), (f"{kind}*", kind[:-1] or "q"))
    outside += [Question("prune", "", kind), Question("prune", "", f"{kind}s")]
    return bound(words, Semantic.ANY_KIND, [rule, spelled], [*hits, *outside])


def subresource(words: Words) -> Case:
    kind, sub = words.one(KINDS), words.one(SUBS)
    rule = replace(words.rule(), resources=(f"{kind}/{sub}", f"{words.one(KINDS, kind)}/*"))
    verb, group = rule.verbs[0], rule.api_groups[0]
    # A review that gives `kind/sub` as the kind is taken at its word.
    whole = Question(verb, group, f"{kind}/{sub}")
    hit = Question(verb, group, kind, sub)
    hits = [hit, replace(hit, verb=words.one(rule.verbs)), replace(hit, name="one"), whole]
    wild = rule.resources[1].partition("/")[0]
    outside = [
        Question(verb, group, kind),
        Question(verb, group, kind, words.one(SUBS, sub)),
        Question(verb, group, wild, words.one(SUBS)),
        Question(verb, group, wild),
    ]
    return bound(words, Semantic.SUBRESOURCE, [rule], [*hits, *outside])


def any_kinds_subresource(words: Words) -> Case:
    sub = words.one(SUBS)
    rule = replace(words.rule(), resources=(f"*/{sub}",))
    verb, group = rule.verbs[0], rule.api_groups[0]
    hits = [Question(verb, group, words.one(KINDS), sub) for _ in range(EACH)]
    kind = words.one(KINDS)
    outside = [
        Question(verb, group, kind),
        Question(verb, group, kind, words.one(SUBS, sub)),
        Question(verb, group, f"{kind}/{sub}"),
        Question("prune", group, kind, sub),
    ]
    spelled = Rule(("prune",), (group,), ("*/*", f"{kind[:1]}*/{sub}"))
    return bound(words, Semantic.ANY_KINDS_SUBRESOURCE, [rule, spelled], [*hits, *outside])


def names(words: Words) -> Case:
    held = words.one((("*",), ("one", "*"), ("two",), ("one", "three")))
    rule = replace(words.rule(), resource_names=held)
    hits = [words.hit(rule, name=words.one(held)) for _ in range(EACH)]
    outside = [replace(hit, name=words.name(*held)) for hit in hits[:3]]
    outside.append(words.near(rule, hits[3]))
    return bound(words, Semantic.NAMES, [rule], [*hits, *outside])


def names_of_looks(words: Words) -> Case:
    rule = replace(words.rule(), verbs=("list", "watch"), resource_names=("one", "two"))
    hits = [words.hit(rule, name=words.one(("one", "two"))) for _ in range(EACH)]
    outside = [replace(hit, name=words.one(("", "three", "*"))) for hit in hits]
    return bound(words, Semantic.NAMES_OF_LOOKS, [rule], [*hits, *outside])


def names_of_create(words: Words) -> Case:
    rule = replace(words.rule(), verbs=("create", "deletecollection"), resource_names=("one",))
    hits = [words.hit(rule, name="one") for _ in range(EACH)]
    outside = [replace(hit, name=words.one(("", "", "two"))) for hit in hits]
    return bound(words, Semantic.NAMES_OF_CREATE, [rule], [*hits, *outside])


def empty_name(words: Words) -> Case:
    held = ("",) if words.chance(0.5) else ("", "one")
    rule = replace(words.rule(), resource_names=held)
    hits = [words.hit(rule, name=words.one(held)) for _ in range(EACH)]
    outside = [replace(hit, name=words.name(*held)) for hit in hits]
    return bound(words, Semantic.EMPTY_NAME, [rule], [*hits, *outside])


def apart(words: Words) -> Case:
    first = Rule(words.some(VERBS[:5]), ("",), words.some(KINDS[:3]))
    second = Rule(words.some(VERBS[5:]), ("apps",), words.some(KINDS[3:]))
    hits = [words.hit(words.one((first, second))) for _ in range(EACH)]
    outside = [
        replace(hit, verb=words.one((second if hit.verb in first.verbs else first).verbs))
        if words.chance(0.5)
        else replace(hit, api_group="" if hit.api_group else "apps")
        for hit in hits
    ]
    return bound(words, Semantic.APART, [first, second], [*hits, *outside])


def case(words: Words) -> Case:
    rule = words.rule()
    loud = Rule(tuple(v.upper() for v in rule.verbs), ("Apps",), ("Pods",), ("One",))
    hits = [words.hit(rule), words.hit(rule), *(words.hit(loud, name="One") for _ in range(2))]
    outside = [
        replace(hits[0], verb=hits[0].verb.upper()),
        replace(hits[1], resource=hits[1].resource.upper()),
        replace(hits[2], name="one"),
        replace(hits[3], api_group="apps"),
    ]
    return bound(words, Semantic.CASE, [rule, loud], [*hits, *outside])


def path(words: Words) -> Case:
    held = words.some(PATHS)
    rule = Rule(("get", "post"), non_resource_urls=held)
    hits = [Question(words.one(rule.verbs), path=words.one(held)) for _ in range(EACH)]
    outside = [
        Question("get", path=words.one(PATHS, *held)),
        Question("get", path=words.one(held) + "/"),
        Question("get", path=words.one(held) + "x"),
        Question(words.one(("put", "GET", "list")), path=words.one(held)),
    ]
    return bound(words, Semantic.PATH, [rule], [*hits, *outside], wide=True)


def path_star(words: Words) -> Case:
    base = words.one(("/metrics", "/logs", "/debug"))
    rule = Rule(("get",), non_resource_urls=(f"{base}/*", "/sta*", "/mid*dle", "/two**"))
    within = (f"{base}/", f"{base}/x", f"{base}/x/y", "/sta", "/start", "/two", "/twofold",
              f"{base}/*", "/mid*dle")  # fmt: skip
    outside = (base, f"{base}x", "/st", "/middle", "/midXdle", "/tw", "/mid*dles")
    questions = [Question("get", path=words.one(within)) for _ in range(EACH)]
    questions += [Question("get", path=words.one(outside)) for _ in range(EACH)]
    return bound(words, Semantic.PATH_STAR, [rule], questions, wide=True)


def paths_apart(words: Words) -> Case:
    """Every right on resources gives no path, and every path no resource."""
    if words.chance(0.5):
        rule = Rule(("*",), ("*",), ("*",))
        questions = [Question("get", path=words.one(PATHS)) for _ in range(2 * EACH)]
    else:
        rule = Rule(("*",), non_resource_urls=("*",))
        questions = [words.hit(words.rule()) for _ in range(2 * EACH)]
    return bound(words, Semantic.PATHS_APART, [rule], questions, wide=True)


CASES: Final[tuple[Callable[[Words], Case], ...]] = (
    exact,
    any_verb,
    any_group,
    any_kind,
    subresource,
    any_kinds_subresource,
    names,
    names_of_looks,
    names_of_create,
    empty_name,
    apart,
    case,
    path,
    path_star,
    paths_apart,
)
