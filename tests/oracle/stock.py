"""What documents are written of: the schema, and rows whose ids and cursors are worth asking with.

The rows are known before any database has them, so that strategies can be made where tests are collected.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from uuid import UUID

from graphql import GraphQLSchema, build_schema

from tests.oracle.lists import LISTS
from tests.oracle.rows import Tables
from tests.oracle.world import World, new_world

__all__ = ["SDL", "STOCK", "TABLE_OF", "WORLD", "Stock"]

SDL: str = (Path(__file__).parents[2] / "schema" / "schema.graphql").read_text()
WORLD: World = new_world(int(os.environ.get("BATCH_STUDIO_TEST_WORLD", "7")))
"""Another one for a longer run."""

TABLE_OF: Mapping[str, str] = {
    "Batch": "batches",
    "Image": "images",
    "Generation": "generations",
    "Collection": "collections",
    "Template": "templates",
}


@dataclass(frozen=True, kw_only=True, repr=False)
class Stock:
    """Of all users' rows."""

    schema: GraphQLSchema
    users: Sequence[UUID]
    tables: Tables

    @cached_property
    def ids(self) -> Mapping[str, Sequence[str]]:
        """By type."""
        return {kind: [str(row["id"]) for row in self.tables[table]] for kind, table in TABLE_OF.items()}

    @cached_property
    def cursors(self) -> Mapping[str, Sequence[str]]:
        """By list."""
        return {
            field: [of.cursor(row).text for row in self.tables[TABLE_OF[of.kind]] if None not in of.key(row)]
            for field, of in LISTS.items()
        }

    @cached_property
    def moments(self) -> Sequence[datetime]:
        return [row["created_at"] for row in self.tables["batches"]]


STOCK = Stock(schema=build_schema(SDL), users=WORLD.users, tables=WORLD.rows)
