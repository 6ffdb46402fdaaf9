"""A whole selection is one statement, however deep it is and however many rows there are."""

from collections.abc import Sequence
from dataclasses import replace

import asyncpg
import pytest

from db.pool import Connections
from db.reading.selection import Bound
from db.reading.statements import Statement
from db.session import Database
from engine.viewer import Viewer
from resolvers.context import Context
from server.operations.pipeline import Operation, Pipeline


class NotedDatabase(Database):
    """A database that notes what is read."""

    def __init__(self, connections: Connections, readers: Connections) -> None:
        super().__init__(connections, readers)
        self.texts: list[str] = []

    async def read(self, viewer: Viewer, statement: Statement, bound: Bound) -> Sequence[asyncpg.Record]:
        self.texts.append(statement.text)
        return await super().read(viewer, statement, bound)


@pytest.fixture
def statements_of(services, archive):
    """Runs a query as the archive's owner; its statements, in order."""
    pipeline = Pipeline()

    async def run(query: str) -> list[str]:
        database = NotedDatabase(services.database.connections, services.database.readers)
        context = Context(archive.owner, replace(services, database=database))
        answer = await pipeline.answer(pipeline.prepare(Operation(query=query), context), context)
        assert b'"errors"' not in answer
        return database.texts

    return run


@pytest.fixture
async def five_batches(archive, portrait_studio):
    for _ in range(5):
        await archive.batch(3, collection=portrait_studio)


@pytest.mark.parametrize(
    "selection",
    [
        "collection { id }",
        "images { nodes { id } totalCount }",
        "generations { nodes { images { id } batch { id } } }",
        "a: images(first: 1) { nodes { id } } b: images(first: 2) { nodes { id } }",
        "collection { batches(first: 5) { nodes { images(first: 5) { nodes { id } } } } }",
    ],
)
async def test_a_selection_is_one_statement_for_all_parents(selection, five_batches, statements_of):
    assert len(await statements_of(f"{{ batches {{ nodes {{ id {selection} }} }} }}")) == 1


async def test_several_root_fields_are_one_statement(five_batches, statements_of):
    assert (
        len(await statements_of("{ batches { totalCount } images { totalCount } node(id: 5) { id } }")) == 1
    )


async def test_beside_what_is_no_row_each_root_field_is_a_statement_of_its_own(five_batches, statements_of):
    assert len(await statements_of("{ viewer { id } batches { totalCount } images { totalCount } }")) == 2


async def test_what_is_not_asked_for_is_not_counted(five_batches, statements_of):
    (text,) = await statements_of("{ images { nodes { id } } }")

    assert "count(*)" not in text
