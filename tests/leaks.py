"""Secrets that are planted in every service of the suite, and a reader of all that might tell them."""

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import structlog

from server.settings import Settings
from server.watching.logs import QUIET

__all__ = ["PROMPT", "Leaks"]

MARK = "planted-secret"
PROMPT = f"{MARK}: what another user has asked for"
ALWAYS = [
    MARK,
    r"whsec_[A-Za-z0-9+/=]{8}",
    r"\br8_\w+",
]
NEVER_LOGGED = [
    r"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+",  # a token
    r"signature=[0-9a-f]{16}",  # a signed address
]
JOBS = """
    select q::text || encode(coalesce(payload, ''), 'escape') from pgq.pgqueuer q
    union all select l::text from pgq.pgqueuer_log l
"""


class Leaks:
    """Reads along, and remembers what it should not have read."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._expect([])

    def keep_secrets(self, *secrets: str) -> None:
        """These as well: the passwords of the database, say."""
        self._expect([re.escape(each) for each in secrets])

    def plant(self, settings: Settings) -> None:
        """What signs the tokens and addresses of a service that would else make its own."""
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        for name in ("jwt-secret", "signing-secret"):
            file = settings.data_dir / name
            if not file.exists():
                file.write_text(f"{MARK}-{os.urandom(16).hex()}")

    def read_answer(self, answer: bytes) -> None:
        """Of a service to whoever asks, but for the one who asked for it."""
        self._note("answer", self._anywhere.search(answer.decode(errors="replace")))

    def read_log(self, line: str) -> None:
        self._note("log", self._in_a_log.search(line))

    async def read_jobs(self, url: str) -> None:
        """What is in the queue, or was done."""
        connection = await asyncpg.connect(url, server_settings={"role": "studio_worker"})
        try:
            for row in await connection.fetch(JOBS):
                self._note("job", self._in_a_log.search(row[0]))
        finally:
            await connection.close()

    @contextmanager
    def reading_logs(self) -> Iterator[None]:
        """All of them at debug level, but for the libraries that the service has silenced."""
        handler = Reader(self)
        root = logging.getLogger()
        level, processors = root.level, structlog.get_config()["processors"]
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        for name, quiet in QUIET.items():
            logging.getLogger(name).setLevel(quiet)
        structlog.configure(processors=[self._read_event, *processors])
        try:
            yield
        finally:
            root.removeHandler(handler)
            root.setLevel(level)
            structlog.configure(processors=processors)

    def _expect(self, more: list[str]) -> None:
        self._anywhere = re.compile("|".join([*ALWAYS, *more]))
        self._in_a_log = re.compile("|".join([*ALWAYS, *NEVER_LOGGED, *more]))

    def _read_event(self, _: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        self.read_log(str(structlog.processors.format_exc_info(None, "", event.copy())))
        return event

    def _note(self, where: str, leak: re.Match[str] | None) -> None:
        if leak:
            start = max(0, leak.start() - 80)
            test = os.environ.get("PYTEST_CURRENT_TEST", "")
            self.found.append(f"{where} in {test}: {leak.string[start : leak.end()]}")


class Reader(logging.Handler):
    """Hands every record on, with its traceback."""

    def __init__(self, leaks: Leaks) -> None:
        super().__init__(logging.DEBUG)
        self.leaks = leaks

    def emit(self, record: logging.LogRecord) -> None:
        self.leaks.read_log(f"{record.name} {self.format(record)}")
