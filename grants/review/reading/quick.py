"""Values of which a dump has tens of thousands, made in a third of the time.

A frozen dataclass's own `__init__` looks `object.__setattr__` up for each field, which takes as
long as reading the object from its bytes. These fill the same slots by their descriptors; a test
holds them to what the classes themselves make.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from grants.authz.model import Rule
from grants.authz.objects import Meta, Origin

Words = tuple[str, ...]

_new: Final = object.__new__


def _slots(kind: type, *names: str) -> tuple[Any, ...]:
    return tuple(getattr(kind, name).__set__ for name in names)


_file, _line, _made_from = _slots(Origin, "file", "line", "made_from")
_name, _namespace, _uid, _created, _labels, _annotations, _origin = _slots(
    Meta, "name", "namespace", "uid", "created", "labels", "annotations", "origin"
)


def make_origin(file: str, line: int, made_from: str) -> Origin:
    """Make an Origin."""
    made = _new(Origin)
    _file(made, file)
    _line(made, line)
    _made_from(made, made_from)
    return made


def make_meta(
    name: str,
    namespace: str,
    uid: str,
    created: datetime | None,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    origin: Origin | None,
) -> Meta:
    """Make a Meta."""
    made = _new(Meta)
    _name(made, name)
    _namespace(made, namespace)
    _uid(made, uid)
    _created(made, created)
    _labels(made, labels)
    _annotations(made, annotations)
    _origin(made, origin)
    return made


def make_rule(verbs: Words, groups: Words, resources: Words, names: Words, urls: Words) -> Rule:
    """Make a Rule, which has no slots."""
    made = _new(Rule)
    fields = made.__dict__
    fields["verbs"] = verbs
    fields["api_groups"] = groups
    fields["resources"] = resources
    fields["resource_names"] = names
    fields["non_resource_urls"] = urls
    return made
