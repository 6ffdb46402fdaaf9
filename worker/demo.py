"""The demo provider: draws pictures on this machine, for who has no token, for tests and demonstrations.

A run has no state but its id, which tells when it began: any worker, also after a crash, can say how
it stands, and the picture is drawn when it is read.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from engine.seams import Call, Model, Output, Prediction, PredictionState, ProviderError, Run
from engine.uploads import LARGEST_REFERENCE
from engine.words import GenerationErrorCode
from worker.children import ChildFailed, Children
from worker.fetching import FetchError, Reads

__all__ = ["DEMO", "DemoProvider"]

SIDE = {"type": "integer", "minimum": 64, "maximum": 2048, "default": 768}
INPUTS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "width": {**SIDE, "description": "Pixels from left to right."},
        "height": {**SIDE, "description": "Pixels from top to bottom."},
        "seed": {
            "type": "integer",
            "minimum": 0,
            "description": "The same seed and prompt give the same picture; random by default.",
        },
        "seconds": {
            "type": "number",
            "minimum": 0,
            "maximum": 3600,
            "default": 0.2,
            "description": "How long it takes.",
        },
        "fail": {"type": "string", "description": "The run fails with this text."},
        "reference": {
            "type": "string",
            "format": "uri",
            "description": "A picture whose colours are taken; filled in from the batch's reference.",
        },
    },
}
DEMO = Model(name="demo", provider="demo", reference_input="reference", inputs=INPUTS)


class DemoProvider:
    """Finished after `seconds`; costs nothing, so that asking twice does no harm."""

    name = "demo"
    rated = False
    takes_ids = False

    def __init__(self, children: Children, references: Reads) -> None:
        self.children = children
        self.references = references

    def models(self) -> Sequence[Model]:
        return [DEMO]

    async def prepare(self, run: Run) -> Mapping[str, Any]:
        """Nothing leaves this machine, so there is nothing to prepare but the numbers to check."""
        _checked(run.parameters)
        return run.parameters

    async def submit(self, call: Call) -> Prediction:
        return _standing(f"{time.time():.3f}-{call.id}", call.input)

    async def find(self, call: Call, known: Collection[str]) -> Prediction | None:
        """A run that nobody knows of was never drawn."""
        return None

    async def fetch(self, prediction_id: str, run: Run) -> Prediction:
        return _standing(prediction_id, run.parameters)

    async def cancel(self, prediction_id: str) -> bool:
        """A run that nobody reads is never drawn."""
        return True

    async def read(self, output: Output, run: Run) -> bytes:
        sizes = _checked(run.parameters)
        reference = await self._reference(run)
        try:
            return await self.children.run(
                _paint,
                (run.prompt, run.seed, int(sizes["width"]), int(sizes["height"]), reference),
                turn=run.turn,
            )
        except ChildFailed as error:
            raise ProviderError(
                GenerationErrorCode.MODEL_FAILED,
                "The drawing could not be finished.",
                retryable=True,
            ) from error

    async def _reference(self, run: Run) -> bytes | None:
        if run.reference_url is None:
            return None
        try:
            return await self.references.fetch(run.reference_url, limit=LARGEST_REFERENCE)
        except FetchError as error:
            raise ProviderError(
                GenerationErrorCode.INVALID_INPUT,
                f"The reference image could not be read: {error}",
                retryable=True,
            ) from error


def _paint(order: tuple[str, int, int, int, bytes | None]) -> bytes:
    prompt, seed, width, height, reference = order
    from worker.painting import paint  # with NumPy: 12 MB that only a child needs

    return paint(prompt, seed=seed, width=width, height=height, reference=reference)


def _checked(parameters: Mapping[str, Any]) -> dict[str, float]:
    """The numbers that were given, or their defaults. Raises ProviderError for one out of bounds."""
    return {name: _number(parameters, name) for name in ("width", "height", "seconds")}


def _number(parameters: Mapping[str, Any], name: str) -> float:
    rule = INPUTS["properties"][name]
    value = parameters.get(name, rule["default"])
    whole = rule["type"] == "integer"
    kind = int if whole else int | float
    if (
        isinstance(value, bool)
        or not isinstance(value, kind)
        or not rule["minimum"] <= value <= rule["maximum"]
    ):
        bounds = f"{rule['minimum']} to {rule['maximum']}"
        raise ProviderError(
            GenerationErrorCode.INVALID_INPUT,
            f"{name} must be {'a whole' if whole else 'a'} number from {bounds}.",
        )
    return float(value)


def _standing(prediction_id: str, parameters: Mapping[str, Any]) -> Prediction:
    """How a run stands, by its id, which tells when it began."""
    began = float(prediction_id.partition("-")[0])
    left = began + _checked(parameters)["seconds"] - time.time()
    if left > 0:
        return Prediction(id=prediction_id, state=PredictionState.RUNNING, wait=left)
    if "fail" in parameters:
        return _failed(prediction_id, str(parameters["fail"]))
    return Prediction(
        id=prediction_id,
        state=PredictionState.SUCCEEDED,
        outputs=[Output(address="demo:painting")],
    )


def _failed(prediction_id: str, message: str) -> Prediction:
    error = ProviderError(GenerationErrorCode.MODEL_FAILED, message[:1000], retryable=True)
    return Prediction(id=prediction_id, state=PredictionState.FAILED, error=error)
