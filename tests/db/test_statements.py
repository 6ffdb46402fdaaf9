"""Every named statement fits the migrated schema, and the rights of the role that runs it."""

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
async def test_a_statement_may_be_run_by_its_role(name, house):
    text = all_statements()[name]
    opened = house.as_worker() if name in OF_THE_WORKER else house.as_(house.ben)
    async with opened as connection:
        parameters = (await connection.prepare(text)).get_parameters()
        await connection.fetch(f"explain {text}", *[None for _ in parameters])


@pytest.mark.parametrize("name", sorted(all_statements()))
def test_a_statement_is_short_enough_to_stay_prepared(name):
    assert len(all_statements()[name].encode()) < 15_000
