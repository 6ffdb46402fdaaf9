"""What a fault makes of an answer."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.standin.lines import Half, drop
from tests.standin.state import StandIn

__all__ = ["befall", "problem", "refuse", "throttle"]


async def befall(fault: str | None, standin: StandIn, request: Request, answer: Response) -> Response:
    """The answer, or what the fault makes of it."""
    return answer if fault is None else await FAULTS[fault](standin, request, answer)


async def refuse(standin: StandIn, request: Request) -> Response | None:
    """What every call begins with."""
    if standin.behaviour.down:
        return await drop(request)
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind in {"Bearer", "Token"} and token not in {"", "wrong"}:
        return None
    return problem(401, "You did not pass an authentication token", title="Unauthenticated")


def problem(status: int, detail: str, *, title: str = "") -> Response:
    """As Replicate refuses (RFC 7807)."""
    body = {"title": title, "detail": detail, "status": status}
    return JSONResponse(body, status, media_type="application/problem+json")


def throttle(standin: StandIn, wait: float, *, body: bool = True, header: bool = False) -> Response:
    """429, the seconds to wait in the body, in a header, or nowhere."""
    standin.counts["throttled"] += 1
    seconds = math.ceil(wait) if wait >= 1 else wait
    said: dict[str, Any] = {"title": "Too many requests", "detail": "Request was throttled.", "status": 429}
    if body:
        said["retry_after"] = seconds
    return JSONResponse(said, 429, {"retry-after": str(seconds)} if header else None)


async def _throttled(standin: StandIn, _: Request, __: Response) -> Response:
    return throttle(standin, standin.behaviour.retry_after)


async def _throttled_by_header(standin: StandIn, _: Request, __: Response) -> Response:
    return throttle(standin, standin.behaviour.retry_after, body=False, header=True)


async def _throttled_silently(standin: StandIn, _: Request, __: Response) -> Response:
    return throttle(standin, standin.behaviour.retry_after, body=False)


async def _dropped(_: StandIn, request: Request, __: Response) -> Response:
    return await drop(request)


async def _error(_: StandIn, __: Request, ___: Response) -> Response:
    return problem(500, "Internal server error")


async def _garbage(_: StandIn, __: Request, answer: Response) -> Response:
    return Response('{"id": "so', answer.status_code, media_type="application/json")


async def _half(_: StandIn, __: Request, answer: Response) -> Response:
    return Half(answer.body, answer.status_code, media_type="application/json")


async def _slow(standin: StandIn, _: Request, answer: Response) -> Response:
    await asyncio.sleep(standin.behaviour.slow_seconds)
    return answer


async def _hung(standin: StandIn, request: Request, _: Response) -> Response:
    """Until the caller gives up."""
    with suppress(TimeoutError):
        async with asyncio.timeout(standin.behaviour.hang_seconds):
            while (await request.receive())["type"] != "http.disconnect":
                pass
    return Response()


FAULTS: dict[str, Callable[[StandIn, Request, Response], Awaitable[Response]]] = {
    "throttled": _throttled,
    "throttled_by_header": _throttled_by_header,
    "throttled_silently": _throttled_silently,
    "refused": _dropped,
    "error": _error,
    "ignored": _hung,
    "error_after": _error,
    "lost": _dropped,
    "hung": _hung,
    "slow": _slow,
    "garbage": _garbage,
    "half": _half,
    "read_throttled": _throttled,
    "read_error": _error,
    "read_garbage": _garbage,
    "read_lost": _dropped,
    "read_hung": _hung,
    "list_unreadable": _error,
}
