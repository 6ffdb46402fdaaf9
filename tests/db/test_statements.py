"""Every named statement fits the migrated schema."""

import asyncpg
import pytest

from db.statements import all_statements

OF_THE_WORKER = {
    "abandoned_generations",
    "alive",
    "applied_versions",
    "change_generation",
    "count_fault",
    "generation_for_work",
    "insert_attempt",
    "insert_sample_collection",
    "insert_sample_templates",
    "prune_queue_log",
    "queued_generations_of_batch",
    "record_prediction",
    "take_turns",
}


@pytest.mark.parametrize("name", sorted(all_statements()))
async def test_a_statement_can_be_prepared(name: str, owner: asyncpg.Connection) -> None:
    await owner.prepare(all_statements()[name])
