"""Reading: every root field of Query. What lies in the database is read by db.reading.map."""

from typing import Annotated

import strawberry

from resolvers.context import Context
from resolvers.faults import unauthenticated
from resolvers.preview import preview_batch
from schema.collection import Collection
from schema.connections import Connection, by_id, filtered
from schema.filters import BatchFilter, CollectionFilter, ImageFilter
from schema.history import Batch, Generation
from schema.image import Image
from schema.inputs import StartBatchInput
from schema.node import Node
from schema.preview import BatchPreview
from schema.viewer import Model, Viewer

__all__ = ["Query"]

Info = strawberry.Info[Context, None]


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

    node: Node | None = by_id("Whatever has this id; null where there is nothing to see.")
    batch: Batch | None = by_id(
        "Null, never an error, for an id that is not the caller's to see: absent and forbidden look alike."
    )
    batches: Connection[Batch] = filtered(BatchFilter, "Newest first, as in the History page.")
    image: Image | None = by_id("Null for an id that is not the caller's to see.")
    images: Connection[Image] = filtered(
        ImageFilter,
        "The caller's images, newest first; within one batch (filter.batchId) in the batch's own order, "
        "oldest first.",
    )
    generation: Generation | None = by_id("Null for an id that is not the caller's to see.")
    collection: Collection | None = by_id("Null for an id that is not the caller's to see.")
    collections: Connection[Collection] = filtered(
        CollectionFilter, "The caller's collections and the shared ones, by name."
    )

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
