"""Finds the run that a call became, where its answer was lost."""

import json
from collections.abc import AsyncIterator, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import replicate

from engine.seams import Call
from worker.replicate.api import Api, ModelName
from worker.replicate.faults import TROUBLE, BadAnswerError
from worker.replicate.standing import moment, run_id

__all__ = ["find_run"]

SKEW = timedelta(seconds=5)
"""What the two clocks may differ by beyond what the provider's Date tells."""
MOST_PAGES = 100
TRIES = 3

Entry = Mapping[str, Any]


async def find_run(api: Api, call: Call, known: Collection[str]) -> Entry | None:
    """The earliest run since the call began with its model and exact input; None where there is none.

    Runs whose ids are known belong to other calls. Raises what the list raises, and BadAnswerError
    where it cannot tell: the input of one that may be it is deleted, or the list does not end.
    """
    found: Entry | None = None
    unclear, known = False, frozenset(known)
    async for entry in _runs_since(api, call.began):
        if run_id(entry) in known or not _may_be(entry, call):
            continue
        if _input_is_gone(entry):
            unclear = True
        elif canonical(entry["input"]) == canonical(call.input):
            found = entry
    if found is None and unclear:
        raise BadAnswerError("the input of a run that may be it is deleted")
    return found


def canonical(input: object) -> str:
    """The same for equal JSON, whatever the order of names and the spelling of whole numbers."""
    return json.dumps(_spelled(input), sort_keys=True)


async def _runs_since(api: Api, began: datetime) -> AsyncIterator[Entry]:
    """Newest first, by the provider's clock.

    Before the first answer its clock is not known; then nothing is asked of it but the newest.
    """
    after, cursor = _start(api, began), None
    for _ in range(MOST_PAGES):
        page = await _page(api, after, cursor)
        start = _start(api, began) or began - SKEW
        entries = _entries(page)
        for entry in entries:
            if _created(entry) >= start:
                yield entry
        cursor = _next_cursor(page)
        if cursor is None or (entries and _created(entries[-1]) < start):
            return
    raise BadAnswerError("a list without an end")


async def _page(api: Api, after: datetime | None, cursor: str | None) -> Mapping[str, Any]:
    """Tried three times: of a list of many pages one is easily lost, and with it all that were read."""
    asked = {"created_after": after.isoformat() if after else None, "cursor": cursor}
    for _ in range(TRIES - 1):
        try:
            return await api.page(**asked)
        except replicate.RateLimitError:
            raise
        except TROUBLE:
            continue
    return await api.page(**asked)


def _start(api: Api, began: datetime) -> datetime | None:
    return None if api.ahead is None else began + timedelta(seconds=api.ahead) - SKEW


def _entries(page: Mapping[str, Any]) -> list[Entry]:
    results = page.get("results")
    if not isinstance(results, list) or not all(isinstance(each, dict) for each in results):
        raise BadAnswerError("a page without runs")
    return results


def _created(entry: Entry) -> datetime:
    created = moment(entry.get("created_at"))
    if created is None:
        raise BadAnswerError("a run without its time")
    return created


def _next_cursor(page: Mapping[str, Any]) -> str | None:
    """Only the cursor is taken from the address of the next page: the token goes to no other host."""
    address = page.get("next")
    if not address:
        return None
    cursors = parse_qs(urlsplit(str(address)).query).get("cursor")
    if not cursors:
        raise BadAnswerError("a next page without a cursor")
    return cursors[0]


def _may_be(entry: Entry, call: Call) -> bool:
    """By the model and, where the list tells it, by the webhook's address, which ends in the call's id."""
    model = ModelName.parsed(call.model)
    webhook = entry.get("webhook")
    return (
        entry.get("model") in (model.path, None)
        and (model.version is None or entry.get("version") in (model.version, None))
        and (not isinstance(webhook, str) or str(call.id) in webhook)
    )


def _input_is_gone(entry: Entry) -> bool:
    return bool(entry.get("data_removed")) or not isinstance(entry.get("input"), dict)


def _spelled(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _spelled(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_spelled(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
