"""Every named statement fits the migrated schema, and the rights of the role that runs it."""

import pytest

from db.statements import all_statements

OF_THE_WORKER = {
    "abandoned_generations",
    "admit_generations",
    "alive",
    "applied_versions",
    "ask_to_cancel",
    "batch_to_purge",
    "change_generations",
    "claim_idempotency_key",
    "claim_reference",
    "close_attempt",
    "count_fault",
    "count_saving",
    "doomed_files",
    "fail_reference",
    "fail_upload",
    "forget_faults",
    "generations_for_work",
    "count_one_more",
    "counted",
    "feed",
    "generation_of_attempt",
    "generations_in_states",
    "generations_to_purge",
    "give_reference_key",
    "has_waiting_generations",
    "hasten_jobs",
    "hold_rate_back",
    "idempotency_key",
    "insert_attempts",
    "insert_sample_collection",
    "insert_sample_templates",
    "hand_back_jobs",
    "insert_upload",
    "keep_reference",
    "keep_upload",
    "known_predictions",
    "lock_batch_of_generations",
    "lock_turn",
    "lock_uploads",
    "mark_canceling",
    "moved_topics",
    "open_rate",
    "prune_idempotency_keys",
    "prune_queue_log",
    "purge_batch",
    "purge_generations",
    "purge_images",
    "purge_single_generations",
    "prune_rate_counts",
    "put_back_generation",
    "queue_depth",
    "queue_is_there",
    "rate_waits",
    "rated_jobs_wait",
    "record_predictions",
    "reference_of_topic",
    "references_to_look_at",
    "release_key",
    "remove_references",
    "reserve_reference",
    "saves_given_up",
    "set_paused",
    "settle_doomed_files",
    "settle_idempotency_key",
    "settle_references",
    "take_permits",
    "take_turns",
    "touch_batch",
    "unfed_users",
    "unused_uploads",
    "upload_by_key",
    "use_reference",
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
