"""A history that is simply there: rows put in under their owner's role, as a worker would have left them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from db.generations import generation_columns
from db.session import Database, Record, Session
from engine.plan import PlannedPrompt
from engine.viewer import Viewer
from resolvers.context import Context, Services
from server.operations.pipeline import Operation, Pipeline
from worker.demo import DemoProvider
from worker.fakes import QuietHints

BOAT = PlannedPrompt("Boat", "a boat", name="A boat", seed=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Ids of a finished batch, as the API spells them; images and generations in the batch's order."""

    batch: str
    generations: list[str]
    images: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """Puts rows into one user's history."""

    database: Database
    owner: Viewer

    async def collection(self, name: str = "Harbour", templates: int = 1) -> str:
        async with self.database.session(self.owner) as session:
            row = await session.one("insert_collection", name, None)
            rows = [
                {"name": f"Boat {n}", "prompt": "a {{colour}} boat", "model": None, "parameters": {}}
                for n in range(templates)
            ]
            await session.rows("insert_templates", row["id"], rows)
        return str(row["id"])

    async def _insert(
        self, session: Session, title: str, images: int, collection: str | None = None
    ) -> Record:
        boats = generation_columns([BOAT])
        return await session.one(
            "insert_batch", title, collection, "demo", None, {}, {}, [], images, None, boats, images
        )

    async def batch(self, images: int = 1, *, title: str = "Boats", collection: str | None = None) -> Kept:
        """A finished batch with so many images, all saved."""
        async with self.database.session(self.owner) as session:
            row = await self._insert(session, title, images, collection)
            generations = await session.connection.fetch(
                "select id from generations where batch_id = $1 order by position", row["id"]
            )
            kept = [
                await self.image(
                    session, batch=row["id"], position=place, generation=each["id"], of=collection
                )
                for place, each in enumerate(generations)
            ]
            await session.become_worker()
            await _finish(session, row["id"])
        return Kept(batch=str(row["id"]), generations=[str(each["id"]) for each in generations], images=kept)

    async def queued(self, images: int = 1) -> UUID:
        """A batch of which nothing has begun."""
        async with self.database.session(self.owner) as session:
            row = await self._insert(session, "Boats", images)
        key: UUID = row["id"]
        return key

    async def images(self, count: int) -> list[str]:
        """Images of no batch, oldest first."""
        kept = []
        for _ in range(count):
            async with self.database.session(self.owner) as session:
                kept.append(await self.image(session))
        return kept

    async def image(
        self,
        session: Session,
        *,
        batch: UUID | None = None,
        position: int = 0,
        generation: UUID | None = None,
        of: str | None = None,
    ) -> str:
        key = f"{self.owner.user_id}/{uuid4()}.png"
        image = {
            "generation_id": generation,
            "output": 0,
            "collection_id": of,
            "batch_id": batch,
            "position": position,
            "name": "A boat",
            "prompt": "a boat",
            "url": key,
            "thumbnail_url": f"{key}.400.webp",
            "model": "demo",
            "parameters": {},
            "seed": 7,
            "width": 64,
            "height": 64,
            "content_type": "image/png",
            "byte_size": 100,
        }
        await session.rows("insert_images", [image])
        return str(await session.connection.fetchval("select id from images where url = $1", key))


async def _finish(session: Session, batch: UUID) -> None:
    await session.connection.execute(
        "update generations set status = 'SUCCEEDED', saved = true where batch_id = $1", batch
    )
    await session.connection.execute(
        "update batches set succeeded = total, saved = total, finished_at = now() where id = $1", batch
    )


@pytest.fixture
def portrait_studio() -> str:
    """The first of the shared collections, by name too."""
    return "0a5c1e00-0000-7000-8000-000000000100"


@pytest.fixture
def archive(shared_database: Database, as_owner: Any) -> Archive:
    """The history of as_owner."""
    return Archive(database=shared_database, owner=Viewer(user_id=as_owner.user_id, role="authenticated"))


@pytest.fixture
def services(shared_database: Database) -> Services:
    """What a context needs, for a test that asks the schema without a server; hints to be filled in."""
    return Services(
        database=shared_database,
        hints=None,
        signer=lambda: ["http://studio/", "?", "00", "00"],
        uploads=None,
        providers=[DemoProvider(children=None, references=None)],
        default_model="demo",
        max_batch=100,
        max_queued=20_000,
        max_running=100,
        loopback_references=False,
    )


@pytest.fixture(scope="session")
def pipeline() -> Pipeline:
    return Pipeline()


@pytest.fixture
def answer(services: Services, pipeline: Pipeline) -> Callable[..., Awaitable[Any]]:
    """Answers a document as the service does, but for HTTP, with other limits where they are given.

    Raises RefusedError where it does not begin.
    """

    async def answer(viewer: Viewer, query: str, variables: dict[str, Any], **limits: int) -> Any:
        context = Context(viewer, replace(services, hints=QuietHints(), **limits))
        asked = pipeline.prepare(Operation(query=query, variables=variables), context)
        return orjson.loads(await pipeline.answer(asked, context))

    return answer


@pytest.fixture
def count_rows(shared_database: Database, as_owner: Any) -> Callable[[], Awaitable[dict[str, int]]]:
    """How many rows as_owner has in each table."""
    owner = Viewer(user_id=as_owner.user_id, role="authenticated")
    tables = ("batches", "generations", "images", "collections", "templates")

    async def count() -> dict[str, int]:
        async with shared_database.session(owner) as session:
            return {
                table: await session.connection.fetchval(
                    f"select count(*) from {table} where user_id = $1", as_owner.user_id
                )
                for table in tables
            }

    return count
