"""What the types ask of the context: relations and pages, answered in resolvers."""

from typing import TYPE_CHECKING, Annotated, Protocol
from uuid import UUID

import strawberry

from schema.connections import Connection
from schema.words import GenerationStatus

if TYPE_CHECKING:
    from schema.collection import Collection, Template
    from schema.history import Batch, Generation
    from schema.image import Image

__all__ = ["After", "Asks", "First", "Info"]

First = Annotated[int | None, strawberry.argument(description="How many at most, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor after which the page begins.")]


class Asks(Protocol):
    """Whatever is not the caller's to see is None, or not in the list."""

    async def batch(self, id: UUID | None) -> "Batch | None": ...
    async def image(self, id: UUID | None) -> "Image | None": ...
    async def generation(self, id: UUID | None) -> "Generation | None": ...
    async def collection(self, id: UUID | None) -> "Collection | None": ...
    async def template(self, id: UUID | None) -> "Template | None": ...
    async def templates_of(self, collection_id: UUID) -> "list[Template]": ...
    async def images_of_generation(self, generation_id: UUID) -> "list[Image]": ...

    async def generations_of_batch(
        self,
        batch_id: UUID,
        *,
        first: int,
        after: str | None,
        status: list[GenerationStatus] | None,
    ) -> "Connection[Generation]": ...
    async def images_of_batch(
        self, batch_id: UUID, *, first: int, after: str | None
    ) -> "Connection[Image]": ...
    async def batches_of_collection(
        self, collection_id: UUID, *, first: int, after: str | None
    ) -> "Connection[Batch]": ...
    async def images_of_collection(
        self, collection_id: UUID, *, first: int, after: str | None
    ) -> "Connection[Image]": ...


Info = strawberry.Info[Asks, None]
