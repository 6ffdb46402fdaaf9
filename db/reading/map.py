"""The map of shapes: for each type of the API its table, and each field that is no column of its name."""

from collections.abc import Mapping
from typing import Any

from db.reading.shapes import (
    Argument,
    Condition,
    Either,
    Expression,
    Listed,
    One,
    Order,
    Pages,
    Part,
    Shape,
)
from engine.cursors import read_position, read_text, read_time, read_uuid
from engine.ids import read_id

__all__ = ["PAGES", "SHAPES"]

NEWEST_FIRST = Order((("created_at", "timestamptz", read_time), ("id", "uuid", read_uuid)), descending=True)
BY_NAME = Order((("name", "text", read_text), ("id", "uuid", read_uuid)))
BY_POSITION = Order((("position", "integer", read_position), ("id", "uuid", read_uuid)))
BY_PLACE = Order(
    (
        ("position", "integer", read_position),
        ("created_at", "timestamptz", read_time),
        ("id", "uuid", read_uuid),
    )
)
BY_BATCH = Order(
    (("batch_id", "uuid", read_uuid), ("position", "integer", read_position), ("id", "uuid", read_uuid))
)

ID = {"id": Argument("uuid", read_id)}
BY_ID = "{its}.id = {id}"
OWN = "{its}.user_id = (select studio.current_user_id())"
"""Beside the policy that demands it anyway, so that the planner begins at the user's part of an index."""
OF_BATCH = "{its}.user_id = {row}.user_id and {its}.batch_id = {row}.id"
OF_COLLECTION = f"{OWN} and {{its}}.collection_id = {{row}}.id"

THUMBNAIL_WIDTHS = (200, 400, 800)


def _suffix(width: int) -> str:
    """The copy's: the next one up, or the largest there is."""
    return (
        f".{next((each for each in THUMBNAIL_WIDTHS if each >= (width or 400)), THUMBNAIL_WIDTHS[-1])}.webp"
    )


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
            "node": Either(("Batch", "Image", "Generation", "Collection", "Template"), BY_ID, ID),
            "batch": One("Batch", BY_ID, ID),
            "batches": Pages(
                name="Query.batches",
                of="Batch",
                where=OWN,
                order=NEWEST_FIRST,
                conditions=OF_BATCHES,
                trash=True,
            ),
            "image": One("Image", BY_ID, ID),
            "images": Pages(
                name="Query.images",
                of="Image",
                where=OWN,
                order=NEWEST_FIRST,
                orders={"batchId": BY_PLACE},
                conditions=OF_IMAGES,
                trash=True,
            ),
            "generation": One("Generation", BY_ID, ID),
            "collection": One("Collection", BY_ID, ID),
            "collections": Pages(
                name="Query.collections", of="Collection", order=BY_NAME, conditions=OF_COLLECTIONS
            ),
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
            "generations": Pages(
                name="Batch.generations",
                of="Generation",
                where=OF_BATCH,
                order=BY_POSITION,
                conditions={"status": STATUS},
            ),
            "images": Pages(name="Batch.images", of="Image", where=OF_BATCH, order=BY_PLACE, trash=True),
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
            "images": Listed(
                "Image",
                "{its}.generation_id = {row}.id and {its}.user_id = {row}.user_id"
                " and {its}.deleted_at is null",
                order="output",
            ),
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
            "thumbnailUrl": Expression(
                "studio.signed_address({row}.url || {width}, {signer})", {"width": Argument("text", _suffix)}
            ),
            "collection": One("Collection", "{its}.id = {row}.collection_id"),
            "batch": One("Batch", "{its}.id = {row}.batch_id"),
            "generation": One("Generation", "{its}.id = {row}.generation_id"),
        },
    ),
    "Collection": Shape(
        table="collections",
        fields={
            "templates": Listed("Template", "{its}.collection_id = {row}.id", order="position, id"),
            "batches": Pages(
                name="Collection.batches",
                of="Batch",
                where=OF_COLLECTION,
                order=NEWEST_FIRST,
                trash=True,
            ),
            "images": Pages(
                name="Collection.images",
                of="Image",
                where=f"{OF_COLLECTION} and {{its}}.batch_id is not null",
                order=BY_BATCH,
                trash=True,
            ),
        },
    ),
    "Template": Shape(table="templates"),
}

PAGES = {
    source.name: source
    for shape in SHAPES.values()
    for source in shape.fields.values()
    if isinstance(source, Pages)
}
"""The connections by their place in the API."""
