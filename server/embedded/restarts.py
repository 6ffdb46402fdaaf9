"""When a server that died is started again, and when no more; pure."""

from dataclasses import dataclass

__all__ = ["Restarts"]

# A server that lived longer had started well: its end is a crash and not a refusal.
STEADY_SECONDS = 10.0

# 0.1 + 0.2 + 0.4 + 0.8 + 1.6 seconds: what a killed server has left needs a moment to go.
FIRST_DELAY = 0.1
QUICK_FAILURES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarts:
    """The quick failures in a row."""

    quick: int = 0

    def after(self, lived: float) -> "Restarts":
        """What counts once a server has died that lived so many seconds."""
        return Restarts(quick=1 if lived > STEADY_SECONDS else self.quick + 1)

    @property
    def is_hopeless(self) -> bool:
        return self.quick >= QUICK_FAILURES

    @property
    def delay(self) -> float:
        """Seconds to wait before the next start."""
        return float(FIRST_DELAY * 2 ** (self.quick - 1))
