"""What can go wrong with the embedded PostgreSQL, each text one sentence for a person.

EmbeddedPostgresError
├── BinariesError              no PostgreSQL programs, or the server's user cannot run them
├── DataFolderError            the data folder cannot be used as it is
│   └── VersionMismatchError   its cluster was made by another major version
├── ServerStartError           PostgreSQL does not start: names the log and its last line
└── NotReadyError              PostgreSQL runs, or seems to, but did not answer in time
"""

from pathlib import Path

__all__ = [
    "BinariesError",
    "DataFolderError",
    "EmbeddedPostgresError",
    "NotReadyError",
    "ServerStartError",
    "VersionMismatchError",
]


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot be had; the text says why, in one sentence."""


class BinariesError(EmbeddedPostgresError):
    """The folder holds no PostgreSQL programs that the server's user could run."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(f"The PostgreSQL programs in {folder} cannot be used: {reason}.")
        self.folder = folder
        self.reason = reason


class DataFolderError(EmbeddedPostgresError):
    """The data folder is somebody else's, incomplete, or was moved."""

    def __init__(self, data_dir: Path, reason: str) -> None:
        super().__init__(f"The data folder {data_dir} cannot be used: {reason}.")
        self.data_dir = data_dir
        self.reason = reason


class VersionMismatchError(DataFolderError):
    """The data must be dumped by its own version and restored into a new folder."""

    def __init__(self, data_dir: Path, *, found: str, wanted: str) -> None:
        reason = f"its database was made by PostgreSQL {found}, and the programs are {wanted}"
        super().__init__(data_dir, reason)
        self.found = found
        self.wanted = wanted


class ServerStartError(EmbeddedPostgresError):
    """PostgreSQL did not start, or the keeper that should start it died."""

    def __init__(self, log: Path, last_line: str) -> None:
        super().__init__(f"PostgreSQL does not start; {log} says: {last_line}")
        self.log = log
        self.last_line = last_line


class NotReadyError(EmbeddedPostgresError):
    """Nobody answered within the time given."""

    def __init__(self, log: Path, seconds: float) -> None:
        super().__init__(f"PostgreSQL did not answer within {seconds:g} seconds; {log} may say why.")
        self.log = log
        self.seconds = seconds
