"""No text of a client's ever becomes the text of a statement; odd ones are answered, or refused cleanly."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

MARK = "p1anted"
ODD = (
    f"{MARK}'; drop table images; --",
    f'{MARK}" or 1=1',
    f"{MARK}\\' or true \\\\",
    f"$1 {MARK} $2::uuid %s %(a)s {{}}",
    f"{MARK}/**/--\n;",
    f"$${MARK}$$",
    f"U&'\\0041{MARK}'",
    f"{MARK}🌊\u2028\ufeff",
    f'{{"{MARK}": [1]}}',
    MARK * 70,
)
UNSTORABLE = (f"{MARK}\0", f"{MARK}\ud800", MARK * 5_000)
STRINGS = {
    "id of batch": "query ($s: ID!) { batch(id: $s) { id } }",
    "id of node": "query ($s: ID!) { node(id: $s) { id } }",
    "id of image": "query ($s: ID!) { image(id: $s) { id } }",
    "id of generation": "query ($s: ID!) { generation(id: $s) { id } }",
    "id of collection": "query ($s: ID!) { collection(id: $s) { id } }",
    "cursor of batches": "query ($s: String) { batches(after: $s) { totalCount } }",
    "cursor of collections": "query ($s: String) { collections(after: $s) { totalCount } }",
    "cursor within": "query ($s: String) { batches { nodes { images(after: $s) { totalCount } } } }",
    "search of batches": "query ($s: String) { batches(filter: {search: $s}) { nodes { id } totalCount } }",
    "model of batches": "query ($s: String) { batches(filter: {model: $s}) { nodes { id } totalCount } }",
    "tags of batches": "query ($s: String!) { batches(filter: {tags: [$s]}) { nodes { id } totalCount } }",
    "collection of batches": """query ($s: ID) { batches(filter: {collectionId: $s}) { nodes { id }
      totalCount } }""",
    "search of images": "query ($s: String) { images(filter: {search: $s}) { nodes { id } totalCount } }",
    "model of images": "query ($s: String) { images(filter: {model: $s}) { nodes { id } totalCount } }",
    "batch of images": "query ($s: ID) { images(filter: {batchId: $s}) { nodes { id } totalCount } }",
    "search of collections": """query ($s: String) { collections(filter: {search: $s}) { nodes { id
      } totalCount } }""",
}
LONG = f"{MARK}_{'a' * 92}"
KEYS = {
    "prototype": """{ __proto__: viewer { constructor: id __proto__: role } toString: batches {
      __proto__: totalCount }
      }""",
    "long": f"{{ {LONG}: viewer {{ {LONG}: id {LONG[:-1]}b: role }} }}",
    "alike": f"""{{ batches(first: 3) {{ nodes {{ {LONG}c: id {LONG}d: title {LONG}e: model }}
      {LONG}c: totalCount }}
      }}""",
    "lists alike": f"""{{ {LONG}: batches(first: 1) {{ nodes {{ id }} }} {LONG}x: batches(first: 2)
      {{ nodes {{ id }} }} }}""",
    "words of SQL": """{ select: batches(first: 2) { from: nodes { user_id: id table: title null:
      model row: counts { end:
      total } } } }""",
    "case": "{ id: viewer { ID: id Id: role iD: id } ID: viewer { id } }",
    "names of columns": """{ nodes: batches(first: 2) { edges: nodes { user_id: title deleted_at: id
      totalCount: createdAt } }
      }""",
    "numbers": "{ _0: viewer { _1: id } _00: batches(first: 1) { _1: totalCount } }",
}


@pytest.fixture(scope="session")
async def superuser(stage: Any, cluster: Any) -> Any:
    name = urlsplit(stage.service.settings.database_url).path[1:]
    connection = await asyncpg.connect(cluster.superuser_url, database=name)
    yield connection
    await connection.close()


@pytest.fixture(autouse=True)
def log(cluster: Any) -> Any:
    """What the server, which logs each statement of this database, has noted when the test ends."""
    file: Path = cluster.pgpass.with_name("postgres.log")
    start = file.stat().st_size

    def read() -> str:
        return file.read_bytes()[start:].decode(errors="replace")

    yield read
    assert MARK not in read()


async def body_of(stage: Any, query: str, **variables: Any) -> Any:
    """As bytes that hold any text there is, halves of characters too."""
    body = json.dumps({"query": query, "variables": variables})
    response = await stage.caller(stage.world.users[0]).post_raw(body.encode())
    assert response.status_code in (200, 400)
    assert "INTERNAL" not in response.text
    return response


@pytest.mark.parametrize("place", STRINGS)
async def test_a_text_that_looks_like_sql_is_a_value_like_any_other(place, stage, compare, is_valid):
    if not is_valid(STRINGS[place]):
        pytest.skip("the schema has no such argument yet")
    for text in ODD:
        await compare(STRINGS[place], {"s": text})
        literal = STRINGS[place].partition("{")[2].replace("$s", json.dumps(text))
        await compare("{" + literal)


@pytest.mark.parametrize("place", STRINGS)
async def test_a_text_that_no_row_can_have_is_refused_or_finds_nothing(place, stage, is_valid):
    if not is_valid(STRINGS[place]):
        pytest.skip("the schema has no such argument yet")
    for text in UNSTORABLE:
        response = await body_of(stage, STRINGS[place], s=text)
        if response.headers["content-type"].startswith("application/json"):
            assert all("path" not in error for error in response.json().get("errors", ()))


@pytest.mark.parametrize("word", ["x" * 500, "\U00010400" * 500, "x" * 501])
async def test_a_word_as_long_as_may_be_is_looked_for_and_a_longer_one_refused(word, compare):
    """PostgreSQL leaves out a word above 2,046 bytes; everything would be found."""
    for place in ("search of batches", "search of images", "search of collections"):
        await compare(STRINGS[place], {"s": word})


@pytest.mark.parametrize("document", KEYS.values(), ids=KEYS)
async def test_a_key_is_the_clients_own_whatever_it_looks_like(document, compare):
    await compare(document)


@pytest.mark.parametrize(
    "number", ["9" * 40, "-" + "9" * 40, "2147483648", "-2147483649", "1e400", "9223372036854775808"]
)
async def test_a_number_past_all_bounds_is_refused(number, stage):
    for query in (
        f"{{ batches(first: {number}) {{ totalCount }} }}",
        "query ($n: Int) { batches(first: $n) { totalCount } }",
    ):
        body = f'{{"query": {json.dumps(query)}, "variables": {{"n": {number}}}}}'
        response = await stage.caller(stage.world.users[0]).post_raw(body.encode())

        assert response.status_code in (200, 400)
        assert "path" not in response.text
        assert "INTERNAL" not in response.text


async def test_an_id_may_be_a_number_as_large_as_any(compare):
    await compare(f"{{ batch(id: {'9' * 40}) {{ id }} }}")


async def test_fragments_as_deep_as_they_may_be_are_answered(compare):
    deep = "{ ...F0 }" + "".join(f" fragment F{n} on Query {{ ...F{n + 1} }}" for n in range(60))
    await compare(
        f"{deep} fragment F60 on Query {{ viewer {{ id }} batches(first: 2) {{ nodes {{ id }} }} }}"
    )
    await compare("{ " + "... { " * 60 + "viewer { id }" + " }" * 61)


async def test_values_that_look_like_json_stay_what_they_are(stage, compare):
    await compare("{ batches(first: 100) { nodes { parameters variables tags } } }")
    await compare("{ images(first: 100) { nodes { parameters } } }")


async def test_what_is_planted_in_a_statement_would_be_found(superuser, log):
    """The proof that the others look where it would show; the planted word is another, lest they find it."""
    await superuser.execute("select 'word of this test alone' as planted")
    await superuser.fetch("select $1::text as prepared_with", "a parameter")

    assert "word of this test alone" in log()
    assert "prepared_with" in log()
    assert "a parameter" not in log()
