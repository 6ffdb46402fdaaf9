"""What is in the tables, read as the superuser, whom no policy hinders; who may see what is decided anew."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg

__all__ = ["TABLES", "Row", "Tables", "View", "read_tables"]

TABLES = ("batches", "images", "generations", "collections", "templates")
"""In the order in which `node` looks."""
SHARING = UUID(int=0)
"""Who owns what is shared."""
SHARED = frozenset({"collections", "templates"})

Row: TypeAlias = Mapping[str, Any]
Tables: TypeAlias = Mapping[str, Sequence[Row]]


async def read_tables(connection: asyncpg.Connection) -> Tables:
    """Every row of every table."""
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)
    return {
        table: [dict(row) for row in await connection.fetch(f"select * from {table}")] for table in TABLES
    }


class View:
    """What one user sees; of nobody (None) what is shared alone."""

    def __init__(self, tables: Tables, user_id: UUID | None) -> None:
        self.user_id = user_id
        self.tables = {
            table: [row for row in rows if self._sees(table, row["user_id"])]
            for table, rows in tables.items()
        }

    def find(self, table: str, id: UUID | None) -> Row | None:
        return self._by_id[table].get(id)

    def of(self, table: str, column: str, value: Any) -> Sequence[Row]:
        """The rows that have this value there."""
        return self._groups(table, column)[value]

    def _sees(self, table: str, owner: UUID) -> bool:
        return owner == self.user_id or (owner == SHARING and table in SHARED)

    @cached_property
    def _by_id(self) -> dict[str, dict[UUID | None, Row]]:
        return {table: {row["id"]: row for row in rows} for table, rows in self.tables.items()}

    @cached_property
    def _grouped(self) -> dict[tuple[str, str], dict[Any, list[Row]]]:
        return {}

    def _groups(self, table: str, column: str) -> dict[Any, list[Row]]:
        if (table, column) not in self._grouped:
            groups: dict[Any, list[Row]] = defaultdict(list)
            for row in self.tables[table]:
                groups[row[column]].append(row)
            self._grouped[table, column] = groups
        return self._grouped[table, column]
