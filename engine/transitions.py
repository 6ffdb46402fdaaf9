"""Which state of a generation may follow which: the fence that a late or repeated job runs into."""

from engine.words import GenerationStatus as S

__all__ = ["NEXT", "states_before"]

NEXT: dict[S, frozenset[S]] = {
    S.QUEUED: frozenset({S.THROTTLED, S.RUNNING, S.FAILED, S.CANCELED}),
    S.THROTTLED: frozenset({S.THROTTLED, S.RUNNING, S.FAILED, S.CANCELED}),
    S.RUNNING: frozenset({S.RUNNING, S.THROTTLED, S.SAVING, S.FAILED, S.CANCELED}),
    S.SAVING: frozenset({S.SUCCEEDED, S.FAILED}),
    # A save that was refused is tried again, and each outcome is a change.
    S.SUCCEEDED: frozenset({S.SUCCEEDED}),
    S.FAILED: frozenset({S.QUEUED}),
    S.CANCELED: frozenset({S.QUEUED}),
}


def states_before(state: S) -> list[str]:
    """The states that may turn into this one, as the database spells them."""
    return sorted(before.value for before, after in NEXT.items() if state in after)
