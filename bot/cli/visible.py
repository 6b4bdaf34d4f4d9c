"""What a terminal would act on, written so that it can be seen."""

from grants.policy.subjects import is_printable


def visible(text: str) -> str:
    """Write what a terminal would act on, or not show, as an escape."""
    return "".join(
        c if is_printable(c) else c.encode("unicode_escape", "replace").decode() for c in text
    )
