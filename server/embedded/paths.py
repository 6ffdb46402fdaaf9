"""Where the parts of one embedded PostgreSQL lie, and where a new one goes."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from server.embedded.account import Account
from server.embedded.errors import DataFolderError

__all__ = [
    "SHARED_HOME",
    "Place",
    "find_place",
    "make_data_dir",
    "make_shared_home",
    "write_whole",
]

# For what the server's user has to reach while the data folder is closed to it.
SHARED_HOME = Path("/var/lib/batch-studio")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A data folder and the cluster that belongs to it, which may lie elsewhere."""

    data_dir: Path
    cluster: Path

    @property
    def holders_lock(self) -> Path:
        """Shared by everybody who needs the server; the keeper has it alone while it stops."""
        return self.data_dir / "postgres.lock"

    @property
    def keeper_lock(self) -> Path:
        """Held by the one keeper, whose process id it contains."""
        return self.data_dir / "postgres-keeper.lock"

    @property
    def log(self) -> Path:
        return self.data_dir / "postgres.log"

    @property
    def keeper_log(self) -> Path:
        return self.data_dir / "postgres-keeper.log"

    @property
    def pgpass(self) -> Path:
        """The roles' passwords, as libpq reads them (PGPASSFILE)."""
        return self.data_dir / "pgpass"

    @property
    def is_elsewhere(self) -> bool:
        return self.cluster.parent != self.data_dir


def make_data_dir(data_dir: Path, account: Account) -> Path:
    """The folder, resolved; an existing one is left as it is."""
    data_dir = data_dir.resolve()
    if not data_dir.is_dir():
        data_dir.parent.mkdir(parents=True, exist_ok=True)
        data_dir.mkdir(exist_ok=True)
        # The server's user passes through to its cluster, and can list nothing on the way.
        data_dir.chmod(0o711 if account.foreign else 0o700)
    return data_dir


def find_place(data_dir: Path, account: Account) -> Place:
    """The existing cluster's place, or the one where a new cluster can live.

    A cluster below a folder that the server's user cannot enter lies in `SHARED_HOME`, and a
    file in the data folder says so from then on. Raises `DataFolderError`.
    """
    inside = Place(data_dir=data_dir, cluster=data_dir / "postgres")
    elsewhere = Place(data_dir=data_dir, cluster=SHARED_HOME / _hash(data_dir))
    note = data_dir / "postgres-location.txt"
    if note.exists():
        return _as_noted(note, elsewhere)
    if not account.foreign or account.reaches(data_dir):
        return inside
    if inside.cluster.exists():
        reason = f"PostgreSQL's user {account.name} cannot enter it any more"
        raise DataFolderError(data_dir, reason)
    make_shared_home(SHARED_HOME)
    write_whole(note, _note(elsewhere, account))
    return elsewhere


def make_shared_home(folder: Path) -> None:
    """Makes it open to all, where it is missing: what is private in it is closed by itself."""
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)


def write_whole(path: Path, text: str) -> None:
    """Replaces a file at once: a crash leaves the old one or the new one, both complete."""
    descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.new-", dir=path.parent)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    Path(name).replace(path)


def _as_noted(note: Path, elsewhere: Place) -> Place:
    """The place, if the note still names it: a moved or copied data folder has another hash."""
    noted = Path(note.read_text(encoding="utf-8").splitlines()[-1])
    if noted != elsewhere.cluster:
        reason = f"it was moved or copied, and its database in {noted} belongs to its old path"
        raise DataFolderError(elsewhere.data_dir, reason)
    return elsewhere


def _note(place: Place, account: Account) -> str:
    return (
        f"The database of this folder lies in the folder named below, because PostgreSQL runs as"
        f" {account.name}, who cannot enter this one.\n{place.cluster}\n"
    )


def _hash(data_dir: Path) -> str:
    return hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
