"""The Replicate provider over real HTTP, against the stand-in."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from engine.seams import (
    Call,
    HeldBackError,
    NotTakenError,
    Output,
    Prediction,
    PredictionState,
    ProviderError,
    Run,
    UnknownError,
)
from engine.words import GenerationErrorCode as Code
from tests.standin.replicate import StandIn, standin
from tests.standin.wares import picture, version_of
from worker.fetching import FetchError
from worker.pictures import PictureRefused, inspect
from worker.replicate.api import Timeouts
from worker.replicate.provider import ReplicateProvider

SCHNELL = "black-forest-labs/flux-schnell"
DEV = "black-forest-labs/flux-dev"
PRO = "black-forest-labs/flux-1.1-pro"
KONTEXT = "black-forest-labs/flux-kontext-pro"
BANANA = "google/nano-banana"
SDXL = "stability-ai/sdxl"
VERSIONED = f"{SDXL}:{version_of(SDXL)}"
MODELS = [SCHNELL, DEV, PRO, KONTEXT, BANANA, VERSIONED]
QUICK = Timeouts(connect=5, read=1, whole=6)
PATIENT = Timeouts()
PNG = picture("a reference")
LARGE = PNG + bytes(256_000)


class Files:
    """Kept references by their keys; what was read is recorded."""

    def __init__(self, **files: bytes) -> None:
        self.files = files
        self.fetched: list[str] = []

    async def fetch(self, reference: str, *, limit: int) -> bytes:
        await asyncio.sleep(0)
        self.fetched.append(reference)
        data = self.files.get(reference.rpartition("/")[2])
        if data is None:
            raise FetchError("It is not in storage any more.")
        return data


@pytest.fixture(scope="session")
async def server() -> AsyncIterator[StandIn]:
    async with standin() as server:
        yield server


@pytest.fixture
def replicate(server: StandIn) -> StandIn:
    """A stand-in that behaves well until told otherwise."""
    server.reset()
    return server


@asynccontextmanager
async def opened(address: str, **given: Any) -> AsyncIterator[ReplicateProvider]:
    wanted = {"token": "r8_secret", "models": MODELS, "references": Files(), "timeouts": PATIENT} | given
    async with ReplicateProvider(address=address, **wanted) as provider:
        yield provider


@pytest.fixture
async def provider(replicate: StandIn) -> AsyncIterator[ReplicateProvider]:
    async with opened(replicate.url) as provider:
        yield provider


def run_of(model: str = DEV, *, reference: str | None = None, seed: int = 7, **parameters: Any) -> Run:
    return Run(model=model, prompt="a boat", seed=seed, parameters=parameters, reference_url=reference)


def call_of(model: str = DEV, *, began: datetime | None = None, seed: int = 7, **parameters: Any) -> Call:
    input = {"prompt": "a boat", "seed": seed, **parameters}
    return Call(id=uuid4(), model=model, input=input, began=began or datetime.now(UTC))


async def fetched(provider: ReplicateProvider, prediction: Prediction) -> Prediction:
    return await provider.fetch(prediction.id, run_of())


async def submitted(provider: ReplicateProvider, **given: Any) -> Prediction:
    return await provider.submit(call_of(**given))


# Creating


async def test_a_run_is_created_with_its_exact_input_and_a_deadline(replicate, provider):
    call = call_of(num_outputs=2)
    prediction = await provider.submit(call)
    run = replicate.ledger.runs[prediction.id]
    assert (run.model, run.input) == (DEV, call.input)
    assert run.deadline == pytest.approx(run.created + 600)
    assert run.webhook is None
    headers = replicate.requests[-1].headers
    assert headers["authorization"] == "Bearer r8_secret"
    assert "prefer" not in headers


async def test_a_version_is_asked_for_by_its_id(replicate, provider):
    prediction = await provider.submit(call_of(VERSIONED))
    run = replicate.ledger.runs[prediction.id]
    assert (run.model, run.version) == (SDXL, version_of(SDXL))
    assert replicate.requests[-1].url.path == "/v1/predictions"


async def test_the_webhook_address_holds_the_calls_id(replicate):
    def webhook_url(id: UUID) -> str:
        return f"http://127.0.0.1:1/webhooks/replicate/{id}"

    async with opened(replicate.url, webhook_url=webhook_url, deadline=90) as provider:
        call = call_of()
        run = replicate.ledger.runs[(await provider.submit(call)).id]
    assert run.webhook == webhook_url(call.id)
    assert run.events == ["start", "completed"]
    assert run.deadline == pytest.approx(run.created + 90)
    replicate.herald.fall_silent()


@pytest.mark.parametrize("fault", ["throttled", "throttled_by_header", "throttled_silently"])
async def test_429_holds_everybody_back(replicate, provider, fault):
    replicate.reset(retry_after=17, **{fault: 1})
    with pytest.raises(HeldBackError) as held:
        await provider.submit(call_of())
    assert held.value.seconds == (5 if fault == "throttled_silently" else 17)
    assert held.value.for_all
    assert (replicate.stats["asked"], replicate.stats["created"]) == (1, 0)


async def test_the_rate_is_what_the_provider_says_it_is(replicate, provider):
    replicate.reset(rate=3)
    for seed in range(3):
        await provider.submit(call_of(seed=seed))
    with pytest.raises(HeldBackError) as held:
        await provider.submit(call_of(seed=3))
    assert 58 < held.value.seconds <= 60
    assert replicate.stats["fullest_minute"] == 3


@pytest.mark.parametrize("fault", ["error_after", "lost", "hung", "garbage", "half"])
async def test_a_lost_answer_is_unknown_and_never_asked_for_again(replicate, fault):
    replicate.reset(**{fault: 1})
    async with opened(replicate.url, timeouts=QUICK if fault == "hung" else PATIENT) as provider:
        with pytest.raises(UnknownError):
            await provider.submit(call_of())
    assert (replicate.stats["asked"], replicate.stats["created"]) == (1, 1)


@pytest.mark.parametrize("fault", ["error", "ignored", "refused"])
async def test_what_looks_the_same_but_created_nothing_is_unknown_too(replicate, fault):
    replicate.reset(**{fault: 1})
    async with opened(replicate.url, timeouts=QUICK) as provider:
        with pytest.raises(UnknownError):
            await provider.submit(call_of())
    assert (replicate.stats["asked"], replicate.stats["created"]) == (1, 0)


async def test_a_call_is_given_up_after_the_whole_time(replicate):
    replicate.reset(hung=1)
    async with opened(replicate.url, timeouts=Timeouts(read=20, whole=0.1)) as provider:
        with pytest.raises(UnknownError):
            await provider.submit(call_of())


async def test_a_refused_connection_surely_created_nothing():
    async with opened("http://127.0.0.1:1") as provider:
        with pytest.raises(NotTakenError) as refused:
            await provider.submit(call_of())
    assert (refused.value.code, refused.value.retryable) == (Code.PROVIDER_UNAVAILABLE, True)


@pytest.mark.parametrize(
    ("model", "code", "text"),
    [
        ("nobody/nothing", Code.MODEL_NOT_FOUND, "does not have this model"),
        (f"{SDXL}:{'0' * 64}", Code.MODEL_NOT_FOUND, "or this version"),
    ],
)
async def test_an_unknown_model_is_not_found(provider, model, code, text):
    with pytest.raises(NotTakenError, match=text) as refused:
        await provider.submit(call_of(model))
    assert (refused.value.code, refused.value.retryable) == (code, False)


async def test_a_refused_input_is_told_in_the_providers_words(provider):
    with pytest.raises(NotTakenError, match="prompt is required") as refused:
        await provider.submit(Call(id=uuid4(), model=DEV, input={}, began=datetime.now(UTC)))
    assert refused.value.code is Code.INVALID_INPUT


async def test_a_token_that_is_not_accepted_is_told_apart(replicate):
    async with opened(replicate.url, token="wrong") as provider:
        with pytest.raises(NotTakenError) as refused:
            await provider.submit(call_of())
    assert refused.value.code is Code.PROVIDER_UNAUTHORIZED


# Finding what a call became


async def lost(replicate: StandIn, provider: ReplicateProvider, call: Call) -> str:
    """The id of the run that a call became without its caller learning of it."""
    replicate.behaviour.lost = 1
    with pytest.raises(UnknownError):
        await provider.submit(call)
    replicate.behaviour.lost = 0
    return next(reversed(replicate.ledger.runs))


@pytest.mark.parametrize("model", [DEV, VERSIONED])
async def test_a_lost_run_is_found(replicate, provider, model):
    call = call_of(model, strength=0.5, whole=7.0)
    id = await lost(replicate, provider, call)
    found = await provider.find(call, ())
    assert (found.id, found.state) == (id, PredictionState.RUNNING)
    assert (await fetched(provider, found)).state is PredictionState.SUCCEEDED


async def test_a_run_that_never_arrived_is_not_found(replicate, provider):
    call = call_of()
    await submitted(provider, seed=8)
    await submitted(provider, model=PRO)
    await submitted(provider, model=VERSIONED)
    await submitted(provider, num_outputs=1)
    assert await provider.find(call, ()) is None


async def test_another_calls_run_is_never_adopted(replicate, provider):
    """Of two equal calls each gets its own: the earliest that nobody knows."""
    first, second = call_of(), call_of()
    one = await lost(replicate, provider, first)
    other = await lost(replicate, provider, second)
    assert (await provider.find(first, ())).id == one
    assert (await provider.find(second, {one})).id == other
    assert await provider.find(second, {one, other}) is None


async def test_the_webhooks_address_tells_equal_calls_apart(replicate):
    replicate.reset(list_webhooks=True, webhook_lost=1)
    async with opened(replicate.url, webhook_url=lambda call: f"http://127.0.0.1:1/{call}") as provider:
        first, second = call_of(), call_of()
        await lost(replicate, provider, first)
        other = await lost(replicate, provider, second)
        assert (await provider.find(second, ())).id == other


async def test_a_run_is_found_many_pages_back(replicate, provider):
    replicate.reset(page=2)
    call = call_of()
    id = await lost(replicate, provider, call)
    for seed in range(100, 109):
        await submitted(provider, seed=seed)
    assert (await provider.find(call, ())).id == id
    assert replicate.stats["lists"] == 5


async def test_an_older_run_of_the_same_work_is_not_adopted(replicate, provider):
    await submitted(provider)
    call = call_of(began=datetime.now(UTC) + timedelta(seconds=10))
    assert await provider.find(call, ()) is None


@pytest.mark.parametrize("ahead", [-7200, -3, 3, 7200])
async def test_the_two_clocks_may_differ(replicate, provider, ahead):
    replicate.reset(ahead=ahead)
    call = call_of()
    id = await lost(replicate, provider, call)
    assert (await provider.find(call, ())).id == id
    later = call_of(began=datetime.now(UTC) + timedelta(seconds=60))
    assert await provider.find(later, ()) is None


async def test_a_list_that_is_behind_shows_it_later(replicate, provider):
    replicate.reset(list_lag=30)
    call = call_of()
    id = await lost(replicate, provider, call)
    assert await provider.find(call, ()) is None
    replicate.behaviour.list_lag = 0
    assert (await provider.find(call, ())).id == id


@pytest.mark.parametrize("fault", ["list_unreadable", "read_error", "read_garbage", "read_lost", "down"])
async def test_a_list_that_cannot_be_read_proves_nothing(replicate, provider, fault):
    call = call_of()
    await lost(replicate, provider, call)
    replicate.reset(**{fault: 1})
    with pytest.raises(ProviderError) as unreadable:
        await provider.find(call, ())
    assert (unreadable.value.code, unreadable.value.retryable) == (Code.PROVIDER_UNAVAILABLE, True)


async def test_a_page_that_is_lost_is_asked_for_again(replicate, provider):
    replicate.reset(page=1, seed=2)
    call = call_of()
    id = await lost(replicate, provider, call)
    for seed in range(100, 109):
        await submitted(provider, seed=seed)
    replicate.behaviour.change({"read_error": 0.2})
    assert (await provider.find(call, ())).id == id
    assert replicate.stats["reads"] > 10


async def test_a_list_that_is_asked_for_too_often_is_left_alone(replicate, provider):
    replicate.reset(read_throttled=1)
    with pytest.raises(HeldBackError):
        await provider.find(call_of(), ())
    assert replicate.stats["reads"] == 1


async def test_a_run_whose_input_is_deleted_proves_nothing(replicate, provider):
    replicate.reset(keep_seconds=-1)
    call = call_of()
    id = await lost(replicate, provider, call)
    with pytest.raises(ProviderError):
        await provider.find(call, ())
    assert await provider.find(call, {id}) is None


async def test_the_next_page_is_never_asked_of_another_host():
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        entry = {"id": "a", "model": DEV, "input": {}, "created_at": datetime.now(UTC).isoformat()}
        following = "https://evil.example/v1/predictions?cursor=abc" if len(asked) == 1 else None
        return httpx.Response(200, json={"results": [entry], "next": following})

    async with opened("https://api.example", transport=httpx.MockTransport(answer)) as provider:
        assert await provider.find(call_of(), ()) is None
    assert [url.host for url in asked] == ["api.example", "api.example"]
    assert asked[1].params["cursor"] == "abc"


async def test_a_list_without_an_end_proves_nothing():
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"results": [], "next": "https://api.example/?cursor=again"})

    async with opened("https://api.example", transport=httpx.MockTransport(answer)) as provider:
        with pytest.raises(ProviderError):
            await provider.find(call_of(), ())


# How a run stands


async def test_a_run_that_runs_is_asked_for_again_ever_less_often(replicate, provider):
    replicate.reset(seconds=1000)
    prediction = await submitted(provider)
    waits = [prediction.wait]
    for age in (2, 4, 400):
        replicate.behaviour.ahead = age
        standing = await fetched(provider, prediction)
        waits.append(standing.wait)
    assert waits[0] == 0.5
    assert waits == sorted(waits)
    assert waits[-1] == 5
    assert standing.state is PredictionState.RUNNING
    assert standing.progress == pytest.approx(0.4, abs=0.05)


async def test_several_outputs_are_all_there_and_differ(replicate, provider):
    prediction = await submitted(provider, num_outputs=3)
    pictures = [await provider.read(output, run_of()) for output in prediction.outputs]
    assert len(set(pictures)) == 3
    assert {inspect(each).content_type for each in pictures} == {"image/png"}


async def test_one_output_may_come_without_a_list(provider):
    prediction = await submitted(provider, model=PRO)
    assert (prediction.state, len(prediction.outputs)) == (PredictionState.SUCCEEDED, 1)


@pytest.mark.parametrize(
    ("fault", "code", "retryable"),
    [("failing", Code.MODEL_FAILED, True), ("indecent", Code.CONTENT_REFUSED, False)],
)
async def test_a_failed_run_says_why(replicate, provider, fault, code, retryable):
    replicate.reset(**{fault: 1})
    prediction = await submitted(provider)
    assert prediction.state is PredictionState.FAILED
    assert (prediction.error.code, prediction.error.retryable) == (code, retryable)


@pytest.mark.parametrize("fault", ["stuck", "queued"])
async def test_a_run_past_its_deadline_has_timed_out(replicate, provider, fault):
    replicate.reset(**{fault: 1})
    prediction = await submitted(provider)
    assert prediction.state is PredictionState.RUNNING
    replicate.behaviour.ahead = 601
    ended = await fetched(provider, prediction)
    assert (ended.state, ended.error.code) == (PredictionState.FAILED, Code.TIMED_OUT)


async def test_a_deleted_output_has_expired(replicate, provider):
    prediction = await submitted(provider)
    replicate.behaviour.ahead = 3700
    ended = await fetched(provider, prediction)
    assert (ended.state, ended.error.code) == (PredictionState.FAILED, Code.OUTPUT_EXPIRED)


async def test_a_run_that_the_provider_does_not_know_has_ended(provider):
    ended = await provider.fetch("unknown", run_of())
    assert (ended.state, ended.error.code) == (PredictionState.FAILED, Code.OUTPUT_EXPIRED)


@pytest.mark.parametrize("fault", ["read_error", "read_garbage", "read_lost", "down"])
async def test_a_run_that_cannot_be_asked_for_is_asked_for_again(replicate, provider, fault):
    prediction = await submitted(provider)
    replicate.behaviour.change({fault: 1})
    with pytest.raises(ProviderError) as trouble:
        await fetched(provider, prediction)
    assert (trouble.value.code, trouble.value.retryable) == (Code.PROVIDER_UNAVAILABLE, True)
    assert not isinstance(trouble.value, NotTakenError)


async def test_too_many_looks_hold_back_no_creation(replicate, provider):
    prediction = await submitted(provider)
    replicate.behaviour.change({"read_throttled": 1, "retry_after": 3})
    with pytest.raises(HeldBackError) as held:
        await fetched(provider, prediction)
    assert (held.value.seconds, held.value.for_all) == (3, False)


async def test_a_cancelled_run_is_cancelled(replicate, provider):
    replicate.reset(seconds=1000)
    prediction = await submitted(provider)
    await provider.cancel(prediction.id)
    assert (await fetched(provider, prediction)).state is PredictionState.CANCELED


async def test_cancelling_what_has_ended_does_nothing(replicate, provider):
    prediction = await submitted(provider)
    await provider.cancel(prediction.id)
    await provider.cancel("unknown")
    assert (await fetched(provider, prediction)).state is PredictionState.SUCCEEDED


async def test_a_cancellation_that_may_not_have_arrived_is_told(replicate, provider):
    replicate.reset(read_error=1)
    with pytest.raises(ProviderError):
        await provider.cancel("unknown")


# Reading what was made


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("output_gone", Code.OUTPUT_EXPIRED),
        ("output_html", Code.OUTPUT_INVALID),
        ("output_empty", Code.OUTPUT_INVALID),
        ("output_cut", Code.OUTPUT_INVALID),
        ("down", Code.PROVIDER_UNAVAILABLE),
    ],
)
async def test_a_file_that_is_none_is_told_apart(replicate, provider, fault, code):
    replicate.reset(**({} if fault == "down" else {fault: 1}))
    prediction = await submitted(provider)
    replicate.behaviour.down = fault == "down"
    with pytest.raises(ProviderError) as refused:
        await provider.read(prediction.outputs[0], run_of())
    assert refused.value.code is code


async def test_half_a_file_that_says_it_is_whole_does_not_decode(replicate, provider):
    replicate.reset(output_half=1)
    prediction = await submitted(provider)
    data = await provider.read(prediction.outputs[0], run_of())
    with pytest.raises(PictureRefused):
        inspect(data)


@asynccontextmanager
async def reading(*answers: httpx.Response) -> AsyncIterator[tuple[ReplicateProvider, list[httpx.Request]]]:
    """A provider whose hosts give these answers in turn, and what they were asked."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answers[len(asked) - 1]

    transport = httpx.MockTransport(answer)
    async with opened("https://api.replicate.com", transport=transport) as provider:
        yield provider, asked


@pytest.mark.parametrize(
    ("address", "with_token"),
    [
        ("https://replicate.delivery/pbxt/out.png", False),
        ("https://pbxt.replicate.delivery/out.png", False),
        ("https://api.replicate.com/v1/files/out", True),
    ],
)
async def test_the_token_goes_to_the_api_alone(address, with_token):
    async with reading(httpx.Response(200, content=PNG)) as (provider, asked):
        assert await provider.read(Output(address=address), run_of()) == PNG
    assert ("authorization" in asked[0].headers) is with_token


FOREIGN = [
    "https://example.com/out.png",
    "http://replicate.delivery/out.png",
    "https://replicate.delivery:8443/out.png",
    "https://replicate.delivery.evil.example/out.png",
    "https://evilreplicate.delivery/out.png",
    "https://replicate.delivery@evil.example/out.png",
    "https://evil.example/replicate.delivery",
    "https://evil.example\\@replicate.delivery.evil/",
    "http://api.replicate.com/v1/files/out",
    "https://api.replicate.com:444/v1/files/out",
    "https://api.replicate.com.evil.example/",
    "http://127.0.0.1/out.png",
    "http://169.254.169.254/latest/meta-data",
    "https://[::1]/out.png",
    "file:///etc/passwd",
    "https://replicate.delivery:99999999/",
    "https://[",
    "",
]


@pytest.mark.parametrize("address", FOREIGN)
async def test_no_other_host_is_ever_asked(address):
    async with reading() as (provider, asked):
        with pytest.raises(ProviderError) as refused:
            await provider.read(Output(address=address), run_of())
    assert (refused.value.code, asked) == (Code.OUTPUT_INVALID, [])


@pytest.mark.parametrize("address", FOREIGN[:-1])
async def test_no_redirect_leads_to_another_host(address):
    async with reading(httpx.Response(302, headers={"location": address})) as (provider, asked):
        with pytest.raises(ProviderError) as refused:
            await provider.read(Output(address="https://replicate.delivery/out.png"), run_of())
    assert refused.value.code is Code.OUTPUT_INVALID
    assert len(asked) == 1


async def test_a_redirect_from_the_api_to_the_files_leaves_the_token_behind():
    moved = httpx.Response(302, headers={"location": "https://pbxt.replicate.delivery/out.png"})
    async with reading(moved, httpx.Response(200, content=PNG)) as (provider, asked):
        await provider.read(Output(address="https://api.replicate.com/v1/files/out"), run_of())
    assert ["authorization" in request.headers for request in asked] == [True, False]


async def test_redirects_in_a_circle_end():
    moved = httpx.Response(302, headers={"location": "https://replicate.delivery/out.png"})
    async with reading(*[moved] * 9) as (provider, asked):
        with pytest.raises(ProviderError, match="too often"):
            await provider.read(Output(address="https://replicate.delivery/out.png"), run_of())
    assert len(asked) == 4


@pytest.mark.parametrize(
    ("status", "host", "code"),
    [
        (403, "replicate.delivery", Code.OUTPUT_EXPIRED),
        (410, "replicate.delivery", Code.OUTPUT_EXPIRED),
        (401, "api.replicate.com", Code.PROVIDER_UNAUTHORIZED),
        (418, "replicate.delivery", Code.OUTPUT_INVALID),
        (429, "replicate.delivery", Code.PROVIDER_UNAVAILABLE),
        (503, "replicate.delivery", Code.PROVIDER_UNAVAILABLE),
    ],
)
async def test_every_status_of_a_file_has_a_meaning(status, host, code):
    async with reading(httpx.Response(status)) as (provider, _):
        with pytest.raises(ProviderError) as refused:
            await provider.read(Output(address=f"https://{host}/out.png"), run_of())
    assert refused.value.code is code


async def test_a_file_above_the_limit_is_refused_while_it_comes(monkeypatch):
    monkeypatch.setattr("worker.replicate.outputs.LARGEST_OUTPUT", 1024 * 1024)
    async with reading(httpx.Response(200, content=b"x" * (1024 * 1024 + 1))) as (provider, _):
        with pytest.raises(ProviderError, match="larger than 1 MB"):
            await provider.read(Output(address="https://replicate.delivery/out.png"), run_of())


@pytest.mark.parametrize(
    "address", [f"data:image/png;base64,{b64encode(PNG).decode()}", "data:,plain%20text"]
)
async def test_a_data_url_is_its_own_file(provider, address):
    assert await provider.read(Output(address=address), run_of()) in {PNG, b"plain text"}


@pytest.mark.parametrize(
    "address", ["data:", "data:image/png;base64,", "data:image/png;base64,x", "data:,<svg>"]
)
async def test_a_data_url_without_a_picture_is_refused(provider, address):
    with pytest.raises(ProviderError) as refused:
        await provider.read(Output(address=address), run_of())
    assert refused.value.code is Code.OUTPUT_INVALID


# The exact input


@pytest.mark.parametrize(("model", "takes_seed"), [(DEV, True), (BANANA, False), (VERSIONED, True)])
async def test_the_seed_is_sent_where_the_model_takes_one(provider, model, takes_seed):
    prepared = await provider.prepare(run_of(model, seed=11, num_outputs=2))
    expected = {"prompt": "a boat", "num_outputs": 2} | ({"seed": 11} if takes_seed else {})
    assert prepared == expected


DATA_URL = f"data:image/png;base64,{b64encode(PNG).decode()}"


@pytest.mark.parametrize(
    ("model", "name", "value"),
    [
        (DEV, "image", DATA_URL),
        (PRO, "image_prompt", DATA_URL),
        (KONTEXT, "input_image", DATA_URL),
        (BANANA, "image_input", [DATA_URL]),
    ],
)
async def test_a_small_reference_is_sent_along(replicate, model, name, value):
    async with opened(replicate.url, references=Files(**{"a.png": PNG})) as provider:
        prepared = await provider.prepare(run_of(model, reference="ada/references/a.png"))
    assert prepared[name] == value


async def test_a_large_reference_is_uploaded_once(replicate):
    files = Files(**{"a.png": LARGE})
    async with opened(replicate.url, references=files) as provider:
        run = run_of(reference="ada/references/a.png")
        prepared = await asyncio.gather(*(provider.prepare(run) for _ in range(20)))
    addresses = {each["image"] for each in prepared}
    assert len(addresses) == len(files.fetched) == replicate.stats["uploads"] == 1
    (uploaded,) = replicate.files.values()
    assert uploaded == ("image/png", LARGE)
    assert addresses.pop().startswith(f"{replicate.url}/v1/files/")


async def test_an_upload_that_fails_is_tried_again_by_the_next(replicate):
    async with opened(replicate.url, references=Files(**{"a.png": LARGE})) as provider:
        await provider.load()
        replicate.behaviour.read_error = 1
        with pytest.raises(ProviderError) as trouble:
            await provider.prepare(run_of(reference="ada/references/a.png"))
        assert trouble.value.retryable
        replicate.behaviour.read_error = 0
        assert (await provider.prepare(run_of(reference="ada/references/a.png")))["image"]


async def test_a_parameter_of_ones_own_goes_before_the_reference(replicate):
    files = Files()
    async with opened(replicate.url, references=files) as provider:
        run = run_of(reference="ada/references/a.png", image="https://pictures.example/b.png")
        assert (await provider.prepare(run))["image"] == "https://pictures.example/b.png"
    assert files.fetched == []


@pytest.mark.parametrize("name", ["gone.png", "page.html"])
async def test_a_reference_that_cannot_be_used_is_refused(replicate, name):
    async with opened(replicate.url, references=Files(**{"page.html": b"<html>"})) as provider:
        with pytest.raises(ProviderError) as refused:
            await provider.prepare(run_of(reference=f"ada/references/{name}"))
    assert refused.value.code is Code.INVALID_INPUT


async def test_a_reference_for_a_model_that_takes_none_is_refused(provider):
    with pytest.raises(ProviderError, match="takes no reference image") as refused:
        await provider.prepare(run_of(SCHNELL, reference="ada/references/a.png"))
    assert (refused.value.code, refused.value.retryable) == (Code.INVALID_INPUT, False)


# The models


async def test_the_models_are_known_with_their_inputs_once_loaded(provider):
    assert [model.inputs for model in provider.models()] == [None] * len(MODELS)
    await provider.load()
    known = {model.name: model for model in provider.models()}
    assert list(known) == MODELS
    assert {name: model.reference_input for name, model in known.items()} == {
        SCHNELL: None,
        DEV: "image",
        PRO: "image_prompt",
        KONTEXT: "input_image",
        BANANA: "image_input",
        VERSIONED: "image",
    }
    ratio = known[DEV].inputs["properties"]["aspect_ratio"]
    assert ratio["allOf"] == [{"enum": ["1:1", "16:9", "9:16"], "type": "string"}]


async def test_an_outage_at_the_start_leaves_the_inputs_open(replicate, provider):
    replicate.behaviour.down = True
    await provider.load()
    replicate.behaviour.down = False
    assert (await provider.prepare(run_of()))["seed"] == 7
    with pytest.raises(ProviderError) as trouble:
        await provider.prepare(run_of(reference="ada/references/a.png"))
    assert (trouble.value.code, trouble.value.retryable) == (Code.PROVIDER_UNAVAILABLE, True)


async def test_a_provider_that_hangs_holds_up_neither_the_start_nor_a_call(replicate):
    replicate.reset(read_hung=1)
    async with opened(replicate.url, timeouts=Timeouts(learn=0.1)) as provider:
        async with asyncio.timeout(1):
            await provider.load()
            assert (await provider.prepare(run_of()))["seed"] == 7


async def test_a_gateway_that_describes_no_models_gets_the_usual_inputs(replicate):
    files = Files(**{"a.png": PNG})
    async with opened(replicate.url, references=files, models=["nobody/nothing"]) as provider:
        run = run_of("nobody/nothing", reference="ada/references/a.png")
        assert await provider.prepare(run) == {"prompt": "a boat", "seed": 7, "image": DATA_URL}


@pytest.mark.parametrize("name", ["flux", "a/b/c", "a/b:", "a b/c", "../b", "a/b?c", ""])
async def test_a_name_that_is_none_is_refused_at_the_start(name):
    with pytest.raises(ValueError, match="is no model's name"):
        async with opened("https://api.example", models=[name]):
            pass


async def test_the_webhooks_key_is_fetched(replicate, provider):
    assert (await provider.webhook_secret()).startswith("whsec_")
    replicate.behaviour.read_error = 1
    with pytest.raises(ProviderError):
        await provider.webhook_secret()
