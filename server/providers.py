"""The providers that the settings name, opened and closed."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import UUID

from engine.seams import Provider
from server.settings import Settings
from worker.children import Children
from worker.cog import open_cog
from worker.demo import DEMO, DemoProvider
from worker.fetching import Reads

__all__ = ["default_model", "open_providers"]


@asynccontextmanager
async def open_providers(
    settings: Settings, children: Children, references: Reads
) -> AsyncIterator[Sequence[Provider]]:
    """The demo model always; Replicate with a token, Cog with an address."""
    async with AsyncExitStack() as stack:
        providers: list[Provider] = [DemoProvider(children, references)]
        if settings.cog_url:
            providers.append(await stack.enter_async_context(open_cog(settings.cog_url, references)))
        if settings.replicate_api_token:
            providers.append(await stack.enter_async_context(_replicate(settings, references)))
        yield providers


def default_model(settings: Settings) -> str:
    """What makes an image where nobody says."""
    if settings.default_model:
        return settings.default_model
    return settings.models[0] if settings.replicate_api_token and settings.models else DEMO.name


@asynccontextmanager
async def _replicate(settings: Settings, references: Reads) -> AsyncIterator[Provider]:
    # Half a second of imports that only an installation with a token needs.
    from worker.replicate.provider import ReplicateProvider

    assert settings.replicate_api_token  # noqa: S101 - the caller has looked

    def webhook_url(call_id: UUID) -> str:
        return f"{settings.address}/webhooks/replicate/{call_id}"

    async with ReplicateProvider(
        token=settings.replicate_api_token.get_secret_value(),
        address=settings.replicate_url,
        models=settings.models,
        references=references,
        deadline=settings.deadline_seconds,
        webhook_url=webhook_url if settings.webhooks_on else None,
    ) as provider:
        await provider.load()
        yield provider
