"""Whatever bytes come to /graphql, the answer is GraphQL's or says what is wrong with them; never a 500."""

import gzip
import json

import pytest

QUERY = b'{"query": "{ __typename }"}'
TYPENAME = {"data": {"__typename": "Query"}}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"5",
        b'"text"',
        b"true",
        b"{",
        b"{}",
        b"[]",
        b"[" + QUERY + b"]",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"\xff\xfe\xfd",
        b'{"query": "\xff"}',
        b'{"query": "{ __typename }", "variables": {"a": "\\ud800"}}',
        b'{"query": "{ __typename }", "variables": {"a": ' + b"9" * 5_000 + b"}}",
        b'{"query": null}',
        b'{"query": 5}',
        b'{"query": ["{ __typename }"]}',
        b'{"query": "{ __typename }", "variables": []}',
        b'{"query": "{ __typename }", "variables": "x"}',
        b'{"query": "{ __typename }", "extensions": 5}',
        b'{"query": "{ __typename }", "operationName": "A"}',
        b'{"query": "{ __typename }", "operationName": {}}',
        b'{"query": "fragment A on Query { __typename }"}',
        gzip.compress(QUERY, mtime=0),
        QUERY.decode().encode("utf-16"),
    ],
    ids=lambda body: repr(body[:40]),
)
async def test_a_body_that_is_no_request_is_refused(body, as_owner):
    response = await as_owner.post_raw(body)

    assert response.status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        "{",
        "{ nothing }",
        "{ viewer }",
        "x",
        "{ __typename @include(if: $x) }",
        "{" + "a{" * 20_000,
        "\0",
        "🌊",
        " ",
        "{ ...A } fragment A on Query { ...A }",
        "query ($a: Nothing) { __typename }",
    ],
    ids=lambda query: query[:20],
)
async def test_a_document_that_cannot_run_gets_an_error_that_says_why(query, as_owner):
    response = await as_owner.post(query)

    assert response.status_code in (200, 400)
    assert response.json().get("data") is None
    assert response.json()["errors"][0]["message"]
    assert "INTERNAL" not in response.text


async def test_a_body_of_two_megabytes_is_too_large(as_owner):
    response = await as_owner.post_raw(b'{"query": "' + b"x" * 2_000_000 + b'"}')

    assert response.status_code == 413


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
    ],
)
async def test_a_body_that_a_mere_form_could_send_is_refused(kind, as_owner):
    response = await as_owner.post_raw(QUERY, **{"content-type": kind})

    assert response.status_code in (400, 415)


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8"])
async def test_a_body_of_json_is_taken(kind, as_owner):
    assert (await as_owner.post_raw(QUERY, **{"content-type": kind})).json() == TYPENAME


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_another_method_is_not_allowed(method, as_owner):
    assert (await as_owner.request(method, "/graphql")).status_code == 405


async def test_a_get_that_any_page_could_send_is_refused(as_owner):
    response = await as_owner.request("GET", "/graphql?query={__typename}")

    assert response.status_code == 400
    assert "X-Requested-With" in response.text


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("query={__typename}", 200),
        ("query=query A{__typename} query B{viewer{id}}&operationName=A", 200),
        ('query=query($w:Boolean!){__typename @include(if:$w)}&variables={"w":true}', 200),
        ("query={__typename}&variables={", 400),
        ("query={__typename}&variables=5", 400),
        ("query={__typename}&extensions=[]", 400),
        ("", 400),
        ("query=mutation{__typename}", 400),
        ("query=subscription{__typename}", 400),
    ],
)
async def test_a_get_with_a_header_of_its_own_may_read_and_never_write(query, status, as_owner):
    headers = {"x-requested-with": "x", "accept": "application/json"}

    response = await as_owner.request("GET", f"/graphql?{query}", **headers)

    assert response.status_code == status
    assert status == 400 or response.json() == TYPENAME


async def test_writing_by_get_writes_nothing(as_owner):
    create = (
        'mutation{createCollection(input:{name:"a",templates:[{name:"a",prompt:"b"}]}){userErrors{code}}}'
    )

    response = await as_owner.request("GET", f"/graphql?query={create}", **{"x-requested-with": "x"})

    assert response.status_code == 400
    assert (await as_owner.ask("{ collections { totalCount } }"))["collections"]["totalCount"] == 2


async def test_introspection_answers_a_playground(as_anonymous):
    answer = await as_anonymous.ask("{ __schema { queryType { name } types { name } } }")

    assert answer["__schema"]["queryType"] == {"name": "Query"}


async def test_frames_of_an_event_stream_end_as_every_client_reads_them(as_owner):
    async with as_owner.stream(json.loads(QUERY), accept="text/event-stream") as response:
        text = "".join([part async for part in response.aiter_text()])

    assert "\r" not in text
    assert text.startswith("event: next\ndata: {")


async def test_a_client_that_takes_json_too_gets_json(as_owner):
    response = await as_owner.post_raw(QUERY, accept="application/json, text/event-stream")

    assert response.json() == TYPENAME
