"""Names of people in a cluster, rendered from what their sign-in proved.

A name that is rendered wrong is somebody else's access, so every doubt is a refusal.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from grants.errors import Reason
from grants.people.model import Known
from grants.policy.model import ClusterPolicy

LONGEST_NAME: Final = 253
"""In characters; far beyond any address, and short enough for labels of every kind of log."""

_PLACEHOLDER: Final = re.compile(r"\{([A-Za-z0-9_.:/-]{1,200})\}")
_RESERVED: Final = "system:"


def placeholders(template: str) -> tuple[str, ...] | None:
    """List what a template's braces name, in order; None when its braces are not in order."""
    rest = _PLACEHOLDER.sub("", template)
    return None if "{" in rest or "}" in rest else tuple(_PLACEHOLDER.findall(template))


def render_subject(template: str, known: Known) -> str | Reason:
    """Render a person's user name in a cluster; a Reason that does not hold when it can't be.

    `{email}` is the verified address, `{sub}` and `{iss}` the identity, and anything else a claim
    of the last sign-in: by its whole name, or by a path such as `{realm.login}`.
    """
    names = placeholders(template)
    if not names:
        # Without a placeholder everybody would have the same name.
        return Reason("name-unsafe", holds=False, facts=(("why", "bad-template"),))
    values: dict[str, str] = {}
    for name in names:
        value = _value(name, known)
        if isinstance(value, Reason):
            return value
        values[name] = value
    return _checked(_PLACEHOLDER.sub(lambda found: values[found[1]], template))


def render_groups(template: str, known: Known) -> tuple[str, ...] | Reason:
    """Render a person's groups in a cluster, sorted; none when the cluster maps no groups."""
    if not template:
        return ()
    if known.sign_in.groups is None:
        return Reason("groups-unknown", holds=False, facts=(("of", "recipient"),))
    if placeholders(template) != ("group",):
        return Reason("name-unsafe", holds=False, facts=(("why", "bad-template"),))
    rendered = []
    for group in sorted(known.sign_in.groups):
        name = _checked(template.replace("{group}", group))
        if isinstance(name, Reason):
            return name
        rendered.append(name)
    return tuple(rendered)


def render_connect(cluster: ClusterPolicy, namespace: str | None) -> str:
    """Render the text that tells a person how to connect; cluster-wide access has no namespace
    of its own, so `default` stands for it.
    """
    values = {"cluster": cluster.alias, "namespace": namespace or "default"}
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), cluster.connect)


def _value(name: str, known: Known) -> str | Reason:
    if name == "email":
        profile = known.sign_in.profile
        if profile.email and profile.email_verified:
            return profile.email
        return Reason("email-unverified", holds=False)
    own = {"sub": known.person.subject, "iss": known.person.issuer}
    found = own[name] if name in own else _claim(known.sign_in.claims, name)
    # True is an int in Python; a name made of it would be many people's.
    if isinstance(found, int) and not isinstance(found, bool):
        found = str(found)
    if not isinstance(found, str) or not found:
        return Reason("claim-missing", holds=False, facts=(("claim", name),))
    return found


def _claim(claims: Mapping[str, object], name: str) -> object:
    """Find a claim by its whole name first: some providers name claims by URLs with dots."""
    if name in claims:
        return claims[name]
    found: object = claims
    for part in name.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(part)
    return found


def _checked(name: str) -> str | Reason:
    why = _wrong_with(name)
    return Reason("name-unsafe", holds=False, facts=(("why", why),)) if why else name


def _wrong_with(name: str) -> str:
    """Say what makes a name unusable; empty when nothing does."""
    if not name:
        return "empty"
    if len(name) > LONGEST_NAME:
        return "too-long"
    if name != name.strip() or not is_printable(name):
        return "unprintable"
    # system:masters and the like; in any case of letters, because names are read by people too.
    return "reserved" if name.lower().startswith(_RESERVED) else ""


def is_printable(text: str) -> bool:
    """Tell whether every character shows: no control, format (bidi, zero width) or line separator.

    Spaces of any width do show.
    """
    if text.isascii():
        return text.isprintable()
    return not any(
        unicodedata.category(c).startswith("C") or unicodedata.category(c) in {"Zl", "Zp"}
        for c in text
    )
