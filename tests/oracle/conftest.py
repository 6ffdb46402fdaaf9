"""A service over a world drawn by chance, the oracle that knows the same rows, and the ways to ask."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import orjson
import pytest
from graphql import OperationType, parse, validate

from db.session import open_database
from engine.viewer import ANONYMOUS, Viewer
from resolvers.context import Context, Services
from server.identity.secrets import signing_secret
from server.identity.signing import Signer
from server.operations.errors import RefusedError
from server.operations.pipeline import ANY, Operation, Pipeline
from server.operations.plans import Plans
from tests.oracle.answers import Expected, Oracle
from tests.oracle.rows import Tables, read_tables
from tests.oracle.stock import SDL, WORLD
from tests.oracle.ways import Answer, Way, disagreement, read_answer
from tests.oracle.words import Signing
from tests.oracle.world import World, fill
from worker.fakes import QuietHints

READING = ANY - {OperationType.MUTATION, OperationType.SUBSCRIPTION}


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A service, the rows behind it, and who may be asked what they should become."""

    service: Any
    world: World
    oracle: Oracle

    def caller(self, user: UUID | None) -> Any:
        return self.service.anonymous() if user is None else self.service.caller(user)


@pytest.fixture(scope="session")
async def stage(secluded: Callable[..., AbstractAsyncContextManager[Any]]) -> AsyncIterator[Stage]:
    world = WORLD
    tables: list[Tables] = []

    async def furnish(superuser: asyncpg.Connection) -> None:
        await fill(superuser, world)
        tables.append(await read_tables(superuser))
        # The server's log then has the text of every statement, but of no parameter.
        name = await superuser.fetchval("select current_database()")
        await superuser.execute(f"alter database {name} set log_statement = 'all'")

    async with secluded(furnish) as service:
        secret = (service.settings.data_dir / "jwt-secret").read_bytes()
        signing = Signing(secret, f"{service.address}/files/")
        yield Stage(
            service=service,
            world=world,
            oracle=Oracle(sdl=SDL, tables=tables[0], signing=signing),
        )


@pytest.fixture(scope="session")
async def over_http(stage: Stage) -> AsyncIterator[Way]:
    """As any client asks."""
    async with httpx.AsyncClient(base_url=stage.service.address, timeout=30, trust_env=False) as client:
        tokens = {user: stage.caller(user).headers for user in (None, *stage.world.users)}

        async def ask(
            user: UUID | None, query: str, variables: Mapping[str, Any] | None, name: str | None
        ) -> Answer:
            body = {"query": query, "variables": variables, "operationName": name}
            response = await client.post("/graphql", json=body, headers=tokens[user])
            return read_answer(response.text)

        yield Way(name="over HTTP", ask=ask)


class NoPlans(Plans):
    """All is left to graphql-core."""

    def find(self, *_: Any) -> None:
        return None


@pytest.fixture(scope="session")
async def by_graphql_core(stage: Stage) -> AsyncIterator[Way]:
    """The long way, which over HTTP only what has no plan takes."""
    settings, pipeline = stage.service.settings, Pipeline()
    pipeline.plans = NoPlans(pipeline.graphql)
    signer = Signer(signing_secret(settings), f"{stage.service.address}/files/")
    async with open_database(settings.database_url) as database:
        services = Services(
            database=database,
            hints=QuietHints(),
            signer=signer.parameters,
            uploads=None,
            providers=[],
            default_model="demo",
            max_batch=100,
            max_queued=100,
            max_running=100,
            loopback_references=False,
        )

        async def ask(
            user: UUID | None, query: str, variables: Mapping[str, Any] | None, name: str | None
        ) -> Answer:
            viewer = Viewer(user_id=user, role="authenticated") if user else ANONYMOUS
            context = Context(viewer, services)
            operation = Operation(query=query, variables=variables, name=name)
            try:
                answer = await pipeline.answer(pipeline.prepare(operation, context, READING), context)
            except RefusedError as refusal:
                answer = orjson.dumps({"data": None, "errors": refusal.formatted})
            return read_answer(answer.decode())

        yield Way(name="by graphql-core", ask=ask)


@pytest.fixture(scope="session")
def ways(over_http: Way, by_graphql_core: Way) -> Sequence[Way]:
    """Every way there is."""
    return [over_http, by_graphql_core]


@pytest.fixture(scope="session")
def compare(stage: Stage, ways: Sequence[Way]) -> Callable[..., Any]:
    """Asks in every way, and compares each answer with the oracle's; returns that."""

    async def compare(
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        name: str | None = None,
        user: UUID | None = stage.world.users[0],
    ) -> Expected:
        expected = stage.oracle.answer(user, query, variables, name)
        for way in ways:
            wrong = disagreement(expected, await way.ask(user, query, variables, name))
            assert not wrong, f"{way.name}: {wrong}\n{query}\n{variables}"
        return expected

    return compare


@pytest.fixture(scope="session")
def is_valid(stage: Stage) -> Callable[[str], bool]:
    """Whether the schema has all that a document asks for, which may be added later."""
    return lambda query: not validate(stage.oracle.schema, parse(query))
