"""Server-sent events at /graphql: the distinct connections mode of graphql-sse, one operation a stream."""

import asyncio
from collections.abc import AsyncIterator

import orjson

from engine.viewer import Viewer
from server.identity.auth import seconds_left
from server.live.streams import Stream
from server.live.subscriber import StreamCutError
from server.operations.errors import RefusedError

__all__ = ["HEADERS", "events_of", "refusal_events"]

HEARTBEAT = 15.0
HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",  # nginx would else hold events back
}
HEARTBEAT_COMMENT = ": ping\n\n"
COMPLETE = "event: complete\ndata: \n\n"


async def events_of(stream: Stream, viewer: Viewer) -> AsyncIterator[str]:
    """The stream as events, with a sign of life in between, until it ends or the viewer's token does.

    Where it is cut, by the token or by the service, nothing says that it is complete.
    """
    while (left := seconds_left(viewer)) != 0:
        try:
            async with asyncio.timeout(min(left or HEARTBEAT, HEARTBEAT)):
                change = await anext(stream)
        except TimeoutError:
            yield HEARTBEAT_COMMENT
        except StreamCutError:
            return
        except StopAsyncIteration:
            yield COMPLETE
            return
        except RefusedError as refusal:
            yield refusal_events(refusal)
            return
        else:
            yield _event(change.answer, change.cursor)


def refusal_events(refusal: RefusedError) -> str:
    """The events of a stream that does not begin, or ends with errors."""
    return _event(orjson.dumps({"data": None, "errors": refusal.formatted}).decode(), None) + COMPLETE


def _event(payload: str, cursor: str | None) -> str:
    id = f"id: {cursor}\n" if cursor else ""
    return f"event: next\n{id}data: {payload}\n\n"
