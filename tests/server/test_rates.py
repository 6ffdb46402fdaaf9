"""Who asks too often is told when to come again: by code, by status, by header; others notice nothing."""

import asyncio
from contextlib import suppress
from time import time
from uuid import UUID, uuid4

import pytest
from gql import gql
from gql.transport.exceptions import TransportClosed, TransportError
from limits import RateLimitItemPerMinute, RateLimitItemPerSecond
from websockets.exceptions import InvalidStatus

from db.session import open_database
from server.operations.counts import SharedCounts
from server.operations.rates import MOST_COUNTS, USERS_AT_AN_ADDRESS, Rate, RateLimitedError, Rates
from tests.along import connect, http_client

MUTATION = 'mutation { createCollection(input: {name: "", templates: []}) { userErrors { code } } }'
PUBLIC = "8.8.8.8"
USER = UUID("6d2e0175-afe7-4de2-9c26-a4e5e8f03c36")


@pytest.fixture(autouse=True)
async def _early_in_a_minute():
    """Counts begin anew with the clock's minute: a test that is within one knows what they are."""
    left = 60 - time() % 60
    if left < 10:
        await asyncio.sleep(left)


async def test_a_minutes_worth_may_come_at_once_and_others_notice_nothing():
    rate = Rate(RateLimitItemPerMinute(60))
    for _ in range(60):
        await rate.take("ada")

    with pytest.raises(RateLimitedError) as refused:
        await rate.take("ada")
    assert 1 <= refused.value.seconds <= 60
    await rate.take("grace")


async def test_what_is_refused_does_not_count():
    rate = Rate(RateLimitItemPerSecond(1))
    for _ in range(100):
        with suppress(RateLimitedError):
            await rate.take("ada")
    await asyncio.sleep(1)

    await rate.take("ada")


async def test_memory_is_bounded_however_many_come():
    rate = Rate(RateLimitItemPerMinute(1))
    for number in range(MOST_COUNTS + 10):
        await rate.take(str(number))

    assert len(rate.storage.storage) <= MOST_COUNTS
    assert len(rate.storage.locks) <= MOST_COUNTS


async def test_all_addresses_of_one_ipv6_network_are_one_and_private_ones_none():
    rates = Rates(1)
    for number in range(USERS_AT_AN_ADDRESS):
        await rates.take_address(f"2a00:1450:4001:80b::{number + 1:x}")

    with pytest.raises(RateLimitedError):
        await rates.take_address("2a00:1450:4001:80b::ffff")
    await rates.take_address("2a00:1450:4001:80c::1")
    for _ in range(USERS_AT_AN_ADDRESS + 1):
        await rates.take_address("10.0.0.1")
        await rates.take_address("127.0.0.1")


@pytest.fixture
async def slow(running, settings_for):
    """A service that lets through two mutations and two sockets a minute, behind a proxy on this machine."""
    settings = settings_for(mutations_per_minute=2, sockets_per_minute=2, trusted_proxies="127.0.0.1")
    async with running(settings, with_worker=False) as service:
        yield service


async def test_mutations_of_a_user_are_limited_and_queries_are_not(slow):
    ada = slow.caller()
    for _ in range(2):
        await ada.ask(MUTATION)
    refused = await ada.post(MUTATION)

    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    (error,) = refused.json()["errors"]
    assert error["extensions"]["code"] == "RATE_LIMITED"
    assert error["extensions"]["retryAfter"] == int(refused.headers["retry-after"])
    assert await ada.ask("{ viewer { id } }")
    assert await slow.stranger().ask(MUTATION)


async def test_mutations_over_sockets_count_as_well(slow):
    ada = slow.caller()
    for _ in range(2):
        await ada.ask(MUTATION)

    async with ada.socket() as session:
        with pytest.raises(TransportError, match="RATE_LIMITED"):
            await session.execute(gql(MUTATION))


async def test_mutations_of_an_address_are_limited_whoever_asks(slow):
    async with http_client(base_url=slow.address) as client:
        for _ in range(2 * USERS_AT_AN_ADDRESS + 1):
            answer = await client.post(
                "/graphql",
                json={"query": MUTATION},
                headers=slow.caller(uuid4()).headers | {"x-forwarded-for": PUBLIC},
            )

    assert answer.status_code == 429


async def test_sockets_of_a_user_are_limited(slow):
    ada = slow.caller()
    for _ in range(2):
        async with ada.socket():
            pass

    with pytest.raises((TransportClosed, TransportError)):
        async with ada.socket() as session:
            await session.execute(gql("{ __typename }"))


async def test_streams_of_a_user_are_limited(slow):
    ada = slow.caller()
    for expected in (200, 200, 429):
        async with ada.stream({"query": "{ __typename }"}, accept="text/event-stream") as response:
            assert response.status_code == expected

    assert int(response.headers["retry-after"]) >= 1


async def test_handshakes_of_an_address_are_limited_before_anybody_speaks(slow):
    address = f"{slow.address.replace('http', 'ws', 1)}/graphql"

    async def shake():
        async with connect(
            address, subprotocols=["graphql-transport-ws"], additional_headers={"x-forwarded-for": PUBLIC}
        ):
            pass

    for _ in range(2 * USERS_AT_AN_ADDRESS):
        await shake()
    with pytest.raises(InvalidStatus) as refused:
        await shake()

    assert refused.value.response.status_code == 429
    assert int(refused.value.response.headers["retry-after"]) >= 1


async def test_an_address_that_no_proxy_vouches_for_is_not_believed(running, settings_for):
    settings = settings_for(mutations_per_minute=1)
    async with running(settings, with_worker=False) as service, http_client() as client:
        for _ in range(USERS_AT_AN_ADDRESS + 1):
            answer = await client.post(
                f"{service.address}/graphql",
                json={"query": MUTATION},
                headers=service.caller().headers | {"x-forwarded-for": PUBLIC},
            )

    assert answer.status_code == 200


@pytest.fixture
def shared_rate(database):
    """As another process would make it, on its own pool or on one given."""

    def make(item, database=database):
        return Rate(item, SharedCounts(database, patience=30))

    return make


async def test_processes_that_share_their_counts_let_through_one_limit_together(shared_rate, urls):
    item = RateLimitItemPerMinute(10)
    async with open_database(urls.login) as other:
        rates = [shared_rate(item), shared_rate(item, other)]
        taken = await asyncio.gather(*(rates[n % 2].take("ada") for n in range(20)), return_exceptions=True)
        await rates[0].take("grace")

    refused = [each for each in taken if each]
    assert len(refused) == 10
    assert all(isinstance(each, RateLimitedError) and 1 <= each.seconds <= 60 for each in refused)


async def test_what_was_counted_in_the_window_before_counts_by_its_share(shared_rate, database):
    rate = shared_rate(RateLimitItemPerMinute(10))
    async with database.worker_session() as session:
        await session.connection.execute(
            "insert into studio.rate_counts (key, number, count)"
            " values ($1, floor(extract(epoch from clock_timestamp()) / 60) - 1, 10)",
            rate.item.key_for("ada"),
        )
    left = 1 - time() % 60 / 60

    taken = await asyncio.gather(*(rate.take("ada") for _ in range(10)), return_exceptions=True)

    assert abs(sum(each is None for each in taken) - (10 - 10 * left)) <= 1


async def test_mutations_and_sockets_are_counted_apart(database):
    shared = SharedCounts(database, patience=30)
    await Rates(1, "mutations", shared).take_user(USER)
    await Rates(1, "sockets", shared).take_user(USER)

    with pytest.raises(RateLimitedError):
        await Rates(1, "sockets", shared).take_user(USER)


async def test_a_process_counts_by_itself_while_the_database_is_away(shared_rate, database):
    rate = shared_rate(RateLimitItemPerMinute(2))
    await database.connections.close()

    for _ in range(2):
        await rate.take("ada")
    with pytest.raises(RateLimitedError):
        await rate.take("ada")


async def test_a_user_who_changes_services_has_one_count_where_it_is_shared(running, settings_for):
    shared = {"mutations_per_minute": 2, "shared_rates": "on"}
    async with (
        running(settings_for(**shared), with_worker=False) as one,
        running(settings_for(**shared), with_worker=False) as another,
    ):
        await one.caller(USER).ask(MUTATION)
        await another.caller(USER).ask(MUTATION)

        assert (await one.caller(USER).post(MUTATION)).status_code == 429
        assert (await another.caller(USER).post(MUTATION)).status_code == 429
        assert await another.stranger().ask(MUTATION)
