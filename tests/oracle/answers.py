"""The oracle: what the service should answer, worked out in plain Python over all the rows there are.

It shares nothing with the service but its SDL: no statement, no policy, no resolver, no executor.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple
from uuid import UUID

from graphql import GraphQLSchema, build_schema

from tests.oracle.evaluator import Evaluation, FieldFault, Problem, Refused, Thing
from tests.oracle.lists import LARGEST, LISTS, page, reads_cursor
from tests.oracle.rows import Row, Tables, View
from tests.oracle.words import Address, Cursor, Instant, Real, Signing

__all__ = ["Expected", "Oracle"]

THUMBNAILS = (200, 400, 800)
LONGEST_TEXT = 500
"""Of what a filter looks for, which has no control character either."""
CONTROL = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
KINDS = {
    "batches": "Batch",
    "images": "Image",
    "generations": "Generation",
    "collections": "Collection",
    "templates": "Template",
}
Arguments = Mapping[str, Any]


class Expected(NamedTuple):
    """The data, with instants and the like for what may be spelt in several ways, and the errors."""

    data: Any
    problems: list[Problem]


@dataclass(frozen=True, kw_only=True)
class Oracle:
    """Knows the rows, the SDL, and what addresses are signed with."""

    sdl: str
    tables: Tables
    signing: Signing

    @cached_property
    def schema(self) -> GraphQLSchema:
        return build_schema(self.sdl)

    def view(self, user_id: UUID | None) -> View:
        return self._views.setdefault(user_id, View(self.tables, user_id))

    def answer(
        self, user_id: UUID | None, query: str, variables: Arguments | None = None, name: str | None = None
    ) -> Expected:
        """Of a document that is valid and within the limits."""
        fields = _Fields(self.view(user_id), self.signing)
        asked = Evaluation(
            schema=self.schema, query=query, given=variables or {}, name=name, resolve=fields.resolve
        )
        try:
            refuse_pages(asked)
            return Expected(asked.data(), asked.problems)
        except Refused as refused:
            return Expected(None, refused.problems)

    @cached_property
    def _views(self) -> dict[UUID | None, View]:
        return {}


def refuse_pages(asked: Evaluation) -> None:
    """Raises Refused where any list of the document is asked for a page that it has not."""
    problems = [
        "BAD_INPUT"
        for field, argument, value in asked.page_arguments()
        if field in LISTS
        for each in (value.values() if isinstance(value, dict) else [value])
        if not _is_page(field, argument, each)
    ]
    if problems:
        raise Refused(*problems)


def _is_page(field: str, argument: str, value: Any) -> bool:
    if argument == "first" and isinstance(value, int | float):
        return 1 <= value <= LARGEST
    if argument == "after" and isinstance(value, str):
        return reads_cursor(LISTS[field], value)
    texts = [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]
    return not any(len(each) > LONGEST_TEXT or CONTROL.search(each) for each in texts)


class _Fields:
    """The fields of every type, for one user."""

    def __init__(self, view: View, signing: Signing) -> None:
        self.view = view
        self.signing = signing

    def resolve(self, thing: Thing, name: str, arguments: Arguments) -> Any:
        place = f"{thing.type}.{name}"
        if place in LISTS:
            return page(LISTS[place], self.view, thing.row, arguments)
        if place in FIELDS:
            return FIELDS[place](self, thing.row, arguments)
        column = "".join(f"_{each.lower()}" if each.isupper() else each for each in name)
        return _spelt(thing.row[column])

    def find(self, table: str, id: UUID | None) -> Thing | None:
        row = self.view.find(table, id)
        return row and Thing(KINDS[table], row)

    def named(self, table: str, arguments: Arguments) -> Thing | None:
        return self.find(table, _uuid(arguments["id"]))

    def node(self, arguments: Arguments) -> Thing | None:
        found = (self.named(table, arguments) for table in KINDS)
        return next((each for each in found if each), None)

    def viewer(self) -> Thing:
        if self.view.user_id is None:
            raise FieldFault("UNAUTHENTICATED")
        return Thing("Viewer", {"id": self.view.user_id, "role": "authenticated"})

    def address(self, key: str | None) -> Address | None:
        return None if key is None else Address(self.signing, key)

    def reference(self, given: str | None) -> Address | str | None:
        return given if given is None or given.startswith("http") else self.address(given)

    def thumbnail(self, image: Row, asked: int | None) -> Address:
        width = next((each for each in THUMBNAILS if each >= (asked or 400)), THUMBNAILS[-1])
        return Address(self.signing, f"{image['url']}.{width}.webp")

    def templates(self, collection: Row) -> list[Thing]:
        rows = self.view.of("templates", "collection_id", collection["id"])
        return [Thing("Template", row) for row in sorted(rows, key=lambda row: (row["position"], row["id"]))]

    def images(self, generation: Row) -> list[Thing]:
        rows = [
            row
            for row in self.view.of("images", "generation_id", generation["id"])
            if row["deleted_at"] is None
        ]
        return [Thing("Image", row) for row in sorted(rows, key=lambda row: row["output"])]

    def first_image(self, generation: Row) -> str | None:
        rows = self.view.of("images", "generation_id", generation["id"])
        return next((str(row["id"]) for row in rows if row["output"] == 0), None)

    def error(self, generation: Row) -> Thing | None:
        if generation["error_code"] is None:
            return None
        return Thing(
            "GenerationError",
            {
                "code": generation["error_code"],
                "message": generation["error_message"],
                "retryable": generation["error_retryable"],
                "retry_at": generation["retry_at"],
            },
        )


FIELDS: Mapping[str, Callable[[_Fields, Row, Arguments], Any]] = {
    "Query.viewer": lambda of, _, __: of.viewer(),
    "Query.node": lambda of, _, arguments: of.node(arguments),
    "Query.batch": lambda of, _, arguments: of.named("batches", arguments),
    "Query.image": lambda of, _, arguments: of.named("images", arguments),
    "Query.generation": lambda of, _, arguments: of.named("generations", arguments),
    "Query.collection": lambda of, _, arguments: of.named("collections", arguments),
    "Batch.counts": lambda _, row, __: Thing("BatchCounts", row),
    "Batch.cursor": lambda _, row, __: Cursor((row["id"], row["seq"])),
    "Batch.referenceUrl": lambda of, row, _: of.reference(row["reference_key"] or row["reference_url"]),
    "Batch.downloadUrl": lambda of, row, _: of.address(f"{row['user_id']}/batches/{row['id']}.zip"),
    "Batch.collection": lambda of, row, _: of.find("collections", row["collection_id"]),
    "Batch.regeneratedFrom": lambda of, row, _: of.find("batches", row["regenerated_from"]),
    "Generation.batch": lambda of, row, _: of.find("batches", row["batch_id"]),
    "Generation.error": lambda of, row, _: of.error(row),
    "Generation.imageUrl": lambda of, row, _: of.address(next(iter(row["outputs"]), None)),
    "Generation.imageRecordId": lambda of, row, _: of.first_image(row),
    "Generation.images": lambda of, row, _: of.images(row),
    "Generation.progress": lambda _, row, __: None if row["progress"] is None else Real(row["progress"]),
    "Image.url": lambda of, row, _: of.address(row["url"]),
    "Image.referenceUrl": lambda of, row, _: of.reference(row["reference_url"]),
    "Image.thumbnailUrl": lambda of, row, arguments: of.thumbnail(row, arguments.get("width")),
    "Image.collection": lambda of, row, _: of.find("collections", row["collection_id"]),
    "Image.batch": lambda of, row, _: of.find("batches", row["batch_id"]),
    "Image.generation": lambda of, row, _: of.find("generations", row["generation_id"]),
    "Collection.templates": lambda of, row, _: of.templates(row),
}


def _uuid(id: str) -> UUID | None:
    """None for a text that is not a UUID as PostgreSQL prints it, in small letters or capitals."""
    try:
        return UUID(id) if str(UUID(id)) == id.lower() else None
    except ValueError:
        return None


def _spelt(value: Any) -> Any:
    """As the API has a column's value."""
    if isinstance(value, UUID):
        return str(value)
    return Instant(value) if hasattr(value, "astimezone") else value
