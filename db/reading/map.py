"""The map of shapes: for each type of the API its table, and each field that is no column of its name."""

from collections.abc import Callable, Mapping
from typing import Any

from db.reading.shapes import Expression, Listed, One, Order, Pages, Part, Shape, Source
from engine.cursors import read_position, read_text, read_time, read_uuid
from engine.ids import is_id

__all__ = ["PAGES", "READERS", "SHAPES"]

ID_KEY = ("id", read_uuid)
CREATED = ("created_at", read_time)
POSITION = ("position", read_position)
NEWEST_FIRST = Order((CREATED, ID_KEY), descending=True)
BY_NAME = Order((("name", read_text), ID_KEY))
BY_POSITION = Order((POSITION, ID_KEY))
BY_PLACE = Order((POSITION, CREATED, ID_KEY))
BY_BATCH = Order((("batch_id", read_uuid), POSITION, ID_KEY))

BY_ID = "{its}.id = {id}"
OWN = "{its}.user_id = (select studio.current_user_id())"
"""Beside the policy that demands it anyway, so that the planner begins at the user's part of an index."""
OF_BATCH = "{its}.user_id = {row}.user_id and {its}.batch_id = {row}.id"
OF_GENERATION = "{its}.user_id = {row}.user_id and {its}.generation_id = {row}.id"
OF_COLLECTION = f"{OWN} and {{its}}.collection_id = {{row}}.id"

THUMBNAIL_WIDTHS = (200, 400, 800)


def _suffix(width: int) -> str:
    """The copy's: the next one up, or the largest there is."""
    wide_enough = (each for each in THUMBNAIL_WIDTHS if each >= (width or 400))
    return f".{next(wide_enough, THUMBNAIL_WIDTHS[-1])}.webp"


def _id(text: str) -> str | None:
    """As PostgreSQL reads it itself; null for what no row's id is."""
    return text if is_id(text) else None


def _names(values: list[Any]) -> list[str]:
    return [each.value for each in values]


READERS: Mapping[str, Callable[[Any], Any]] = {
    "id": _id,
    "batchId": _id,
    "collectionId": _id,
    "status": _names,
    "width": _suffix,
}
"""What is made of an argument, or a field of the argument `filter`, before it becomes a parameter."""

STATUS = "{its}.status = any({status})"
FOUND = "coalesce({its}.words @@ (select studio.search_all({search})), true)"
OF_ANY = {
    "collectionId": "{its}.collection_id = {collectionId}",
    "model": "{its}.model = {model}",
    "favorite": "{its}.favorite = {favorite}",
    "createdAfter": "{its}.created_at > {createdAfter}",
    "createdBefore": "{its}.created_at < {createdBefore}",
}
OF_BATCHES = OF_ANY | {
    "status": STATUS,
    "tags": "{its}.tags @> {tags}",
    "search": (
        "({its}.id in (select studio.batches_with({search}))"
        " or (select studio.search_words({search})) is null)"
    ),
}
OF_IMAGES = OF_ANY | {
    "batchId": "{its}.batch_id = {batchId}",
    "standalone": "({its}.batch_id is null) = {standalone}",
    "search": FOUND,
}
OF_COLLECTIONS = {"shared": "{its}.shared = {shared}", "search": FOUND}

CURSOR = Expression("studio.cursor(json_build_array({batch}::uuid, {row}.seq))")
OF_UPDATE: Mapping[str, Source] = {
    "batch": One("{its}.id = {batch}"),
    "generation": Part("Generation", when="{row}.id is not null"),
}

SHAPES: Mapping[str, Shape] = {
    "Query": Shape(
        fields={
            "node": One(BY_ID),
            "batch": One(BY_ID),
            "batches": Pages("Batch", NEWEST_FIRST, OWN, OF_BATCHES, trash=True),
            "image": One(BY_ID),
            "images": Pages("Image", NEWEST_FIRST, OWN, OF_IMAGES, {"batchId": BY_PLACE}, trash=True),
            "generation": One(BY_ID),
            "collection": One(BY_ID),
            "collections": Pages("Collection", BY_NAME, "true", OF_COLLECTIONS),
        }
    ),
    "Batch": Shape(
        table="batches",
        fields={
            "counts": Part("BatchCounts"),
            "cursor": Expression("studio.cursor(json_build_array({row}.id, {row}.seq))"),
            "referenceUrl": Expression(
                "studio.reference_address(coalesce({row}.reference_key, {row}.reference_url), {signer})"
            ),
            "downloadUrl": Expression("studio.download_address({row}.id, {row}.user_id, {signer})"),
            "collection": One("{its}.id = {row}.collection_id"),
            "regeneratedFrom": One("{its}.id = {row}.regenerated_from"),
            "generations": Pages("Generation", BY_POSITION, OF_BATCH, {"status": STATUS}),
            "images": Pages("Image", BY_PLACE, OF_BATCH, trash=True),
        },
    ),
    "BatchCounts": Shape(),
    "Generation": Shape(
        table="generations",
        fields={
            "batch": One("{its}.id = {row}.batch_id"),
            "error": Part("GenerationError", when="{row}.error_code is not null"),
            "imageUrl": Expression("studio.signed_address({row}.outputs[1], {signer})"),
            "imageRecordId": Expression(
                "(select id from images"
                " where generation_id = {row}.id and user_id = {row}.user_id and output = 0)"
            ),
            "images": Listed("Image", f"{OF_GENERATION} and {{its}}.deleted_at is null", order="output"),
        },
    ),
    "GenerationError": Shape(
        fields={
            "code": Expression("{row}.error_code"),
            "message": Expression("{row}.error_message"),
            "retryable": Expression("{row}.error_retryable"),
        }
    ),
    "Image": Shape(
        table="images",
        fields={
            "url": Expression("studio.signed_address({row}.url, {signer})"),
            "referenceUrl": Expression("studio.reference_address({row}.reference_url, {signer})"),
            "thumbnailUrl": Expression("studio.signed_address({row}.url || {width}, {signer})"),
            "collection": One("{its}.id = {row}.collection_id"),
            "batch": One("{its}.id = {row}.batch_id"),
            "generation": One("{its}.id = {row}.generation_id"),
        },
    ),
    "Collection": Shape(
        table="collections",
        fields={
            "templates": Listed("Template", "{its}.collection_id = {row}.id", order="position, id"),
            "batches": Pages("Batch", NEWEST_FIRST, OF_COLLECTION, trash=True),
            "images": Pages(
                "Image", BY_BATCH, f"{OF_COLLECTION} and {{its}}.batch_id is not null", trash=True
            ),
        },
    ),
    "Template": Shape(table="templates"),
    "BatchUpdate": Shape(table="generations", fields={**OF_UPDATE, "cursor": CURSOR}),
    "HistoryUpdate": Shape(table="generations", fields=OF_UPDATE),
}

PAGES = {
    f"{of}.{name}": source
    for of, shape in SHAPES.items()
    for name, source in shape.fields.items()
    if isinstance(source, Pages)
}
"""The connections by their place in the API, which their cursors carry."""
