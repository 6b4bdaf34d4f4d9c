"""A proposal as YAML ready to apply, with why beside each rule, and as JSON."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

import yaml

from bot.cli.visible import visible
from bot.wording.right_sizing import caution_words, note_words, replay_words
from grants.authz.model import rule_as_json
from grants.review.rightsizing.manifests import (
    rule_manifest,
    to_apply,
    to_delete,
    to_replace,
)
from grants.review.rightsizing.model import Proposal, ScopedRules

SCHEMA: Final = "valetkey/right-size/v1"


def proposal_yaml(proposal: Proposal) -> str:
    """Write what to apply; comments say from what it comes, so that a reader need not ask."""
    pairs = zip(proposal.scopes, to_apply(proposal), strict=True)
    documents = [
        text
        for scoped, (role, binding) in pairs
        for text in (_role(scoped, role), _dumped(binding))
    ]
    return "".join(_comments(_head(proposal))) + "".join(f"---\n{text}" for text in documents)


def removals_yaml(proposal: Proposal) -> str:
    """Write what to delete once the proposal is applied; of these only the names count."""
    head = ("Apply the proposal first. Then `kubectl delete -f` this file.",)
    return "".join(_comments(head)) + _documents(to_delete(proposal))


def narrowed_yaml(proposal: Proposal) -> str:
    """Write the old bindings that others are in, without the account."""
    head = ("Apply the proposal first. Then `kubectl replace -f` this file.",)
    return "".join(_comments(head)) + _documents(to_replace(proposal))


def proposal_json(proposal: Proposal) -> str:
    """Write all of it for programs."""
    found = proposal.replay
    body: dict[str, Any] = {
        "schema": SCHEMA,
        "account": {"namespace": proposal.target.namespace, "name": proposal.target.name},
        "cluster": proposal.target.cluster or None,
        "since": proposal.window.since.isoformat(),
        "until": proposal.window.until.isoformat(),
        "changes_nothing": proposal.changes_nothing,
        "apply": [one for pair in to_apply(proposal) for one in pair],
        "delete": list(to_delete(proposal)),
        "replace": list(to_replace(proposal)),
        "taken": [
            {
                "namespace": one.scope,
                "rule": rule_as_json(one.rule),
                "bindings": [str(binding) for binding in one.bindings],
                "left_in": list(one.left_in),
                "left_names": list(one.left_names),
            }
            for one in proposal.taken
        ],
        "kept_unseen": [
            {"namespace": one.scope, "rule": rule_as_json(one.rule), "why": one.why}
            for one in proposal.kept
        ],
        "cautions": [
            {"code": one.code, "facts": dict(one.facts), "says": caution_words(one)}
            for one in proposal.cautions
        ],
        "replay": {
            "holds": found.holds,
            "asked": found.asked,
            "by_group": found.by_group,
            "denied": len(found.denied),
            "gained": len(found.gained),
        },
    }
    return json.dumps(body, indent=2, ensure_ascii=False)


def _head(proposal: Proposal) -> Iterator[str]:
    since, until = proposal.window.since.date(), proposal.window.until.date()
    yield f"The least rights of service account {proposal.target},"
    yield f"by what it was seen to do from {since} to {until}."
    yield replay_words(proposal)
    for one in proposal.cautions:
        yield f"Think of: {caution_words(one)}"


def _role(scoped: ScopedRules, role: dict[str, Any]) -> str:
    parts = [_dumped({**role, "rules": []}).removesuffix("rules: []\n"), "rules:\n"]
    for noted in scoped.rules:
        parts += _comments(note_words(noted.notes))
        parts.append(_dumped([rule_manifest(noted.rule)]))
    return "".join(parts)


def _documents(objects: Iterable[dict[str, Any]]) -> str:
    return "".join(f"---\n{_dumped(one)}" for one in objects)


def _comments(lines: Iterable[str]) -> Iterator[str]:
    """Write comments; what is in them must never end the line that it is in."""
    return (f"# {visible(line)}\n" for line in lines)


def _dumped(value: object) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=False, width=100)
