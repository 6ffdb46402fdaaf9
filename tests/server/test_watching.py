"""The operator sees what the service does, by numbers and by lines, neither of which says what was asked."""

import json
import os
import re
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import httpx
import promql_parser
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from structlog.testing import capture_logs

from engine.seams import NoTraces
from server.watching.logs import Lines, logfmt
from server.watching.metrics import MOST_NAMES, Metrics
from server.watching.requests import Watching
from server.watching.visits import Visits

DASHBOARD = Path(__file__).parents[2] / "deploy/grafana.json"


async def number(caller, name):
    """The value of a metric; 0 where there is none."""
    text = (await caller.request("GET", "/metrics")).text
    found = re.search(rf"^batch_studio_{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


@pytest.fixture
async def api(running, settings_for):
    async with running(settings_for(), with_worker=False) as service:
        yield service


async def test_operations_are_counted_by_name_and_code(api):
    ada = api.caller()
    await ada.ask("query Mine { viewer { id } }")
    await ada.post("query Mine { nothing }")
    await ada.post("{")

    def counted(operation, code):
        return f'operations_total{{code="{code}",operation="{operation}",transport="http"}}'

    assert await number(ada, counted("Mine", "OK")) == 1
    assert await number(ada, counted("Mine", "INVALID")) == 1
    assert await number(ada, counted("anonymous", "INVALID")) == 1
    assert await number(ada, 'operation_seconds_count{operation="Mine"}') == 2
    assert await number(ada, 'http_requests_total{route="/graphql",status="200"}') == 3


def test_names_that_clients_choose_do_not_fill_the_memory():
    metrics = Metrics()
    names = {metrics.name(f"Query{number}") for number in range(MOST_NAMES * 2)}

    assert len(names) == MOST_NAMES + 1
    assert metrics.name("Query0") == "Query0"


async def test_an_operation_of_a_socket_is_counted_and_its_stream_is_seen(shared_service):
    ada = shared_service.caller()
    seen = await number(ada, 'operations_total{code="OK",operation="anonymous",transport="socket"}')
    batch = (
        await ada.ask(
            'mutation { startBatch(input: {templates: [{name: "a", prompt: "b"}], parameters: '
            "{width: 64, height: 64}}) { batchId } }"
        )
    )["startBatch"]["batchId"]
    async with ada.watching(batch, "batch { status }") as updates:
        async for _ in updates:
            streams = await number(ada, "subscribers")
            break
        await ada.finished(batch)

    assert streams >= 1
    counted = 'operations_total{code="OK",operation="anonymous",transport="socket"}'
    assert await number(ada, counted) >= seen + 1
    assert await number(ada, 'provider_calls_total{call="submit",outcome="ok",provider="demo"}') >= 1
    assert await number(ada, 'worker_pool_connections{state="waited_for"}') == 0


async def test_a_queue_that_nobody_works_off_grows_and_ages(api):
    ada = api.caller()
    await ada.ask('mutation { generateImage(input: {prompt: "a boat"}) { generation { id } } }')

    assert await number(ada, 'queue_jobs{job="feed",state="queued"}') == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"x-forwarded-for": "127.0.0.1"},
        {"forwarded": "for=127.0.0.1"},
        {"x-real-ip": "127.0.0.1"},
        {"host": "studio.example"},
    ],
    ids=str,
)
async def test_the_numbers_are_not_for_who_comes_through_a_proxy_or_by_another_name(headers, as_anonymous):
    assert (await as_anonymous.request("GET", "/metrics", **headers)).status_code == 404


async def test_a_service_for_others_shows_its_numbers_on_a_port_of_their_own(running, settings_for, new_port):
    settings = settings_for(host="0.0.0.0", jwt_secret="0" * 32, metrics_port=new_port())  # noqa: S104
    async with running(settings, with_worker=False) as service:
        anonymous = service.anonymous()
        port = settings.metrics_port

        assert (await anonymous.request("GET", "/metrics")).status_code == 404
        assert "batch_studio_in_flight" in (await anonymous.get(f"http://127.0.0.1:{port}/metrics")).text
        assert (await anonymous.get(f"http://127.0.0.1:{port}/graphql")).status_code == 404


async def test_a_request_is_one_line_with_who_and_what_but_not_what_was_asked(as_owner):
    with capture_logs() as logs:
        await as_owner.ask("query Mine { viewer { id } }")

    (line,) = [entry for entry in logs if entry["event"] == "request"]
    assert line.pop("ms") > 0
    assert line == {
        "event": "request",
        "log_level": "info",
        "transport": "http",
        "method": "POST",
        "route": "/graphql",
        "status": 200,
        "kind": "query",
        "operation": "Mine",
        "user": UUID(str(as_owner.user_id)),
        "code": "OK",
    }


async def test_the_address_of_a_picture_is_not_logged(as_owner):
    with capture_logs() as logs:
        await as_owner.request("GET", "/files/somebody/picture.png?signature=00ff")

    assert [entry["route"] for entry in logs] == ["/files/{key:path}"]
    assert "00ff" not in str(logs)


async def asked(app, path):
    """Nothing but the answer tells of a failure."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://studio") as client:
        return await client.get(path)


def watched(path, endpoint, metrics=None):
    """The smallest application that is watched."""
    visits = Visits(metrics or Metrics(), NoTraces())
    return Starlette(routes=[Route(path, endpoint)], middleware=[Middleware(Watching, visits=visits)])


async def fall(_: Request) -> Response:
    raise RuntimeError("relation images, at /srv/studio, password hunter2")


async def leave(_: Request) -> Response:
    raise ClientDisconnect


async def test_a_failure_outside_of_graphql_is_a_code_and_an_id_that_the_log_has():
    with capture_logs() as logs:
        response = await asked(watched("/fall", fall), "/fall")

    (error,) = response.json()["errors"]
    assert response.status_code == 500
    assert error["message"] == "The service failed."
    assert error["extensions"]["code"] == "INTERNAL"
    assert error["extensions"]["id"] == logs[0]["error_id"]
    assert "hunter2" not in response.text


async def test_a_client_that_leaves_is_no_failure():
    metrics = Metrics()
    with capture_logs() as logs, pytest.raises(AssertionError):  # httpx misses an answer
        await asked(watched("/leave", leave, metrics), "/leave")

    assert [entry["log_level"] for entry in logs] == ["info"]
    assert 'status="499"' in metrics.text().decode()


async def test_every_number_of_the_dashboard_is_one_that_is_told(shared_service):
    ada = shared_service.caller()
    await ada.ask("{ viewer { id } }")
    told = set(re.findall(r"^# TYPE (\S+) ", (await ada.request("GET", "/metrics")).text, re.MULTILINE))
    shown = set(re.findall(r"batch_studio_\w+", DASHBOARD.read_text()))

    assert {name.removesuffix("_bucket") for name in shown} <= told


def test_every_panel_of_the_dashboard_asks_what_prometheus_can_read():
    panels = json.loads(DASHBOARD.read_text())["panels"]
    asked = [target["expr"] for panel in panels for target in panel.get("targets", ())]

    assert len(asked) >= len(panels)
    for query in asked:
        promql_parser.parse(query.replace("$__rate_interval", "1m"))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("/files/{key:path}", "/files/{key:path}"),
        (12.5, "12.5"),
        ("!#<>[]~", "!#<>[]~"),
        ("\\", r'"\\"'),
        ("café", r'"caf\u00e9"'),
        ("", '""'),
        ("two words", '"two words"'),
        ("a=b", '"a=b"'),
        ("two level=error", '"two level=error"'),
        ('"', r'"\""'),
        ("a\nlevel=error", r'"a\nlevel=error"'),
        ("\r\x1b[2J\x9b\u2028", r'"\r\u001b[2J\u009b\u2028"'),
    ],
)
def test_no_value_begins_a_line_or_a_field_of_its_own(value, written):
    event = {"what": value, "event": "told", "level": "info"}

    assert logfmt(None, "info", event) == f"level=info event=told what={written}"


def test_what_is_not_known_is_no_field():
    assert logfmt(None, "info", {"user": None, "event": "told", "ms": 0}) == "event=told ms=0"


def test_nobody_is_kept_from_anything_by_a_line_that_cannot_be_written():
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", buffering=1) as broken:
        lines = Lines(broken)
        for level in ("debug", "info", "warning", "error", "exception"):
            getattr(lines, level)("a line")
        with suppress(BrokenPipeError):
            broken.close()
    lines.info("a line")
