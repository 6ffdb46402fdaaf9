"""Making the cluster: initdb, the roles, their passwords; whole, or not at all."""

import secrets
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from server.embedded.account import Account
from server.embedded.binaries import major_version
from server.embedded.errors import DataFolderError, VersionMismatchError
from server.embedded.paths import Place, write_whole

__all__ = [
    "APP",
    "DATABASE",
    "OWNER",
    "SUPERUSER",
    "check_cluster",
    "make_cluster",
    "read_passwords",
]

SUPERUSER = "postgres"
OWNER = "studio_owner"
APP = "studio_app"
DATABASE = "batch_studio"

# Written by us and not by initdb's --auth, which wants the password in a file beforehand.
# No `trust` and no `peer`: on a socket as private as it can be, a password is still needed.
PG_HBA = """\
local all all              scram-sha-256
host  all all 127.0.0.1/32 scram-sha-256
host  all all ::1/128      scram-sha-256
"""

# In single-user mode a statement ends with a semicolon and an empty line.
ROLES = f"""\
alter role {SUPERUSER} password '{{superuser}}';

create role {OWNER} login createrole nosuperuser nocreatedb nobypassrls password '{{owner}}';

create role {APP} login noinherit nosuperuser nocreatedb nocreaterole nobypassrls
  password '{{app}}';

create database {DATABASE} owner {OWNER};

"""


def check_cluster(place: Place, account: Account, binaries: Path) -> None:
    """Raises `DataFolderError` where a cluster is there that these programs cannot serve."""
    if not place.cluster.exists() or _is_orphan(place):
        return
    if place.cluster.stat().st_uid != account.uid:
        reason = f"its database does not belong to the user {account.name}"
        raise DataFolderError(place.data_dir, reason)
    if not place.pgpass.exists():
        raise DataFolderError(place.data_dir, "its passwords, the file pgpass, are missing")
    found = (place.cluster / "PG_VERSION").read_text().strip()
    wanted = major_version(binaries)
    if found != wanted:
        raise VersionMismatchError(place.data_dir, found=found, wanted=wanted)


def make_cluster(place: Place, account: Account, binaries: Path, *, log: int, synced: bool = True) -> None:
    """Makes the cluster where there is none; for one process at a time.

    What the programs say goes to `log`. Raises `subprocess.CalledProcessError` where one fails,
    and then, as after a crash, leaves nothing that a next time would take for a cluster.
    """
    _sweep(place)
    if _is_orphan(place):
        _set_aside(place)
    if place.cluster.exists():
        return
    new = place.cluster.with_name(f"{place.cluster.name}.new-{secrets.token_hex(4)}")
    new.mkdir()
    account.own(new)
    passwords = {role: secrets.token_hex(24) for role in (SUPERUSER, OWNER, APP)}
    _initdb(new, account, binaries, log=log)
    _make_roles(new, account, binaries, log=log, passwords=passwords)
    (new / "pg_hba.conf").write_text(PG_HBA)
    if synced:
        _check(account.start(binaries / "initdb", "--sync-only", "-D", new, output=log))
    # Before the rename: a cluster in its place has its passwords written.
    write_whole(place.pgpass, _pgpass(passwords))
    new.rename(place.cluster)


def read_passwords(pgpass: Path) -> Mapping[str, str]:
    """The password of each role."""
    lines = (line.split(":") for line in pgpass.read_text().splitlines())
    return {role: password for *_, role, password in lines}


def _sweep(place: Place) -> None:
    """Removes what a crash in the middle left, by whatever it was."""
    for leftover in place.cluster.parent.glob(f"{place.cluster.name}.new-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    for passwords in place.data_dir.glob(f"{place.pgpass.name}.new-*"):
        passwords.unlink()


def _is_orphan(place: Place) -> bool:
    """A cluster whose data folder was deleted: the one there now never had its passwords."""
    return place.is_elsewhere and place.cluster.exists() and not place.pgpass.exists()


def _set_aside(place: Place) -> None:
    """Who deletes a data folder begins anew, but deleting data is nothing to be guessed."""
    place.cluster.rename(place.cluster.with_name(f"{place.cluster.name}.left-{time.time_ns()}"))


def _initdb(folder: Path, account: Account, binaries: Path, *, log: int) -> None:
    where = ("-D", folder, "-U", SUPERUSER)
    kind = ("--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums")
    # Synced at the end as a whole.
    manner = ("--no-instructions", "--no-sync")
    _check(account.start(binaries / "initdb", *where, *kind, *manner, output=log))


def _make_roles(
    folder: Path, account: Account, binaries: Path, *, log: int, passwords: Mapping[str, str]
) -> None:
    # A server without a socket: nobody can connect while there are no passwords yet.
    server = (binaries / "postgres", "--single", "-j", "-D", folder)
    settings = ("-c", "exit_on_error=on", "-c", "log_min_error_statement=panic")
    script = ROLES.format(superuser=passwords[SUPERUSER], owner=passwords[OWNER], app=passwords[APP])
    _check(account.start(*server, *settings, SUPERUSER, output=log, feed=True), script)


def _check(process: subprocess.Popen[bytes], script: str = "") -> None:
    process.communicate(script.encode() if script else None)
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, process.args)


def _pgpass(passwords: Mapping[str, str]) -> str:
    # For any host: a socket's folder may change, and the passwords fit nothing else.
    return "".join(f"*:*:*:{role}:{password}\n" for role, password in passwords.items())
