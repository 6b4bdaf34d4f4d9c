"""What stands on a page of the documentation."""

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
# Indentation, fence, language, body.
FENCE: Final = re.compile(r"^( *)(```+|~~~+)([^\n]*)\n(.*?)^\1\2 *$", re.MULTILINE | re.DOTALL)


def sql_of(dialect: str) -> dict[str, str]:
    """Give the SQL that the page on the record has for one database, by what each is to do."""
    text = (ROOT / "docs" / "record.md").read_text(encoding="utf-8")
    blocks = "\n".join(found[4] for found in FENCE.finditer(text) if found[3].strip() == "sql")
    found: dict[str, str] = {}
    for part in re.split(r"^-- (?=\w+: )", blocks, flags=re.MULTILINE):
        title, _, statement = part.partition("\n")
        if title.startswith(f"{dialect}: "):
            found[title.removeprefix(f"{dialect}: ")] = statement.strip().rstrip(";")
    return found
