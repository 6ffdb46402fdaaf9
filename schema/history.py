"""Batches and generations: what was asked for, and how it goes."""

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from schema.connections import After, Connection, First, asked_for, paged
from schema.node import LazyCollection, LazyImage, Node
from schema.words import BatchStatus, GenerationErrorCode, GenerationStatus

__all__ = ["Batch", "BatchCounts", "Generation", "GenerationError"]


@strawberry.type(description="How many of a batch's generations are in which state.")
class BatchCounts:
    total: int = strawberry.field(description="All of them.")
    queued: int = strawberry.field(description="Waiting, for their turn or for the provider.")
    running: int = strawberry.field(description="Being made or being saved.")
    succeeded: int = strawberry.field(description="Made and stored.")
    failed: int = strawberry.field(description="Ended without an image.")
    canceled: int = strawberry.field(description="Cancelled.")
    saved: int = strawberry.field(description="Succeeded and stored in the history.")


@strawberry.type(description="One startBatch: every image asked for at once, under one batch id.")
class Batch(Node):
    title: str = strawberry.field(
        description="Given by the caller, or the collection's name and the start time."
    )
    status: BatchStatus = strawberry.field(description="Where it stands.")
    counts: BatchCounts = strawberry.field(description="How many images are in which state.")
    model: str = strawberry.field(description="What makes the images, where no template says otherwise.")
    reference_url: str | None = strawberry.field(
        description=(
            "The reference image: a signed address of the copy that is kept of it; before there is one, the "
            "address as given."
        )
    )
    parameters: JSON = strawberry.field(description="Model inputs for every image.")
    variables: JSON = strawberry.field(description="Values that were filled into the prompts.")
    favorite: bool = strawberry.field(description="Marked by its owner.")
    tags: list[str] = strawberry.field(description="Its owner's words for it.")
    cursor: str = strawberry.field(
        description=(
            "Cursor of the newest change: hand it to batchResults(after:) to go on from this very state."
        )
    )
    download_url: str = strawberry.field(
        description="Everything saved so far as one zip with a manifest: a signed address."
    )
    created_at: datetime = strawberry.field(description="When it was accepted.")
    started_at: datetime | None = strawberry.field(description="When its first image began.")
    finished_at: datetime | None = strawberry.field(
        description="When every image had ended and every save was settled."
    )
    deleted_at: datetime | None = strawberry.field(
        description="When it was put into the trash; null outside it."
    )
    collection: LazyCollection | None = strawberry.field(description="Where its templates came from.")
    regenerated_from: "Batch | None" = strawberry.field(
        description="The batch that this one repeats, after regenerateBatch."
    )

    @strawberry.field(description="All the work items, in the batch's own order, finished or not.")
    def generations(
        self,
        first: First = 100,
        after: After = None,
        status: Annotated[
            list[GenerationStatus] | None,
            strawberry.argument(description="Only those in one of these states."),
        ] = None,
    ) -> Connection["Generation"]:
        asked_for()

    images: Connection[LazyImage] = paged(
        100, "The saved images, in the batch's own order (created_at ascending within a position)."
    )


@strawberry.type(description="Why a generation failed or waits.")
class GenerationError:
    code: GenerationErrorCode = strawberry.field(description="For a program.")
    message: str = strawberry.field(
        description="Fit for a person; never a stack trace, a secret or an internal address."
    )
    retryable: bool = strawberry.field(description="Whether a retry may succeed.")
    retry_at: datetime | None = strawberry.field(description="When it is tried again by itself.")


@strawberry.type(
    description=("The making of one image: one model run for one template, in a batch or on its own.")
)
class Generation(Node):
    position: int = strawberry.field(description="From 0, the batch's own order.")
    template_id: strawberry.ID | None = strawberry.field(
        description="The template it came from; null for one written on the spot."
    )
    template_name: str = strawberry.field(description="The template's name at the start.")
    prompt: str = strawberry.field(description="As sent to the model, variables filled in.")
    model: str = strawberry.field(description="What makes it.")
    status: GenerationStatus = strawberry.field(description="Where it stands.")
    progress: float | None = strawberry.field(description="0 to 1 where the provider reports it.")
    attempts: int = strawberry.field(
        description=(
            "How often the provider was asked. More than 1 only after a failure that cost nothing, "
            "or a retry asked for."
        )
    )
    error: GenerationError | None = strawberry.field(description="Why it failed or waits.")
    image_url: str | None = strawberry.field(
        description="Where the image can be fetched now: the durable copy once there is one."
    )
    saved: bool = strawberry.field(description="True once the image is in the caller's history.")
    image_record_id: strawberry.ID | None = strawberry.field(
        description="The id of the first saved image, for what reads one image per result."
    )
    created_at: datetime = strawberry.field(description="When it was asked for.")
    started_at: datetime | None = strawberry.field(description="When it first began.")
    finished_at: datetime | None = strawberry.field(description="When it ended.")
    batch: Batch | None = strawberry.field(description="Null for a single generation (generateImage).")
    images: list[LazyImage] = strawberry.field(description="Every output that the model gave, as saved.")
