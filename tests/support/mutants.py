"""Broken variants of `grants.authz`: its modules loaded apart, with one piece of text replaced."""

import builtins
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

# In the order in which they import each other; what is a mere value is not loaded anew.
_MODULES: Final = ("matching", "covers", "aggregation", "rbac", "escalation", "reason", "requests")
_PACKAGE: Final = "grants.authz"


@dataclass(frozen=True)
class Mutant:
    """One mistake: in this module, this text becomes that one."""

    story: str
    module: str
    text: str
    becomes: str


def load(mutant: Mutant | None) -> Mapping[str, ModuleType]:
    """Load the modules apart; with None they are as they are, but loaded just so."""
    loaded: dict[str, ModuleType] = {}
    for name in _MODULES:
        source = _source(name)
        if mutant is not None and mutant.module == name:
            assert source.count(mutant.text) == 1, f"{mutant.story}: not there once"
            source = source.replace(mutant.text, mutant.becomes)
        module = ModuleType(f"mutant.{name}")
        importer = _importing(loaded)
        module.__dict__["__builtins__"] = {**vars(builtins), "__import__": importer}
        exec(compile(source, f"mutant of {name}", "exec"), module.__dict__)
        loaded[f"{_PACKAGE}.{name}"] = module
    return loaded


def _source(name: str) -> str:
    spec = importlib.util.find_spec(f"{_PACKAGE}.{name}")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).read_text()


def _importing(loaded: Mapping[str, ModuleType]) -> Callable[..., ModuleType]:
    """Import what is loaded apart from there, and everything else as usual."""

    def importer(name: str, *rest: Any) -> ModuleType:
        return loaded[name] if name in loaded else builtins.__import__(name, *rest)

    return importer


MUTANTS: Final[Sequence[Mutant]] = (
    Mutant(
        "verbs match whatever their case",
        "matching",
        "verb in rule.verbs",
        "verb.lower() in [held.lower() for held in rule.verbs]",
    ),
    Mutant(
        "`*` is no group",
        "matching",
        "ANY in rule.api_groups or group in rule.api_groups",
        "group in rule.api_groups",
    ),
    Mutant(
        "a kind holds its subresources",
        "matching",
        "if ANY in rule.resources or whole in rule.resources:",
        'if {ANY, whole, whole.partition("/")[0]} & set(rule.resources):',
    ),
    Mutant(
        "`*` holds no subresources",
        "matching",
        "if ANY in rule.resources or whole in rule.resources:",
        "if (ANY in rule.resources and not sub) or whole in rule.resources:",
    ),
    Mutant(
        "`kind/*` holds the kind's subresources",
        "matching",
        'return bool(sub) and f"*/{sub}" in rule.resources',
        'return bool(sub) and bool({f"*/{sub}", whole.removesuffix(sub) + "*"} & '
        "set(rule.resources))",
    ),
    Mutant(
        "a request without a name is within any names",
        "matching",
        "return not rule.resource_names or name in rule.resource_names",
        "return not rule.resource_names or not name or name in rule.resource_names",
    ),
    Mutant(
        "`*` is any name",
        "matching",
        "return not rule.resource_names or name in rule.resource_names",
        "return not rule.resource_names or bool({name, ANY} & set(rule.resource_names))",
    ),
    Mutant(
        "a path ending in `/*` is the path before it too",
        "matching",
        "path.startswith(url.rstrip(ANY))",
        'path.startswith(url.rstrip(ANY).rstrip("/"))',
    ),
    Mutant(
        "a RoleBinding gives cluster-wide",
        "rbac",
        "        place = binding.namespace\n",
        "        place = None\n",
    ),
    Mutant(
        "a path may come by a RoleBinding",
        "rbac",
        "yield from (_Held(number, first[number]) for number in sorted(first))",
        "yield from (_Held(number, first[number]) for number in sorted(first))\n"
        "        if tuple(places) == (None,):\n"
        "            for by_place in named:\n"
        "                for held in by_place.values():\n"
        "                    yield from held",
    ),
    Mutant(
        "a Role is found by its name alone",
        "rbac",
        'role.meta.namespace if role.kind == "Role" else "", role.meta.name',
        '"", role.meta.name',
    ),
    Mutant(
        "an account without namespace is nobody",
        "rbac",
        "namespace = subject.namespace or place\n",
        "namespace = subject.namespace\n",
    ),
    Mutant(
        "an account is no user of its user name",
        "rbac",
        "            return self._users, subject.name\n",
        "            return (None if subject.name.startswith(ACCOUNT_PREFIX)\n"
        "                    else (self._users, subject.name))\n",
    ),
    Mutant(
        "`*` is any user",
        "rbac",
        "        yield self._users, caller.user\n",
        '        yield self._users, caller.user\n        yield self._users, "*"\n',
    ),
    Mutant(
        "groups are users",
        "rbac",
        "            yield self._groups, group\n",
        "            yield self._groups, group\n            yield self._users, group\n"
        "        yield self._groups, caller.user\n",
    ),
    Mutant(
        "own rules stay beside what is gathered",
        "aggregation",
        "if not taken or len(component) > 1 or named[name].meta.uid",
        "if True",
    ),
    Mutant(
        "own rules go where nothing is gathered",
        "aggregation",
        "if not taken or len(component) > 1 or named[name].meta.uid",
        "if len(component) > 1 or named[name].meta.uid",
    ),
    Mutant(
        "only what stands in roles is gathered, not what these gather",
        "aggregation",
        "for rule in (done[name] if name in done else named[name].rules)",
        "for rule in named[name].rules",
    ),
    Mutant(
        "NotIn wants the label to be there",
        "aggregation",
        "return held is None or held not in requirement.values",
        "return held is not None and held not in requirement.values",
    ),
    Mutant(
        "two rules cover together what neither covers alone",
        "covers",
        "return tuple(p for p in bounded if not any(covers_one(rule, p) for rule in held))",
        "names = [rule for rule in held if not rule.resource_names]\n"
        "    return tuple(p for p in bounded if not (any(covers_one(rule, p) for rule in held)\n"
        "        or (p.group is not None\n"
        "        and any(matches_verb(rule, p.verb) for rule in names)\n"
        "        and any(matches_group(rule, p.group) for rule in names)\n"
        "        and any(matches_resource(rule, p.what) for rule in names))))",
    ),
    Mutant(
        "a name covers the whole kind",
        "covers",
        "and (not rule.resource_names or name in rule.resource_names)",
        "and (not rule.resource_names or name is None or name in rule.resource_names)",
    ),
    Mutant(
        "a field selector names nothing",
        "requests",
        'return "watch" if watch else "list", _selected_name(values.get("fieldSelector", [""])[0])',
        'return "watch" if watch else "list", ""',
    ),
    Mutant(
        "a namespace is asked for outside of itself",
        "requests",
        '        case ["namespaces", name, *_]:\n            return name, parts\n',
        '        case ["namespaces", _, *_]:\n            return None, parts\n',
    ),
)
