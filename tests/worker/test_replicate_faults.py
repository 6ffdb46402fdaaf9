"""That nothing which goes wrong with Replicate is left without a meaning."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from inspect import signature
from typing import Any
from uuid import uuid4

import httpx
import pytest
import replicate
from hypothesis import given, settings
from hypothesis import strategies as st

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
from worker.fetching import Fetcher
from worker.replicate.faults import NEVER_SENT, cleaned, create_fault, read_fault, run_fault
from worker.replicate.provider import ReplicateProvider
from worker.replicate.standing import Watching, standing

MODEL = "owner/name"
RUN = Run(model=MODEL, prompt="a boat", seed=7, parameters={}, reference_url=None)
REQUEST = httpx.Request("POST", "https://api.example/v1/predictions")
LOST = {408, 499}


def call() -> Call:
    return Call(id=uuid4(), model=MODEL, input={"prompt": "a boat"}, began=datetime.now(UTC))


def provider_of(answer) -> ReplicateProvider:
    return ReplicateProvider(
        token="r8_secret",
        address="https://api.example",
        models=[MODEL],
        references=Fetcher(loopback=False),
        transport=httpx.MockTransport(answer),
    )


async def refusal(doing) -> ProviderError:
    with pytest.raises(ProviderError) as refused:
        await doing
    return refused.value


async def submitted(response: httpx.Response) -> ProviderError:
    async with provider_of(lambda _: response) as provider:
        return await refusal(provider.submit(call()))


def subclasses(root: type) -> set[type]:
    return {root}.union(*(subclasses(each) for each in root.__subclasses__()))


def made(error: type) -> Exception:
    """One of a foreign class, with what its constructor wants."""
    offered: dict[str, Any] = {
        "message": "trouble",
        "request": REQUEST,
        "response": httpx.Response(500, request=REQUEST),
        "body": None,
        "prediction": replicate.types.Prediction.construct(error="trouble"),
    }
    if error is replicate.APIResponseValidationError:
        return error(offered["response"], None)
    wanted = [name for name in signature(error.__init__).parameters if name in offered]
    return error(**{name: offered[name] for name in wanted})


HTTPX = sorted(
    set.union(
        *(
            subclasses(root)
            for root in (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, httpx.CookieConflict)
        )
    ),
    key=lambda error: error.__name__,
)
REPLICATE = sorted(subclasses(replicate.ReplicateError), key=lambda error: error.__name__)


@pytest.mark.parametrize("error", HTTPX)
async def test_every_error_below_http_has_a_meaning(error):
    def fail(_: httpx.Request) -> httpx.Response:
        raise made(error)

    async with provider_of(fail) as provider:
        created = await refusal(provider.submit(call()))
        read = [
            await refusal(provider.find(call(), ())),
            await refusal(provider.fetch("id", RUN)),
            await refusal(provider.cancel("id")),
            await refusal(provider.read(Output(address="https://replicate.delivery/a.png"), RUN)),
        ]
    assert type(created) is (NotTakenError if issubclass(error, NEVER_SENT) else UnknownError)
    assert {(each.code, each.retryable) for each in read} == {(Code.PROVIDER_UNAVAILABLE, True)}


@pytest.mark.parametrize("error", REPLICATE)
def test_every_error_of_the_package_has_a_meaning(error):
    assert isinstance(create_fault(made(error)), NotTakenError | UnknownError)
    assert isinstance(read_fault(made(error)), ProviderError)


@pytest.mark.parametrize("error", [TimeoutError, OSError, ValueError, RecursionError, KeyError, MemoryError])
def test_any_other_error_of_a_creation_is_unknown(error):
    assert isinstance(create_fault(error()), UnknownError)


@pytest.mark.parametrize("status", [*range(300, 600), 600, 999])
async def test_every_status_of_a_creation_has_a_meaning(status):
    error = await submitted(httpx.Response(status))
    refused = status in {301, 302, 307, 308} or (400 <= status < 500 and status not in LOST)
    assert isinstance(error, NotTakenError if refused else UnknownError)
    assert isinstance(error, HeldBackError) is (status == 429)
    assert error.message.isprintable()


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (400, Code.INVALID_INPUT, False),
        (401, Code.PROVIDER_UNAUTHORIZED, False),
        (402, Code.PROVIDER_UNAVAILABLE, True),
        (403, Code.PROVIDER_UNAUTHORIZED, False),
        (404, Code.MODEL_NOT_FOUND, False),
        (409, Code.PROVIDER_UNAVAILABLE, True),
        (422, Code.INVALID_INPUT, False),
        (451, Code.CONTENT_REFUSED, False),
    ],
)
async def test_a_refused_creation_has_its_code(status, code, retryable):
    error = await submitted(httpx.Response(status))
    assert (error.code, error.retryable) == (code, retryable)


@pytest.mark.parametrize(
    ("detail", "code"),
    [
        ("- input.safety_tolerance: Must be less than or equal to 6", Code.INVALID_INPUT),
        ("- input.disable_safety_checker: Must be a boolean", Code.INVALID_INPUT),
        ("- input.timeout: Must be a number", Code.INVALID_INPUT),
        ("Your prompt was flagged as sensitive (E005)", Code.CONTENT_REFUSED),
        ("NSFW content detected.", Code.CONTENT_REFUSED),
        ("The specified version does not exist", Code.MODEL_NOT_FOUND),
    ],
)
async def test_what_a_refusal_says_decides_its_code(detail, code):
    assert (await submitted(httpx.Response(422, json={"detail": detail}))).code is code


@pytest.mark.parametrize(
    ("body", "header", "seconds"),
    [
        ({"retry_after": 10}, None, 10),
        ({"retry_after": 2.5}, "60", 2.5),
        ({"retry_after": "12"}, None, 12),
        ({}, "60", 60),
        ({}, None, 5),
        ({"retry_after": None}, "soon", 5),
        ({"retry_after": True}, None, 5),
        ({"retry_after": [1]}, "nan", 5),
        ({"retry_after": 0}, None, 0.1),
        ({"retry_after": -5}, None, 0.1),
        ({"retry_after": 1e30}, None, 3600),
        ([], "inf", 5),
    ],
)
async def test_the_time_to_wait_is_the_providers_where_it_is_one(body, header, seconds):
    headers = {"retry-after": header} if header else {}
    error = await submitted(httpx.Response(429, json=body, headers=headers))
    assert isinstance(error, HeldBackError)
    assert error.seconds == seconds


async def test_the_time_to_wait_may_be_a_date():
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    error = await submitted(httpx.Response(429, headers={"retry-after": until}))
    assert isinstance(error, HeldBackError)
    assert 80 < error.seconds <= 90


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
run_like = st.fixed_dictionaries(
    {},
    optional={
        "id": st.just("abc") | json_values,
        "status": st.sampled_from(["starting", "succeeded", "failed", "canceled", "aborted", "new"])
        | json_values,
        "input": json_values,
        "output": json_values,
        "error": json_values,
        "logs": json_values,
        "created_at": st.just("2026-11-22T10:00:00.123456789Z") | json_values,
        "completed_at": st.just("2026-11-22T10:00:09") | json_values,
        "deadline": json_values,
        "data_removed": json_values,
        "model": st.just(MODEL) | json_values,
        "webhook": json_values,
    },
)
bodies = (
    st.binary()
    | (json_values | run_like).map(lambda value: json.dumps(value).encode())
    | st.lists(run_like, max_size=3).map(lambda runs: json.dumps({"results": runs}).encode())
    | st.sampled_from([b"[" * 100_000, b'{"a":' * 50_000, b"\xff\xfe", b"null", b'{"id": "so'])
)
kinds = st.sampled_from(["application/json", "text/html", "", "application/json; charset=nonsense"])


@settings(max_examples=120, deadline=None)
@given(status=st.integers(200, 599), body=bodies, kind=kinds)
def test_whatever_is_answered_nothing_but_the_seams_errors_comes_out(status, body, kind):
    async def ask() -> None:
        response = httpx.Response(status, content=body, headers={"content-type": kind})
        async with provider_of(lambda _: response) as provider:
            asked = (
                provider.submit(call()),
                provider.find(call(), ()),
                provider.fetch("id", RUN),
                provider.cancel("id"),
                provider.read(Output(address="https://replicate.delivery/a.png"), RUN),
                provider.prepare(RUN),
                provider.webhook_secret(),
            )
            for answer in await asyncio.gather(*asked, return_exceptions=True):
                if isinstance(answer, BaseException):
                    assert isinstance(answer, ProviderError)
                    assert answer.message.isprintable()

    asyncio.run(ask())


@settings(max_examples=120, deadline=None)
@given(status=st.integers(200, 299), body=bodies)
def test_a_creation_without_a_run_in_its_answer_is_unknown(status, body):
    async def ask() -> None:
        async with provider_of(lambda _: httpx.Response(status, content=body)) as provider:
            try:
                assert isinstance(await provider.submit(call()), Prediction)
            except UnknownError:
                return

    asyncio.run(ask())


@pytest.mark.parametrize(
    ("said", "code", "message"),
    [
        ("CUDA out of memory", Code.MODEL_FAILED, "CUDA out of memory"),
        ("NSFW content detected. Try a different prompt.", Code.CONTENT_REFUSED, "NSFW content"),
        ("The input or output was flagged as sensitive. (E005)", Code.CONTENT_REFUSED, "flagged"),
        ("Prediction timed out", Code.TIMED_OUT, "timed out"),
        (None, Code.MODEL_FAILED, "without a reason"),
        (["no", "text"], Code.MODEL_FAILED, "without a reason"),
        ("\x00\n", Code.MODEL_FAILED, "without a reason"),
    ],
)
def test_a_failed_run_has_a_code_and_a_message(said, code, message):
    error = run_fault(said)
    assert error.code is code
    assert message in error.message


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("two\nlines\tand \x07 a bell", "two lines and a bell"),
        ("cannot read https://api.example/v1?token=abc now", "cannot read … now"),
        ("no route to 10.1.2.3:8080", "no route to …"),
        ("bad token r8_abcdefgh12345678", "bad token …"),
        ("Authorization: Bearer r8_abc", "Authorization: …"),
        ("image data:image/png;base64,AAAA is bad", "image … is bad"),
        ("Traceback (most recent call last):\n  File 'x'\nValueError: no\n", "ValueError: no"),
        ("x" * 600, "x" * 499 + "…"),
    ],
)
def test_a_message_is_one_line_without_addresses_and_tokens(text, line):
    assert cleaned(text) == line


@given(st.text())
def test_a_message_is_always_short_and_printable(text):
    line = cleaned(text * 50)
    assert len(line) <= 500
    assert line.isprintable()


def run_json(status: str, **given: Any) -> dict[str, Any]:
    return {"id": "abc", "status": status, "created_at": datetime.now(UTC).isoformat(), **given}


@pytest.mark.parametrize("status", ["starting", "processing", "booting", "queued"])
def test_a_status_that_nobody_knows_is_of_a_run_that_runs(status):
    assert standing(run_json(status), Watching()).state is PredictionState.RUNNING


@pytest.mark.parametrize(
    ("output", "count"),
    [
        ("https://a/1.png", 1),
        (["https://a/1.png", "data:image/png;base64,AA"], 2),
        ({"images": ["https://a/1.png", "https://a/2.png"], "seed": 3}, 2),
        ({"image": {"url": "https://a/1.png"}}, 1),
        ("a sentence", 0),
        (None, 0),
        ([[[[[["https://a/deep.png"]]]]]], 0),
        (["https://a/1.png"] * 1000, 100),
    ],
)
def test_outputs_are_found_wherever_they_are(output, count):
    assert len(standing(run_json("succeeded", output=output), Watching()).outputs) == count


@pytest.mark.parametrize(
    ("logs", "progress"),
    [
        ("  0%|   | 0/28\r 50%|#####     | 14/28 [00:01<00:01]", 0.5),
        ("100%|##########| 28/28", 1.0),
        ("999%|", 1.0),
        ("Loading 50% of it", None),
        ("", None),
        (None, None),
    ],
)
def test_progress_is_the_last_that_the_logs_tell(logs, progress):
    assert standing(run_json("processing", logs=logs), Watching()).progress == progress


@pytest.mark.parametrize(
    ("status", "age", "state"),
    [
        ("canceled", 10, PredictionState.CANCELED),
        ("canceled", 601, PredictionState.FAILED),
        ("aborted", 10, PredictionState.CANCELED),
        ("aborted", 601, PredictionState.FAILED),
    ],
)
def test_a_run_that_was_stopped_at_its_deadline_has_timed_out(status, age, state):
    created = datetime.now(UTC) - timedelta(seconds=age)
    stopped = standing(run_json(status, created_at=created.isoformat()), Watching())
    assert stopped.state is state
    assert (stopped.error.code if stopped.error else None) is (
        Code.TIMED_OUT if state is PredictionState.FAILED else None
    )


def test_an_aborted_run_without_times_has_timed_out():
    ended = standing({"id": "abc", "status": "aborted"}, Watching())
    assert ended.error is not None
    assert ended.error.code is Code.TIMED_OUT


def test_a_run_is_looked_at_less_often_where_a_webhook_tells_its_end():
    watching = Watching(soonest=2, latest=10)
    created = datetime.now(UTC) - timedelta(seconds=60)
    assert standing(run_json("processing"), watching).wait == 2
    assert standing(run_json("processing", created_at=created.isoformat()), watching).wait == 10
