"""A level of a query is one statement, however many parents it has."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from db.session import Database, Session
from engine.viewer import Viewer
from resolvers.context import Context
from server.operations.pipeline import build_schema


class NotedSession(Session):
    """A session that notes the names of its statements."""

    def __init__(self, connection: Any, names: list[str]) -> None:
        super().__init__(connection)
        self.names = names

    async def rows(self, name: str, *parameters: Any) -> Sequence[asyncpg.Record]:
        self.names.append(name)
        return await super().rows(name, *parameters)

    async def value(self, name: str, *parameters: Any) -> Any:
        self.names.append(name)
        return await super().value(name, *parameters)


class NotedDatabase(Database):
    """A database that notes the statements of its sessions."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        super().__init__(pool)
        self.names: list[str] = []

    @asynccontextmanager
    async def session(self, viewer: Viewer) -> AsyncIterator[Session]:
        async with super().session(viewer) as session:
            yield NotedSession(session.connection, self.names)


@pytest.fixture
def statements_of(services, archive):
    """Runs a query as the archive's owner; the names of its statements, in order."""
    schema = build_schema()

    async def run(query: str) -> list[str]:
        database = NotedDatabase(services.database.pool)
        context = Context(archive.owner, replace(services, database=database))
        result = await schema.execute(query, context_value=context)
        assert result.errors is None
        return database.names

    return run


@pytest.fixture
async def five_batches(archive, portrait_studio):
    for _ in range(5):
        await archive.batch(3, collection=portrait_studio)


@pytest.mark.parametrize(
    ("selection", "statements"),
    [
        ("collection { id }", ["collections_by_id"]),
        ("images { nodes { id } }", ["images_of_batches"]),
        ("images { totalCount }", ["images_of_batches", "image_counts_of_batches"]),
        ("generations { nodes { images { id } } }", ["generations_of_batches", "images_of_generations"]),
        ("generations { nodes { batch { id } } }", ["generations_of_batches", "batches_by_id"]),
        ("collection { templates { id } }", ["collections_by_id", "templates_of_collections"]),
        ("a: images(first: 1) { nodes { id } } b: images(first: 1) { nodes { id } }", ["images_of_batches"]),
        (
            "collection { batches(first: 5) { nodes { images(first: 5) { nodes { id } } } } }",
            ["collections_by_id", "batches_of_collections", "images_of_batches"],
        ),
    ],
)
async def test_a_level_is_one_statement_for_all_parents(selection, statements, five_batches, statements_of):
    assert await statements_of(f"{{ batches {{ nodes {{ id {selection} }} }} }}") == [
        "batch_page",
        *statements,
    ]


async def test_what_is_not_asked_for_is_not_counted(five_batches, statements_of):
    assert await statements_of("{ images { nodes { id } } }") == ["image_page"]


async def test_pages_of_different_sizes_are_one_statement_each(five_batches, statements_of):
    query = (
        "{ batches { nodes { a: images(first: 1) { nodes { id } } b: images(first: 2) { nodes { id } } } } }"
    )

    assert await statements_of(query) == ["batch_page", "images_of_batches", "images_of_batches"]
