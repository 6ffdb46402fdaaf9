"""Locks between processes that end with the process, however it ends.

flock, because the kernel releases it on kill -9, and because two descriptors of one process
exclude each other too. (A child made by a bare fork shares its parent's lock; one that runs
another program does not.) Nothing here waits: callers poll, which a cancelled task can leave.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

__all__ = ["FileLock"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLock:
    """One open file that may be locked; `opened` makes it and closes it."""

    descriptor: int

    @classmethod
    @contextmanager
    def opened(cls, path: Path) -> Iterator[Self]:
        """An unlocked file, which is made where it is missing; released and closed at the end."""
        lock = cls(descriptor=os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        try:
            yield lock
        finally:
            # Unlocked and not just closed: a forked child may hold the same open file.
            lock.release()
            os.close(lock.descriptor)

    def share(self) -> bool:
        """True if now held together with others, false if somebody has it alone."""
        return self._try(fcntl.LOCK_SH)

    def take(self) -> bool:
        """True if now held alone, false if anybody else holds it."""
        return self._try(fcntl.LOCK_EX)

    def release(self) -> None:
        fcntl.flock(self.descriptor, fcntl.LOCK_UN)

    def write(self, text: str) -> None:
        """Replaces the file's text: a note for people, on which nothing depends."""
        note = text.encode()
        os.pwrite(self.descriptor, note, 0)
        os.ftruncate(self.descriptor, len(note))

    def _try(self, kind: int) -> bool:
        try:
            fcntl.flock(self.descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
