"""The private folder of the server's Unix socket."""

import os
import shutil
import tempfile
from pathlib import Path

from server.embedded.account import Account
from server.embedded.paths import Place

__all__ = ["PORT", "find_socket_dir", "forget_socket_dir", "socket_in"]

# Part of the socket's name alone, nothing listens on it: fixed, so that PGPORT has no say.
PORT = 5432

# What macOS has room for; Linux has 107 bytes.
SOCKET_PATH_BYTES = 103


def socket_in(folder: Path) -> Path:
    """The socket's path where the server makes it in this folder."""
    return folder / f".s.PGSQL.{PORT}"


def find_socket_dir(place: Place, account: Account, *, last: Path | None) -> Path:
    """The private folder for a new server's socket, empty, and made anew where it is missing.

    It lies beside the cluster, or where that path is too long for a socket in the system's
    temporary folder; `last` is then used again if it can be, since clients know it.
    """
    folder = _beside(place)
    if _fits(folder):
        folder.mkdir(exist_ok=True)
        account.own(folder)
    elif last is not None and _reclaim(last, account):
        folder = last
    else:
        folder = Path(tempfile.mkdtemp(prefix="batch-studio-", dir=_temporary(account)))
        account.own(folder)
    _empty(folder)
    return folder


def forget_socket_dir(place: Place, folder: Path) -> None:
    """Leaves nothing behind in the temporary folder; for after the server's end."""
    if folder != _beside(place):
        shutil.rmtree(folder, ignore_errors=True)


def _beside(place: Place) -> Path:
    return place.cluster.with_name(f"{place.cluster.name}.socket")


def _fits(folder: Path) -> bool:
    # PostgreSQL and the clients read a comma or a quote as part of a list of folders.
    short = len(os.fsencode(socket_in(folder))) <= SOCKET_PATH_BYTES
    return short and not set(str(folder)) & set(',"')


def _empty(folder: Path) -> None:
    # A lock that a crash has left names a process; PostgreSQL would not start for its namesake.
    for name in folder.glob(".s.PGSQL.*"):
        name.unlink()


def _temporary(account: Account) -> Path:
    """The system's temporary folder, unless TMPDIR names one that is too long or closed."""
    usual = Path(tempfile.gettempdir())
    fits = _fits(usual / "batch-studio-12345678")
    return usual if fits and account.reaches(usual) else Path("/tmp")  # noqa: S108


def _reclaim(folder: Path, account: Account) -> bool:
    """True if the folder is ours and private, or was gone and could be made again."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        # Anybody may have put something at this name while our folder was away.
        found = folder.lstat()
        return (found.st_uid, found.st_mode) == (account.uid, 0o040700)
    except OSError:
        return False
    account.own(folder)
    return True
