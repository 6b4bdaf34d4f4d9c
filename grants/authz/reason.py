"""The reason that an API server gives for what it allows, word for word."""

from grants.authz.objects import SERVICE_ACCOUNT
from grants.authz.rbac import Allowance

_ESCAPES = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t",
            "\v": "\\v", '"': '\\"', "\\": "\\\\"}  # fmt: skip
_FIRST_BEYOND_ASCII = 0x80
_LAST_OF_FOUR_DIGITS = 0xFFFF


def reason_of(allowance: Allowance) -> str:
    """Say why something is allowed as Kubernetes' own RBAC authorizer does."""
    binding, subject = allowance.binding, allowance.subject
    name, namespace = binding.meta.name, binding.namespace
    place = quoted(name if namespace is None else f"{name}/{namespace}")
    called = (
        f"{subject.name}/{subject.namespace}" if subject.kind == SERVICE_ACCOUNT else subject.name
    )
    return (
        f"RBAC: allowed by {binding.kind} {place} "
        f"of {binding.role.kind} {quoted(binding.role.name)} to {subject.kind} {quoted(called)}"
    )


def quoted(text: str) -> str:
    """Quote as Go does: what can be printed stays as it is."""
    return '"' + "".join(_escaped(letter) for letter in text) + '"'


def _escaped(letter: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    if letter.isprintable():
        return letter
    code = ord(letter)
    if code < _FIRST_BEYOND_ASCII:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= _LAST_OF_FOUR_DIGITS else f"\\U{code:08x}"
