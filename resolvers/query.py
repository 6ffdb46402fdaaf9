"""Reading: every root field of Query. What lies in the database is read by db.reading.map."""

from typing import Annotated

import strawberry

from resolvers.context import Context
from resolvers.faults import unauthenticated
from resolvers.preview import preview_batch
from schema.collection import Collection
from schema.connections import After, Connection, First, asked_for
from schema.filters import BatchFilter, CollectionFilter, ImageFilter
from schema.history import Batch, Generation
from schema.image import Image
from schema.inputs import StartBatchInput
from schema.node import Node
from schema.preview import BatchPreview
from schema.viewer import Model, Viewer

__all__ = ["Query"]

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
    def node(self, id: Id) -> Node | None:
        asked_for()

    @strawberry.field(
        description=(
            "Null, never an error, for an id that is not the caller's to see: absent and forbidden "
            "look alike."
        )
    )
    def batch(self, id: Id) -> Batch | None:
        asked_for()

    @strawberry.field(description="Newest first, as in the History page.")
    def batches(
        self,
        first: First = 20,
        after: After = None,
        filter: Annotated[BatchFilter | None, strawberry.argument(description="Which of them.")] = None,
    ) -> Connection[Batch]:
        asked_for()

    @strawberry.field(description="Null for an id that is not the caller's to see.")
    def image(self, id: Id) -> Image | None:
        asked_for()

    @strawberry.field(
        description=(
            "The caller's images, newest first; within one batch (filter.batchId) in the batch's own order, "
            "oldest first."
        )
    )
    def images(
        self,
        first: First = 20,
        after: After = None,
        filter: Annotated[ImageFilter | None, strawberry.argument(description="Which of them.")] = None,
    ) -> Connection[Image]:
        asked_for()

    @strawberry.field(description="Null for an id that is not the caller's to see.")
    def generation(self, id: Id) -> Generation | None:
        asked_for()

    @strawberry.field(description="Null for an id that is not the caller's to see.")
    def collection(self, id: Id) -> Collection | None:
        asked_for()

    @strawberry.field(description="The caller's collections and the shared ones, by name.")
    def collections(
        self,
        first: First = 20,
        after: After = None,
        filter: Annotated[CollectionFilter | None, strawberry.argument(description="Which of them.")] = None,
    ) -> Connection[Collection]:
        asked_for()

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
