"""Named SQL statements: `-- name: x` starts one in the .sql files of this folder."""

import re
from functools import cache
from pathlib import Path

__all__ = ["all_statements", "statement"]

NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


def statement(name: str) -> str:
    """The text of a statement. Raises KeyError for a name that no file has."""
    return all_statements()[name]


@cache
def all_statements() -> dict[str, str]:
    """Every statement by its name, which is unique over all files."""
    statements: dict[str, str] = {}
    for file in sorted(Path(__file__).parent.glob("*.sql")):
        _, *parts = NAME.split(file.read_text(encoding="utf-8"))
        for name, text in zip(parts[::2], parts[1::2], strict=True):
            if name in statements:
                raise ValueError(f"two statements are named {name}")
            statements[name] = text.strip()
    return statements
