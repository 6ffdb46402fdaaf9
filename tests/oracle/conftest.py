"""A service over a world drawn by chance, the oracle that knows the same rows, and the ways to ask."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from graphql import parse, validate

from tests.oracle.answers import Expected, Oracle
from tests.oracle.rows import Tables, read_tables
from tests.oracle.stock import SDL, WORLD
from tests.oracle.ways import Answer, Way, disagreement, read_answer
from tests.oracle.words import Signing
from tests.oracle.world import World, fill


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


@pytest.fixture(scope="session")
def ways(over_http: Way) -> Sequence[Way]:
    """Every way there is: another one is added here, and nowhere else."""
    return [over_http]


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
