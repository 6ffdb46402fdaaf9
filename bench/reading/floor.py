"""The floor: three routes, a hand-written statement each; PostgreSQL builds the JSON, its bytes pass through.

Rows become JSON in one piece at the end, by row_to_json over an array of rows: of the ways to build it in
PostgreSQL the cheapest that was measured. Identity, sessions, middleware, log and counts are the service's.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
from hosting import House, host
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

BATCH_WITH_IMAGES = """
    select convert_to('{"data":{"batch":' || row_to_json(one)::text || '}}', 'UTF8')
    from (
        select b.id, b.title, list as images
        from batches b
        cross join lateral (
            select array(
                select image from (
                    select i.id, i.name, i.prompt, studio.signed_address(i.url, $2::text[]) as url,
                           studio.signed_address(i.url || '.400.webp', $2::text[]) as "thumbnailUrl",
                           i.placeholder, i.width, i.height, i.content_type as "contentType",
                           i.byte_size as "byteSize", i.favorite, i.created_at as "createdAt"
                    from images i
                    where i.user_id = (select studio.current_user_id())
                      and i.batch_id = b.id
                      and i.deleted_at is null
                    order by i.position, i.created_at, i.id
                    limit 100
                ) image
            ) as nodes
        ) list
        where b.id = $1
    ) one
"""
BATCHES = """
    select convert_to('{"data":{"batches":' || row_to_json(page)::text || '}}', 'UTF8')
    from (
        select array(
            select one from (
                select b.id, b.title, b.status, counts, b.created_at as "createdAt", list as images
                from batches b
                cross join lateral (select b.total, b.succeeded, b.failed, b.saved) counts
                cross join lateral (
                    select array(
                        select image from (
                            select i.id, i.name, studio.signed_address(i.url, $1::text[]) as url,
                                   studio.signed_address(i.url || '.400.webp', $1::text[]) as "thumbnailUrl"
                            from images i
                            where i.user_id = (select studio.current_user_id())
                              and i.batch_id = b.id
                              and i.deleted_at is null
                            order by i.position, i.created_at, i.id
                            limit 4
                        ) image
                    ) as nodes
                ) list
                where b.user_id = (select studio.current_user_id()) and b.deleted_at is null
                order by b.created_at desc, b.id desc
                limit 20
            ) one
        ) as nodes
    ) page
"""
BATCH = """
    select convert_to('{"data":{"batch":' || row_to_json(one)::text || '}}', 'UTF8')
    from (select title, status from batches where id = $1) one
"""


class Floor:
    """One statement a route."""

    def __init__(self, house: House) -> None:
        self.house = house

    async def batch_with_images(self, request: Request) -> Response:
        key, signer = await _id(request), self.house.signer.parameters()
        return await self._answer(request, "Q1", BATCH_WITH_IMAGES, key, signer)

    async def batches(self, request: Request) -> Response:
        return await self._answer(request, "Q2", BATCHES, self.house.signer.parameters())

    async def batch(self, request: Request) -> Response:
        return await self._answer(request, "Q3", BATCH, await _id(request))

    async def _answer(self, request: Request, name: str, statement: str, *parameters: Any) -> Response:
        viewer = await self.house.viewer(request, name)
        async with self.house.database.session(viewer) as session:
            body = await session.connection.fetchval(statement, *parameters)
        return Response(body, media_type="application/json")


async def _id(request: Request) -> UUID:
    """What the body asks for."""
    return UUID(orjson.loads(await request.body())["variables"]["id"])


def routes(house: House) -> Sequence[BaseRoute]:
    floor = Floor(house)
    return [
        Route("/Q1", floor.batch_with_images, methods=["POST"]),
        Route("/Q2", floor.batches, methods=["POST"]),
        Route("/Q3", floor.batch, methods=["POST"]),
    ]


if __name__ == "__main__":
    host(routes)
