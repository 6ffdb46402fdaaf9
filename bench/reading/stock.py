"""Stock Strawberry over the same tables, as its documentation has it: types, resolvers, a dataloader.

The identity, the sessions, the log line and the counts are the service's; nothing is cached but tokens.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from uuid import UUID

import asyncpg
import strawberry
from hosting import House, host
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader

from engine.viewer import Viewer

SIGNED = """
    *, studio.signed_address(url, $2::text[]) as signed_url,
    studio.signed_address(url || '.400.webp', $2::text[]) as signed_thumbnail_url
"""
IMAGES_OF_BATCHES = f"""
    select {SIGNED} from unnest($1::uuid[]) as parent (id)
    cross join lateral (
        select * from images
        where user_id = (select studio.current_user_id()) and batch_id = parent.id and deleted_at is null
        order by position, created_at, id
        limit $3
    ) image
    order by batch_id, position, created_at, image.id
"""
BATCHES = """
    select * from batches
    where user_id = (select studio.current_user_id()) and deleted_at is null
    order by created_at desc, id desc
    limit $1
"""


@dataclass
class Context:
    """Of one request: who asks, and a loader for each length of a page."""

    house: House
    viewer: Viewer
    images: dict[int, DataLoader[UUID, list[asyncpg.Record]]] = field(default_factory=dict)

    async def rows(self, statement: str, *parameters: object) -> list[asyncpg.Record]:
        async with self.house.database.session(self.viewer) as session:
            return await session.connection.fetch(statement, *parameters)

    def images_of(self, first: int) -> DataLoader[UUID, list[asyncpg.Record]]:
        return self.images.setdefault(first, DataLoader(partial(self._load_images, first)))

    async def _load_images(self, first: int, keys: list[UUID]) -> list[list[asyncpg.Record]]:
        by_batch = defaultdict(list)
        for row in await self.rows(IMAGES_OF_BATCHES, keys, self.house.signer.parameters(), first):
            by_batch[row["batch_id"]].append(row)
        return [by_batch[key] for key in keys]


Info = strawberry.Info[Context, None]


@strawberry.type
class Image:
    id: strawberry.ID
    name: str
    prompt: str
    url: str
    thumbnail_url: str | None
    placeholder: str | None
    width: int | None
    height: int | None
    content_type: str | None
    byte_size: int | None
    favorite: bool
    created_at: datetime


@strawberry.type
class ImageConnection:
    nodes: list[Image]


@strawberry.type
class BatchCounts:
    total: int
    succeeded: int
    failed: int
    saved: int


@strawberry.type
class Batch:
    id: strawberry.ID
    title: str
    status: str
    counts: BatchCounts
    created_at: datetime
    key: strawberry.Private[UUID]

    @strawberry.field
    async def images(self, info: Info, first: int = 100) -> ImageConnection:
        rows = await info.context.images_of(first).load(self.key)
        return ImageConnection(nodes=[_image(row) for row in rows])


@strawberry.type
class BatchConnection:
    nodes: list[Batch]


@strawberry.type
class Query:
    @strawberry.field
    async def batch(self, info: Info, id: strawberry.ID) -> Batch | None:
        rows = await info.context.rows("select * from batches where id = $1", UUID(id))
        return _batch(rows[0]) if rows else None

    @strawberry.field
    async def batches(self, info: Info, first: int = 20) -> BatchConnection:
        return BatchConnection(nodes=[_batch(row) for row in await info.context.rows(BATCHES, first)])


def _batch(row: asyncpg.Record) -> Batch:
    counts = {name: row[name] for name in ("total", "succeeded", "failed", "saved")}
    return Batch(
        id=strawberry.ID(str(row["id"])),
        title=row["title"],
        status=row["status"],
        counts=BatchCounts(**counts),
        created_at=row["created_at"],
        key=row["id"],
    )


def _image(row: asyncpg.Record) -> Image:
    return Image(
        id=strawberry.ID(str(row["id"])),
        name=row["name"],
        prompt=row["prompt"],
        url=row["signed_url"],
        thumbnail_url=row["signed_thumbnail_url"],
        placeholder=row["placeholder"],
        width=row["width"],
        height=row["height"],
        content_type=row["content_type"],
        byte_size=row["byte_size"],
        favorite=row["favorite"],
        created_at=row["created_at"],
    )


class Endpoint(GraphQL[Context, None]):
    def __init__(self, house: House) -> None:
        super().__init__(strawberry.Schema(query=Query), graphql_ide=None)
        self.house = house

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        return Context(self.house, await self.house.viewer(request, "stock"))


def routes(house: House) -> Sequence[BaseRoute]:
    return [Route("/graphql", Endpoint(house))]


if __name__ == "__main__":
    host(routes)
