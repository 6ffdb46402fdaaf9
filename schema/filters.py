"""What narrows a list: all that is given has to hold, and null counts as not given."""

from datetime import datetime

import strawberry

from schema.words import BatchStatus

__all__ = ["BatchFilter", "CollectionFilter", "ImageFilter"]

WORDS = "Each has to be there, whole or its beginning."
TRASH = "True for the trash alone; it is left out otherwise."


@strawberry.input(description="Which batches. All that is given has to hold.")
class BatchFilter:
    status: list[BatchStatus] | None = strawberry.field(default=None, description="In one of these states.")
    collection_id: strawberry.ID | None = strawberry.field(default=None, description="Of this collection.")
    search: str | None = strawberry.field(
        default=None, description=f"Words in the title, the prompts or the collection's name. {WORDS}"
    )
    model: str | None = strawberry.field(default=None, description="The batch's own model.")
    tags: list[str] | None = strawberry.field(default=None, description="With all of these tags.")
    favorite: bool | None = strawberry.field(default=None, description="Marked by its owner, or not.")
    created_after: datetime | None = strawberry.field(
        default=None, description="Accepted after this instant."
    )
    created_before: datetime | None = strawberry.field(
        default=None, description="Accepted before this instant."
    )
    deleted: bool | None = strawberry.field(default=None, description=TRASH)


@strawberry.input(description="Which images. All that is given has to hold.")
class ImageFilter:
    batch_id: strawberry.ID | None = strawberry.field(
        default=None, description="Of this batch, and then in its own order, oldest first."
    )
    collection_id: strawberry.ID | None = strawberry.field(default=None, description="Of this collection.")
    standalone: bool | None = strawberry.field(
        default=None, description="Only images of no batch (true) or only images of one (false)."
    )
    search: str | None = strawberry.field(
        default=None, description=f"Words in the name or the prompt. {WORDS}"
    )
    model: str | None = strawberry.field(default=None, description="Made by this model.")
    favorite: bool | None = strawberry.field(default=None, description="Marked by its owner, or not.")
    created_after: datetime | None = strawberry.field(default=None, description="Saved after this instant.")
    created_before: datetime | None = strawberry.field(default=None, description="Saved before this instant.")
    deleted: bool | None = strawberry.field(default=None, description=TRASH)


@strawberry.input(description="Which collections. All that is given has to hold.")
class CollectionFilter:
    search: str | None = strawberry.field(
        default=None, description=f"Words in the name or the description. {WORDS}"
    )
    shared: bool | None = strawberry.field(
        default=None, description="Only the shared ones, or only the caller's own."
    )
