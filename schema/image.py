"""Images: what was kept."""

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from schema.connections import asked_for
from schema.node import LazyBatch, LazyCollection, LazyGeneration, Node

__all__ = ["Image"]


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
    reference_url: str | None = strawberry.field(
        description="The reference image: a signed address of the copy that is kept of it."
    )
    model: str = strawberry.field(description="What made it.")
    parameters: JSON = strawberry.field(description="The model's inputs, the seed included.")
    favorite: bool = strawberry.field(description="Marked by its owner.")
    created_at: datetime = strawberry.field(description="When it was saved.")
    deleted_at: datetime | None = strawberry.field(
        description="When it was put into the trash; null outside it."
    )
    collection: LazyCollection | None = strawberry.field(description="Where its template came from.")
    batch: LazyBatch | None = strawberry.field(description="Null for an image that was not made by a batch.")
    generation: LazyGeneration | None = strawberry.field(description="The making of it.")

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
        asked_for()
