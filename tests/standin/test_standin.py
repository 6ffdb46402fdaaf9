"""The stand-in's own count and controls, by which everything else is judged."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.standin.ledger import Window, fullest
from tests.standin.replicate import StandIn, standin
from worker.pictures import inspect

PATH = "/v1/models/black-forest-labs/flux-dev/predictions"
TOKEN = {"authorization": "Bearer r8_secret"}


@pytest.fixture(scope="session")
async def server() -> AsyncIterator[StandIn]:
    async with standin() as server:
        yield server


@pytest.fixture
async def client(server: StandIn) -> AsyncIterator[httpx.AsyncClient]:
    server.reset()
    async with httpx.AsyncClient(base_url=server.url, headers=TOKEN) as client:
        yield client


async def created(client: httpx.AsyncClient, **input: object) -> httpx.Response:
    return await client.post(PATH, json={"input": {"prompt": "a boat", **input}})


async def test_it_counts_how_often_the_same_work_was_created(client):
    for seed in (1, 1, 1, 2):
        await created(client, seed=seed)
    stats = (await client.get("/stats")).json()
    assert (stats["created"], stats["works"], stats["duplicates"]) == (4, 2, 2)
    assert stats["fullest_minute"] == stats["fullest_minute_asked"] == len(stats["created_at"]) == 4


async def test_pictures_differ_by_their_input_and_are_the_same_for_the_same(client):
    outputs = [(await created(client, seed=seed)).json()["output"][0] for seed in (1, 1, 2)]
    pictures = [(await client.get(address)).content for address in outputs]
    assert pictures[0] == pictures[1] != pictures[2]
    assert inspect(pictures[0]).content_type == "image/png"


async def test_it_is_controlled_while_it_runs(client):
    assert (await client.put("/control", json={"rate": 1})).json()["rate"] == 1
    answers = [await created(client) for _ in range(2)]
    assert [each.status_code for each in answers] == [201, 429]
    assert answers[1].json()["retry_after"] == 60
    await client.put("/control", json={"reset": True, "seconds": 5})
    assert (await client.get("/stats")).json()["created"] == 0
    assert (await created(client)).json()["status"] == "starting"
    assert (await client.put("/control", json={"weather": 1})).status_code == 400


async def test_the_same_seed_brings_the_same_troubles(server, client):
    async def troubles() -> list[int]:
        server.reset(seed=5, error=0.3, throttled=0.3)
        return [(await created(client)).status_code for _ in range(30)]

    first = await troubles()
    assert first == await troubles()
    assert set(first) == {201, 429, 500}


async def test_it_refuses_who_has_no_token(server, client):
    async with httpx.AsyncClient(base_url=server.url) as stranger:
        assert (await created(stranger)).status_code == 401


def test_a_window_lets_no_more_through_in_any_stretch():
    window = Window()
    let_through = [at / 10 for at in range(3000) if not window.wait(at / 10, 7, 60)]
    assert fullest(let_through, 60) == 7


async def test_it_runs_alone():
    script = Path(__file__).with_name("replicate.py")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, script, "--port", "0", "--seconds", "0.5", "--webhook-lost", "0.2"),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout
        async with asyncio.timeout(20):
            line = (await process.stdout.readline()).decode()
        async with httpx.AsyncClient(base_url=line.removeprefix("stand-in at ").strip()) as client:
            behaviour = (await client.put("/control", json={})).json()
        assert (behaviour["seconds"], behaviour["webhook_lost"]) == (0.5, 0.2)
    finally:
        process.terminate()
        await process.wait()
