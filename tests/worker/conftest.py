"""A workshop on a real database with plain objects at its seams, and work to be done in it."""

import io
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from PIL import Image

from db.generations import generation_columns
from db.jobs import Job, subject_of
from db.session import Database
from engine.plan import PlannedPrompt
from engine.viewer import Viewer
from worker.children import Children
from worker.fakes import MemoryStorage, QuietHints, ScriptedProvider
from worker.fetching import Fetcher
from worker.work import Task
from worker.workshop import Workshop

Seed = Callable[..., Awaitable[list[UUID]]]


@pytest.fixture(scope="session")
def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 6), "teal").save(file, "PNG")
    return file.getvalue()


@pytest.fixture
async def children() -> AsyncIterator[Children]:
    async with Children(1) as children:
        yield children


@pytest.fixture
def provider(picture: bytes) -> ScriptedProvider:
    return ScriptedProvider(picture)


@pytest.fixture
def make_shop(database: Database, children: Children, provider: ScriptedProvider) -> Callable[..., Workshop]:
    def make(**given: Any) -> Workshop:
        parts: dict[str, Any] = {
            "database": database,
            "hints": QuietHints(),
            "storage": MemoryStorage(),
            "children": children,
            "fetcher": Fetcher(loopback=False),
            "providers": {"scripted": provider},
        }
        return Workshop(**(parts | given))

    return make


@pytest.fixture
def shop(make_shop: Callable[..., Workshop]) -> Workshop:
    return make_shop()


@pytest.fixture
def seed(database: Database, ada: Viewer) -> Seed:
    """Queues a batch of so many generations for ada, or for another viewer; returns their ids."""

    async def make(count: int = 1, viewer: Viewer = ada) -> list[UUID]:
        rows = [
            PlannedPrompt(f"Template {n}", f"prompt {n}", name=f"Image {n}", seed=n) for n in range(count)
        ]
        async with database.session(viewer) as session:
            batch = await session.one(
                *("insert_batch", "Batch", None, "scripted", None, {}, {}, [], count, None),
                *(generation_columns(rows), 1),
            )
            found = await session.connection.fetch(
                "select id from generations where batch_id = $1 order by position", batch["id"]
            )
        return [row["id"] for row in found]

    return make


def task(kind: Job, generation_id: UUID, round_: int = 1, turn: int = 1) -> Task:
    return Task(kind=kind, subject=subject_of(generation_id, round_), turn=turn)
