"""What is said between a holder and the keeper it starts: an order there, an outcome back."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Self

from server.embedded.paths import Place

__all__ = ["Order", "Outcome"]


class Outcome(IntEnum):
    """How a launch ended, as an exit code."""

    READY = 0  # the server answers, or another keeper is at it
    CRASHED = 1  # what Python itself exits with: the keeper's log has the traceback
    REFUSED = 2  # PostgreSQL's own log says why


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A place, the programs, and settings as name=value. No secrets: anybody can read it."""

    place: Place
    binaries: Path
    settings: tuple[str, ...]

    def arguments(self) -> list[str]:
        place = self.place
        return [str(place.data_dir), str(place.cluster), str(self.binaries), *self.settings]

    @classmethod
    def parse(cls, arguments: Sequence[str]) -> Self:
        data_dir, cluster, binaries, *settings = arguments
        place = Place(data_dir=Path(data_dir), cluster=Path(cluster))
        return cls(place=place, binaries=Path(binaries), settings=tuple(settings))
