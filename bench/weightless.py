"""The service with one more model, `weightless`, whose runs take their time and this machine nothing.

Each takes the parameter `seconds` and gives the same picture of 64 x 64 pixels, so that what a run costs is
what the service itself does for it. Run it with `python -P`, and the arguments of batch-studio.
"""

import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any

from PIL import Image

from engine.seams import Call, Model, Output, Prediction, PredictionState, Provider, Run
from server import wiring
from server.command import main
from server.settings import Settings
from worker.children import Children
from worker.fetching import Reads

NAME = "weightless"


class Weightless:
    """A run's id tells when it began."""

    name = NAME
    rated = False
    takes_ids = False

    def __init__(self) -> None:
        file = BytesIO()
        Image.effect_noise((64, 64), 80).save(file, "PNG")
        self.picture = file.getvalue()

    def models(self) -> Sequence[Model]:
        return [Model(name=NAME, provider=NAME)]

    async def prepare(self, run: Run) -> Mapping[str, Any]:
        return run.parameters

    async def submit(self, call: Call) -> Prediction:
        return _standing(f"{time.time()}/{call.id}", call.input)

    async def fetch(self, prediction_id: str, run: Run) -> Prediction:
        return _standing(prediction_id, run.parameters)

    async def find(self, call: Call, known: Collection[str]) -> Prediction | None:
        return None

    async def cancel(self, prediction_id: str) -> bool:
        return True

    async def read(self, output: Output, run: Run) -> bytes:
        return self.picture


def _standing(prediction_id: str, parameters: Mapping[str, Any]) -> Prediction:
    left = float(prediction_id.partition("/")[0]) + parameters["seconds"] - time.time()
    if left > 0:
        return Prediction(id=prediction_id, state=PredictionState.RUNNING, wait=left)
    outputs = [Output(address="weightless:noise")]
    return Prediction(id=prediction_id, state=PredictionState.SUCCEEDED, outputs=outputs)


open_providers = wiring.open_providers


@asynccontextmanager
async def open_more_providers(
    settings: Settings, children: Children, references: Reads
) -> AsyncIterator[Sequence[Provider]]:
    async with open_providers(settings, children, references) as providers:
        yield [*providers, Weightless()]


if __name__ == "__main__":
    wiring.open_providers = open_more_providers
    main()
