"""A database of one's own, migrated, and processes of the service on it, which come and go."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import jwt
from service import is_setting, temporary_folder

from server.embedded import embedded_postgres

__all__ = ["PROGRAM", "Stage", "staged"]

PROGRAM = Path(sys.executable).with_name("batch-studio")
READY_SECONDS = 60
STOP_SECONDS = 15
LOOK = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Whoever uses the service, sees all of its tables, and starts and ends its processes."""

    folder: Path
    environment: Mapping[str, str]
    secret: str
    database: asyncpg.Connection
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    processes: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)

    async def rows(self, query: str, *parameters: Any) -> list[asyncpg.Record]:
        """As a superuser, whom no policy hides anything."""
        async with self.lock:
            return await self.database.fetch(query, *parameters)

    async def start(self, name: str, *command: str | Path, **settings: object) -> int:
        """The new process's id. What it prints is kept in the folder."""
        own = {f"BATCH_STUDIO_{key.upper()}": str(value) for key, value in settings.items()}
        with (self.folder / f"{name}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *command, cwd=self.folder, env={**self.environment, **own}, stdout=log, stderr=log
            )
        self.processes[name] = process
        return process.pid

    async def end(self, name: str, sent: signal.Signals = signal.SIGTERM) -> float:
        """Seconds that it took to end."""
        process, began = self.processes.pop(name), time.monotonic()
        if process.returncode is not None:
            raise SystemExit(f"{name} ended by itself, with {process.returncode}.")
        process.send_signal(sent)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        return time.monotonic() - began

    async def until_ready(self, address: str) -> None:
        """Until the service at this address says so."""
        async with asyncio.timeout(READY_SECONDS), httpx.AsyncClient(trust_env=False) as client:
            while True:
                with suppress(httpx.HTTPError):
                    if (await client.get(f"{address}/readyz")).is_success:
                        return
                await asyncio.sleep(LOOK)

    def token(self, user: UUID) -> str:
        claims = {"sub": str(user), "role": "authenticated", "aud": "authenticated"}
        return jwt.encode(claims | {"exp": int(time.time()) + 3600}, self.secret, algorithm="HS256")


@asynccontextmanager
async def staged(keep: Path | None = None) -> AsyncIterator[Stage]:
    """Nothing of the caller's settings counts, and nothing is left behind but the logs, where to keep."""
    with temporary_folder() as folder:
        async with embedded_postgres(folder / "postgres") as postgres:
            secret = uuid4().hex
            environment = dict(_environment(folder, secret, postgres.login_url))
            await _migrate(folder, environment | {"BATCH_STUDIO_MIGRATION_URL": postgres.owner_url})
            database = await asyncpg.connect(postgres.superuser_url, database="batch_studio")
            stage = Stage(folder=folder, environment=environment, secret=secret, database=database)
            try:
                yield stage
            finally:
                await _end_all(stage)
                await database.close()
                _keep_logs(folder, keep)


def _environment(folder: Path, secret: str, login: str) -> Iterator[tuple[str, str]]:
    yield from ((name, text) for name, text in os.environ.items() if not is_setting(name))
    yield "DATABASE_URL", login
    yield "BATCH_STUDIO_JWT_SECRET", secret
    yield "BATCH_STUDIO_DATA_DIR", str(folder / "data")
    yield "BATCH_STUDIO_LOG_LEVEL", "warning"
    yield "BATCH_STUDIO_SOCKETS_PER_MINUTE", "100000"  # who is cut off comes back at once


async def _migrate(folder: Path, environment: Mapping[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        PROGRAM, "migrate", cwd=folder, env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    if await process.wait():
        raise SystemExit("The database could not be migrated.")


async def _end_all(stage: Stage) -> None:
    for process in stage.processes.values():
        if process.returncode is None:
            process.kill()
        await process.wait()


def _keep_logs(folder: Path, target: Path | None) -> None:
    if target is not None:
        target.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("*.log"):
            (target / path.name).write_bytes(path.read_bytes())
