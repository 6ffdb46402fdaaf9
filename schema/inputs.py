"""What a caller hands in."""

import strawberry
from strawberry.scalars import JSON

__all__ = [
    "CreateCollectionInput",
    "GenerateImageInput",
    "RegenerateBatchInput",
    "StartBatchInput",
    "TemplateInput",
]


@strawberry.input(description="A template written on the spot.")
class TemplateInput:
    name: str = strawberry.field(description="What the image will be called after.")
    prompt: str = strawberry.field(description="May hold {{variables}}.")
    model: str | None = strawberry.field(default=None, description="Overrides the batch's model.")
    parameters: JSON | None = strawberry.field(
        default=None, description="Merged over the batch's parameters."
    )


@strawberry.input(description="What a batch is made from.")
class StartBatchInput:
    idempotency_key: str | None = strawberry.field(
        default=None,
        description=(
            "The same key and input return the first answer again; the same key and another input "
            "are refused."
        ),
    )
    title: str | None = strawberry.field(
        default=None, description="By default the collection's name and the start time."
    )
    tags: list[str] | None = strawberry.field(default=None, description="Words to find it by.")
    collection_id: strawberry.ID | None = strawberry.field(
        default=None, description="A collection's templates, all of them or those in templateIds."
    )
    template_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Which of the collection's templates, in the collection's order."
    )
    templates: list[TemplateInput] | None = strawberry.field(
        default=None,
        description="Templates written on the spot, instead of or after the collection's.",
    )
    reference_url: str | None = strawberry.field(
        default=None, description="An https address of the reference image."
    )
    model: str | None = strawberry.field(
        default=None, description="One of models; by default the service's own choice."
    )
    parameters: JSON | None = strawberry.field(
        default=None,
        description='Model inputs for every image, for example {"aspect_ratio": "1:1"}.',
    )
    variables: JSON | None = strawberry.field(
        default=None,
        description="Values for {{variables}}; a list of values multiplies the batch by each.",
    )
    variants: int | None = strawberry.field(default=1, description="Images per template, 1 to 100.")


@strawberry.input(description="What a single image is made from.")
class GenerateImageInput:
    prompt: str = strawberry.field(description="As sent to the model.")
    idempotency_key: str | None = strawberry.field(
        default=None,
        description=(
            "The same key and input return the first answer again; the same key and another input "
            "are refused."
        ),
    )
    name: str | None = strawberry.field(default=None, description="By default the prompt's first words.")
    model: str | None = strawberry.field(
        default=None, description="One of models; by default the service's own choice."
    )
    reference_url: str | None = strawberry.field(
        default=None, description="An https address of the reference image."
    )
    collection_id: strawberry.ID | None = strawberry.field(
        default=None, description="A collection that the image belongs to."
    )
    parameters: JSON | None = strawberry.field(default=None, description="Model inputs.")


@strawberry.input(description="A batch to be made again; what is not named stays as it was.")
class RegenerateBatchInput:
    batch_id: strawberry.ID = strawberry.field(description="The batch to repeat.")
    generation_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Empty for the whole batch."
    )
    only_failed: bool | None = strawberry.field(
        default=False, description="Only what failed or was cancelled."
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description=(
            "The same key and input return the first answer again; the same key and another input "
            "are refused."
        ),
    )
    title: str | None = strawberry.field(default=None, description="By default the old one.")
    reference_url: str | None = strawberry.field(
        default=None, description="An https address of another reference image."
    )
    model: str | None = strawberry.field(default=None, description="Another model, for every image.")
    parameters: JSON | None = strawberry.field(
        default=None, description="Merged over the parameters of every image."
    )


@strawberry.input(description="A new collection.")
class CreateCollectionInput:
    name: str = strawberry.field(description="Its name.")
    description: str | None = strawberry.field(default=None, description="What it is for.")
    templates: list[TemplateInput] = strawberry.field(description="Its prompts, in order.")
