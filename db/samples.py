"""The shared sample collections."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

from db.connect import connect
from db.pool import prepare_connection
from db.session import Session

__all__ = ["add_samples"]

SAMPLES = Path(__file__).with_name("samples.json")


async def add_samples(owner_url: str) -> int:
    """Adds the sample collections that are not there yet; returns how many there are.

    The owner is under the policies too, so the rows go in as studio_worker.
    """
    connection = await connect(owner_url)
    try:
        await prepare_connection(connection)
        async with connection.transaction():
            session = Session(connection)
            await session.become_worker()
            samples = json.loads(SAMPLES.read_text())
            for sample in samples:
                await _add(session, sample)
    finally:
        await connection.close()
    return len(samples)


async def _add(session: Session, sample: dict[str, Any]) -> None:
    collection_id = UUID(sample["id"])
    templates = [
        {**template, "position": place, "id": str(UUID(int=collection_id.int + place + 1))}
        for place, template in enumerate(sample["templates"])
    ]
    await session.rows("insert_sample_collection", collection_id, sample["name"], sample["description"])
    await session.rows("insert_sample_templates", collection_id, templates)
