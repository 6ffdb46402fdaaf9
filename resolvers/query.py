"""Reading: every root field of Query."""

from collections.abc import Callable
from typing import Annotated, TypeVar

import strawberry

from resolvers.context import Context
from resolvers.faults import unauthenticated
from resolvers.pages import BATCHES, COLLECTIONS, IMAGES, Listing, connection
from resolvers.preview import preview_batch
from schema.asks import After, First
from schema.collection import Collection
from schema.connections import Connection
from schema.history import Batch, Generation
from schema.image import Image
from schema.inputs import StartBatchInput
from schema.node import Node, Row, read_id
from schema.preview import BatchPreview
from schema.viewer import Model, Viewer

__all__ = ["Query"]

T = TypeVar("T")
Info = strawberry.Info[Context, None]
Id = Annotated[strawberry.ID, strawberry.argument(description="The row's UUID.")]


@strawberry.type(description="Reading. What is not the caller's to see does not exist.")
class Query:
    @strawberry.field(
        description=(
            "The caller, as the token says. An error with code UNAUTHENTICATED for a caller without one."
        )
    )
    def viewer(self, info: Info) -> Viewer:
        if info.context.viewer.user_id is None:
            raise unauthenticated()
        return Viewer.of(info.context.viewer)

    @strawberry.field(description="Whatever has this id; null where there is nothing to see.")
    async def node(self, info: Info, id: Id) -> Node | None:
        key = read_id(id)
        context = info.context
        for look in (
            context.batch,
            context.image,
            context.generation,
            context.collection,
            context.template,
        ):
            found: Node | None = await look(key)
            if found is not None:
                return found
        return None

    @strawberry.field(
        description=(
            "Null, never an error, for an id that is not the caller's to see: absent and forbidden "
            "look alike."
        )
    )
    async def batch(self, info: Info, id: Id) -> Batch | None:
        return await info.context.batch(read_id(id))

    @strawberry.field(description="Newest first, as in the History page.")
    async def batches(self, info: Info, first: First = 20, after: After = None) -> Connection[Batch]:
        return await _page(info, BATCHES, Batch.of, first=first or 20, after=after)

    @strawberry.field(description="Null for an id that is not the caller's to see.")
    async def image(self, info: Info, id: Id) -> Image | None:
        return await info.context.image(read_id(id))

    @strawberry.field(description="The caller's images, newest first.")
    async def images(self, info: Info, first: First = 20, after: After = None) -> Connection[Image]:
        return await _page(info, IMAGES, Image.of, first=first or 20, after=after)

    @strawberry.field(description="Null for an id that is not the caller's to see.")
    async def generation(self, info: Info, id: Id) -> Generation | None:
        return await info.context.generation(read_id(id))

    @strawberry.field(description="Null for an id that is not the caller's to see.")
    async def collection(self, info: Info, id: Id) -> Collection | None:
        return await info.context.collection(read_id(id))

    @strawberry.field(description="The caller's collections and the shared ones, by name.")
    async def collections(self, info: Info, first: First = 20, after: After = None) -> Connection[Collection]:
        return await _page(info, COLLECTIONS, Collection.of, first=first or 20, after=after)

    @strawberry.field(
        description=(
            "What startBatch would do, and nothing done: the rendered prompts, counts, refusals. One request "
            "may preview one largest batch in all."
        )
    )
    async def preview_batch(
        self,
        info: Info,
        input: Annotated[StartBatchInput, strawberry.argument(description="What startBatch would be asked.")],
    ) -> BatchPreview:
        return await preview_batch(info.context, input)

    @strawberry.field(
        description=(
            "The models that can be asked for, with the JSON Schema of their inputs where the "
            "provider gives one."
        )
    )
    def models(self, info: Info) -> list[Model]:
        return [Model.of(model) for model in info.context.services.models]


async def _page(
    info: Info, listing: Listing, of: Callable[[Row], T], *, first: int, after: str | None
) -> Connection[T]:
    context = info.context
    signer = [context.services.signer()] if listing.signed else []
    async with context.session() as session:
        rows = await session.rows(listing.pages, *listing.bounds(after), first + 1, *signer)

    async def count() -> int:
        async with context.session() as session:
            return int(await session.value(listing.counts))

    return connection(rows, listing=listing, first=first, after=after, of=of, count=count)
