"""What goes wrong with Replicate, in the seam's words, all from the tables of this module.

The question that costs money is whether a call that creates a run may have arrived. It did not
where no connection came about or the provider refused it; whatever else happened, nobody can tell.
"""

import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import replicate

from engine.seams import HeldBackError, NotTakenError, ProviderError, UnknownError
from engine.words import GenerationErrorCode as Code

__all__ = ["TROUBLE", "BadAnswerError", "cleaned", "create_fault", "read_fault", "run_fault"]

LONGEST_MESSAGE = 500
LOOKED_AT = 10_000
HELD_BACK = 5.0
LONGEST_HELD_BACK = 3600.0
SHORTEST_HELD_BACK = 0.1


class BadAnswerError(ValueError):
    """The provider's answer is JSON, but not of the shape that it documents."""


TROUBLE = (
    replicate.ReplicateError,
    httpx.HTTPError,
    httpx.StreamError,
    httpx.InvalidURL,
    httpx.CookieConflict,
    OSError,
    ValueError,
    RecursionError,
)
"""Everything that a call raises for a reason outside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """may_have_arrived: whether a call that creates may have become a run all the same."""

    code: Code
    message: str
    retryable: bool = False
    may_have_arrived: bool = False
    explained: bool = False
    """The provider's own words say more."""


UNREACHABLE = Meaning(
    code=Code.PROVIDER_UNAVAILABLE, message="The provider cannot be reached.", retryable=True
)
LOST = Meaning(
    code=Code.PROVIDER_UNAVAILABLE,
    message="The provider did not answer as it should.",
    retryable=True,
    may_have_arrived=True,
)
REFUSED = Meaning(code=Code.PROVIDER_UNAVAILABLE, message="The provider refused the call.", retryable=True)
MOVED = Meaning(code=Code.PROVIDER_UNAVAILABLE, message="The provider's address has moved.")
INPUT = Meaning(code=Code.INVALID_INPUT, message="The model does not take this input.", explained=True)
TOKEN = Meaning(code=Code.PROVIDER_UNAUTHORIZED, message="The provider does not accept the service's token.")
CREDIT = Meaning(
    code=Code.PROVIDER_UNAVAILABLE, message="The provider's account lacks credit.", retryable=True
)
MODEL = Meaning(code=Code.MODEL_NOT_FOUND, message="The provider does not have this model, or this version.")
CONTENT = Meaning(code=Code.CONTENT_REFUSED, message="The provider refuses this content.", explained=True)
THROTTLED = Meaning(code=Code.THROTTLED, message="The provider asked to wait.", retryable=True)

STATUSES = {
    **dict.fromkeys((301, 302, 307, 308), MOVED),  # asks to call again elsewhere: not done here
    **dict.fromkeys((400, 413, 414, 415, 422), INPUT),
    **dict.fromkeys((401, 403), TOKEN),
    402: CREDIT,
    **dict.fromkeys((404, 410), MODEL),
    **dict.fromkeys((408, 499), LOST),  # said by a gateway that may have passed the call on
    429: THROTTLED,
    451: CONTENT,
}

# Raised before the first byte of the call has left; of all others nobody can tell.
NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.InvalidURL,
)

# What refusals and failed runs say. E005 and the like are Replicate's own codes; names of inputs, such
# as safety_tolerance or nsfw_checker, are no sign of refused content.
CONTENT_TEXT = re.compile(
    r"""\bnsfw\b | \bE005\b | \bflagged\b | \bsensitive\b | content\ polic | explicit\ content
      | safety\ (?:system|filter|polic|check|guideline) | moderation\ (?:system|filter|block|endpoint)
      | (?:blocked|rejected)\ by\b.*\bmoderation | prohibited\ content | violates?\ (?:our|the|their)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
VERSION_TEXT = re.compile(r"version does not exist|invalid version", re.IGNORECASE)
TIME_TEXT = re.compile(r"\btime(?:d ?)?[ -]?out\b|\bdeadline\b|\bE6716\b", re.IGNORECASE)

SECRETS = re.compile(
    r"""\bdata:[\w.+-]{0,60}/?[\w.+-]{0,60}[;,]\S*  # files in the text
      | \b[a-z][a-z0-9+.-]{1,20}://\S*              # addresses
      | \b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?          # of machines
      | \bbearer\s+\S+ | \btoken[=:]\s*\S+
      | \b(?:r8|hf|sk|whsec)[_-]\w{8,}
    """,
    re.IGNORECASE | re.VERBOSE,
)


def create_fault(error: Exception) -> ProviderError:
    """Of the call that creates a run: NotTakenError, HeldBackError or UnknownError."""
    meaning = _meaning(error)
    if meaning.may_have_arrived:
        return UnknownError()
    if meaning is THROTTLED:
        return HeldBackError(_held_back(error), for_all=True)
    return NotTakenError(*_words(meaning, error), retryable=meaning.retryable)


def read_fault(error: Exception) -> ProviderError:
    """Of any other call; it may always be made again, so that nothing made is given up."""
    meaning = _meaning(error)
    if meaning is THROTTLED:
        return HeldBackError(_held_back(error), for_all=False)
    return ProviderError(*_words(meaning, error), retryable=True)


def run_fault(said: object) -> ProviderError:
    """Of a run that failed, by what it says."""
    message = cleaned(said) if isinstance(said, str) else ""
    if CONTENT_TEXT.search(message):
        return ProviderError(Code.CONTENT_REFUSED, message)
    code = Code.TIMED_OUT if TIME_TEXT.search(message) else Code.MODEL_FAILED
    return ProviderError(code, message or "The model failed without a reason.", retryable=True)


def cleaned(text: str) -> str:
    """One line for a person, without addresses and tokens; of a traceback its last line."""
    if "Traceback (most recent call last)" in text[:LOOKED_AT]:
        text = text.rstrip().rpartition("\n")[2]
    shown = SECRETS.sub("…", text[:LOOKED_AT])
    line = " ".join("".join(each if each.isprintable() else " " for each in shown).split())
    return line if len(line) <= LONGEST_MESSAGE else line[: LONGEST_MESSAGE - 1] + "…"


def _meaning(error: Exception) -> Meaning:
    if isinstance(error, replicate.APIStatusError):
        status = error.response.status_code
        return STATUSES.get(status, REFUSED if status // 100 == 4 else LOST)
    cause = error.__cause__ if isinstance(error, replicate.APIConnectionError) else error
    return UNREACHABLE if isinstance(cause, NEVER_SENT) else LOST


def _words(meaning: Meaning, error: Exception) -> tuple[Code, str]:
    """The code and the message, by the provider's own words where they say more."""
    said = _said(error) if meaning.explained else ""
    if CONTENT_TEXT.search(said):
        return CONTENT.code, said
    if VERSION_TEXT.search(said):
        return MODEL.code, MODEL.message
    return meaning.code, said or meaning.message


def _said(error: Exception) -> str:
    body = _body(error)
    said = next((body[name] for name in ("detail", "title", "error") if body.get(name)), "")
    return cleaned(said) if isinstance(said, str) else ""


def _body(error: Exception) -> Mapping[str, Any]:
    body = getattr(error, "body", None)
    return body if isinstance(body, dict) else {}


def _held_back(error: Exception) -> float:
    """Seconds, by the body's retry_after, else by the header, which may be a date."""
    response = getattr(error, "response", None)
    header = response.headers.get("retry-after") if isinstance(response, httpx.Response) else None
    for said in (_body(error).get("retry_after"), header, _until(header)):
        seconds = _number(said)
        if seconds is not None:
            return min(max(seconds, SHORTEST_HELD_BACK), LONGEST_HELD_BACK)
    return HELD_BACK


def _number(said: object) -> float | None:
    if isinstance(said, bool) or not isinstance(said, int | float | str):
        return None
    try:
        number = float(said)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _until(header: str | None) -> float | None:
    try:
        return parsedate_to_datetime(header or "").timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
