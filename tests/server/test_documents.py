"""A document is measured before it is validated, and one that is too large is refused with a code."""

from asyncio import timeout
from hashlib import sha256
from itertools import product

import orjson
import pytest
from gql.transport.exceptions import TransportQueryError
from graphql import get_introspection_query, parse

from server.operations.measure import Limits, measure
from server.operations.schema import build_schema
from server.operations.trusted import load_trusted
from server.settings import SettingsError
from tests.along import connect

SCHEMA = build_schema()._schema
TWICE = "".join(f"fragment A{n} on Query {{ ...A{n + 1} ...A{n + 1} }}" for n in range(20))
BOMB = f"{{ ...A0 }} {TWICE} fragment A20 on Query {{ models {{ name }} }}"
CHAIN = "".join(f"fragment A{n} on Query {{ ...A{n + 1} }}" for n in range(200))


def deep(levels):
    """Fields nested so deep; the first three are of the schema."""
    rest = levels - 4
    return "{ image { batch { collection " + "{ a " * rest + "{ id }" + " }" * rest + "} } }"


def size(document, **variables):
    return measure(parse(document), SCHEMA, variables)


def nested(*pages):
    """Lists within lists of so many."""
    outer, inner = pages
    return f"{{ batches(first: {outer}) {{ nodes {{ images(first: {inner}) {{ nodes {{ id }} }} }} }} }}"


TOO_LARGE = {
    "deep": deep(13),
    "many fields": "{" + "models { name }" * 251 + "}",
    "many aliases": "{" + "".join(f"a{n}: __typename " for n in range(31)) + "}",
    "many directives": "{ __typename " + "@skip(if: false)" * 9 + "}",
    "directives everywhere": "query ($a: Int @x) @x { ...A @x } fragment A on Query @x { "
    + "__typename @x " * 5
    + "}",
    "many tokens": "{" + "x " * 2_001 + "}",
    "comments": "#\n" * 2_001 + "{ __typename }",
    "costly": nested(100, 100),
    "costly by default": "{ batches(first: 100) { nodes { generations { nodes { id } } } } }",
    "costly without pages": "{ batches(first: 100) { nodes { generations(first: 50) "
    "{ nodes { images { id } } } } } }",
    "a bomb of fragments": BOMB,
    "a chain of fragments": f"{{ ...A0 }} {CHAIN} fragment A200 on Query {{ models {{ name }} }}",
    "inline fragments": "{" + "... {" * 190 + "__typename" + "}" * 191,
    "brackets": "{ a(b: " + "[" * 300 + "]" * 300 + ") }",
    "braces": "{" + "a {" * 300,
    "one of the operations": f"query A {{ __typename }} query B {nested(100, 100)}",
    "a megabyte of a string": '{ a(b: "' + "x" * 900_000 + '") }',
    "a megabyte of fields": "{" + "x " * 450_000 + "}",
    "a megabyte of comments": "#\n" * 300_000,
    "a megabyte of braces": "{" * 900_000,
}


@pytest.mark.parametrize("document", TOO_LARGE.values(), ids=TOO_LARGE)
async def test_a_document_that_is_too_large_is_refused(document, as_anonymous):
    (error,) = await as_anonymous.errors(document)

    assert error["extensions"] == {"code": "DOCUMENT_TOO_LARGE"}
    assert error["message"].startswith("The document is too large: ")


async def test_a_socket_refuses_it_as_well(as_owner):
    with pytest.raises(TransportQueryError, match="DOCUMENT_TOO_LARGE"):
        await as_owner.updates("x", "batch { " + "id " * 501 + "}")


@pytest.mark.parametrize(
    "document",
    [
        get_introspection_query(input_value_deprecation=True, schema_description=True),
        "{" + "models { name }" * 20 + "}",
        "{" + "".join(f"a{n}: __typename " for n in range(30)) + "}",
        "{ __typename " + " ".join(["... @skip(if: false) { __typename }"] * 8) + "}",
        nested(50, 100),
        "query ($n: Int!) { batches(first: $n) { nodes { images(first: 50) { nodes { id } } } } }",
    ],
    ids=lambda document: document[:30],
)
async def test_a_document_of_a_usual_size_runs(document, as_anonymous):
    await as_anonymous.ask(document, n=100)


@pytest.mark.parametrize(
    "document",
    ["{" + "models { name }" * 250 + "}", "{ models {" + "name " * 400 + "} }"],
    ids=["objects", "names"],
)
async def test_validation_gives_up_on_what_would_keep_it_busy(document, as_anonymous):
    *_, error = await as_anonymous.errors(document)

    assert error["extensions"] == {"code": "DOCUMENT_TOO_LARGE"}


def test_each_spread_of_a_fragment_counts():
    assert size("{ ...A b: models { name ...B } ...A } fragment A on Query { a: models { name } }")[:3] == (
        2,
        6,
        3,
    )


def test_the_length_of_a_page_comes_from_where_it_is_given():
    document = "query ($n: Int = 7) { batches(first: $n) { nodes { id } } }"
    assert size(document).cost == 7
    assert size(document, n=9).cost == size(document, n=9.0).cost == 9
    assert (
        size("{ batches { nodes { id } } }").cost
        == size("{ batches(first: null) { nodes { id } } }").cost
        == 20
    )
    assert (
        size("{ batches(first: 3) { edges { node { images(first: 4) { nodes { id } } } } } }").cost == 3 * 5
    )
    assert [size(f"{{ batches(first: {n}) {{ nodes {{ id }} }} }}").cost for n in (-5, "9" * 5_000)] == [
        1,
        20,
    ]


@pytest.mark.parametrize(
    "document",
    [
        "{ ...A } fragment A on Query { ...B models { name } } fragment B on Query { ...A }",
        "{ ...Nothing nothing { nothing } } fragment A on Nothing { id }",
        "mutation { nothing } subscription { nothing }",
        "{ ... on Nothing { id } ... on Int { id } }",
        "fragment A on Query { id }",
        "type A { id: ID }",
    ],
)
def test_anything_that_parses_can_be_measured(document):
    assert size(document).fields <= 4


async def test_the_largest_sizes_are_settings(running, settings_for):
    given = {f"max_{name}": 1 for name in ("depth", "fields", "aliases", "tokens", "cost")}
    async with running(settings_for(**given | {"max_tokens": 9}), with_worker=False) as service:
        ask = service.anonymous().errors
        assert "depth may be 1" in (await ask("{ models { name } }"))[0]["message"]
        assert "fields may be 1" in (await ask("{ __typename __typename }"))[0]["message"]
        assert "tokens may be 9" in (await ask("{ a b c d e f g h }"))[0]["message"]


async def test_an_error_suggests_nothing(as_owner):
    for document, variables in [
        ("{ imagesx { totalCount } }", {}),
        ("{ images(firts: 1) { totalCount } }", {}),
        ("query ($s: [GenerationStatus!]) { batches { nodes { generations(status: $s) { totalCount } } } }",
         {"s": ["FALED"]}),
        ("mutation ($i: StartBatchInput!) { startBatch(input: $i) { batchId } }", {"i": {"titel": "x"}}),
    ]:  # fmt: skip
        errors = await as_owner.errors(document, **variables)
        assert errors
        assert "Did you mean" not in str(errors)


async def test_a_choice_of_operations_must_be_made(as_owner):
    (error,) = await as_owner.errors("query A { __typename } query B { __typename }")

    assert error["extensions"] == {"code": "BAD_INPUT"}
    assert "operationName" in error["message"]


INTROSPECTION = [
    "{ __schema { queryType { name } } }",
    '{ ...A } fragment A on Query { __type(name: "ID") { name } }',
]


@pytest.mark.parametrize(
    ("setting", "who"), [("everybody", (True, True)), ("claim", (False, True)), ("nobody", (False, False))]
)
async def test_the_schema_is_told_to_whom_the_setting_says(setting, who, running, settings_for):
    async with running(settings_for(introspection=setting), with_worker=False) as service:
        callers = [service.anonymous(), service.caller(introspection=True)]
        for document in INTROSPECTION:
            answers = [(await caller.post(document)).json() for caller in callers]
            assert tuple("errors" not in answer for answer in answers) == who
            codes = {answer["errors"][0]["extensions"]["code"] for answer in answers if "errors" in answer}
            assert codes <= {"INTROSPECTION_FORBIDDEN"}
        assert (await callers[0].ask("{ __typename }"))["__typename"] == "Query"


def test_outside_local_mode_the_schema_takes_a_claim(settings_for):
    from server.wiring import _documents

    assert _documents(settings_for(jwt_secret="x" * 32)).introspection == "claim"
    assert _documents(settings_for()).introspection == "everybody"


TRUSTED = "query Models { models { name } }"
HASH = sha256(TRUSTED.encode()).hexdigest()


@pytest.fixture
def manifest(tmp_path):
    file = tmp_path / "documents.json"
    file.write_bytes(orjson.dumps({HASH: TRUSTED}))
    return file


def by_extension(digest):
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest}}}


def by_id(digest):
    return {"documentId": f"sha256:{digest}"}


async def over_http(caller, body):
    return (await caller.post_raw(orjson.dumps(body))).text


async def over_a_socket(caller, body):
    """What a raw connection is told for an operation."""
    address = f"{caller.address.replace('http', 'ws', 1)}/graphql"
    init = {"type": "connection_init", "payload": {"Authorization": f"Bearer {caller.token}"}}
    async with connect(address, subprotocols=["graphql-transport-ws"], proxy=None) as socket, timeout(10):
        for message in (init, {"type": "subscribe", "id": "1", "payload": body}):
            await socket.send(orjson.dumps(message).decode())
            answer = await socket.recv()
    return answer


async def as_events(caller, body):
    """The whole stream that an operation gives."""
    async with caller.stream(body, accept="text/event-stream") as response:
        return "".join([part async for part in response.aiter_text()])


async def test_with_a_manifest_its_documents_run_and_no_others(manifest, running, settings_for):
    async with running(settings_for(trusted_documents=manifest), with_worker=False) as service:
        caller = service.caller()

        assert (await caller.ask(TRUSTED))["models"]
        for refused in ({"query": f"{TRUSTED} "}, {"query": "{ __typename }"}, by_extension(f"{TRUSTED} ")):
            assert "DOCUMENT_NOT_TRUSTED" in await over_http(caller, refused)


async def test_a_trusted_document_is_named_in_two_ways_over_each_transport(manifest, running, settings_for):
    async with running(settings_for(trusted_documents=manifest), with_worker=False) as service:
        caller = service.caller()
        for ask, name in product((over_http, as_events, over_a_socket), (by_extension, by_id)):
            assert '"models":[' in await ask(caller, name(HASH))
            assert "DOCUMENT_NOT_TRUSTED" in await ask(caller, name("0" * 64))
        path, header = (
            f"/graphql?documentId=sha256:{HASH}",
            {"x-requested-with": "a test"},
        )
        assert '"models":[' in (await caller.request("GET", path, **header)).text
        assert (await caller.post_raw(orjson.dumps({"documentId": 5}))).status_code == 400


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{", b'{"a": 5}', orjson.dumps({"0" * 64: TRUSTED}), orjson.dumps({HASH.upper(): TRUSTED})],
)
def test_a_manifest_that_is_none_is_refused_at_the_start(content, tmp_path):
    file = tmp_path / "documents.json"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match="BATCH_STUDIO_TRUSTED_DOCUMENTS"):
        load_trusted(file)
    with pytest.raises(SettingsError, match="FileNotFoundError"):
        load_trusted(tmp_path / "nothing")


def test_the_limits_are_those_that_the_settings_name(settings_for):
    from server.wiring import _documents

    assert _documents(settings_for()).limits == Limits()
