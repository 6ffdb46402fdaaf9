"""The four servers that answer the same three questions over the same rows, each in a process of its own."""

import http.client
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit
from uuid import UUID

from million import Million
from service import Service, running

from server.identity.signing import Signer
from tests.npm.node import NODE, install

__all__ = [
    "FLOOR",
    "OURS",
    "POSTGRAPHILE",
    "QUESTIONS",
    "STOCK",
    "Question",
    "Reader",
    "Request",
    "cold",
    "opened_readers",
]

FOLDER = Path(__file__).with_name("reading")
FLOOR, STOCK, POSTGRAPHILE, OURS = "hand-written", "stock Strawberry", "PostGraphile 5", "Batch Studio"
PARSER = "graphql-core's parse and validate"
SIGNING_SECRET = "the same in all four, so that addresses are the same"  # noqa: S105
PUBLIC_URL = "https://studio.example"
# A request's parts: method, path, body.
Request = tuple[str, str, bytes | None]

GRAPHQL = {
    "Q1": """
        query Q1($id: ID!) { batch(id: $id) { id title images(first: 100) { nodes {
          id name prompt url thumbnailUrl placeholder width height contentType byteSize favorite createdAt
        } } } }
    """,
    "Q2": """
        query Q2 { batches(first: 20) { nodes {
          id title status counts { total succeeded failed saved } createdAt
          images(first: 4) { nodes { id name url thumbnailUrl } }
        } } }
    """,
    "Q3": "query Q3($id: ID!) { batch(id: $id) { title status } }",
}
NOT_DELETED = "condition: {deletedAt: null}"
IN_ORDER = "orderBy: [POSITION_ASC, CREATED_AT_ASC]"
NEWEST = "orderBy: [CREATED_AT_DESC, ROW_ID_DESC]"
# A signed address is a computed column, a function over the row; without signing, it is the column itself.
POSTGRAPHILE_GRAPHQL = {
    "Q1": f"""
        query Q1($id: UUID!) {{ batch: batchByRowId(rowId: $id) {{
          id: rowId title images: imagesByBatchIdAndUserId(first: 100, {NOT_DELETED}, {IN_ORDER}) {{ nodes {{
            id: rowId name prompt url: URL thumbnailUrl: THUMBNAIL placeholder width height contentType
            byteSize favorite createdAt
          }} }}
        }} }}
    """,
    "Q2": f"""
        query Q2 {{ batches: allBatches(first: 20, {NOT_DELETED}, {NEWEST}) {{ nodes {{
          id: rowId title status total succeeded failed saved createdAt
          images: imagesByBatchIdAndUserId(first: 4, {NOT_DELETED}, {IN_ORDER}) {{ nodes {{
            id: rowId name url: URL thumbnailUrl: THUMBNAIL
          }} }}
        }} }} }}
    """,
    "Q3": "query Q3($id: UUID!) { batch: batchByRowId(rowId: $id) { title status } }",
}
COUNTS = ("total", "succeeded", "failed", "saved")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked, in words."""

    name: str
    text: str


QUESTIONS = (
    Question(name="Q1", text="a batch with 100 images of 12 fields"),
    Question(name="Q2", text="20 batches with counts and 4 images each"),
    Question(name="Q3", text="title and status of one batch"),
)


@dataclass(slots=True, kw_only=True)
class Reader:
    """A server with a kept connection, and its way of asking each question."""

    name: str
    service: Service
    connection: http.client.HTTPConnection
    headers: Mapping[str, str]
    requests: Mapping[str, Request]

    def ask(self, request: Request) -> bytes:
        """The answer's body; ends the program where it is none."""
        method, path, body = request
        self.connection.request(method, path, body, self.headers)
        response = self.connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise SystemExit(f"{self.name} answered {response.status}: {answer[:500]!r}")
        return answer

    def data(self, question: str) -> Any:
        """What is compared: an instant has many forms, and PostGraphile's counts lie elsewhere."""
        answer = json.loads(self.ask(self.requests[question]))
        if answer.get("errors") or not answer.get("data"):
            raise SystemExit(f"{self.name} answered {question} with {json.dumps(answer)[:500]}")
        return _plain(answer["data"])


def cold(batch: UUID, number: int) -> Request:
    """Q1 as a document that nobody has asked before, for this service."""
    return _post(GRAPHQL["Q1"].replace("name", f"n{number}: name", 1), batch)


@asynccontextmanager
async def opened_readers(
    filled: Million, user: UUID, batch: UUID, *, signing: bool, log: IO[bytes]
) -> AsyncIterator[list[Reader]]:
    """All four, on the same login, ready and told the same; and one more that parses and validates alone."""
    install(FOLDER / "postgraphile")
    async with AsyncExitStack() as stack:
        readers = []
        for name, program, command in _programs():
            settings = _settings(filled, name)
            service = await stack.enter_async_context(running(*command, program=program, log=log, **settings))
            readers.append(_reader(name, service, user, _requests(name, batch, signing=signing)))
        yield readers


def _programs() -> list[tuple[str, tuple[str | Path, ...], tuple[str, ...]]]:
    return [
        (FLOOR, (sys.executable, FOLDER / "floor.py"), ("serve",)),
        (OURS, (Path(sys.executable).with_name("batch-studio"),), ("serve", "--no-worker")),
        (POSTGRAPHILE, (NODE, FOLDER / "postgraphile/server.mjs"), ("serve",)),
        (STOCK, (sys.executable, FOLDER / "stock.py"), ("serve",)),
        (PARSER, (sys.executable, FOLDER / "parsing.py"), ("serve",)),
    ]


def _settings(filled: Million, name: str) -> dict[str, object]:
    settings: dict[str, object] = {
        "DATABASE_URL": filled.postgres.login_url,
        "BATCH_STUDIO_SIGNING_SECRET": SIGNING_SECRET,
        "BATCH_STUDIO_PUBLIC_URL": PUBLIC_URL,
        "BATCH_STUDIO_LOG_LEVEL": "info",
    }
    if name == POSTGRAPHILE:
        signer = Signer(SIGNING_SECRET.encode(), f"{PUBLIC_URL}/files/").parameters()
        settings["SIGNER"] = "{" + ",".join(f'"{part}"' for part in signer) + "}"
        settings["NODE_ENV"] = settings["GRAPHILE_ENV"] = "production"
        # As the service's own connections are; node-postgres has no other way to say so.
        settings["PGOPTIONS"] = "-c jit=off -c timezone=UTC"
    return settings


def _reader(name: str, service: Service, user: UUID, requests: Mapping[str, Request]) -> Reader:
    return Reader(
        name=name,
        service=service,
        connection=http.client.HTTPConnection(urlsplit(service.address).netloc, timeout=30),
        headers={"authorization": f"Bearer {service.token(user)}", "content-type": "application/json"},
        requests=requests,
    )


def _requests(name: str, batch: UUID, *, signing: bool) -> dict[str, Request]:
    if name == FLOOR:  # a route for each question; the body is that of the service's request
        return {
            question: ("POST", f"/{question}", _post(text, batch)[2]) for question, text in GRAPHQL.items()
        }
    if name == POSTGRAPHILE:
        url, thumbnail = ("signedUrl", "signedThumbnailUrl") if signing else ("url", "thumbnailUrl")
        return {
            question: _post(text.replace("URL", url).replace("THUMBNAIL", thumbnail), batch)
            for question, text in POSTGRAPHILE_GRAPHQL.items()
        }
    return {question: _post(text, batch) for question, text in GRAPHQL.items()}


def _post(document: str, batch: UUID) -> Request:
    variables = {"id": str(batch)} if "$id" in document else {}
    return "POST", "/graphql", json.dumps({"query": document, "variables": variables}).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    plain = {name: _plain(each) for name, each in value.items()}
    if "total" in plain and "title" in plain:
        plain["counts"] = {name: plain.pop(name) for name in COUNTS}
    if "createdAt" in plain:
        plain["createdAt"] = datetime.fromisoformat(plain["createdAt"]).isoformat()
    return plain
