"""POST /webhooks/replicate/{call}: the provider says that a run went on. A reason to look, no more."""

from collections.abc import Awaitable, Callable
from typing import Protocol, runtime_checkable

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from db.attempts import record_prediction
from db.jobs import Job, enqueue, subject_of
from db.session import DATABASE_AWAY, Database
from engine.seams import ProviderError
from worker.webhooks import LARGEST_BODY, Notice, WebhookRefused, read_webhook

__all__ = ["Secret", "SignsWebhooks", "Webhooks"]

logger = structlog.get_logger()


@runtime_checkable
class SignsWebhooks(Protocol):
    """A provider whose webhooks are signed with a key that it tells."""

    async def webhook_secret(self) -> str: ...


class Secret:
    """The signing key: the one set, or the provider's own, asked for once."""

    def __init__(self, provider: SignsWebhooks, known: str | None) -> None:
        self.provider = provider
        self.known = known

    async def get(self) -> str:
        """Raises ProviderError."""
        if self.known is None:
            self.known = await self.provider.webhook_secret()
        return self.known


class Webhooks:
    """Verifies before anything else is done; the run itself is then asked how it stands."""

    def __init__(self, database: Database, secret: Callable[[], Awaitable[str]]) -> None:
        self.database = database
        self.secret = secret

    async def post(self, request: Request) -> Response:
        body = await _body(request)
        if body is None:
            return Response(status_code=413)
        try:
            call, headers = request.path_params["call"], request.headers
            notice = read_webhook(call, body, headers, secret=await self.secret())
            await self._take(notice)
        except WebhookRefused as error:
            logger.warning("webhook_refused", reason=str(error))
            return Response(status_code=401)
        except (ProviderError, *DATABASE_AWAY) as error:
            logger.warning("webhook_delayed", reason=type(error).__name__)
            return Response(status_code=503)
        return Response(status_code=204)

    async def _take(self, notice: Notice) -> None:
        """Whose run it is, should that answer have been lost, and a look at it now."""
        async with self.database.worker_session() as session:
            row = await session.row("generation_of_attempt", notice.attempt_id)
            if row is None:
                return
            if await record_prediction(session, notice.attempt_id, notice.prediction.id):
                subject = subject_of(row["id"], row["round"])
                await enqueue(session, Job.COLLECT, subject, turn=0)
                await session.rows("hasten_jobs", [Job.COLLECT.key(subject)])


async def _body(request: Request) -> bytes | None:
    """The body; None where it is too large."""
    data = bytearray()
    try:
        async for chunk in request.stream():
            data += chunk
            if len(data) > LARGEST_BODY:
                return None
    except ClientDisconnect:
        return None
    return bytes(data)
