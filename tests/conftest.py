"""Fixtures on real parts: a real PostgreSQL, a service on a real port, callers with names."""

import asyncio
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from gql import Client, GraphQLRequest, gql
from gql.transport.websockets import WebsocketsTransport

from db.migrate import migrate
from db.samples import add_samples
from db.session import Database, open_database
from engine.viewer import Viewer
from server.embedded import EmbeddedPostgres, embedded_postgres
from server.identity.tokens import issue_token
from server.serve import serve_until
from server.settings import Settings, load_settings
from server.shared import Urls
from tests.along import LEAKS, SpokenTransport, http_client
from tests.leaks import PROMPT, Leaks

# Durability is PostgreSQL's own business, and its tests are elsewhere: here it only costs time.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}
SERVER = "BATCH_STUDIO_TEST_POSTGRES"
"""A folder with another PostgreSQL's binaries, for a run of the suite on that version."""

names = count()


@pytest.fixture(scope="session", autouse=True)
def leaks() -> Iterator[Leaks]:
    """Reads along all the session through, and tells in the end which secrets were told where."""
    with LEAKS.reading_logs():
        yield LEAKS
    assert LEAKS.found == []


@pytest.fixture(scope="session")
async def cluster(leaks: Leaks) -> AsyncIterator[EmbeddedPostgres]:
    """One server for the session, its database migrated: the template of all others."""
    binaries = Path(os.environ[SERVER]) if SERVER in os.environ else None
    folder = Path(tempfile.mkdtemp(prefix="batch-studio-tests-"))
    # pytest's own folders are closed to the user that root's server runs as.
    folder.chmod(0o711)  # noqa: ASYNC240
    try:
        async with embedded_postgres(folder, binaries=binaries, settings=FAST) as postgres:
            await migrate(postgres.owner_url, postgres.login_url)
            await add_samples(postgres.owner_url)
            logins = (postgres.login_url, postgres.owner_url, postgres.superuser_url)
            leaks.keep_secrets(*(password for url in logins if (password := urlsplit(url).password)))
            yield postgres
    finally:
        shutil.rmtree(folder)


@asynccontextmanager
async def cloned(cluster: EmbeddedPostgres, template: str = "batch_studio") -> AsyncIterator[Urls]:
    """A database of one's own, owned by studio_owner, gone after the block."""
    name = f"test_{next(names)}"
    admin = await asyncpg.connect(cluster.superuser_url)
    try:
        await admin.execute(f"create database {name} template {template} owner studio_owner")
        yield Urls(login=named(cluster.login_url, name), owner=named(cluster.owner_url, name))
    finally:
        await admin.execute(f"drop database if exists {name} with (force)")
        await admin.close()


def named(url: str, database: str) -> str:
    """The same login to another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


@pytest.fixture
async def urls(cluster: EmbeddedPostgres) -> AsyncIterator[Urls]:
    async with cloned(cluster) as urls:
        yield urls


@pytest.fixture
async def empty_urls(cluster: EmbeddedPostgres) -> AsyncIterator[Urls]:
    """A database without anything of ours in it."""
    async with cloned(cluster, "template0") as urls:
        yield urls


@dataclass(slots=True, kw_only=True)
class NatsServer:
    """A NATS server that can be killed and started again at its address."""

    port: int
    process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("nats-server"),
            *("--addr", "127.0.0.1", "--port", str(self.port)),
            stderr=asyncio.subprocess.PIPE,
        )
        assert self.process.stderr is not None
        async with asyncio.timeout(30):
            while b"Server is ready" not in (line := await self.process.stderr.readline()):
                assert line, "The NATS server did not start."

    async def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            await self.process.wait()
            self.process = None


@asynccontextmanager
async def running_nats() -> AsyncIterator[NatsServer]:
    server = NatsServer(port=free_port())
    await server.start()
    try:
        yield server
    finally:
        await server.kill()


@pytest.fixture
async def nats_server() -> AsyncIterator[NatsServer]:
    """One of the test's own."""
    async with running_nats() as server:
        yield server


@pytest.fixture(scope="session")
async def shared_nats() -> AsyncIterator[NatsServer]:
    """One for all tests that leave it alone."""
    async with running_nats() as server:
        yield server


@pytest.fixture
async def database(urls: Urls) -> AsyncIterator[Database]:
    async with open_database(urls.login) as database:
        yield database


@pytest.fixture
async def owner(urls: Urls) -> AsyncIterator[asyncpg.Connection]:
    """The database owner's connection, as whoever operates the service has."""
    connection = await asyncpg.connect(urls.owner)
    yield connection
    await connection.close()


@pytest.fixture
def ada() -> Viewer:
    return Viewer(user_id=uuid4(), role="authenticated")


@pytest.fixture
def ben() -> Viewer:
    return Viewer(user_id=uuid4(), role="authenticated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody who asks the service over HTTP and sockets; token None is anonymous."""

    address: str
    user_id: UUID | None
    token: str | None

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"} if self.token else {}

    async def post(self, query: str, **variables: Any) -> httpx.Response:
        async with http_client() as client:
            body = {"query": query, "variables": variables}
            return await client.post(f"{self.address}/graphql", json=body, headers=self.headers)

    async def post_raw(self, body: bytes, **headers: str) -> httpx.Response:
        """Any bytes as the body of a request, as JSON unless the headers say otherwise."""
        async with http_client() as client:
            return await client.post(
                f"{self.address}/graphql",
                content=body,
                headers={"content-type": "application/json"} | self.headers | headers,
            )

    @asynccontextmanager
    async def stream(self, body: dict[str, Any], **headers: str) -> AsyncIterator[httpx.Response]:
        """An answer that comes bit by bit."""
        async with (
            http_client() as client,
            client.stream(
                "POST", f"{self.address}/graphql", json=body, headers=self.headers | headers
            ) as response,
        ):
            yield response

    async def request(self, method: str, path: str, **headers: str) -> httpx.Response:
        """A plain request to any path of the service."""
        async with http_client(base_url=self.address) as client:
            return await client.request(method, path, headers=self.headers | headers)

    async def get(self, url: str) -> httpx.Response:
        """Whatever is at this address, asked for without a token, as a browser's <img> does."""
        async with http_client() as client:
            return await client.get(url)

    async def ask(self, query: str, **variables: Any) -> Any:
        """The data of an operation without errors."""
        answer = (await self.post(query, **variables)).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    async def errors(self, query: str, **variables: Any) -> Any:
        return (await self.post(query, **variables)).json()["errors"]

    @asynccontextmanager
    async def socket(self) -> AsyncIterator[Any]:
        transport = SpokenTransport(
            url=f"{self.address.replace('http', 'ws', 1)}/graphql",
            init_payload={"Authorization": self.headers["authorization"]} if self.token else {},
            subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
        )
        async with Client(transport=transport) as session:
            yield session

    @asynccontextmanager
    async def watching(
        self, batch_id: str, fields: str, after: str | None = None
    ) -> AsyncIterator[AsyncIterator[Any]]:
        """The updates of a batch, one by one, until the stream completes or the block ends."""
        document = gql(
            "subscription ($id: ID!, $after: String) "
            f"{{ batchResults(batchId: $id, after: $after) {{ cursor {fields} }} }}"
        )
        request = GraphQLRequest(document, variable_values={"id": batch_id, "after": after})
        async with (
            asyncio.timeout(60),
            self.socket() as session,
            aclosing(session.subscribe(request)) as answers,
        ):
            yield (answer["batchResults"] async for answer in answers)

    async def updates(self, batch_id: str, fields: str, after: str | None = None) -> list[Any]:
        """Every update of a batch until the stream completes."""
        async with self.watching(batch_id, fields, after) as updates:
            return [update async for update in updates]

    async def finished(self, batch_id: str) -> Any:
        """The batch once it is done."""
        updates = await self.updates(
            batch_id, "batch { status counts { total queued running succeeded failed canceled saved } }"
        )
        return updates[-1]["batch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service that runs in this process on a port of its own."""

    settings: Settings

    @property
    def address(self) -> str:
        return self.settings.address

    def caller(self, user_id: UUID | None = None, **given: Any) -> Caller:
        """A new user, or this one again; what is given goes into the token."""
        user_id = user_id or uuid4()
        token = issue_token(self.settings, user_id, ttl=600, **given)
        return Caller(address=self.address, user_id=user_id, token=token)

    def stranger(self) -> Caller:
        return self.caller()

    def bearer(self, token: str) -> Caller:
        """Whoever this token names."""
        return Caller(address=self.address, user_id=None, token=token)

    def anonymous(self) -> Caller:
        return Caller(address=self.address, user_id=None, token=None)


@asynccontextmanager
async def running_service(settings: Settings, *, with_worker: bool = True) -> AsyncIterator[Service]:
    """A service from these settings, until the end of the block."""
    stopping, ready = asyncio.Event(), asyncio.Event()

    def announce(line: str) -> None:
        if line == "ready":
            ready.set()

    serving = asyncio.create_task(serve_until(stopping, settings, with_worker=with_worker, announce=announce))
    waiting = asyncio.create_task(ready.wait())
    try:
        async with asyncio.timeout(30):
            await asyncio.wait([serving, waiting], return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()
        yield Service(settings=settings)
    finally:
        stopping.set()
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await serving


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def new_port() -> Callable[[], int]:
    return free_port


def settings_on(urls: Urls, folder: Path, **given: object) -> Settings:
    """Settings of a service on this database and folder, on a port of its own."""
    fixed: dict[str, object] = {
        "DATABASE_URL": urls.login,
        "migration_url": urls.owner,
        "data_dir": folder,
        "port": free_port(),
        "_env_file": None,
    }
    settings = load_settings(**(fixed | given))
    LEAKS.plant(settings)
    return settings


@pytest.fixture
def settings_for(tmp_path: Path, urls: Urls) -> Callable[..., Settings]:
    """Settings of a service on this test's database and folder."""
    return partial(settings_on, urls, tmp_path / "data")


@pytest.fixture(scope="session")
def running() -> Callable[..., AbstractAsyncContextManager[Service]]:
    """A service from settings of the test's own, until the end of the block."""
    return running_service


@pytest.fixture
async def service(settings_for: Callable[..., Settings]) -> AsyncIterator[Service]:
    async with running_service(settings_for()) as service:
        yield service
        await LEAKS.read_jobs(service.settings.database_url)


@pytest.fixture(scope="session")
async def shared_service(
    cluster: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    """One for all tests that need images and no service of their own; each test has its own callers."""
    async with (
        cloned(cluster) as urls,
        running_service(settings_on(urls, tmp_path_factory.mktemp("service"))) as service,
    ):
        await plant_prompt(service)
        yield service
        await LEAKS.read_jobs(urls.login)


@pytest.fixture(scope="session")
def secluded(
    cluster: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., AbstractAsyncContextManager[Service]]:
    """A service without a worker on a database of its own, which is filled before it starts."""

    @asynccontextmanager
    async def opened(fill: Callable[[asyncpg.Connection], Awaitable[None]]) -> AsyncIterator[Service]:
        async with cloned(cluster) as urls:
            superuser = await asyncpg.connect(named(cluster.superuser_url, urlsplit(urls.login).path[1:]))
            await fill(superuser)
            await superuser.close()
            settings = settings_on(urls, tmp_path_factory.mktemp("secluded"))
            async with running_service(settings, with_worker=False) as service:
                yield service

    return opened


@pytest.fixture(scope="session")
async def shared_urls(cluster: EmbeddedPostgres) -> AsyncIterator[Urls]:
    async with cloned(cluster) as urls:
        yield urls


@pytest.fixture(scope="session")
async def shared_database(shared_urls: Urls) -> AsyncIterator[Database]:
    """The database of shared_api."""
    async with open_database(shared_urls.login) as database:
        yield database


@pytest.fixture(scope="session")
async def shared_api(shared_urls: Urls, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """One for all tests that want no image made: without a worker, what is queued stays queued."""
    settings = settings_on(shared_urls, tmp_path_factory.mktemp("api"))
    async with running_service(settings, with_worker=False) as service:
        await plant_prompt(service)
        yield service
        await LEAKS.read_jobs(shared_urls.login)


async def plant_prompt(service: Service) -> None:
    """An image of somebody who never asks for it."""
    await service.caller().ask(
        "mutation ($prompt: String!) { generateImage(input: {prompt: $prompt}) { generation { id } } }",
        prompt=PROMPT,
    )


@pytest.fixture
def as_owner(shared_api: Service) -> Caller:
    """Whose rows a test is about."""
    return shared_api.caller()


@pytest.fixture
def as_stranger(shared_api: Service) -> Caller:
    """Another user."""
    return shared_api.caller()


@pytest.fixture
def as_anonymous(shared_api: Service) -> Caller:
    """A caller without a token."""
    return shared_api.anonymous()
