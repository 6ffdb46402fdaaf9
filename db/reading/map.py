"""The map of shapes: for each type of the API its table, and each field that is no column of its name."""

from collections.abc import Mapping
from typing import Any

from db.reading.shapes import Argument, Condition, Expression, Listed, One, Order, Pages, Part, Shape
from engine.cursors import read_position, read_text, read_time, read_uuid
from engine.ids import read_id

__all__ = ["PAGES", "SHAPES"]

ID_KEY = ("id", "uuid", read_uuid)
CREATED = ("created_at", "timestamptz", read_time)
POSITION = ("position", "integer", read_position)
NEWEST_FIRST = Order((CREATED, ID_KEY), descending=True)
BY_NAME = Order((("name", "text", read_text), ID_KEY))
BY_POSITION = Order((POSITION, ID_KEY))
BY_PLACE = Order((POSITION, CREATED, ID_KEY))
BY_BATCH = Order((("batch_id", "uuid", read_uuid), POSITION, ID_KEY))

ID = {"id": Argument("uuid", read_id)}
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


WIDTH = {"width": Argument("text", _suffix)}


def _names(values: list[Any]) -> list[str]:
    return [each.value for each in values]


STATUS = Condition("{its}.status = any({value})", Argument("text[]", _names))
FOUND = "coalesce({its}.words @@ (select studio.search_all({value})), true)"
OF_ANY = {
    "collectionId": Condition("{its}.collection_id = {value}", Argument("uuid", read_id)),
    "model": Condition("{its}.model = {value}", Argument("text")),
    "favorite": Condition("{its}.favorite = {value}", Argument("boolean")),
    "createdAfter": Condition("{its}.created_at > {value}", Argument("timestamptz")),
    "createdBefore": Condition("{its}.created_at < {value}", Argument("timestamptz")),
}
OF_BATCHES = OF_ANY | {
    "status": STATUS,
    "tags": Condition("{its}.tags @> {value}", Argument("text[]")),
    "search": Condition(
        "({its}.id in (select studio.batches_with({value}))"
        " or (select studio.search_words({value})) is null)",
        Argument("text"),
    ),
}
OF_IMAGES = OF_ANY | {
    "batchId": Condition("{its}.batch_id = {value}", Argument("uuid", read_id)),
    "standalone": Condition("({its}.batch_id is null) = {value}", Argument("boolean")),
    "search": Condition(FOUND, Argument("text")),
}
OF_COLLECTIONS = {
    "shared": Condition("{its}.shared = {value}", Argument("boolean")),
    "search": Condition(FOUND, Argument("text")),
}

SHAPES: Mapping[str, Shape] = {
    "Query": Shape(
        fields={
            "node": One(("Batch", "Image", "Generation", "Collection", "Template"), BY_ID, ID),
            "batch": One("Batch", BY_ID, ID),
            "batches": Pages("Batch", NEWEST_FIRST, OWN, OF_BATCHES, trash=True),
            "image": One("Image", BY_ID, ID),
            "images": Pages("Image", NEWEST_FIRST, OWN, OF_IMAGES, {"batchId": BY_PLACE}, trash=True),
            "generation": One("Generation", BY_ID, ID),
            "collection": One("Collection", BY_ID, ID),
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
            "collection": One("Collection", "{its}.id = {row}.collection_id"),
            "regeneratedFrom": One("Batch", "{its}.id = {row}.regenerated_from"),
            "generations": Pages("Generation", BY_POSITION, OF_BATCH, {"status": STATUS}),
            "images": Pages("Image", BY_PLACE, OF_BATCH, trash=True),
        },
    ),
    "BatchCounts": Shape(),
    "Generation": Shape(
        table="generations",
        fields={
            "batch": One("Batch", "{its}.id = {row}.batch_id"),
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
            "thumbnailUrl": Expression("studio.signed_address({row}.url || {width}, {signer})", WIDTH),
            "collection": One("Collection", "{its}.id = {row}.collection_id"),
            "batch": One("Batch", "{its}.id = {row}.batch_id"),
            "generation": One("Generation", "{its}.id = {row}.generation_id"),
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
}

PAGES = {
    f"{of}.{name}": source
    for of, shape in SHAPES.items()
    for name, source in shape.fields.items()
    if isinstance(source, Pages)
}
"""The connections by their place in the API, which their cursors carry."""
