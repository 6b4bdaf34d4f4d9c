"""What Go's JSON decoder says of a text that is no JSON."""

from typing import Final

_LITERALS: Final = {"n": "null", "t": "true", "f": "false"}
_SPACE: Final = " \t\r\n"
_SHOWN: Final = 30
_TYPE: Final = (
    'struct { APIVersion string "json:\\"apiVersion,omitempty\\"";'
    ' Kind string "json:\\"kind,omitempty\\"" }'
)
_SEEN_AS: Final[dict[type, str]] = {
    str: "string",
    bool: "bool",
    int: "number",
    float: "number",
    list: "array",
}


def complaint(body: bytes) -> str:
    """Say why a body can't be decoded, for the mistakes that a first word makes."""
    text = body.decode("latin-1").lstrip(_SPACE)
    if not text:
        return "unexpected end of JSON input"
    literal = _LITERALS.get(text[0])
    if literal:
        for at, wanted in enumerate(literal):
            if at >= len(text):
                return "unexpected end of JSON input"
            if text[at] != wanted:
                return (
                    f"invalid character {_sign(text[at])} in literal {literal}"
                    f" (expecting '{wanted}')"
                )
    if text[0] in '{["-0123456789':
        return "unexpected end of JSON input"
    return f"invalid character {_sign(text[0])} looking for beginning of value"


def _sign(letter: str) -> str:
    if letter == "'":
        return "'\\''"
    return f"'{letter}'" if letter.isprintable() else f"'\\u{ord(letter):04x}'"


def mistyped(found: object, name: str = "") -> str:
    """Say that an object, or its field of that name, is something else."""
    seen = _SEEN_AS.get(type(found), "null")
    if name:
        return f"json: cannot unmarshal {seen} into Go struct field .{name} of type string"
    return f"json: cannot unmarshal {seen} into Go value of type {_TYPE}"


def summary(body: bytes) -> str:
    """Show the beginning of a body as a message does: text of what seems JSON, else its bytes."""
    if not body:
        return "<empty>"
    more = " ..." if len(body) > _SHOWN else ""
    shown = body[:_SHOWN]
    return (shown.decode(errors="replace") if body.startswith(b"{") else shown.hex()) + more
