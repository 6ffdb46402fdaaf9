"""What a caller hands in."""

from collections.abc import Mapping
from functools import cache
from typing import Any, NotRequired, TypedDict, TypeVar

import strawberry
from strawberry.scalars import JSON
from strawberry.types import get_object_definition
from strawberry.types.arguments import InputContext
from strawberry.utils.str_converters import to_snake_case

__all__ = [
    "CreateCollectionInput",
    "GenerateImageInput",
    "GivenTemplate",
    "RegenerateBatchInput",
    "StartBatchInput",
    "TemplateInput",
    "UpdateBatchInput",
    "UpdateCollectionInput",
    "UpdateImageInput",
]

Made = TypeVar("Made")


@strawberry.input(description="A template written on the spot.")
class TemplateInput:
    name: str = strawberry.field(description="What the image will be called after.")
    prompt: str = strawberry.field(description="May hold {{variables}}.")
    model: str | None = strawberry.field(default=None, description="Overrides the batch's model.")
    parameters: JSON | None = strawberry.field(
        default=None, description="Merged over the batch's parameters."
    )


class GivenTemplate(TypedDict):
    """A TemplateInput as it comes: there may be a thousand."""

    name: str
    prompt: str
    model: NotRequired[str | None]
    parameters: NotRequired[Any]


@strawberry.input(description="What a batch is made from.")
class StartBatchInput:
    idempotency_key: str | None = strawberry.field(
        default=None,
        description=(
            "The same key and input return the first batch again; the same key and another input are refused."
        ),
    )
    title: str | None = strawberry.field(
        default=None, description="By default the collection's name and the start time."
    )
    tags: list[str] | None = strawberry.field(
        default=None,
        description="Words to find it by: at most 50, each once whatever its case.",
    )
    collection_id: strawberry.ID | None = strawberry.field(
        default=None, description="A collection's templates, all of them or those in templateIds."
    )
    template_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Which of the collection's templates, in the collection's order."
    )
    templates: list[GivenTemplate] | None = strawberry.field(
        default=None,
        graphql_type=list[TemplateInput] | None,
        description="Templates written on the spot, instead of or after the collection's.",
    )
    reference_url: str | None = strawberry.field(
        default=None, description="An https address, or one from createReferenceUpload."
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
        default=None, description="An https address, or one from createReferenceUpload."
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
        default=None,
        description="Another reference image: an https address, or one from createReferenceUpload.",
    )
    model: str | None = strawberry.field(default=None, description="Another model, for every image.")
    parameters: JSON | None = strawberry.field(
        default=None, description="Merged over the parameters of every image."
    )


@strawberry.input(description="A new collection.")
class CreateCollectionInput:
    name: str = strawberry.field(description="Its name.")
    description: str | None = strawberry.field(default=None, description="What it is for.")
    templates: list[GivenTemplate] = strawberry.field(
        graphql_type=list[TemplateInput], description="Its prompts, in order."
    )


@strawberry.input(
    description="Another name, description or list; what is not named, or null, stays as it was."
)
class UpdateCollectionInput:
    id: strawberry.ID = strawberry.field(description="The collection.")
    name: str | None = strawberry.field(default=None, description="Its name.")
    description: str | None = strawberry.field(
        default=None, description="What it is for; an empty text for nothing."
    )
    templates: list[GivenTemplate] | None = strawberry.field(
        default=None,
        graphql_type=list[TemplateInput] | None,
        description="Its prompts, in order, in place of all that it has.",
    )


@strawberry.input(description="What is said of a batch; what is not named, or null, stays as it was.")
class UpdateBatchInput:
    id: strawberry.ID = strawberry.field(description="The batch.")
    title: str | None = strawberry.field(default=None, description="Its name in the history.")
    favorite: bool | None = strawberry.field(default=None, description="Whether it is marked.")
    tags: list[str] | None = strawberry.field(
        default=None, description="All its tags, in place of those that it has; an empty list for none."
    )


@strawberry.input(description="What is said of an image; what is not named, or null, stays as it was.")
class UpdateImageInput:
    id: strawberry.ID = strawberry.field(description="The image.")
    name: str | None = strawberry.field(default=None, description="Its name in the history.")
    favorite: bool | None = strawberry.field(default=None, description="Whether it is marked.")


def _with_templates(kind: type[Made], given: Mapping[str, Any], _: InputContext) -> Made:
    """The input as Strawberry would make it, which asks of each value what it is: 50 ms for 1,000 templates.

    Nothing needs to be made into anything: graphql-core has checked all values already.
    """
    return kind(**{_python_name(name): value for name, value in given.items()})


_python_name = cache(to_snake_case)


for each in (StartBatchInput, CreateCollectionInput, UpdateCollectionInput):
    get_object_definition(each, strict=True).from_input = _with_templates
