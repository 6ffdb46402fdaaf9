"""The keeper: a process of its own that runs PostgreSQL for as long as somebody holds it.

`python -m server.embedded.keeper DATA_DIR CLUSTER BINARIES [NAME=VALUE ...]` returns once the
server is ready and leaves the keeper behind in the background; its exit code is an `Outcome`.

Nobody has to tell the keeper to stop: holders share a lock that the kernel takes from them
however they end, and the keeper stops the server when it can have that lock for itself alone.
"""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from server.embedded.account import Account, server_account
from server.embedded.cluster import make_cluster
from server.embedded.filelock import FileLock
from server.embedded.order import Order, Outcome
from server.embedded.postmaster import PidFile, Postmaster
from server.embedded.restarts import Restarts
from server.embedded.sockets import find_socket_dir, forget_socket_dir, socket_in

logger = logging.getLogger("server.embedded.keeper")

POLL_STARTING = 0.03
POLL_RUNNING = 0.2
LOG_BYTES = 10_000_000

# Holders probe the keeper's lock for a moment; only another keeper has it for longer.
LOCK_PATIENCE = 0.5


class GaveUpError(Exception):
    """The server cannot be kept running; its log says why."""


class Launcher:
    """The process that waits for the first news of this keeper, and for no more."""

    def __init__(self, told: int) -> None:
        self._told: int | None = told

    def tell(self, outcome: Outcome) -> None:
        """Tells it once: anything after the first news is for the log alone."""
        if self._told is None:
            return
        try:
            os.write(self._told, bytes([outcome]))
        except BrokenPipeError:
            logger.info("the launcher has gone")
        os.close(self._told)
        self._told = None


class Keeper:
    """Starts, watches, restarts and stops the server of one order."""

    def __init__(self, order: Order, *, account: Account, launcher: Launcher, log: int) -> None:
        self._order = order
        self._account = account
        self._launcher = launcher
        self._log = log
        self._socket_dir: Path | None = None

    def make_cluster(self) -> None:
        """Raises `GaveUpError` where one of PostgreSQL's programs fails."""
        order = self._order
        try:
            make_cluster(
                order.place,
                self._account,
                order.binaries,
                log=self._log,
                synced="fsync=off" not in order.settings,
            )
        except subprocess.CalledProcessError as error:
            raise GaveUpError(f"{error.cmd[0]} ended with {error.returncode}") from error

    def keep(self, holders: FileLock) -> None:
        """Returns when the last holder has gone and the server has ended.

        The holders' lock is then held alone: who comes now waits for its release. Raises
        `GaveUpError` where the server fails again and again.
        """
        server, restarts = self._begin(), Restarts()
        while not holders.take():
            if server.is_alive():
                self._tend(server)
                continue
            restarts = restarts.after(server.age())
            if restarts.is_hopeless:
                self._forget_socket()
                raise GaveUpError(f"the server failed {restarts.quick} times")
            logger.warning("the server has died, starting it again in %.1f s", restarts.delay)
            time.sleep(restarts.delay)
            server = self._begin()
        self._end(server)

    def _begin(self) -> Postmaster:
        cluster = self._order.place.cluster
        noted = PidFile.read(cluster)
        if noted is not None and noted.socket_dir is not None:
            self._socket_dir = noted.socket_dir
        server = Postmaster.adopt(cluster) or self._start()
        logger.info("the server is process %d", server.pid)
        return server

    def _start(self) -> Postmaster:
        order = self._order
        self._socket_dir = find_socket_dir(order.place, self._account, last=self._socket_dir)
        return Postmaster.start(
            order.place.cluster,
            self._account,
            order.binaries,
            socket_dir=self._socket_dir,
            settings=order.settings,
            log=self._log,
        )

    def _tend(self, server: Postmaster) -> None:
        """One look at a living server, then a rest."""
        if not server.is_ready():
            time.sleep(POLL_STARTING)
        elif self._has_socket():
            self._launcher.tell(Outcome.READY)
            time.sleep(POLL_RUNNING)
        else:
            # Temporary folders get cleaned, and only a new server makes its socket.
            logger.warning("the socket in %s has gone, starting anew", self._socket_dir)
            server.stop()

    def _has_socket(self) -> bool:
        return self._socket_dir is None or socket_in(self._socket_dir).exists()

    def _end(self, server: Postmaster) -> None:
        logger.info("the last holder has gone")
        if server.stop():
            self._forget_socket()
        else:
            logger.error("the server, process %d, does not end", server.pid)

    def _forget_socket(self) -> None:
        if self._socket_dir is not None:
            forget_socket_dir(self._order.place, self._socket_dir)


def main(arguments: Sequence[str]) -> int:
    """The launcher's exit code; in the keeper itself, 0 at its end."""
    heard, told = os.pipe()
    # Twice removed from the holder, whom it may outlive: init reaps it, and no holder has to.
    if os.fork() > 0:
        os.close(told)
        news = os.read(heard, 1)
        return news[0] if news else Outcome.CRASHED
    os.close(heard)
    run(Order.parse(arguments), Launcher(told))
    return 0


def run(order: Order, launcher: Launcher) -> None:
    """Keeps the order, unless another keeper already does."""
    os.umask(0o077)
    _ignore_signals()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s [%(process)d] %(message)s")
    # In this order: at the end, no newcomer may still find the keeper's lock taken.
    with (
        FileLock.opened(order.place.holders_lock) as holders,
        FileLock.opened(order.place.keeper_lock) as own,
        _opened_log(order.place.log) as log,
    ):
        if not _taken(own):
            launcher.tell(Outcome.READY)
            return
        own.write(f"{os.getpid()}\n")
        keeper = Keeper(order, account=server_account(), launcher=launcher, log=log)
        try:
            keeper.make_cluster()
            keeper.keep(holders)
        except GaveUpError as reason:
            logger.error("giving up: %s", reason)
            launcher.tell(Outcome.REFUSED)


def _ignore_signals() -> None:
    # A service manager signals every process it knows of: holders still need the server while
    # they end. Handled and not ignored, because ignoring is passed on to what we start.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)


def _taken(lock: FileLock) -> bool:
    deadline = time.monotonic() + LOCK_PATIENCE
    while not lock.take():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_STARTING)
    return True


@contextmanager
def _opened_log(path: Path) -> Iterator[int]:
    """The server's log, to append to; what has become too long makes room first."""
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(path.with_name(f"{path.name}.1"))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
