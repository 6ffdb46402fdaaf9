"""Collections and their templates."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from schema.asks import After, First, Info
from schema.connections import Connection
from schema.node import Node, Row, global_id

if TYPE_CHECKING:
    from schema.history import Batch
    from schema.image import Image

__all__ = ["Collection", "Template"]

LazyBatch = Annotated["Batch", strawberry.lazy("schema.history")]
LazyImage = Annotated["Image", strawberry.lazy("schema.image")]


@strawberry.type(description="One prompt of a collection.")
class Template(Node):
    name: str = strawberry.field(description="What the image will be called after.")
    prompt: str = strawberry.field(description="May hold {{variables}}.")
    model: str | None = strawberry.field(description="Overrides the batch's model.")
    parameters: JSON = strawberry.field(description="Merged over the batch's parameters.")
    position: int = strawberry.field(description="From 0, the collection's own order.")

    @classmethod
    def of(cls, row: Row) -> Self:
        return cls(
            id=global_id(row["id"]),
            name=row["name"],
            prompt=row["prompt"],
            model=row["model"],
            parameters=row["parameters"],
            position=row["position"],
        )


@strawberry.type(description="A named, ordered set of prompt templates.")
class Collection(Node):
    name: str = strawberry.field(description="Its name.")
    description: str = strawberry.field(description="What it is for; may be empty.")
    shared: bool = strawberry.field(
        description="Shared collections are readable by everybody and editable by none of them."
    )
    created_at: datetime = strawberry.field(description="When it was made.")
    key: strawberry.Private[UUID]

    @strawberry.field(description="The prompts, in order.")
    async def templates(self, info: Info) -> list[Template]:
        return await info.context.templates_of(self.key)

    @strawberry.field(description="The caller's batches of this collection, newest first.")
    async def batches(self, info: Info, first: First = 20, after: After = None) -> Connection[LazyBatch]:
        return await info.context.batches_of_collection(self.key, first=first or 20, after=after)

    @strawberry.field(description="Batch images of this collection, by batch and then by their place in it.")
    async def images(self, info: Info, first: First = 20, after: After = None) -> Connection[LazyImage]:
        return await info.context.images_of_collection(self.key, first=first or 20, after=after)

    @classmethod
    def of(cls, row: Row) -> Self:
        return cls(
            id=global_id(row["id"]),
            name=row["name"],
            description=row["description"],
            shared=row["shared"],
            created_at=row["created_at"],
            key=row["id"],
        )
