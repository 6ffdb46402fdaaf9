"""What startBatch would do."""

from collections.abc import AsyncIterator, Callable
from typing import cast

import strawberry
from strawberry.scalars import JSON

from schema.payloads import UserError

__all__ = ["BatchPreview", "BatchPreviewItem"]


@strawberry.type(description="One image that startBatch would ask for.")
class BatchPreviewItem:
    position: int = strawberry.field(description="From 0, the batch's own order.")
    template_name: str = strawberry.field(description="The template's name.")
    prompt: str = strawberry.field(description="As it would be sent to the model, variables filled in.")
    model: str = strawberry.field(description="What would make it.")
    parameters: JSON = strawberry.field(
        description="The model's inputs: the batch's with the template's merged over them."
    )


@strawberry.type(description="What startBatch would do, or why it would not.")
class BatchPreview:
    total: int = strawberry.field(
        description=(
            "How many images there would be; 0 where it would be refused, or where the idempotency key has "
            "begun a batch with this very input before."
        )
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list,
        description=(
            "Empty when startBatch would accept the whole batch. A batch is accepted whole or refused, "
            "never cut."
        ),
    )
    each: strawberry.Private[Callable[[], AsyncIterator[BatchPreviewItem]]]

    @strawberry.field(description="Every image, in the batch's own order: as many as total says.")
    def items(self) -> list[BatchPreviewItem]:
        # graphql-core takes what comes bit by bit for a list as well, and lets others in between.
        return cast("list[BatchPreviewItem]", self.each())
