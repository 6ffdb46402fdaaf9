"""An outage or a fault of ours reaches the client as a code and an id, and the log has both sides."""

import json
from uuid import uuid4

import pytest
from gql.transport.exceptions import TransportQueryError
from structlog.testing import capture_logs

from db.session import open_database
from engine.viewer import ANONYMOUS
from resolvers.context import Context, Services
from server.live.streams import Live
from server.operations.errors import RefusedError
from server.operations.pipeline import Operation, Pipeline
from worker.fakes import QuietHints

SECRETS = ("relation", "images", "select", "Traceback", "asyncpg", "postgres")


@pytest.fixture
async def broken(running, settings_for, owner):
    """A service whose database has lost a table."""
    async with running(settings_for(), with_worker=False) as service:
        await owner.execute("drop table images cascade")
        yield service


def masked(error, logs):
    """The error holds nothing but a code and an id, which the log has too."""
    assert error["message"] == "The service failed at this field."
    assert error["extensions"].keys() == {"code", "id"}
    assert error["extensions"]["code"] == "INTERNAL"
    (entry,) = [entry for entry in logs if entry.get("error_id") == error["extensions"]["id"]]
    assert "images" in str(entry["exc_info"])


async def test_an_unexpected_failure_is_masked_and_logged(broken):
    with capture_logs() as logs:
        response = await broken.caller().post("{ pictures: images { nodes { id } } }")

    (error,) = response.json()["errors"]
    masked(error, logs)
    assert error["path"] == ["pictures"]
    assert not [word for word in SECRETS if word in response.text]


async def test_what_else_was_asked_for_is_still_answered(broken):
    with capture_logs():
        response = await broken.caller().post(f'{{ viewer {{ role }} image(id: "{uuid4()}") {{ id }} }}')

    assert response.json()["data"] == {"viewer": {"role": "authenticated"}, "image": None}
    assert response.json()["errors"][0]["extensions"]["code"] == "INTERNAL"


async def test_a_failure_in_a_stream_is_masked_and_logged(broken):
    with capture_logs() as logs, pytest.raises(TransportQueryError) as caught:
        await broken.caller().updates(str(uuid4()), "generation { images { id } }")

    (error,) = caught.value.errors
    masked(error, logs)


async def test_a_failure_before_anything_runs_is_masked_and_logged():
    with capture_logs() as logs:
        (error,) = refused(Pipeline(), "no context")

    assert error.message == "The service failed at this field."
    assert error.extensions["id"] == logs[0]["error_id"]


NOWHERE = "postgresql://somebody:password@127.0.0.1:1/nothing"
STREAM = f'subscription {{ batchResults(batchId: "{uuid4()}") {{ cursor }} }}'


def context(database, signer=lambda: ["http://studio/", "?", "00", "00"]):
    services = Services(
        database=database,
        hints=QuietHints(),
        signer=signer,
        uploads=None,
        providers=[],
        default_model="demo",
        max_batch=100,
        max_queued=20_000,
        max_running=100,
        loopback_references=False,
    )
    return Context(ANONYMOUS, services)


async def refusal(context):
    """The errors of a stream that does not begin."""
    live = Live(Pipeline(), context.services)
    with pytest.raises(RefusedError) as caught:
        await live.open(Operation(query=STREAM), context.viewer)
    return caught.value.formatted


def refused(pipeline, context):
    """The errors of a query that does not begin."""
    with pytest.raises(RefusedError) as caught:
        pipeline.prepare(Operation(query="{ models { name } }"), context)
    return caught.value.errors


async def asked(query, context):
    """The errors of a query that was answered."""
    pipeline = Pipeline()
    answer = await pipeline.answer(pipeline.prepare(Operation(query=query), context), context)
    return json.loads(answer)["errors"]


def unavailable(errors, logs):
    """The error is for a person, and the log has its reason in a line."""
    (error,) = errors
    assert error["message"] == "The database does not answer at the moment. Try again in a few seconds."
    assert error["extensions"] == {"code": "UNAVAILABLE"}
    assert {(entry["event"], entry["reason"]) for entry in logs} == {
        ("database_away", "ConnectionRefusedError")
    }


async def test_a_database_that_is_away_is_no_fault_of_ours():
    async with open_database(NOWHERE) as database:
        with capture_logs() as logs:
            errors = await asked("{ images { nodes { id } } }", context(database))

    unavailable(errors, logs)


async def test_a_stream_says_that_the_database_is_away():
    async with open_database(NOWHERE) as database:
        with capture_logs() as logs:
            errors = await refusal(context(database))

    unavailable(errors, logs)


async def test_what_takes_too_long_elsewhere_is_not_laid_at_the_databases_door():
    def too_slow():
        raise TimeoutError("images")

    with capture_logs() as logs:
        (error,) = await refusal(context(None, signer=too_slow))

    masked(error, logs)
