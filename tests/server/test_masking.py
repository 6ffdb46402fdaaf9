"""An outage or a fault of ours reaches the client as a code and an id, and the log has both sides."""

from uuid import uuid4

import pytest
from gql.transport.exceptions import TransportQueryError
from structlog.testing import capture_logs

from server.pipeline import build_schema

SECRETS = ("relation", "images", "select", "Traceback", "asyncpg", "postgres")


@pytest.fixture
async def broken(running, settings_for, owner):
    """A service whose database has lost a table."""
    await owner.execute("drop table images cascade")
    async with running(settings_for(), with_worker=False) as service:
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
        await broken.caller().updates(str(uuid4()), "batch { id }")

    (error,) = caught.value.errors
    masked(error, logs)


async def test_a_failure_before_anything_runs_is_masked_and_logged():
    with capture_logs() as logs:
        result = await build_schema().execute("{ models { name } }", context_value="no context")

    (error,) = result.errors
    assert error.message == "The service failed at this field."
    assert error.extensions["id"] == logs[0]["error_id"]
