"""Which webhooks are believed, and what the stand-in's good and bad ones come to."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.seams import Call, PredictionState
from tests.standin.herald import FORGED, SECRET, signed
from tests.standin.replicate import StandIn, standin
from worker.fetching import Fetcher
from worker.replicate.provider import ReplicateProvider
from worker.webhooks import Notice, WebhookRefused, read_webhook

ATTEMPT = UUID("6d2e0175-afe7-4de2-9c26-a4e5e8f03c36")
BODY = json.dumps(
    {"id": "abc", "status": "succeeded", "output": ["https://replicate.delivery/a.png"]}
).encode()
MODEL = "black-forest-labs/flux-dev"


def read(body: bytes = BODY, headers: dict[str, str] | None = None, *, attempt: str = str(ATTEMPT)) -> Notice:
    return read_webhook(attempt, body, signed(body) if headers is None else headers, secret=SECRET)


def minutes(count: float) -> datetime:
    return datetime.now(UTC) + timedelta(minutes=count)


def test_a_genuine_webhook_tells_how_the_run_stands():
    notice = read()
    assert notice.attempt_id == ATTEMPT
    assert (notice.prediction.id, notice.prediction.state) == ("abc", PredictionState.SUCCEEDED)
    assert len(notice.prediction.outputs) == 1


@pytest.mark.parametrize("at", [-4.9, 0, 4.9])
def test_five_minutes_either_way_are_believed(at):
    assert read(headers=signed(BODY, at=minutes(at)))


@pytest.mark.parametrize("at", [-60, -5.1, 5.1, 60])
def test_what_is_older_or_newer_is_refused(at):
    with pytest.raises(WebhookRefused):
        read(headers=signed(BODY, at=minutes(at)))


def test_one_good_signature_among_several_is_enough():
    """So are keys changed: for a while both sign."""
    headers = signed(BODY)
    other = signed(BODY, secret=FORGED)["webhook-signature"]
    headers["webhook-signature"] = f"v1a,AAAA {other} {headers['webhook-signature']}"
    assert read(headers=headers)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-signature": ""},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1"},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": "v1,ä"},
        {"webhook-signature": signed(BODY, secret=FORGED)["webhook-signature"]},
        {"webhook-signature": signed(b"{}")["webhook-signature"]},
        {"webhook-signature": " ".join(["v1,AAAA"] * 1000)},
        {"webhook-id": "msg_2"},
        {"webhook-id": ""},
        {"webhook-timestamp": ""},
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": "nan"},
        {"webhook-timestamp": "9" * 400},
        {"webhook-timestamp": str(int(minutes(-1).timestamp()))},
    ],
)
def test_what_is_not_signed_by_the_provider_is_refused(change):
    with pytest.raises(WebhookRefused):
        read(headers=signed(BODY) | change)


def test_headers_that_are_not_there_are_refused():
    with pytest.raises(WebhookRefused):
        read(headers={})


@pytest.mark.parametrize("secret", ["whsec_ä", "whsec_abc!"])
def test_nothing_is_believed_with_a_key_that_is_none(secret):
    with pytest.raises(WebhookRefused):
        read_webhook(str(ATTEMPT), BODY, signed(BODY), secret=secret)


@pytest.mark.parametrize(
    ("body", "attempt"),
    [
        (b"", str(ATTEMPT)),
        (b"{", str(ATTEMPT)),
        (b"[]", str(ATTEMPT)),
        (b'{"id": "abc"}', str(ATTEMPT)),
        (b'{"id": "../x", "status": "succeeded"}', str(ATTEMPT)),
        (b"[" * 100_000, str(ATTEMPT)),
        (BODY, "no-uuid"),
    ],
)
def test_a_genuine_webhook_that_says_nothing_of_a_run_is_refused(body, attempt):
    with pytest.raises(WebhookRefused):
        read(body, attempt=attempt)


@given(
    body=st.binary(),
    headers=st.dictionaries(
        st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]), st.text()
    ),
)
def test_garbage_is_refused_and_nothing_else_happens(body, headers):
    with pytest.raises(WebhookRefused):
        read(body, headers)


# What the stand-in sends


@pytest.fixture
async def replicate() -> AsyncIterator[StandIn]:
    async with standin() as replicate:
        yield replicate


@asynccontextmanager
async def listening(replicate: StandIn) -> AsyncIterator[asyncio.Queue[Notice | WebhookRefused]]:
    """What arrives at the webhooks' address, believed or refused."""
    arrived: asyncio.Queue[Notice | WebhookRefused] = asyncio.Queue()

    def answer(request: httpx.Request) -> httpx.Response:
        attempt = request.url.path.rpartition("/")[2]
        try:
            arrived.put_nowait(read_webhook(attempt, request.content, request.headers, secret=SECRET))
        except WebhookRefused as refused:
            arrived.put_nowait(refused)
            return httpx.Response(400)
        return httpx.Response(204)

    await replicate.herald.client.aclose()
    replicate.herald.client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    yield arrived


async def told(
    replicate: StandIn, count: int, **behaviour: object
) -> tuple[UUID, list[Notice | WebhookRefused]]:
    """One run's id for us, and the first that its webhook is told."""
    replicate.reset(**behaviour)
    async with (
        ReplicateProvider(
            token="r8_secret",
            address=replicate.url,
            models=[MODEL],
            references=Fetcher(loopback=False),
            webhook_url=lambda id_: f"https://studio.example/webhooks/replicate/{id_}",
        ) as provider,
        listening(replicate) as arrived,
    ):
        call = Call(id=uuid4(), model=MODEL, input={"prompt": "a boat"}, began=datetime.now(UTC))
        await provider.submit(call)
        async with asyncio.timeout(5):
            notices = [await arrived.get() for _ in range(count)]
        replicate.herald.fall_silent()
        assert arrived.empty()
        return call.id, notices


def states(notices: list[Notice | WebhookRefused]) -> list[PredictionState | None]:
    return [each.prediction.state if isinstance(each, Notice) else None for each in notices]


RUNNING, SUCCEEDED = PredictionState.RUNNING, PredictionState.SUCCEEDED


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        ({}, [RUNNING, SUCCEEDED]),
        ({"webhook_doubled": 1}, [RUNNING, SUCCEEDED, SUCCEEDED]),
        ({"webhook_late": 1, "late_seconds": 0.05}, [RUNNING, SUCCEEDED]),
        ({"webhook_shuffled": 1}, [SUCCEEDED, RUNNING]),
        ({"webhook_forged": 1}, [None]),
        ({"webhook_lost": 1}, []),
    ],
)
async def test_the_stand_ins_webhooks_come_as_it_is_told(replicate, behaviour, expected):
    attempt, notices = await told(replicate, len(expected), seconds=0.02, **behaviour)
    assert states(notices) == expected
    assert {each.attempt_id for each in notices if isinstance(each, Notice)} <= {attempt}
