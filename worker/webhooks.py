"""Replicate's webhooks: whether they are genuine, and what they say. Pure; asks no database.

Duplicates, any order and none at all are to be expected: what one says is a reason to look, and the
run's own state decides (https://replicate.com/docs/topics/webhooks).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from engine.seams import Prediction
from worker.replicate.faults import BadAnswerError
from worker.replicate.standing import Watching, standing

__all__ = ["LARGEST_BODY", "Notice", "WebhookRefused", "read_webhook"]

LARGEST_BODY = 4 * 1024 * 1024
"""Bytes; a run's input may hold pictures as data URLs. Refuse more before reading it."""
MOST_SIGNATURES = 10


class WebhookRefused(Exception):  # noqa: N818
    """Not signed by the provider within the last five minutes, or nothing that it says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """How the run stands that a call became; attempt_id is the call's."""

    attempt_id: UUID
    prediction: Prediction


def read_webhook(
    attempt: str, body: bytes, headers: Mapping[str, str], *, secret: str, watching: Watching | None = None
) -> Notice:
    """What a webhook says whose address ends in `attempt`. Raises WebhookRefused.

    The names of the headers are in lower case. The time is judged by this machine's clock, 5 minutes
    either way (https://www.standardwebhooks.com).
    """
    _verify(body, headers, secret)
    try:
        run = json.loads(body)
        if not isinstance(run, dict):
            raise BadAnswerError("no object")
        return Notice(attempt_id=UUID(attempt), prediction=standing(run, watching or Watching()))
    except (ValueError, RecursionError) as error:
        raise WebhookRefused("It says nothing of a run.") from error


def _verify(body: bytes, headers: Mapping[str, str], secret: str) -> None:
    if headers.get("webhook-signature", "").count(" ") >= MOST_SIGNATURES:
        raise WebhookRefused("It has too many signatures.")
    try:
        Webhook(secret).verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, ValueError) as error:  # ValueError: a malformed signature or body
        raise WebhookRefused("It is not signed by the provider, or not lately.") from error
