"""Structured logs: one line an event, on standard error; ids, never prompts, tokens or addresses."""

import logging
import sys

import structlog

__all__ = ["set_up_logs"]

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


def set_up_logs(level: str) -> None:
    """For the whole process; other libraries' lines come in the same form."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.LogfmtRenderer(
                    key_order=["timestamp", "level", "event"], bool_as_flag=False
                ),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, quiet in QUIET.items():
        logging.getLogger(name).setLevel(quiet)
