"""Writing collections: the root fields that create, change and delete them."""

from typing import Annotated

import strawberry

from engine.ids import read_id
from resolvers import collections
from resolvers.context import Context
from schema.inputs import CreateCollectionInput, UpdateCollectionInput
from schema.node import global_id, row
from schema.payloads import CollectionPayload, DeletePayload, user_errors

__all__ = ["CollectionMutation"]

Info = strawberry.Info[Context, None]


@strawberry.type(description="Writing collections.")
class CollectionMutation:
    @strawberry.mutation(description="A new collection of prompt templates, the caller's own.")
    async def create_collection(
        self,
        info: Info,
        input: Annotated[CreateCollectionInput, strawberry.argument(description="What it holds.")],
    ) -> CollectionPayload:
        outcome = await collections.create_collection(info.context, input)
        if isinstance(outcome, list):
            return CollectionPayload(user_errors=user_errors(outcome, "input"))
        return CollectionPayload(collection=row(outcome))

    @strawberry.mutation(
        description=(
            "Templates given here replace the collection's whole list. Batches keep the prompts that they "
            "were started with. A shared collection is refused with CONFLICT."
        )
    )
    async def update_collection(
        self,
        info: Info,
        input: Annotated[UpdateCollectionInput, strawberry.argument(description="What to change.")],
    ) -> CollectionPayload:
        refusals = await collections.update_collection(info.context, input)
        return CollectionPayload(
            collection=row(read_id(input.id)), user_errors=user_errors(refusals, "input")
        )

    @strawberry.mutation(
        description=(
            "For good. Batches and images made from it stay, with the prompts that they have. A shared "
            "collection is refused with CONFLICT."
        )
    )
    async def delete_collection(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The collection.")],
    ) -> DeletePayload:
        key = read_id(id)
        refusals = await collections.delete_collection(info.context, key)
        deleted = [global_id(key)] if key and not refusals else []
        return DeletePayload(deleted_ids=deleted, user_errors=user_errors(refusals))
