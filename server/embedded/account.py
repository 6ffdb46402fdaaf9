"""The account that PostgreSQL's programs run under, which is never root."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Account", "server_account"]

# Nothing of ours is handed on: our environment has secrets in it, and PG* variables would
# change what the programs do. Messages stay English, so that the log can be searched.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user and whether we have to become it."""

    name: str
    uid: int
    gid: int
    foreign: bool

    def start(self, *command: str | Path, output: int, feed: bool = False) -> subprocess.Popen[bytes]:
        """A process of this user that writes to `output`; one to be fed writes its errors alone."""
        return subprocess.Popen(
            command,
            # Our own working folder may be one that the user cannot enter.
            cwd="/",
            env=ENVIRONMENT,
            stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
            # Who is fed answers with a prompt for each line, which is of no use to anybody.
            stdout=subprocess.DEVNULL if feed else output,
            stderr=output,
            start_new_session=True,
            user=self.uid if self.foreign else None,
            group=self.gid if self.foreign else None,
            extra_groups=[] if self.foreign else None,
        )

    def reaches(self, path: Path) -> bool:
        """Says whether this user can enter the folder or run the file, asking the system."""
        # Asked by a shell of that user: mode bits alone would miss access lists and mounts.
        test = ("/bin/sh", "-c", 'test -x "$1"', "sh", path)
        return self.start(*test, output=subprocess.DEVNULL).wait() == 0

    def own(self, folder: Path) -> None:
        """Makes the folder this user's, closed to everybody else."""
        folder.chmod(0o700)
        if self.foreign:
            os.chown(folder, self.uid, self.gid, follow_symlinks=False)


def server_account() -> Account:
    """Ourselves, or `nobody` where we are root."""
    if os.geteuid() != 0:
        return _account(pwd.getpwuid(os.geteuid()), foreign=False)
    # PostgreSQL refuses to run as root; `nobody` is the one other user that every system has,
    # so that nothing need be installed or configured first.
    return _account(pwd.getpwnam("nobody"), foreign=True)


def _account(entry: pwd.struct_passwd, *, foreign: bool) -> Account:
    return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid, foreign=foreign)
