"""The fence: which state of a generation may follow which."""

import pytest

from engine.transitions import NEXT, states_before
from engine.words import BatchStatus, GenerationStatus

ENDED = {GenerationStatus.SUCCEEDED, GenerationStatus.FAILED, GenerationStatus.CANCELED}


def test_every_state_has_its_followers():
    assert set(NEXT) == set(GenerationStatus)


@pytest.mark.parametrize("ended", sorted(ENDED, key=str))
def test_an_ended_generation_is_never_made_running_by_a_late_job(ended):
    assert ended.value not in states_before(GenerationStatus.RUNNING)
    assert ended.value not in states_before(GenerationStatus.SAVING)


def test_a_picture_is_saved_only_after_it_was_made():
    assert states_before(GenerationStatus.SUCCEEDED) == ["SAVING", "SUCCEEDED"]
    assert states_before(GenerationStatus.SAVING) == ["RUNNING"]


def test_only_a_failed_or_canceled_generation_is_queued_again():
    assert states_before(GenerationStatus.QUEUED) == ["CANCELED", "FAILED"]


def test_every_state_leads_to_an_end():
    reached = set(ENDED)
    for _ in NEXT:
        reached |= {state for state, after in NEXT.items() if after & reached}

    assert reached == set(GenerationStatus)


def test_a_batch_is_finished_in_four_states():
    finished = {status.name for status in BatchStatus if status.finished}

    assert finished == {"SUCCEEDED", "PARTIALLY_SUCCEEDED", "FAILED", "CANCELED"}
