"""The seams: what the service asks of a provider, of storage and of hints, and how they refuse.

Foreign errors are translated into these at each seam, so that nothing inside knows whose they were:

SeamError
├── ProviderError    a run that failed or could not be asked for, with its code
└── StorageError     storage that is out of reach or out of space
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol
from uuid import UUID

from engine.words import GenerationErrorCode

__all__ = [
    "Hints",
    "Model",
    "Output",
    "Prediction",
    "PredictionState",
    "Provider",
    "ProviderError",
    "Run",
    "SeamError",
    "Storage",
    "StorageError",
    "Watch",
]


class SeamError(Exception):
    """Something outside did not do what it was asked for; the text is fit for a person."""


class ProviderError(SeamError):
    """A model run that failed or could not be asked for."""

    def __init__(self, code: GenerationErrorCode, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retryable = retryable


class StorageError(SeamError):
    """Storage is out of reach or out of space."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model that can be asked for.

    inputs is the JSON Schema of its inputs, reference_input the one that takes the reference image;
    None where the provider does not say or the model takes none.
    """

    name: str
    provider: str
    reference_input: str | None = None
    inputs: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One call for one image: all that a provider needs to know. attempt_id names the call."""

    attempt_id: UUID
    model: str
    prompt: str
    seed: int
    parameters: Mapping[str, Any]
    reference_url: str | None
    turn: int = 0
    """Where it stands in the fair order; work on this machine is done lowest first."""


class PredictionState(Enum):
    """What a provider says of a run."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One picture of a finished run, by the address to read it from."""

    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """A run as the provider has it. wait is the number of seconds after which to ask again."""

    id: str
    state: PredictionState
    outputs: Sequence[Output] = ()
    error: ProviderError | None = None
    progress: float | None = None
    wait: float = field(default=1.0)


class Provider(Protocol):
    """Makes pictures. Every method raises ProviderError and nothing else."""

    name: str

    def models(self) -> Sequence[Model]: ...

    async def submit(self, run: Run) -> Prediction:
        """Asks for the run, once: a lost answer is never met with a second call."""
        ...

    async def fetch(self, prediction_id: str, run: Run) -> Prediction:
        """How the run stands now."""
        ...

    async def read(self, output: Output, run: Run) -> bytes:
        """The picture's file, as the model made it."""
        ...


class Storage(Protocol):
    """Keeps files by key; a key begins with its owner's id. Every method raises StorageError alone."""

    async def write(self, key: str, data: bytes, content_type: str) -> None: ...

    async def read(self, key: str) -> bytes | None:
        """The file, or None where there is none."""
        ...


class Watch(Protocol):
    """One listener of one topic."""

    async def wait(self, seconds: float) -> None:
        """Returns once something changed since the last wait, or after so many seconds."""
        ...


class Hints(Protocol):
    """Wake-ups between processes: only ever a reason to look again, never the news itself."""

    def tell(self, topic: UUID) -> None:
        """Something of this topic changed and is committed. Returns at once; hints are coalesced."""
        ...

    def watch(self, topic: UUID) -> AbstractContextManager[Watch]:
        """Watch before the first read, so that nothing falls in between."""
        ...
