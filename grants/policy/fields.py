"""What one value of a policy file may be: checked texts, lengths of time, who is named."""

import re
from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from grants.policy.durations import DURATION_PATTERN, format_duration, parse_duration
from grants.policy.subjects import is_printable

LONGEST_DURATION: Final = timedelta(days=30)

_NAME: Final = r"^[a-z0-9](?:[-a-z0-9.]{0,61}[a-z0-9])?$"
_PATTERN: Final = r"^[-a-z0-9.*?]{1,63}$"
_EMAIL: Final = r"^[^@\s]{1,64}@[^@\s]{1,189}$"


def wrong(code: str, message: str) -> PydanticCustomError:
    """Make the error of a value, with its code and its sentence."""
    # Given as a fact, so that braces in what people wrote are never read as placeholders.
    return PydanticCustomError(code, "{message}", {"message": message})


def checked_text(
    pattern: str, code: str, sentence: str, **schema: Any
) -> tuple[AfterValidator, WithJsonSchema]:
    """Make the two halves of a checked text: the check with its sentence, and its schema."""
    whole = re.compile(pattern.removeprefix("^").removesuffix("$"))

    def check(value: str) -> str:
        if not whole.fullmatch(value) or not is_printable(value):
            raise wrong(code, sentence)
        return value

    return AfterValidator(check), WithJsonSchema({"type": "string", "pattern": pattern, **schema})


def prose(most: int, *, several_lines: bool = False) -> tuple[AfterValidator, WithJsonSchema]:
    """Make a text that people read: not empty, not too long, nothing in it that can't be shown."""

    def check(value: str) -> str:
        shown = value.replace("\n", "").replace("\t", "") if several_lines else value
        if not value.strip():
            raise wrong("empty-text", "must say something")
        if len(value) > most:
            raise wrong("too-long", f"must be at most {most} characters, not {len(value)}")
        if not is_printable(shown):
            raise wrong("unprintable", "has characters that can't be shown")
        return value

    schema = {"type": "string", "minLength": 1, "maxLength": most}
    return AfterValidator(check), WithJsonSchema(schema)


def _duration(value: object) -> timedelta:
    found = parse_duration(value) if isinstance(value, str) else None
    if found is None:
        raise wrong("bad-duration", "must be a length of time such as 30m, 8h, 1h30m or 2d")
    if found <= timedelta(0):
        raise wrong("bad-duration", "must be longer than nothing")
    if found > LONGEST_DURATION:
        raise wrong("bad-duration", f"must be at most {format_duration(LONGEST_DURATION)}")
    return found


Name = Annotated[
    str,
    *checked_text(
        _NAME, "bad-name", "must be 1 to 63 of a-z, 0-9, - and ., ending in a letter or digit"
    ),
]
Pattern = Annotated[
    str, *checked_text(_PATTERN, "bad-pattern", "must be 1 to 63 of a-z, 0-9, -, ., * and ?")
]
Email = Annotated[str, *checked_text(_EMAIL, "bad-email", "must be an email address")]
Reference = Annotated[str, *prose(256)]
Duration = Annotated[
    timedelta,
    PlainValidator(_duration),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "minLength": 2}),
]


class Shape(BaseModel):
    """A part of a policy file: frozen, and no key in it that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class WhoShape(Shape):
    """Groups of the identity provider, and people by verified email address."""

    groups: list[Reference] = Field([], description="Groups, spelled as the provider spells them.")
    people: list[Email] = Field([], description="People, by verified email address.")
