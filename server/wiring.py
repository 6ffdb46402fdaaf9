"""Builds a service from its settings, and takes it apart again."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from obstore.exceptions import BaseError
from starlette.applications import Starlette

from db.session import Database, open_database
from engine.seams import Provider, Storage, Uploads
from resolvers.context import Services
from resolvers.sources import check_sources
from server.addresses.downloads import Downloads
from server.addresses.exposition import Exposition
from server.addresses.files import Files
from server.addresses.headers import header_middleware
from server.addresses.local import LocalToken
from server.addresses.readiness import Readiness
from server.addresses.seats import Seats
from server.addresses.uploads import UploadEndpoint
from server.addresses.web import DIST, Web
from server.app import Parts, create_app
from server.identity.auth import Authenticator
from server.identity.jwks import KeySet
from server.identity.secrets import jwt_secret, signing_secret
from server.identity.signing import Signer
from server.identity.tokens import local_token
from server.identity.upload_signing import UploadSigner
from server.live.streams import Live, open_live
from server.operations.counts import SharedCounts
from server.operations.documents import DocumentPolicy
from server.operations.measure import Limits
from server.operations.pipeline import Pipeline
from server.operations.rates import Rates
from server.operations.trusted import load_trusted
from server.providers import default_model, open_providers
from server.settings import Settings, SettingsError
from server.shared import Shared
from server.watching.metrics import Metrics, Values
from server.watching.readings import Readings
from server.watching.visits import Visits
from server.watching.watched import WatchedProvider, WatchedStorage
from worker.children import Children
from worker.fetching import Fetcher
from worker.rated import Governor
from worker.references import KeptReferences
from worker.storage import ObjectStorage, open_storage
from worker.uploads import ReceivedUploads
from worker.workshop import Workshop

if TYPE_CHECKING:
    from server.addresses.webhooks import Webhooks

__all__ = [
    "build_app",
    "build_workshop",
    "exposition_of",
    "storage_of",
]


WORKER_CONNECTIONS = 10
"""It reads in sessions alone."""


@asynccontextmanager
async def build_app(settings: Settings, shared: Shared) -> AsyncIterator[Starlette]:
    """The API on a pool of its own."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(shared.login))
        children = await stack.enter_async_context(Children())
        storage = WatchedStorage(storage_of(settings), shared.metrics)
        providers = await stack.enter_async_context(
            open_providers(settings, children, KeptReferences(storage))
        )
        secret, base = signing_secret(settings), f"{settings.address}/files/"
        signer, upload_signer = Signer(secret, base), UploadSigner(secret, base)
        uploads = ReceivedUploads(storage, children, upload_signer.address)
        services = _services(settings, shared, database, signer, providers, uploads)
        shared_counts = SharedCounts(database) if settings.shared_rates == "on" else None
        mutations = Rates(settings.mutations_per_minute, "mutations", shared_counts)
        sockets = Rates(settings.sockets_per_minute, "sockets", shared_counts)
        pipeline = Pipeline(_documents(settings), mutations)
        await check_sources(pipeline.graphql, database)
        live = await stack.enter_async_context(open_live(pipeline, services))
        _watch(shared.metrics, live)
        yield create_app(
            Parts(
                live=live,
                authenticator=_authenticator(settings),
                files=Files(storage, signer, children),
                uploads=UploadEndpoint(database, upload_signer, uploads),
                downloads=Downloads(database, storage, signer),
                web=Web(DIST, elsewhere=[settings.address, *await _presigned(storage)]),
                local=_local(settings),
                webhooks=_webhooks(settings, database, providers),
                allowed_origins=settings.allowed_origins,
                max_operations=settings.max_operations,
                seats=Seats(settings.max_sockets, sockets),
                visits=Visits(shared.metrics, shared.traces),
                readiness=Readiness(database, storage),
                exposition=exposition_of(settings, shared, database),
                middleware=tuple(header_middleware(settings)),
            )
        )


@asynccontextmanager
async def build_workshop(settings: Settings, shared: Shared) -> AsyncIterator[Workshop]:
    """A worker on a pool of its own."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(
            open_database(shared.login, connections=WORKER_CONNECTIONS)
        )
        children = await stack.enter_async_context(Children())
        storage = WatchedStorage(storage_of(settings), shared.metrics)
        providers = await stack.enter_async_context(
            open_providers(settings, children, KeptReferences(storage))
        )
        _watch_pool(shared.metrics, "worker", database)
        yield Workshop(
            database=database,
            hints=shared.hints,
            storage=storage,
            children=children,
            fetcher=Fetcher(loopback=settings.local_mode),
            providers={
                model.name: WatchedProvider(each, shared.metrics, shared.traces)
                for each in providers
                for model in each.models()
            },
            governors=[
                Governor(database=database, provider=each.name, a_minute=settings.creates_per_minute)
                for each in providers
                if each.rated
            ],
            max_running=settings.max_running,
            settle_seconds=settings.settle_seconds,
            deadline=settings.deadline_seconds,
            traces=shared.traces,
        )


def exposition_of(settings: Settings, shared: Shared, database: Database) -> Exposition:
    """The page of metrics of this process, read by this pool."""
    return Exposition(shared.metrics, Readings(shared.metrics, database), own_hosts=settings.loopback_hosts)


def storage_of(settings: Settings) -> ObjectStorage:
    """Raises SettingsError where it cannot be opened."""
    try:
        return open_storage(settings.storage)
    except (BaseError, OSError, ValueError) as error:
        raise SettingsError(
            f"The setting BATCH_STUDIO_STORAGE_URL cannot be used: {type(error).__name__}."
        ) from error


def _watch(metrics: Metrics, live: Live) -> None:
    _watch_pool(metrics, "api", live.services.database)
    metrics.read(
        "compile_fallbacks",
        "Operations that should have had a plan",
        lambda: [((), live.pipeline.plans.fallbacks)],
    )
    metrics.read("subscribers", "Streams that are open", lambda: [((), live.subscribers)])


def _watch_pool(metrics: Metrics, part: str, database: Database) -> None:
    def connections() -> Values:
        both = (database.connections, database.readers)
        return [
            (("busy",), sum(each.busy for each in both)),
            (("idle",), sum(each.idle for each in both)),
            (("waited_for",), sum(each.waiting for each in both)),
        ]

    metrics.read(f"{part}_pool_connections", f"Connections of the pools: {part}", connections, "state")


def _services(
    settings: Settings,
    shared: Shared,
    database: Database,
    signer: Signer,
    providers: Sequence[Provider],
    uploads: Uploads,
) -> Services:
    services = Services(
        database=database,
        hints=shared.hints,
        signer=signer.parameters,
        uploads=uploads,
        providers=providers,
        default_model=default_model(settings),
        max_batch=settings.max_batch,
        max_queued=settings.max_queued,
        max_running=settings.max_running,
        loopback_references=settings.local_mode,
        traces=shared.traces,
    )
    if services.default_model not in services.model_names:
        raise SettingsError("The setting BATCH_STUDIO_DEFAULT_MODEL names no model that is offered here.")
    return services


async def _presigned(storage: Storage) -> list[str]:
    """Where else pages find pictures, and put them: in the bucket itself, if it can be signed for."""
    address = await storage.address("GET", "any", 1)
    return [address] if address else []


def _webhooks(settings: Settings, database: Database, providers: Sequence[Provider]) -> "Webhooks | None":
    """None without a provider that sends any."""
    if not (settings.replicate_api_token and settings.webhooks_on):
        return None
    # With Replicate's package and all that it finds installed: 14 MB that only these need.
    from server.addresses.webhooks import Secret, SignsWebhooks, Webhooks

    replicate = next((each for each in providers if isinstance(each, SignsWebhooks)), None)
    if replicate is None:
        return None
    known = settings.replicate_webhook_secret
    return Webhooks(database, Secret(replicate, known.get_secret_value() if known else None).get)


def _authenticator(settings: Settings) -> Authenticator:
    return Authenticator(
        secret=jwt_secret(settings),
        keys=KeySet(settings.jwks_url) if settings.jwks_url else None,
        audience=settings.jwt_audience,
        issuer=settings.jwt_issuer,
    )


def _documents(settings: Settings) -> DocumentPolicy:
    """Raises SettingsError where the manifest of trusted documents cannot be used."""
    return DocumentPolicy(
        limits=Limits(
            depth=settings.max_depth,
            fields=settings.max_fields,
            aliases=settings.max_aliases,
            directives=settings.max_directives,
            tokens=settings.max_tokens,
            cost=settings.max_cost,
        ),
        introspection=settings.introspection or ("everybody" if settings.local_mode else "claim"),
        trusted=load_trusted(settings.trusted_documents) if settings.trusted_documents else None,
    )


def _local(settings: Settings) -> LocalToken | None:
    if not settings.local_mode:
        return None
    return LocalToken(partial(local_token, settings), settings.own_hosts)
