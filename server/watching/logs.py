"""Structured logs: one line an event, on standard error; ids, never prompts, tokens or addresses."""

import json
import logging
import re
import sys
from contextlib import suppress

import structlog

__all__ = ["Lines", "logfmt", "set_up_logs"]

QUIET = {
    # Access lines carry signed addresses; Strawberry's carry what clients sent. Ours say what happened.
    "uvicorn.access": logging.CRITICAL,
    "strawberry": logging.CRITICAL,
    "uvicorn": logging.WARNING,
    "pgqueuer": logging.CRITICAL,
    # What a client of ours says and hears, tokens among it.
    "gql": logging.WARNING,
    "websockets": logging.WARNING,
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "PIL": logging.WARNING,
    "asyncio": logging.WARNING,
}


SEEN = r"[!#-<>-\[\]-~]+"
"""ASCII that is seen, without the quote, the sign of equality and the backslash."""
PLAIN = re.compile(SEEN)
PLAIN_LINE = re.compile(f"{SEEN}={SEEN}(?: {SEEN}={SEEN})*")
FIRST = ("timestamp", "level", "event")


def logfmt(_: object, __: str, event: structlog.typing.EventDict) -> str:
    """A line of logfmt, without what is None. What is not plain is quoted as in JSON: no text begins a line.

    A line is looked at as a whole, and value by value only where something is to be quoted. structlog's own
    looks at each character of each name, which is a third of what a line costs.
    """
    event = {**{name: event.pop(name) for name in FIRST if name in event}, **event}
    fields = [f"{name}={value}" for name, value in event.items() if value is not None]
    line = " ".join(fields)
    if line.count("=") == len(fields) and PLAIN_LINE.fullmatch(line):
        return line
    return " ".join(f"{name}={_plain(str(value))}" for name, value in event.items() if value is not None)


def _plain(text: str) -> str:
    return text if PLAIN.fullmatch(text) else json.dumps(text)


class Lines(structlog.WriteLogger):
    """Lines on standard error. Where it takes none any more, what they tell of goes on all the same."""

    def msg(self, message: str) -> None:
        with suppress(OSError, ValueError):  # ValueError: it was closed
            super().msg(message)

    log = debug = info = warn = warning = fatal = failure = err = error = critical = exception = msg


def set_up_logs(level: str) -> None:
    """For the whole process; other libraries' lines come in the same form."""
    shared: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, logfmt],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        # Past logging, which is half of what a line costs.
        logger_factory=lambda *_: Lines(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[meta, logfmt])
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, quiet in QUIET.items():
        logging.getLogger(name).setLevel(quiet)
