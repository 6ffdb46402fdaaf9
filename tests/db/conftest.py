"""Factories of rows, and a furnished database for tests that leave it as it was."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID, uuid4

import asyncpg
import pytest

from db.generations import generation_columns
from db.jobs import Job, enqueue, take_turns
from db.session import Database, Session, open_database
from engine.plan import PlannedPrompt
from engine.viewer import Viewer
from server.embedded import EmbeddedPostgres

SHARED = UUID("0a5c1e00-0000-7000-8000-000000000100")
"""The first of the sample collections."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A batch and its generations, in order."""

    id: UUID
    generations: Sequence[UUID]


@pytest.fixture(scope="session")
def new_collection() -> Callable[..., Awaitable[UUID]]:
    async def make(session: Session, *, templates: int = 1) -> UUID:
        collection = await session.one("insert_collection", "Harbour", None)
        rows = [{"name": f"Boat {n}", "prompt": "a boat", "parameters": {}} for n in range(templates)]
        await session.rows("insert_templates", collection["id"], rows)
        return collection["id"]

    return make


@pytest.fixture(scope="session")
def new_batch() -> Callable[..., Awaitable[Made]]:
    async def make(session: Session, *, total: int = 1, collection_id: UUID | None = None) -> Made:
        boats = generation_columns([PlannedPrompt("Boat", "a boat", seed=1)])
        batch = await session.one(
            "insert_batch", "First", collection_id, "demo", None, {}, {}, [], total, None, boats, total
        )
        found = await session.connection.fetch(
            "select id from generations where batch_id = $1 order by position", batch["id"]
        )
        return Made(id=batch["id"], generations=[row["id"] for row in found])

    return make


@pytest.fixture(scope="session")
def new_generation() -> Callable[..., Awaitable[UUID]]:
    """A single one, outside any batch."""

    async def make(session: Session) -> UUID:
        row = await session.one("insert_generation", None, None, "Boat", "Boat", "a boat", "demo", {}, 1)
        return row["id"]

    return make


@pytest.fixture(scope="session")
def new_image() -> Callable[..., Awaitable[UUID]]:
    """An image in the history of the session's viewer."""

    async def make(session: Session, **given: Any) -> UUID:
        viewer_id = await session.connection.fetchval("select studio.current_user_id()")
        columns = {"name": "Boat", "prompt": "a boat", "model": "demo", "url": f"{viewer_id}/{uuid4()}.png"}
        columns |= given
        places = ", ".join(f"${place}" for place in range(1, len(columns) + 1))
        return await session.connection.fetchval(
            f"insert into images ({', '.join(columns)}) values ({places}) returning id", *columns.values()
        )

    return make


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A database in which ada has a row in every table and ben a collection with a template.

    Their rows stay as they are; a test that commits does so for viewers of its own.
    """

    database: Database
    login: str
    owner: str
    ada: Viewer
    ben: Viewer
    collection: UUID
    template: UUID
    batch: UUID
    generation: UUID
    image: UUID
    bens: UUID
    shared: UUID = SHARED

    @asynccontextmanager
    async def as_(self, viewer: Viewer) -> AsyncIterator[asyncpg.Connection]:
        """A transaction as this viewer, undone at the end."""
        with suppress(_Undone):
            async with self.database.session(viewer) as session:
                yield session.connection
                raise _Undone

    @asynccontextmanager
    async def as_worker(self) -> AsyncIterator[asyncpg.Connection]:
        """A transaction as studio_worker, undone at the end."""
        with suppress(_Undone):
            async with self.database.worker_session() as session:
                yield session.connection
                raise _Undone


class _Undone(Exception):  # noqa: N818 - nothing went wrong
    pass


@pytest.fixture(scope="session")
async def catalog(house: House) -> AsyncIterator[asyncpg.Connection]:
    """The owner's connection to the house, for reading the catalogs."""
    connection = await asyncpg.connect(house.owner)
    yield connection
    await connection.close()


@pytest.fixture(scope="session")
async def house(
    cluster: EmbeddedPostgres,
    new_collection: Callable[..., Awaitable[UUID]],
    new_batch: Callable[..., Awaitable[Made]],
    new_image: Callable[..., Awaitable[UUID]],
) -> AsyncIterator[House]:
    ada, ben = (Viewer(user_id=uuid4(), role="authenticated") for _ in range(2))
    login = _named(cluster.login_url)
    async with _furnished(cluster), open_database(login, connections=4) as database:
        async with database.session(ada) as session:
            collection = await new_collection(session)
            template = await session.connection.fetchval(
                "select id from templates where user_id = $1", ada.user_id
            )
            batch = await new_batch(session, collection_id=collection)
            generation = batch.generations[0]
            image = await new_image(
                session, batch_id=batch.id, generation_id=generation, collection_id=collection
            )
            await session.become_worker()
            await take_turns(session, ada.user_id, 1)
            await session.rows("insert_attempts", [generation], [0], [{}], "demo")
            await enqueue(session, Job.SUBMIT, str(generation), turn=1)
        async with database.session(ben) as session:
            bens = await new_collection(session)
        yield House(
            database=database,
            login=login,
            owner=_named(cluster.owner_url),
            ada=ada,
            ben=ben,
            collection=collection,
            template=template,
            batch=batch.id,
            generation=generation,
            image=image,
            bens=bens,
        )


@pytest.fixture
async def admin(cluster: EmbeddedPostgres) -> AsyncIterator[asyncpg.Connection]:
    """The superuser, who may look at and end other logins' backends."""
    connection = await asyncpg.connect(cluster.superuser_url)
    yield connection
    await connection.close()


@asynccontextmanager
async def _furnished(cluster: EmbeddedPostgres) -> AsyncIterator[None]:
    """The house's database, migrated."""
    admin = await asyncpg.connect(cluster.superuser_url)
    try:
        await admin.execute("create database house template batch_studio owner studio_owner")
        yield
    finally:
        await admin.execute("drop database if exists house with (force)")
        await admin.close()


def _named(url: str) -> str:
    """The same login to the house."""
    return urlunsplit(urlsplit(url)._replace(path="/house"))
