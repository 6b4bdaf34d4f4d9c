"""The schema that this code was written for, known without asking Alembic (slow to import)."""

from typing import Final

REVISION: Final = "0007"
