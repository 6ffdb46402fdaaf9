"""A PostgreSQL that starts with the first process that needs it and ends with the last.

    holder    `embedded_postgres`: hold the server, wait until it answers, watch its keeper
    launch    start a keeper, and say what went wrong
    keeper    the background process that starts, restarts and stops the server
    cluster   initdb, the roles and their passwords
    the rest  one thing each: postmaster (the server's process), processes, restarts, sockets,
              paths, binaries, account, filelock, order, errors

It listens on a private Unix socket alone and never on TCP. Backups, replicas and upgrades between
major versions are what a real PostgreSQL is for (DATABASE_URL).
"""

from server.embedded.errors import (
    BinariesError,
    DataFolderError,
    EmbeddedPostgresError,
    NotReadyError,
    ServerStartError,
    VersionMismatchError,
)
from server.embedded.holder import EmbeddedPostgres, embedded_postgres

__all__ = [
    "BinariesError",
    "DataFolderError",
    "EmbeddedPostgres",
    "EmbeddedPostgresError",
    "NotReadyError",
    "ServerStartError",
    "VersionMismatchError",
    "embedded_postgres",
]
