"""Collections and their templates."""

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

from schema.connections import Connection, paged
from schema.node import LazyBatch, LazyImage, Node

__all__ = ["Collection", "Template"]


@strawberry.type(description="One prompt of a collection.")
class Template(Node):
    name: str = strawberry.field(description="What the image will be called after.")
    prompt: str = strawberry.field(description="May hold {{variables}}.")
    model: str | None = strawberry.field(description="Overrides the batch's model.")
    parameters: JSON = strawberry.field(description="Merged over the batch's parameters.")
    position: int = strawberry.field(description="From 0, the collection's own order.")


@strawberry.type(description="A named, ordered set of prompt templates.")
class Collection(Node):
    name: str = strawberry.field(description="Its name.")
    description: str = strawberry.field(description="What it is for; may be empty.")
    shared: bool = strawberry.field(
        description="Shared collections are readable by everybody and editable by none of them."
    )
    created_at: datetime = strawberry.field(description="When it was made.")
    templates: list[Template] = strawberry.field(description="The prompts, in order.")
    batches: Connection[LazyBatch] = paged(20, "The caller's batches of this collection, newest first.")
    images: Connection[LazyImage] = paged(
        20, "Batch images of this collection, by batch and then by their place in it."
    )
