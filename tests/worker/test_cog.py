"""The Cog provider against Cog's own server with a tiny model, and against answers it never gives."""

import asyncio
import base64
import hashlib
import io
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from PIL import Image

from engine.seams import (
    Call,
    HeldBackError,
    NotTakenError,
    Output,
    PredictionState,
    ProviderError,
    Run,
    UnknownError,
)
from engine.words import GenerationErrorCode
from worker.cog import CogProvider, open_cog
from worker.fetching import FetchError

SERVE = Path(__file__).parents[1] / "cog" / "serve.py"
RUN = SERVE.with_name("run.py")
PATIENCE = 10
ADDRESS = "http://cog.test:5000"
SMALL = {"prompt": "a boat", "width": 16, "height": 16, "seconds": 0}
PICTURE = b"\x89PNG\r\n\x1a\nnot much of one"


class Shelf:
    """Fetches the one file it has."""

    def __init__(self, data: bytes = PICTURE) -> None:
        self.data = data

    async def fetch(self, address: str, *, limit: int) -> bytes:
        if address == "https://nowhere.test/":
            raise FetchError("The address does not answer.")
        return self.data


def call(**given) -> Call:
    return Call(id=uuid4(), model="cog", input={**SMALL, **given}, began=datetime.now(UTC))


def run(**given) -> Run:
    fixed = {"model": "cog", "prompt": "a boat", "seed": 7, "parameters": {}, "reference_url": None}
    return Run(**(fixed | given))


def story(data: bytes) -> dict:
    """What the tiny model wrote into its picture."""
    with Image.open(io.BytesIO(data)) as image:
        return json.loads(image.text["story"]) | {"size": image.size}


async def painted(provider: CogProvider, prediction) -> dict:
    assert prediction.error is None
    [output] = prediction.outputs
    return story(await provider.read(output, run()))


# Against Cog's own server


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(log: Path) -> Iterator[tuple[str, subprocess.Popen]]:
    """Cog's own server with the tiny model: its address and its process."""
    port = free_port()
    with log.open("wb") as written:
        command = [sys.executable, SERVE, str(port)]
        server = subprocess.Popen(command, stdout=written, stderr=written, start_new_session=True)
    try:
        yield f"http://127.0.0.1:{port}", server
    finally:
        server.terminate()
        try:
            server.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, 9)
            server.wait()


async def health(provider: CogProvider, wanted: str, patience: float = PATIENCE) -> None:
    """Returns once the server's health is what is wanted."""
    async with asyncio.timeout(patience):
        while await provider._health() != wanted:
            await asyncio.sleep(0.02)


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[CogProvider]:
    async with open_cog(address, Shelf()) as provider:
        await health(provider, "READY", patience=120)
        await provider.load()
        yield provider


@pytest.fixture(scope="session")
async def server(tmp_path_factory) -> AsyncIterator[CogProvider]:
    with serving(tmp_path_factory.mktemp("cog") / "log") as (address, _):
        async with connected(address) as provider:
            yield provider


@pytest.fixture
async def cog(server) -> CogProvider:
    """The server once it takes a run: after an answer it is busy for another moment."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with suppress(HeldBackError):
                await server.submit(call(seconds=0))
                await free_again(server)
                return server
            await asyncio.sleep(0.05)


async def free_again(cog: CogProvider) -> None:
    """After an answer; the server's health is told before it is so."""
    await asyncio.sleep(0.1)
    await health(cog, "READY")


@asynccontextmanager
async def under_way(cog: CogProvider, asked: Call) -> AsyncIterator[asyncio.Task]:
    """A run that the server is at, and who waits for it."""
    waiting = asyncio.create_task(cog.submit(asked))
    await health(cog, "BUSY")
    try:
        yield waiting
    finally:
        await cog.cancel(str(asked.id))  # a line that is dropped, the server may notice late
        await asyncio.wait([waiting])
        await health(cog, "READY")


async def test_the_model_tells_its_inputs(cog):
    [model] = cog.models()
    assert (model.name, model.provider, model.reference_input) == ("cog", "cog", "image")
    assert model.inputs["properties"]["width"]["maximum"] == 2048


async def test_a_run_gives_a_picture_of_the_inputs(cog):
    parameters = {"width": 32, "height": 16, "seconds": 0}
    wanted = run(parameters=parameters, reference_url="https://pictures.test/me.png")

    asked = call(**await cog.prepare(wanted))
    prediction = await cog.submit(asked)

    assert prediction.id == str(asked.id)
    assert prediction.state is PredictionState.SUCCEEDED
    told = await painted(cog, prediction)
    assert told["prompt"] == "a boat"
    assert told["seed"] == 7
    assert told["size"] == (32, 16)
    assert told["image"] == hashlib.sha256(PICTURE).hexdigest()


async def test_a_run_that_fails_says_why(cog):
    prediction = await cog.submit(call(fail="out of paint"))
    assert prediction.state is PredictionState.FAILED
    assert prediction.error.code is GenerationErrorCode.MODEL_FAILED
    assert prediction.error.message == "RuntimeError: out of paint"


async def test_a_long_message_is_cut(cog):
    prediction = await cog.submit(call(fail="x" * 5000))
    assert len(prediction.error.message) == 500


async def test_an_input_out_of_bounds_is_named(cog):
    with pytest.raises(NotTakenError) as refusal:
        await cog.submit(call(width=3))
    assert refusal.value.code is GenerationErrorCode.INVALID_INPUT
    assert refusal.value.message == "width: 3 is less than the minimum of 16"
    assert not refusal.value.retryable


async def test_a_busy_server_holds_back_for_a_second(cog):
    cog.line.last = 0
    async with under_way(cog, call(seconds=30)):
        with pytest.raises(HeldBackError) as held:
            await cog.submit(call())
    assert held.value.seconds == 1
    assert not held.value.for_all


async def test_a_canceled_run_ends_for_who_waits(cog):
    asked = call(seconds=30)
    async with under_way(cog, asked) as waiting:
        await cog.cancel(str(asked.id))
        prediction = await asyncio.wait_for(waiting, PATIENCE)
    assert prediction.state is PredictionState.CANCELED
    await cog.cancel(str(asked.id))  # once more, or too late, is no error


START = "mutation ($input: StartBatchInput!) { startBatch(input: $input) { batchId } }"
CANCEL = "mutation ($id: ID!) { cancelBatch(id: $id) { userErrors { message } } }"


async def test_a_batch_is_cancelled_while_the_model_is_at_it(cog, settings_for, running):
    async with running(settings_for(cog_url=str(cog.client.base_url))) as service:
        ada = service.caller()
        wanted = {"model": "cog", "parameters": {"seconds": 60}, "templates": [{"name": "T", "prompt": "p"}]}
        batch_id = (await ada.ask(START, input=wanted))["startBatch"]["batchId"]
        await health(cog, "BUSY")

        assert (await ada.ask(CANCEL, id=batch_id))["cancelBatch"]["userErrors"] == []

        async with asyncio.timeout(PATIENCE):
            assert (await ada.finished(batch_id))["status"] == "CANCELED"
        await health(cog, "READY")


async def test_asking_twice_under_one_id_makes_one_run(cog):
    before = await painted(cog, await cog.submit(call()))
    await free_again(cog)
    asked = call(seconds=0.5)
    async with under_way(cog, asked) as waiting:
        found = await cog.find(asked, known=())
        fetched = await cog.fetch(str(asked.id), run())
        first = await painted(cog, await asyncio.wait_for(waiting, PATIENCE))

    assert (found.id, found.state) == (str(asked.id), PredictionState.RUNNING)
    assert (fetched.id, fetched.state) == (str(asked.id), PredictionState.RUNNING)
    after = await painted(cog, await cog.submit(call()))
    assert [first["run"], after["run"]] == [before["run"] + 1, before["run"] + 2]


async def test_what_was_never_answered_is_settled_by_asking_again(cog):
    asked = call(prompt="lost")
    prediction = await cog.find(asked, known=())
    assert prediction.id == str(asked.id)
    assert (await painted(cog, prediction))["prompt"] == "lost"


async def test_a_result_that_was_lost_is_made_again(cog):
    done = await cog.submit(call())
    again = await cog.fetch(done.id, run(parameters={"seconds": 0}))
    assert again.state is PredictionState.SUCCEEDED
    assert (await painted(cog, again))["prompt"] == "a boat"


async def test_another_run_under_way_proves_that_this_one_is_not(cog):
    async with under_way(cog, call(seconds=30)):
        assert await cog.find(call(), known=()) is None
        waiting = await cog.fetch(str(uuid4()), run())
    assert waiting.state is PredictionState.RUNNING
    assert waiting.wait >= 1


async def test_a_run_past_the_deadline_is_stopped(cog):
    hasty = CogProvider(cog.client, Shelf(), deadline=0.3)
    prediction = await hasty.submit(call(seconds=30))
    assert prediction.state is PredictionState.FAILED
    assert prediction.error.code is GenerationErrorCode.TIMED_OUT
    await health(cog, "READY", patience=2)


async def test_a_model_that_breaks_down_is_not_waited_for(tmp_path):
    with serving(tmp_path / "log") as (address, _):
        async with connected(address) as provider:
            crashed = await provider.submit(call(fail="exit"))
            with pytest.raises(NotTakenError) as refusal:
                await provider.submit(call())
    assert crashed.error.code is GenerationErrorCode.MODEL_FAILED
    assert not isinstance(refusal.value, HeldBackError)
    assert refusal.value.code is GenerationErrorCode.PROVIDER_UNAVAILABLE
    assert refusal.value.retryable


async def test_one_command_runs_a_whole_batch_and_leaves_nothing_running(tmp_path, urls, new_port):
    given = {"DATABASE_URL": urls.login, "BATCH_STUDIO_PORT": str(new_port())}
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, RUN, "--prompt", "a boat", "--variants", "2"),
        cwd=tmp_path,
        env=os.environ | given,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    async with asyncio.timeout(120):
        out, _ = await command.communicate()

    assert command.returncode == 0
    assert out.count(b"Prompt 1  http://127.0.0.1:") == 2
    assert b"2 succeeded, 2 saved" in out
    async with asyncio.timeout(PATIENCE):
        with suppress(ProcessLookupError):
            while True:
                os.killpg(command.pid, 0)
                await asyncio.sleep(0.02)


async def test_a_server_that_dies_takes_its_runs_along(tmp_path):
    asked = call(seconds=30)
    with serving(tmp_path / "log") as (address, server):
        async with connected(address) as provider:
            waiting = asyncio.create_task(provider.submit(asked))
            await health(provider, "BUSY")
            os.killpg(server.pid, 9)  # the model runs in a child of it
            with pytest.raises(UnknownError):
                await asyncio.wait_for(waiting, PATIENCE)
            await refused(address)
            assert await provider.find(asked, known=()) is None


async def refused(address):
    """Until no process of the killed group holds the port any more."""
    port = httpx.URL(address).port
    async with asyncio.timeout(PATIENCE):
        with suppress(ConnectionError):
            while True:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                await asyncio.sleep(0.01)


async def test_a_server_that_is_away_has_taken_nothing():
    async with open_cog(f"http://127.0.0.1:{free_port()}", Shelf()) as provider:
        assert provider.models()[0].inputs is None
        with pytest.raises(NotTakenError) as refusal:
            await provider.submit(call())
        assert await provider.find(call(), known=()) is None
        with pytest.raises(ProviderError, match="does not answer"):
            await provider.cancel("any")
    assert refusal.value.code is GenerationErrorCode.PROVIDER_UNAVAILABLE
    assert refusal.value.retryable


# Against answers made up


@asynccontextmanager
async def answered(answer, shelf: Shelf | None = None, **given) -> AsyncIterator[CogProvider]:
    """A provider whose server is a function; an Exception is raised, a Response given."""

    def handle(request: httpx.Request) -> httpx.Response:
        told = answer(request) if callable(answer) else answer
        if isinstance(told, Exception):
            raise told
        return told

    async with httpx.AsyncClient(base_url=ADDRESS, transport=httpx.MockTransport(handle)) as client:
        yield CogProvider(client, shelf or Shelf(), **given)


def routes(**by_end):
    """Answers by the end of the path, in which a dash is an underscore; 404 for the rest."""

    def answer(request: httpx.Request) -> httpx.Response:
        end = request.url.path.rpartition("/")[2].partition(".")[0].replace("-", "_")
        return by_end.get(end, by_end.get("put" if request.method == "PUT" else "")) or httpx.Response(404)

    return answer


def schema(**properties) -> httpx.Response:
    schemas = {"Input": {"type": "object", "properties": properties}, "Style": {"enum": ["ink", "oil"]}}
    return httpx.Response(200, json={"components": {"schemas": schemas}})


TEXT = {"type": "string"}
FILE = {"type": "string", "format": "uri"}


@pytest.mark.parametrize(
    "garbage",
    [
        httpx.Response(200, content=b""),
        httpx.Response(200, content=b'{"status": "succeeded", "output": "data:ima'),
        httpx.Response(200, html="<h1>Welcome</h1>"),
        httpx.Response(200, json=["succeeded"]),
        httpx.Response(200, json={"output": "data:image/png;base64,AAAA"}),
        httpx.Response(200, json={"status": 3}),
        httpx.Response(500, text="Internal Server Error"),
        httpx.Response(502, html="<h1>Bad gateway</h1>"),
        httpx.Response(503, html="<h1>Nobody here</h1>"),
    ],
)
async def test_garbage_leaves_it_unknown_whether_there_was_a_run(garbage):
    async with answered(garbage) as provider:
        with pytest.raises(UnknownError):
            await provider.submit(call())
        with pytest.raises(UnknownError):
            await provider.find(call(), known=())
        with pytest.raises(ProviderError):
            await provider.fetch("any", run())


def every(kind: type) -> Iterator[type]:
    yield kind
    for each in kind.__subclasses__():
        yield from every(each)


@pytest.mark.parametrize("kind", sorted(set(every(httpx.RequestError)), key=str))
async def test_every_error_of_the_connection_is_translated(kind):
    async with answered(lambda _: kind("out of order")) as provider:
        with pytest.raises((NotTakenError, UnknownError)):
            await provider.submit(call())
        for step in (provider.cancel("any"), provider.fetch("any", run())):
            with pytest.raises(ProviderError):
                await step
        await provider.load()


async def test_every_status_is_translated():
    statuses = iter(range(300, 600))
    away = httpx.Response(200, json={})
    async with answered(lambda r: away if r.method == "GET" else httpx.Response(next(statuses))) as provider:
        for _ in range(300):
            with pytest.raises((NotTakenError, UnknownError)):
                await provider.submit(call())


@pytest.mark.parametrize("kind", [httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError])
async def test_a_lost_answer_is_not_a_refusal(kind):
    async with answered(lambda _: kind("lost")) as provider:
        with pytest.raises(UnknownError):
            await provider.submit(call())


@pytest.mark.parametrize(
    ("status", "health", "error"),
    [
        (409, "BUSY", HeldBackError),
        (409, "READY", HeldBackError),
        (409, "STARTING", HeldBackError),
        (409, "UNHEALTHY", NotTakenError),
        (503, "STARTING", HeldBackError),
        (503, "SETUP_FAILED", NotTakenError),
        (503, "DEFUNCT", NotTakenError),
    ],
)
async def test_only_what_passes_is_waited_for(status, health, error):
    told = routes(put=httpx.Response(status), health_check=httpx.Response(200, json={"status": health}))
    async with answered(told) as provider:
        with pytest.raises(NotTakenError) as refusal:
            await provider.submit(call())
    assert type(refusal.value) is error
    assert refusal.value.retryable


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("NSFW content detected. Try another prompt.", GenerationErrorCode.CONTENT_REFUSED),
        ("Input validation error: Max retries exceeded", GenerationErrorCode.INVALID_INPUT),
        ("CUDA out of memory", GenerationErrorCode.MODEL_FAILED),
        (None, GenerationErrorCode.MODEL_FAILED),
    ],
)
async def test_a_failed_run_has_a_code(message, code):
    async with answered(httpx.Response(200, json={"status": "failed", "error": message})) as provider:
        prediction = await provider.submit(call())
    assert prediction.error.code is code
    assert prediction.error.message


async def test_a_word_that_nobody_knows_ends_the_run():
    async with answered(httpx.Response(200, json={"status": "evaporated"})) as provider:
        prediction = await provider.submit(call())
    assert prediction.state is PredictionState.FAILED
    assert "evaporated" in prediction.error.message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            {"detail": [{"loc": ["body", "input", "prompt"], "msg": "Field required"}]},
            "prompt: Field required",
        ),
        ({"detail": [{"loc": [], "msg": 3}, "what"]}, "An input is not as it should be."),
        ({"detail": "no"}, "The model does not take this input."),
        ([], "The model does not take this input."),
    ],
)
async def test_a_refused_input_is_explained_as_far_as_the_server_does(body, message):
    async with answered(httpx.Response(422, json=body)) as provider:
        with pytest.raises(NotTakenError) as refusal:
            await provider.submit(call())
    assert refusal.value.code is GenerationErrorCode.INVALID_INPUT
    assert message in refusal.value.message


@pytest.mark.parametrize(
    ("output", "count"),
    [
        (None, 0),
        ("a poem", 0),
        ("data:image/png;base64,AAAA", 1),
        (["data:image/png;base64,AAAA", "a caption", f"{ADDRESS}/1.png"], 2),
        ({"picture": "data:image/png;base64,AAAA", "seed": 3}, 1),
    ],
)
async def test_every_address_in_the_output_is_a_picture(output, count):
    told = {"status": "succeeded", "output": output}
    async with answered(httpx.Response(200, json=told)) as provider:
        prediction = await provider.submit(call())
    assert len(prediction.outputs) == count


@pytest.mark.parametrize(
    "address", ["data:image/png;base64,iVBORw==", "data:,%89PNG", f"{ADDRESS}/files/1.png"]
)
async def test_an_output_is_read(address):
    async with answered(httpx.Response(200, content=b"\x89PNG")) as provider:
        assert await provider.read(Output(address=address), run()) == b"\x89PNG"


@pytest.mark.parametrize(
    "address",
    [
        "data:image/png;base64,iVBORw=",
        "data:image/png;base64,\N{SNOWMAN}",
        "https://cog.test:5000/1.png",
        "http://cog.test:5001/1.png",
        "http://cog.test:5000@elsewhere.test/1.png",
        "http://169.254.169.254/latest/meta-data",
        "http://[bad",
    ],
)
async def test_half_an_output_or_one_elsewhere_is_invalid(address):
    async with answered(httpx.Response(200, content=b"secret")) as provider:
        with pytest.raises(ProviderError) as refusal:
            await provider.read(Output(address=address), run())
    assert refusal.value.code is GenerationErrorCode.OUTPUT_INVALID


async def test_an_output_that_leads_elsewhere_is_invalid():
    away = httpx.Response(302, headers={"location": "http://169.254.169.254/"})
    async with answered(away) as provider:
        with pytest.raises(ProviderError, match="status 302"):
            await provider.read(Output(address=f"{ADDRESS}/1.png"), run())


async def test_prompt_and_seed_go_where_the_model_takes_them():
    async with answered(routes(openapi=schema(text=TEXT))) as provider:
        prepared = await provider.prepare(run(parameters={"text": "hello"}))
    assert prepared == {"text": "hello"}


async def test_without_a_schema_the_prompt_goes_with_the_parameters():
    async with answered(httpx.Response(503, json={"error": "not available"})) as provider:
        prepared = await provider.prepare(run(parameters={"steps": 4}))
    assert prepared == {"steps": 4, "prompt": "a boat"}


async def test_a_schema_that_is_gone_for_a_while_is_remembered():
    answers = [schema(seed={"type": "integer"}), httpx.Response(500)]
    async with answered(lambda _: answers.pop(0)) as provider:
        await provider.load()
        assert await provider.prepare(run()) == {"seed": 7}


@pytest.mark.parametrize(
    ("properties", "name"),
    [
        ({"image": FILE, "mask": FILE}, "image"),
        ({"mask": FILE, "reference": {"anyOf": [FILE, {"type": "null"}]}}, "reference"),
        ({"input_images": {"type": "array", "items": FILE}}, "input_images"),
        ({"image": TEXT, "init_image": FILE}, "init_image"),
        ({"weights": FILE}, None),
    ],
)
async def test_the_reference_input_is_known_by_its_name(properties, name):
    async with answered(routes(openapi=schema(**properties))) as provider:
        await provider.load()
        assert provider.models()[0].reference_input == name


async def test_a_list_of_references_gets_the_one():
    pictures = {"type": "array", "items": FILE}
    async with answered(routes(openapi=schema(input_images=pictures))) as provider:
        prepared = await provider.prepare(run(reference_url="https://pictures.test/"))
    encoded = base64.b64encode(PICTURE).decode()
    assert prepared == {"input_images": [f"data:image/png;base64,{encoded}"]}


@pytest.mark.parametrize(
    ("told", "address", "data"),
    [
        (schema(prompt=TEXT), "https://pictures.test/", PICTURE),
        (schema(image=FILE), "https://nowhere.test/", PICTURE),
        (schema(image=FILE), "https://pictures.test/", b"<svg/>"),
    ],
)
async def test_a_reference_that_cannot_be_used_is_an_invalid_input(told, address, data):
    async with answered(routes(openapi=told), Shelf(data)) as provider:
        with pytest.raises(ProviderError) as refusal:
            await provider.prepare(run(reference_url=address))
    assert refusal.value.code is GenerationErrorCode.INVALID_INPUT


async def test_the_inputs_are_complete_in_themselves():
    told = schema(style={"allOf": [{"$ref": "#/components/schemas/Style"}]})
    async with answered(routes(openapi=told)) as provider:
        await provider.load()
    assert provider.models()[0].inputs["properties"]["style"] == {"allOf": [{"enum": ["ink", "oil"]}]}


async def test_a_schema_that_holds_itself_ends():
    async with answered(routes(openapi=schema(x={"$ref": "#/components/schemas/Input"}))) as provider:
        await provider.load()
    assert provider.models()[0].inputs


async def test_hundreds_who_wait_ask_a_few_times_a_second():
    busy = routes(put=httpx.Response(409), health_check=httpx.Response(200, json={"status": "BUSY"}))
    waits = []
    async with answered(busy) as provider:
        for _ in range(400):
            with pytest.raises(HeldBackError) as held:
                await provider.submit(call())
            waits.append(held.value.seconds)
    assert waits[0] == 1
    assert 1 < waits[1] <= 1.1
    assert all(later - earlier <= 0.1001 for earlier, later in pairwise(waits))
    assert max(waits) == 30
