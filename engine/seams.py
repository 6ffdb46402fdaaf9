"""The seams: what the service asks of a provider, of storage and of hints, and how they refuse.

Foreign errors are translated into these at each seam, so that nothing inside knows whose they were:

SeamError
├── ProviderError          a run that failed or could not be asked for, with its code
│   ├── NotTakenError      the call surely never became a run: it may be sent again
│   │   └── HeldBackError  too many calls at once: to be sent again later, nothing failed
│   └── UnknownError       nobody can tell whether the call became a run: settle before sending again
├── StorageError           storage that is out of reach or out of space
└── UploadRefusedError     what was uploaded is no picture, or not the one that was announced
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Protocol
from uuid import UUID

from engine.uploads import Upload
from engine.words import GenerationErrorCode

__all__ = [
    "Call",
    "HeldBackError",
    "Hints",
    "Model",
    "NoTraces",
    "NotTakenError",
    "Output",
    "Prediction",
    "PredictionState",
    "Provider",
    "ProviderError",
    "Run",
    "SeamError",
    "Storage",
    "StorageError",
    "StoredFile",
    "Traces",
    "UnknownError",
    "UploadRefusedError",
    "Uploads",
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


class NotTakenError(ProviderError):
    """The call surely never became a run (no connection, or refused): it may be sent again."""


class HeldBackError(NotTakenError):
    """The provider asks to wait so many seconds; for_all says that this holds for every caller."""

    def __init__(self, seconds: float, *, for_all: bool) -> None:
        super().__init__(GenerationErrorCode.THROTTLED, "The provider asked to wait.", retryable=True)
        self.seconds = seconds
        self.for_all = for_all


class UnknownError(ProviderError):
    """The answer was lost: the call may have become a run, and may be billed."""

    def __init__(self) -> None:
        super().__init__(
            GenerationErrorCode.UNCONFIRMED,
            "The provider was asked, and never showed that it took the call.",
            retryable=True,
        )


class StorageError(SeamError):
    """Storage is out of reach or out of space."""


class UploadRefusedError(SeamError):
    """What was uploaded is no picture, or not the one that was announced; another try is no use."""


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
    """One image to be made: all that a provider needs to know.

    reference_url is the storage key of its reference image; turn is its place in the fair order: work on this
    machine is done lowest first.
    """

    model: str
    prompt: str
    seed: int
    parameters: Mapping[str, Any]
    reference_url: str | None
    turn: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call that asks for a run, as committed before it is made: id names it, input is exact."""

    id: UUID
    model: str
    input: Mapping[str, Any]
    began: datetime


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
    """Makes pictures. Every method raises ProviderError and nothing else.

    rated says whether its calls are limited in number over time, over all workers; takes_ids, whether a
    run has its call's id, so that it can be cancelled while submit still waits for the answer.
    """

    name: str
    rated: bool
    takes_ids: bool

    def models(self) -> Sequence[Model]: ...

    async def prepare(self, run: Run) -> Mapping[str, Any]:
        """The exact input of the call, as JSON; what must be uploaded first is. Asks for nothing."""
        ...

    async def submit(self, call: Call) -> Prediction:
        """Asks for the run, once. Raises NotTakenError, HeldBackError or UnknownError too."""
        ...

    async def find(self, call: Call, known: Collection[str]) -> Prediction | None:
        """The run that this call became, by what the provider lists since the call began.

        known are the ids of runs that belong to other calls. None where a list that can be read
        does not show it; ProviderError where no list can be read or it cannot tell.
        """
        ...

    async def fetch(self, prediction_id: str, run: Run) -> Prediction:
        """How the run stands now."""
        ...

    async def cancel(self, prediction_id: str) -> bool:
        """Asks to stop the run. True where it surely comes to nothing; else fetch tells."""
        ...

    async def read(self, output: Output, run: Run) -> bytes:
        """The picture's file, as the model made it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """What storage knows of a file; tag differs where the content does, quoted as an ETag is."""

    size: int
    tag: str | None


class Storage(Protocol):
    """Keeps files by key; a key begins with its owner's id. Every method raises StorageError alone."""

    async def write(self, key: str, data: bytes, content_type: str) -> None: ...

    async def read(self, key: str) -> bytes | None:
        """The file, or None where there is none."""
        ...

    async def find(self, key: str) -> StoredFile | None:
        """What is known of the file without reading it, or None where there is none."""
        ...

    def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from start up to end, which find told, in pieces."""
        ...

    async def remove(self, keys: Collection[str]) -> None:
        """Those that are there; one that is absent is no error."""
        ...

    async def address(self, method: str, key: str, seconds: float) -> str | None:
        """Where anybody may do this one thing with the file for so long; None where only we can."""
        ...


class Uploads(Protocol):
    """Where reference images come in. Every method but the first raises StorageError too."""

    async def address(self, upload: Upload, until: datetime) -> str:
        """Where its owner may PUT it until then."""
        ...

    async def collect(self, upload: Upload) -> bool:
        """Checks and keeps what was put into the storage past us. False where nothing was yet.

        Raises UploadRefusedError.
        """
        ...


class Watch(Protocol):
    """One listener of one topic."""

    async def wait(self, seconds: float) -> None:
        """Returns once something changed since the last wait, or after so many seconds."""
        ...


class Hints(Protocol):
    """Wake-ups between processes: only ever a reason to look again, never the news itself.

    A topic is the id of a batch or of a user; a change is told to both.
    """

    def tell(self, *topics: UUID) -> None:
        """Something of these changed and is committed. Returns at once; hints are coalesced."""
        ...

    def wake(self, topic: UUID) -> None:
        """Wakes who watches in this process alone, as a hint would."""
        ...

    def watch(self, topic: UUID) -> AbstractContextManager[Watch]:
        """Watch before the first read, so that nothing falls in between."""
        ...


class Traces(Protocol):
    """Where time goes, told to whoever operates the service: names and ids alone."""

    def span(self, name: str) -> AbstractContextManager[None]:
        """A part of what is being done."""
        ...

    def step(self, name: str, topic: UUID) -> AbstractContextManager[None]:
        """A step of making a batch, or a single image; its trace has the id of the topic."""
        ...

    def began(self, topic: UUID) -> None:
        """What is being done began this batch, or single image."""
        ...


class NoTraces:
    """Nobody is told."""

    def span(self, name: str) -> AbstractContextManager[None]:
        return nullcontext()

    def step(self, name: str, topic: UUID) -> AbstractContextManager[None]:
        return nullcontext()

    def began(self, topic: UUID) -> None:
        """Nobody asks."""
