"""Images: what was kept."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from schema.asks import Info
from schema.node import Node, Row, global_id

if TYPE_CHECKING:
    from schema.collection import Collection
    from schema.history import Batch, Generation

__all__ = ["Image"]

LazyBatch = Annotated["Batch", strawberry.lazy("schema.history")]
LazyCollection = Annotated["Collection", strawberry.lazy("schema.collection")]
LazyGeneration = Annotated["Generation", strawberry.lazy("schema.history")]
THUMBNAIL_WIDTHS = (200, 400, 800)


@strawberry.type(description="An image in the history: a row of the images table.")
class Image(Node):
    name: str = strawberry.field(description='"{collection} - {template}" for a batch\'s image.')
    prompt: str = strawberry.field(description="As sent to the model.")
    url: str = strawberry.field(
        description=(
            "A durable address, signed, good for one to two hours and the same for every answer "
            "within the hour."
        )
    )
    placeholder: str | None = strawberry.field(
        description="ThumbHash, base64: what to paint until the thumbnail is here."
    )
    width: int | None = strawberry.field(description="In pixels.")
    height: int | None = strawberry.field(description="In pixels.")
    content_type: str | None = strawberry.field(description="As found by decoding it.")
    byte_size: int | None = strawberry.field(description="Of the file.")
    reference_url: str | None = strawberry.field(description="The reference image, as given.")
    model: str = strawberry.field(description="What made it.")
    parameters: JSON = strawberry.field(description="The model's inputs, the seed included.")
    favorite: bool = strawberry.field(description="Marked by its owner.")
    created_at: datetime = strawberry.field(description="When it was saved.")
    deleted_at: datetime | None = strawberry.field(
        description="When it was put into the trash; null outside it."
    )
    thumbnails: strawberry.Private[list[str]]
    collection_id: strawberry.Private[UUID | None]
    batch_id: strawberry.Private[UUID | None]
    generation_id: strawberry.Private[UUID | None]

    @strawberry.field(
        description=(
            "A smaller copy, at most 200, 400 or 800 wide (the next one up), keeping the aspect ratio. "
            "Made on its first request where it is not there yet; null only for a picture that cannot "
            "be made smaller."
        )
    )
    def thumbnail_url(
        self,
        width: Annotated[
            int | None, strawberry.argument(description="How wide it will be shown, in pixels.")
        ] = 400,
    ) -> str | None:
        wide_enough = [at for at, each in enumerate(THUMBNAIL_WIDTHS) if each >= (width or 400)]
        return self.thumbnails[wide_enough[0] if wide_enough else -1]

    @strawberry.field(description="Where its template came from.")
    async def collection(self, info: Info) -> LazyCollection | None:
        return await info.context.collection(self.collection_id)

    @strawberry.field(description="Null for an image that was not made by a batch.")
    async def batch(self, info: Info) -> LazyBatch | None:
        return await info.context.batch(self.batch_id)

    @strawberry.field(description="The making of it.")
    async def generation(self, info: Info) -> LazyGeneration | None:
        return await info.context.generation(self.generation_id)

    @classmethod
    def of(cls, row: Row) -> Self:
        return cls(
            id=global_id(row["id"]),
            name=row["name"],
            prompt=row["prompt"],
            url=row["signed_url"],
            placeholder=row["placeholder"],
            width=row["width"],
            height=row["height"],
            content_type=row["content_type"],
            byte_size=row["byte_size"],
            reference_url=row["reference_url"],
            model=row["model"],
            parameters=row["parameters"],
            favorite=row["favorite"],
            created_at=row["created_at"],
            deleted_at=row["deleted_at"],
            thumbnails=row["thumbnails"],
            collection_id=row["collection_id"],
            batch_id=row["batch_id"],
            generation_id=row["generation_id"],
        )
