"""The lists of the API: what is in them, in which order, and where a cursor points."""

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from tests.oracle.evaluator import Refused, Thing
from tests.oracle.rows import Row, View
from tests.oracle.words import Cursor

__all__ = ["LISTS", "List", "page", "reads_cursor"]

LARGEST = 100
READERS: Mapping[str, type] = {
    "id": UUID,
    "batch_id": UUID,
    "created_at": datetime,
    "position": int,
    "name": str,
}
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class List:
    """A list by its place in the API; keys are the columns of its order."""

    field: str
    kind: str
    length: int
    keys: tuple[str, ...]
    rows: Callable[[View, Row, Mapping[str, Any]], Sequence[Row]]
    newest_first: bool = False

    def key(self, row: Row) -> tuple[Any, ...]:
        return tuple(row[each] for each in self.keys)

    def cursor(self, row: Row) -> Cursor:
        return Cursor((self.field, *self.key(row)))

    def read(self, cursor: str) -> tuple[Any, ...]:
        """The keys in it. Raises ValueError for what is no cursor of this list."""
        field, *keys = _decoded(cursor)
        if field != self.field or len(keys) != len(self.keys):
            raise ValueError(cursor)
        return tuple(_key(READERS[name], key) for name, key in zip(self.keys, keys, strict=True))


def page(of: List, view: View, parent: Row, arguments: Mapping[str, Any]) -> Thing:
    """A connection. Raises Refused for a cursor that goes with another order."""
    of = _ordered(of, arguments)
    rows = sorted(of.rows(view, parent, arguments), key=of.key, reverse=of.newest_first)
    length, after = arguments.get("first") or of.length, arguments.get("after")
    if after is None:
        rest = rows
    elif not _reads(of, after):
        raise Refused("BAD_INPUT")
    else:
        start = of.read(after)
        rest = [row for row in rows if (of.key(row) < start if of.newest_first else of.key(row) > start)]
    edges = [
        Thing(f"{of.kind}Edge", {"cursor": of.cursor(row), "node": Thing(of.kind, row)})
        for row in rest[:length]
    ]
    info = {
        "has_next_page": len(rest) > length,
        "has_previous_page": after is not None,
        "start_cursor": edges[0].row["cursor"] if edges else None,
        "end_cursor": edges[-1].row["cursor"] if edges else None,
    }
    return Thing(
        f"{of.kind}Connection",
        {
            "edges": edges,
            "nodes": [edge.row["node"] for edge in edges],
            "page_info": Thing("PageInfo", info),
            "total_count": len(rows),
        },
    )


def reads_cursor(of: List, cursor: str) -> bool:
    """Whether it is one of this list's, in any of its orders."""
    return _reads(of, cursor) or (of.field == IN_ONE_BATCH.field and _reads(IN_ONE_BATCH, cursor))


def _ordered(of: List, arguments: Mapping[str, Any]) -> List:
    """Images narrowed to a batch have the batch's own order."""
    narrowed = (arguments.get("filter") or {}).get("batchId") is not None
    return IN_ONE_BATCH if narrowed and of.field == IN_ONE_BATCH.field else of


def _reads(of: List, cursor: str) -> bool:
    try:
        of.read(cursor)
    except (ValueError, TypeError, RecursionError, OverflowError):
        return False
    return True


def _decoded(cursor: str) -> Any:
    """Raises ValueError."""
    if not cursor or len(cursor) > 4_000 or not cursor.isascii():
        raise ValueError(cursor)
    keys = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    if not isinstance(keys, list):
        raise TypeError(cursor)
    return keys


def _key(kind: type, key: Any) -> Any:
    """Raises ValueError, TypeError."""
    if kind is int:
        if type(key) is not int or not -1 <= key < 2**31:
            raise ValueError(key)
        return key
    if not isinstance(key, str):
        raise TypeError(key)
    if kind is datetime:
        moment = datetime.fromisoformat(key)
        if moment.tzinfo is None:
            raise ValueError(key)
        return moment
    if kind is str and UNSTORABLE.search(key):
        raise ValueError(key)
    return kind(key)


def _own(view: View, table: str) -> list[Row]:
    """Without the trash."""
    return [row for row in view.tables[table] if row["deleted_at"] is None]


def _filtered(view: View, table: str, arguments: Mapping[str, Any]) -> list[Row]:
    """A history narrowed by its filter, where the schema has one; the trash is in it alone or not at all."""
    given = {name: value for name, value in (arguments.get("filter") or {}).items() if value is not None}
    in_trash = bool(given.pop("deleted", False))
    found = [row for row in view.tables[table] if (row["deleted_at"] is not None) is in_trash]
    return [row for row in found if all(FILTERS[name](view, row, value) for name, value in given.items())]


def _collections(view: View, _: Row, arguments: Mapping[str, Any]) -> list[Row]:
    given = {name: value for name, value in (arguments.get("filter") or {}).items() if value is not None}
    return [
        row
        for row in view.tables["collections"]
        if all(FILTERS[name](view, row, value) for name, value in given.items())
    ]


def _search(view: View, row: Row, text: str) -> bool:
    """Every word of the text begins a word of the row's."""
    return all(
        any(word.startswith(each) for word in _words(view, row)) for each in WORD.findall(text.lower())
    )


def _words(view: View, row: Row) -> set[str]:
    texts = [row.get("title"), row.get("name"), row.get("prompt")]
    if "seq" in row:
        texts += [each["prompt"] for each in view.of("generations", "batch_id", row["id"])]
        collection = view.find("collections", row["collection_id"])
        texts.append(collection and collection["name"])
    return {word for text in texts if text for word in WORD.findall(text.lower())}


FILTERS: Mapping[str, Callable[[View, Row, Any], bool]] = {
    "status": lambda _, row, value: row["status"] in value,
    "collectionId": lambda _, row, value: str(row["collection_id"]) == value.lower(),
    "batchId": lambda _, row, value: str(row["batch_id"]) == value.lower(),
    "standalone": lambda _, row, value: (row["batch_id"] is None) is value,
    "model": lambda _, row, value: row["model"] == value,
    "tags": lambda _, row, value: set(value) <= set(row["tags"]),
    "favorite": lambda _, row, value: row["favorite"] is value,
    "shared": lambda _, row, value: row["shared"] is value,
    "createdAfter": lambda _, row, value: row["created_at"] > value,
    "createdBefore": lambda _, row, value: row["created_at"] < value,
    "search": _search,
}


def _generations(view: View, batch: Row, arguments: Mapping[str, Any]) -> list[Row]:
    statuses = arguments.get("status")
    found = view.of("generations", "batch_id", batch["id"])
    return [row for row in found if statuses is None or row["status"] in statuses]


LISTS: Mapping[str, List] = {
    each.field: each
    for each in (
        List(
            field="Query.batches",
            kind="Batch",
            length=20,
            keys=("created_at", "id"),
            newest_first=True,
            rows=lambda view, _, arguments: _filtered(view, "batches", arguments),
        ),
        List(
            field="Query.images",
            kind="Image",
            length=20,
            keys=("created_at", "id"),
            newest_first=True,
            rows=lambda view, _, arguments: _filtered(view, "images", arguments),
        ),
        List(field="Query.collections", kind="Collection", length=20, keys=("name", "id"), rows=_collections),
        List(
            field="Batch.generations",
            kind="Generation",
            length=100,
            keys=("position", "id"),
            rows=_generations,
        ),
        List(
            field="Batch.images",
            kind="Image",
            length=100,
            keys=("position", "created_at", "id"),
            rows=lambda view, batch, _: [
                row for row in _own(view, "images") if row["batch_id"] == batch["id"]
            ],
        ),
        List(
            field="Collection.batches",
            kind="Batch",
            length=20,
            keys=("created_at", "id"),
            newest_first=True,
            rows=lambda view, of, _: [
                row for row in _own(view, "batches") if row["collection_id"] == of["id"]
            ],
        ),
        List(
            field="Collection.images",
            kind="Image",
            length=20,
            keys=("batch_id", "position", "id"),
            rows=lambda view, of, _: [
                row
                for row in _own(view, "images")
                if row["collection_id"] == of["id"] and row["batch_id"] is not None
            ],
        ),
    )
}
IN_ONE_BATCH = replace(LISTS["Query.images"], keys=("position", "created_at", "id"), newest_first=False)
