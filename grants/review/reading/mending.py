"""Objects with values of the wrong type: what is right in them is kept, the rest is named."""

from collections.abc import Callable, Iterator
from typing import Any, Final, cast

import msgspec
from msgspec import inspect

from grants.review.reading.shapes import MetaIn, ObjectIn

_UNFIT: Final = object()
_WORDS: Final[dict[type, str]] = {
    inspect.StrType: "text",
    inspect.BoolType: "true or false",
    inspect.IntType: "a whole number",
    inspect.DateTimeType: "a time",
    inspect.DictType: "a mapping",
    inspect.StructType: "a mapping",
    inspect.VarTupleType: "a list",
}
_OBJECT: Final = inspect.type_info(ObjectIn)

Tell = Callable[[str, str], None]
"""Hears of each value that was left out: where it stands in the object, and what it should be."""


def mended(value: dict[str, Any], tell: Tell) -> ObjectIn:
    """Make an object of whatever in it has the right type."""
    return msgspec.convert(_struct(value, cast("inspect.StructType", _OBJECT), "", tell), ObjectIn)


def kind_of(value: Any) -> str:
    """Give the kind that something says it is, or ""."""
    kind = value.get("kind") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) else ""


def _fit(value: Any, wanted: inspect.Type, path: str, tell: Tell) -> Any:
    if value is None:
        return _UNFIT  # as in Kubernetes: null is nothing, whatever the type
    if isinstance(wanted, inspect.UnionType):
        wanted = next(one for one in wanted.types if not isinstance(one, inspect.NoneType))
    found = _fitted(value, wanted, path, tell)
    if found is _UNFIT:
        tell(path, _WORDS[type(wanted)])
    return found


def _fitted(value: Any, wanted: inspect.Type, path: str, tell: Tell) -> Any:
    if isinstance(wanted, inspect.StructType):
        return _struct(value, wanted, path, tell) if isinstance(value, dict) else _UNFIT
    if isinstance(wanted, inspect.VarTupleType):
        return list(_each(value, wanted, path, tell)) if isinstance(value, list) else _UNFIT
    if isinstance(wanted, inspect.DictType):
        return _words(value, path, tell) if isinstance(value, dict) else _UNFIT
    return value if _is(value, wanted) else _UNFIT


def _struct(
    value: dict[str, Any], wanted: inspect.StructType, path: str, tell: Tell
) -> dict[str, Any]:
    found = {}
    for field in wanted.fields:
        name = field.encode_name
        if name in value:
            fit = _fit(value[name], field.type, f"{path}.{name}".lstrip("."), tell)
            if fit is not _UNFIT:
                found[name] = fit
    return found


def _each(value: list[Any], wanted: inspect.VarTupleType, path: str, tell: Tell) -> Iterator[Any]:
    for number, each in enumerate(value):
        fit = _fit(each, wanted.item_type, f"{path}[{number}]", tell)
        if fit is not _UNFIT:
            yield fit


def _words(value: dict[str, Any], path: str, tell: Tell) -> dict[str, str]:
    for key, each in value.items():
        if each is not None and not isinstance(each, str):
            tell(f"{path}.{key}", "text")
    return {key: each or "" for key, each in value.items() if each is None or isinstance(each, str)}


def _is(value: Any, wanted: inspect.Type) -> bool:
    types: dict[type, Any] = {
        inspect.StrType: str,
        inspect.BoolType: bool,
        inspect.IntType: int,
        inspect.DateTimeType: str,
    }
    kind = types[type(wanted)]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        return False
    return not isinstance(wanted, inspect.DateTimeType) or _is_time(value)


def _is_time(value: str) -> bool:
    try:
        msgspec.convert({"creationTimestamp": value}, MetaIn)
    except msgspec.ValidationError:
        return False
    return True
