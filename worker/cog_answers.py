"""What a Cog server's answers mean, in the words of the seam; pure, over what was received.

Read from coglet 0.23 and from the last server in Python, 0.15, as both answer.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

import httpx
import orjson

from engine.seams import NotTakenError, Output, Prediction, PredictionState, ProviderError, UnknownError
from engine.words import GenerationErrorCode

__all__ = [
    "BUSY",
    "SICK",
    "Answer",
    "away",
    "decoded",
    "failed",
    "inputs_of",
    "invalid",
    "prediction",
    "reference_input",
    "refused",
    "takes_list",
    "translated",
]

LONGEST_MESSAGE = 500
DEEPEST = 8

STATES = {
    "starting": PredictionState.RUNNING,
    "processing": PredictionState.RUNNING,
    "succeeded": PredictionState.SUCCEEDED,
    "failed": PredictionState.FAILED,
    "canceled": PredictionState.CANCELED,
}
TAKEN = frozenset({200, 201, 202})
BUSY = frozenset({409, 429, 503})
REFUSALS = {
    400: (GenerationErrorCode.INVALID_INPUT, "The Cog server cannot read the input."),
    401: (GenerationErrorCode.PROVIDER_UNAUTHORIZED, "The Cog server wants a login."),
    403: (GenerationErrorCode.PROVIDER_UNAUTHORIZED, "The Cog server refuses this service."),
    404: (GenerationErrorCode.MODEL_NOT_FOUND, "What answers at the Cog server's address is none."),
    405: (GenerationErrorCode.MODEL_NOT_FOUND, "What answers at the Cog server's address is none."),
    413: (GenerationErrorCode.INVALID_INPUT, "The input is larger than the Cog server takes."),
    422: (GenerationErrorCode.INVALID_INPUT, "The model does not take this input."),
}
SICK = {
    "SETUP_FAILED": "The model on the Cog server could not be set up.",
    "DEFUNCT": "The model on the Cog server broke down.",
    "UNHEALTHY": "The model on the Cog server is out of order.",
}
"""Health in which no waiting helps: after a crash of the model coglet answers 409 for ever."""
FAILURES = (
    ("input validation error", GenerationErrorCode.INVALID_INPUT, False),
    ("nsfw", GenerationErrorCode.CONTENT_REFUSED, True),
    ("", GenerationErrorCode.MODEL_FAILED, True),
)
"""What a failed run's message holds, in small letters; the first that fits."""
NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.LocalProtocolError,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
)
"""Of httpx.RequestError; after any other the server may have the call."""
REFERENCES = (
    "image",
    "input_image",
    "reference_image",
    "reference",
    "init_image",
    "face_image",
    "images",
    "input_images",
    "reference_images",
)
"""The inputs that take the reference image, by name: the first that takes an address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer as a whole."""

    status: int
    body: bytes

    def told(self) -> dict[str, Any]:
        """Raises UnknownError for what is no JSON object: half an answer, or somebody else's."""
        try:
            told = orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise UnknownError from error
        if not isinstance(told, dict):
            raise UnknownError
        return told


def translated(error: httpx.RequestError) -> ProviderError:
    """NotTakenError where the call surely never arrived, else UnknownError."""
    return away() if isinstance(error, NOT_SENT) else UnknownError()


def prediction(prediction_id: str, answer: Answer) -> Prediction:
    """What the answer to a PUT, none of BUSY, says of the run. Raises NotTakenError and UnknownError."""
    if answer.status >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise UnknownError
    if answer.status not in TAKEN:
        raise _refusal(answer)
    told = answer.told()
    word = told.get("status")
    if not isinstance(word, str):
        raise UnknownError
    match STATES.get(word):
        case None:
            return failed(prediction_id, _failure(f"The Cog server says that the run is {word!r}."))
        case PredictionState.FAILED:
            return failed(prediction_id, _failure(str(told.get("error") or "")))
        case state:
            outputs = [Output(address=each) for each in _addresses(told.get("output"))]
            return Prediction(id=prediction_id, state=state, outputs=outputs)


def decoded(address: str) -> bytes:
    """The bytes of a data URL. Raises ProviderError."""
    head, _, body = address.partition(",")
    if not head.endswith(";base64"):
        return unquote_to_bytes(body)
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid("The Cog server gave half an output.") from error


def inputs_of(told: dict[str, Any]) -> dict[str, Any] | None:
    """The JSON Schema of the model's inputs, complete in itself; None where there is none."""
    match told:
        case {"components": {"schemas": {"Input": {"properties": dict()}} as schemas}}:
            whole: dict[str, Any] = _inlined(schemas["Input"], schemas)
            return whole
    return None


def reference_input(inputs: Mapping[str, Any]) -> str | None:
    """The input that takes the reference image."""
    properties = inputs["properties"]
    return next((name for name in REFERENCES if _takes_address(properties.get(name))), None)


def takes_list(rule: object) -> bool:
    """Whether an input is a list of values."""
    match rule:
        case {"items": _}:
            return True
        case {"anyOf": list() as forms}:
            return any(takes_list(form) for form in forms)
    return False


def failed(prediction_id: str, error: ProviderError) -> Prediction:
    """A run that ended in this error."""
    return Prediction(id=prediction_id, state=PredictionState.FAILED, error=error)


def away() -> NotTakenError:
    """No connection, or no answer where an answer is all that was wanted."""
    message = "The Cog server does not answer."
    return NotTakenError(GenerationErrorCode.PROVIDER_UNAVAILABLE, message, retryable=True)


def invalid(message: str) -> ProviderError:
    """An output that is none."""
    return ProviderError(GenerationErrorCode.OUTPUT_INVALID, message, retryable=True)


def refused(message: str, *, retryable: bool = False) -> ProviderError:
    """An input that cannot be sent."""
    return ProviderError(GenerationErrorCode.INVALID_INPUT, message, retryable=retryable)


def _failure(message: str) -> ProviderError:
    while message.startswith("Prediction failed: "):
        message = message.removeprefix("Prediction failed: ")
    _, code, retryable = next(row for row in FAILURES if row[0] in message.lower())
    message = message[:LONGEST_MESSAGE] or "The model failed without a reason."
    return ProviderError(code, message, retryable=retryable)


def _refusal(answer: Answer) -> NotTakenError:
    unforeseen = f"The Cog server refuses with status {answer.status}."
    code, message = REFUSALS.get(answer.status, (GenerationErrorCode.PROVIDER_UNAVAILABLE, unforeseen))
    if code is GenerationErrorCode.INVALID_INPUT:
        message = _complaints(answer) or message
    return NotTakenError(code, message[:LONGEST_MESSAGE])


def _complaints(answer: Answer) -> str:
    """What the server says of each input, as pydantic writes it: where (loc) and what (msg)."""
    try:
        detail = answer.told().get("detail")
    except UnknownError:
        return ""
    return "; ".join(_complaint(each) for each in detail) if isinstance(detail, list) else ""


def _complaint(each: object) -> str:
    match each:
        case {"loc": [*_, str() as name], "msg": str() as words}:
            return f"{name}: {words}"
    return "An input is not as it should be."


def _addresses(output: object) -> Iterator[str]:
    """Those in a text, a list or an object's fields, in order; other texts are no pictures."""
    match output:
        case str() if output.startswith(("data:", "http:", "https:")):
            yield output
        case list():
            for each in output:
                yield from _addresses(each)
        case dict():
            yield from _addresses(list(output.values()))


def _inlined(rule: Any, schemas: Mapping[str, Any], depth: int = 0) -> Any:
    """With what its $ref names put in their place, to a depth that no schema of inputs has."""
    match rule:
        case {"$ref": str() as name}:
            named = schemas.get(name.removeprefix("#/components/schemas/"), {})
            return _inlined(named, schemas, depth + 1) if depth < DEEPEST else {}
        case dict():
            return {key: _inlined(each, schemas, depth) for key, each in rule.items()}
        case list():
            return [_inlined(each, schemas, depth) for each in rule]
    return rule


def _takes_address(rule: object) -> bool:
    """Whether a value, one of several forms of it, or an item of its list is an address."""
    match rule:
        case {"format": "uri"}:
            return True
        case {"anyOf": list() as forms}:
            return any(_takes_address(form) for form in forms)
        case {"items": item}:
            return _takes_address(item)
    return False
