"""The caller, and the models that can be asked for."""

from typing import Any, Protocol, cast

import strawberry
from strawberry.scalars import JSON

from engine.seams import Model as OfferedModel
from engine.viewer import Viewer as Caller

__all__ = ["Model", "Usage", "Viewer"]


@strawberry.type(description="What the caller may do at once and has in flight.")
class Usage:
    queued_generations: int = strawberry.field(
        description="Images that wait, for their turn or for the provider."
    )
    running_generations: int = strawberry.field(description="Images being made or being saved.")
    max_queued_generations: int = strawberry.field(
        description="How many may wait at once; what would be more is refused whole (LIMIT_REACHED)."
    )
    max_running_generations: int = strawberry.field(
        description="How many are made at once; the others wait for their turn."
    )


class AsksUsage(Protocol):
    """What a viewer asks of the context."""

    async def usage(self) -> Usage: ...


@strawberry.type(description="The caller, as the token says.")
class Viewer:
    id: strawberry.ID = strawberry.field(description="The user's UUID.")
    role: str = strawberry.field(description="The database role under which requests run.")

    @strawberry.field(description="What the caller has in flight, and how much that may be.")
    async def usage(self, info: strawberry.Info[AsksUsage, None]) -> Usage:
        return await info.context.usage()

    @classmethod
    def of(cls, caller: Caller) -> "Viewer":
        return cls(id=strawberry.ID(str(caller.user_id)), role=caller.role)


@strawberry.type(description="A model that can be asked for.")
class Model:
    name: str = strawberry.field(
        description="As in startBatch(model:), for example black-forest-labs/flux-schnell."
    )
    provider: str = strawberry.field(description="Who runs it.")
    reference_input: str | None = strawberry.field(
        description="The input that takes the reference image, or null where the model takes none."
    )
    input_schema: JSON | None = strawberry.field(
        description="The JSON Schema of its inputs, where the provider gives one."
    )

    @classmethod
    def of(cls, model: OfferedModel) -> "Model":
        return cls(
            name=model.name,
            provider=model.provider,
            reference_input=model.reference_input,
            input_schema=cast("Any", model.inputs),
        )
