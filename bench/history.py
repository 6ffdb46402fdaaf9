"""What a page of a history costs in PostgreSQL: its statements, their time, and what they look at.

    uv run python bench/history.py [--data FOLDER] [--requests 30]

Over bench/million.py's database and the service's API: a page of 20 batches with counts and 4 images each
at the beginning, in the middle and at the end of a user's history; a batch with 100 images of 12 fields;
searches. Times are PostgreSQL's own of all statements of a request (parse, bind with its planning, execute),
the median of the requests. What a page looks at is counted in blocks, once here and once in a database of 4
users who have as much each.

Exits with 1 where a page or a batch takes more than one statement, the page in the middle more than 2 ms, a
search more than 20 ms; where a table is read from end to end or two bitmaps are intersected; where a page
deeper in the history, or anything among 50 times as many rows of others, looks at more than twice as much.
"""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median
from tempfile import TemporaryFile
from typing import Any
from uuid import UUID

import httpx
from million import Million, add_options, million, opened
from service import Service, running
from statements import Plan, Spent, journal

MOST_MILLISECONDS = 2.0
MOST_MILLISECONDS_OF_A_SEARCH = 20.0
MOST_GROWTH = 2.0
WARM_UP = 8
"""PostgreSQL plans a statement anew five times before it may keep a plan."""
FEW_USERS = 4
PAGE = 20
MIDDLE, WHOLE_BATCH = "page in the middle", "batch of 100 images"
BATCHES = f"""
    query Page($after: String) {{ batches(first: {PAGE}, after: $after) {{
      nodes {{
        id title status counts {{ total succeeded failed saved }} createdAt
        images(first: 4) {{ nodes {{ id name url thumbnailUrl }} }}
      }}
      pageInfo {{ endCursor hasNextPage }}
    }} }}
"""
BATCH = """
    query Whole($id: ID!) { batch(id: $id) { images(first: 100) { nodes {
      id name prompt url thumbnailUrl placeholder width height contentType byteSize favorite createdAt
    } } } }
"""
SEARCH = """
    query Search($words: String!) { FIELD(first: 20, filter: {search: $words}) { nodes { id NAME } } }
"""
WORDS = {
    "many": "lighthouse",
    "few": "axolotl",
    "two words": "glass heron",
    "beginning of a word": "axol",
    "none": "zeppelin",
}
SEARCHES = {
    f"{field}, {which}: {words}": SEARCH.replace("FIELD", field).replace("NAME", name)
    for field, name in (("batches", "title"), ("images", "name"))
    for which, words in WORDS.items()
}
LARGE_BATCH = """
    select id from batches
    where user_id = $1 and total = 100 and deleted_at is null
    order by created_at
    limit 1
"""
TABLES = ("batches", "images", "generations", "collections", "templates")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A document with its variables."""

    document: str
    variables: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody with a history."""

    client: httpx.AsyncClient
    user: UUID

    async def ask(self, ask: Ask) -> dict[str, Any]:
        answer = await self.client.post("/graphql", json={"query": ask.document, "variables": ask.variables})
        body: dict[str, Any] = answer.json()
        return body


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    add_options(parser)
    parser.add_argument("--requests", type=int, default=30, help="of each kind")
    given = parser.parse_args()
    breaches = list(asyncio.run(_look(given)))
    print(
        "\n".join(
            ["", *(f"BREACH: {each}" for each in breaches)] if breaches else ["", "All within the limits."]
        )
    )
    sys.exit(bool(breaches))


async def _look(given: argparse.Namespace) -> Sequence[str]:
    async with opened(given) as filled:
        spent, missing = await _times(filled, given.requests)
        plans = await _plans(filled)
    async with million(None, FEW_USERS) as few:
        fewer = await _plans(few)
    print("\n".join(_report(spent, plans, fewer, missing)))
    return [*_slow(spent), *_growing(plans, fewer), *missing]


async def _times(filled: Million, requests: int) -> tuple[dict[str, list[Spent]], list[str]]:
    """By what was asked; and what could not be."""
    spent, missing = {}, []
    async with journal(filled, "durations") as log, _calling(filled) as caller:
        for name, ask in (await _asks(filled, caller)).items():
            answer = await caller.ask(ask)
            if answer.get("errors"):
                missing.append(f"{name}: {answer['errors'][0]['message']}")
                continue
            each = []
            for _ in range(WARM_UP + requests):
                log.mark()
                await caller.ask(ask)
                each.append(await log.spent())
            del each[:WARM_UP]
            spent[name] = each
    return spent, missing


async def _plans(filled: Million) -> dict[str, Plan]:
    plans = {}
    async with journal(filled, "plans") as log, _calling(filled) as caller:
        for name, ask in (await _asks(filled, caller)).items():
            for _ in range(WARM_UP):
                log.mark()
                answer = await caller.ask(ask)
                plan = await log.plan()
            if not answer.get("errors"):
                plans[name] = plan
    return plans


@asynccontextmanager
async def _calling(filled: Million) -> AsyncIterator[Caller]:
    """The service on this database, and a user of it."""
    settings = {"DATABASE_URL": filled.postgres.login_url, "BATCH_STUDIO_LOG_LEVEL": "info"}
    user = await filled.somebody()
    with TemporaryFile() as log:
        async with (
            running("serve", "--no-worker", log=log, **settings) as service,
            _client(service, user) as client,
        ):
            yield Caller(client=client, user=user)


def _client(service: Service, user: UUID) -> httpx.AsyncClient:
    headers = {"authorization": f"Bearer {service.token(user)}"}
    return httpx.AsyncClient(base_url=service.address, headers=headers, timeout=30, trust_env=False)


async def _asks(filled: Million, caller: Caller) -> dict[str, Ask]:
    cursors = [cursor async for cursor in _cursors(caller)]
    batch = await filled.database.fetchval(LARGE_BATCH, caller.user)
    places = {
        "page at the beginning": None,
        MIDDLE: cursors[len(cursors) // 2 - 1],
        "page at the end": cursors[-1],
    }
    return {
        **{name: Ask(document=BATCHES, variables={"after": after}) for name, after in places.items()},
        WHOLE_BATCH: Ask(document=BATCH, variables={"id": str(batch)}),
        **{
            name: Ask(document=document, variables={"words": name.partition(": ")[2]})
            for name, document in SEARCHES.items()
        },
    }


async def _cursors(caller: Caller) -> AsyncIterator[str]:
    """The end of each full page but the last, so that a page follows each."""
    after: str | None = None
    while True:
        answer = await caller.ask(Ask(document=BATCHES, variables={"after": after}))
        page = answer["data"]["batches"]["pageInfo"]
        if not page["hasNextPage"]:
            return
        after = page["endCursor"]
        yield str(after)


def _slow(spent: Mapping[str, Sequence[Spent]]) -> Iterator[str]:
    for name, each in spent.items():
        if name not in SEARCHES and _statements(each) != 1:
            yield f"{name}: {_statements(each)} statements"
        most = MOST_MILLISECONDS_OF_A_SEARCH if name in SEARCHES else MOST_MILLISECONDS
        taken = median(one.milliseconds for one in each)
        if (name == MIDDLE or name in SEARCHES) and taken > most:
            yield f"{name}: {taken:.2f} ms in the database, above {most}"


def _statements(spent: Sequence[Spent]) -> int:
    """A few requests have one more beside their own: the service makes sure that its hints arrive."""
    return min(one.statements for one in spent)


def _growing(plans: Mapping[str, Plan], fewer: Mapping[str, Plan]) -> Iterator[str]:
    first = next(iter(plans.values()))
    for name, plan in plans.items():
        for node in sorted(set(plan.nodes)):
            if node == "BitmapAnd" or node in {f"Seq Scan on {table}" for table in TABLES}:
                yield f"{name}: {node}"
        if name.startswith("page") and plan.blocks > MOST_GROWTH * first.blocks:
            yield f"{name}: {plan.blocks} blocks, at the beginning {first.blocks}"
        if plan.blocks > MOST_GROWTH * fewer[name].blocks:
            yield f"{name}: {plan.blocks} blocks, among few users' rows {fewer[name].blocks}"


def _report(
    spent: Mapping[str, Sequence[Spent]],
    plans: Mapping[str, Plan],
    fewer: Mapping[str, Plan],
    missing: Sequence[str],
) -> Iterator[str]:
    yield f"\n{'':42}statements  ms, quickest    blocks  among {FEW_USERS} users"
    for name, each in spent.items():
        times = [one.milliseconds for one in each]
        blocks = f"{plans[name].blocks:>10}{fewer[name].blocks:>15}"
        yield f"  {name:40}{_statements(each):>10}{median(times):>6.2f}{min(times):>8.2f}{blocks}"
    yield from (f"  not answered: {each}" for each in missing)


if __name__ == "__main__":
    main()
