"""Histories of several users, drawn by chance from a seed: every state, ties, nulls, and texts of all kinds.

Rows go in as the superuser, and as no client could send them: reading has to cope with whatever the checks of
the tables let through.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import asyncpg

from tests.oracle.rows import SHARING

__all__ = ["MODELS", "TAGS", "WORDS", "World", "fill", "new_world"]

WORDS = ("zephyr", "quokka", "маяк", "gondola", "lumen", "kiosk")
"""What is searched for: none begins another, and no stemmer changes one."""
TAGS = ("sea", "two words", "ключ", "it's", 'a"b', "{}", "back\\slash")
MODELS = ("demo", "black-forest-labs/flux-schnell", "модель")
ODD = (
    "",
    " 🌊 wave",
    ' O\'Hara \\ "quoted"',
    " line\nbreak\ttab",
    " \x01\x1f\x7f",
    " \u2028\u202e\ufeff",
    " $1 %s -- ; /*",
    " é e\u0301",
    " </script>",
)
BEGINNING = datetime(2025, 11, 23, tzinfo=UTC)
GENERATED = (
    "QUEUED",
    "THROTTLED",
    "RUNNING",
    "SAVING",
    "SUCCEEDED",
    "SUCCEEDED",
    "SUCCEEDED",
    "FAILED",
    "CANCELED",
)
CODES = ("INVALID_INPUT", "MODEL_FAILED", "THROTTLED", "TIMED_OUT", "SAVE_FAILED", "UNCONFIRMED", "INTERNAL")
VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -7,
    2**53,
    2**63 - 1,
    0.1,
    1e-7,
    12.5,
    "",
    "1:1",
    "🌊\\\"'\u2028",
    [],
    {},
    [1, [None, {"b": 1, "a": 2}]],
    {"zz": {"y": "x"}, "a": []},
)
KEYS = ("seed", "aspect_ratio", "", "__proto__", 'a"b', "a.b", "Ключ", "constructor", "z")


@dataclass(kw_only=True)
class World:
    """Rows by table, and whose they are; the last user has none."""

    chance: Random
    users: tuple[UUID, ...] = ()
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def ids(self, table: str) -> list[UUID]:
        return [row["id"] for row in self.rows[table]]

    def new_id(self) -> UUID:
        return UUID(int=self.chance.getrandbits(128), version=4)

    def add(self, table: str, **columns: Any) -> dict[str, Any]:
        row = {"id": self.new_id(), **columns}
        self.rows.setdefault(table, []).append(row)
        return row


def new_world(seed: int, *, batches: int = 14) -> World:
    """Three users with much, little and nothing; everybody sees what nobody owns."""
    world = World(chance=Random(seed))  # noqa: S311 - to be drawn again
    world.users = (world.new_id(), world.new_id(), world.new_id())
    shared = [_collection(world, SHARING) for _ in range(3)]
    for user, size in zip(world.users[:2], (batches, batches // 3), strict=True):
        _history(world, user, shared, size)
    return world


async def fill(connection: asyncpg.Connection, world: World) -> None:
    """Puts the world's rows into a database, as its superuser."""
    for table in ("collections", "templates", "batches", "generations", "images"):
        for row in world.rows[table]:
            await connection.execute(*_insertion(table, row))


def _insertion(table: str, row: Mapping[str, Any]) -> Sequence[Any]:
    places = ", ".join(f"${place}" for place in range(1, len(row) + 1))
    values = [json.dumps(each) if isinstance(each, dict) else each for each in row.values()]
    return f"insert into {table} ({', '.join(row)}) values ({places})", *values


def _history(world: World, user: UUID, shared: Sequence[Any], size: int) -> None:
    collections = [_collection(world, user) for _ in range(max(2, size // 3))]
    seen = [None, *collections, *shared]
    batches: list[Any] = []
    for place in range(size):
        batch = _batch(world, user, world.chance.choice(seen), world.chance.choice([None, *batches]))
        batches.append(batch)
        _fill_batch(world, batch, 0 if place % 5 == 4 else world.chance.randrange(1, 12))
    for _ in range(size):
        single = _generation(world, user, None, 0, world.chance.choice(seen))
        _images(world, single, None)
        _image(world, user, collection_id=_id(world.chance.choice(seen)))
    # Made by one whose batch is gone, and kept in one whose generation is.
    _image(world, user, batch_id=batches[0]["id"], collection_id=batches[0]["collection_id"], position=1)


def _fill_batch(world: World, batch: dict[str, Any], size: int) -> None:
    made = [_generation(world, batch["user_id"], batch, place) for place in range(size)]
    for generation in made:
        _images(world, generation, batch)
    states = [each["status"] for each in made]
    batch["total"] = max(1, size)
    batch["running"] = sum(state in ("RUNNING", "SAVING") for state in states)
    batch |= {state.lower(): states.count(state) for state in ("SUCCEEDED", "FAILED", "CANCELED")}
    batch["saved"] = sum(each["saved"] for each in made)
    batch["unsaved"] = sum(each["status"] == "SUCCEEDED" and not each["saved"] for each in made)


def _collection(world: World, user: UUID) -> dict[str, Any]:
    collection = world.add(
        "collections",
        user_id=user,
        name=_text(world, "Harbour", "harbour", "Ärger", "яхта"),
        description=world.chance.choice(["", "What it is for.", *ODD[1:]]),
        created_at=_moment(world),
    )
    for _ in range(world.chance.randrange(5)):
        world.add(
            "templates",
            user_id=user,
            collection_id=collection["id"],
            position=world.chance.randrange(3),
            name="Boat" + world.chance.choice(ODD),
            prompt="a {{colour}} boat" + world.chance.choice(ODD),
            model=world.chance.choice([None, *MODELS]),
            parameters=_json(world),
        )
    return collection


def _batch(world: World, user: UUID, collection: Any, origin: Any) -> dict[str, Any]:
    return world.add(
        "batches",
        user_id=user,
        title=_text(world, "Boats", "Schiffe"),
        collection_id=_id(collection),
        model=world.chance.choice(MODELS),
        reference_url=_reference(world, user),
        parameters=_json(world),
        variables={"colour": ["red", "🌊"]} if _maybe(world) else {},
        favorite=_maybe(world),
        tags=world.chance.sample(TAGS, world.chance.randrange(4)),
        regenerated_from=_id(origin),
        seq=world.chance.choice([0, 1, 2**40]),
        paused=_maybe(world),
        canceling=_maybe(world),
        created_at=_moment(world),
        started_at=_or_null(world),
        finished_at=_or_null(world),
        deleted_at=_or_null(world) if _maybe(world) else None,
    )


def _generation(
    world: World, user: UUID, batch: Any, position: int, collection: Any = None
) -> dict[str, Any]:
    status = world.chance.choice(GENERATED)
    failed = status in ("FAILED", "THROTTLED") or (status == "SUCCEEDED" and not world.chance.randrange(4))
    return world.add(
        "generations",
        user_id=user,
        batch_id=_id(batch),
        collection_id=_id(collection),
        position=position if _maybe(world) else position // 2,
        template_id=world.new_id() if _maybe(world) else None,
        template_name="Boat" + world.chance.choice(ODD),
        name=_text(world, "Boat"),
        prompt=_text(world, "a boat"),
        model=world.chance.choice(MODELS),
        parameters=_json(world),
        seed=world.chance.getrandbits(31),
        status=status,
        progress=world.chance.choice([None, 0, 0.1, 0.25, 1 / 3, 1]),
        attempts=world.chance.randrange(3),
        saved=status == "SUCCEEDED" and _maybe(world),
        outputs=[f"{user}/{world.new_id()}.png" for _ in range(world.chance.randrange(3))],
        error_code=world.chance.choice(CODES) if failed else None,
        error_message=_text(world, "It failed.") if failed else None,
        error_retryable=_maybe(world) if failed else None,
        retry_at=_or_null(world),
        created_at=_moment(world),
        started_at=_or_null(world),
        finished_at=_or_null(world),
    )


def _images(world: World, generation: dict[str, Any], batch: Any) -> None:
    for output in world.chance.sample(range(3), world.chance.randrange(4)):
        _image(
            world,
            generation["user_id"],
            generation_id=generation["id"],
            output=output,
            collection_id=batch and batch["collection_id"],
            batch_id=batch and batch["id"],
            position=generation["position"],
        )


def _image(world: World, user: UUID, **given: Any) -> None:
    world.add(
        "images",
        user_id=user,
        name=_text(world, "Harbour - Boat"),
        prompt=_text(world, "a boat"),
        url=f"{user}/{world.new_id()}.png",
        thumbnail_url=f"{user}/{world.new_id()}.webp" if _maybe(world) else None,
        reference_url=_reference(world, user),
        model=world.chance.choice(MODELS),
        parameters=_json(world),
        seed=world.chance.choice([None, 0, 2**62]),
        placeholder=world.chance.choice([None, "3OcRJYB4d3h/iIeHeEh3eIhw+j3A"]),
        width=world.chance.choice([None, 1, 768]),
        height=world.chance.choice([None, 1, 768]),
        content_type=world.chance.choice([None, "image/png", "image/webp"]),
        byte_size=world.chance.choice([None, 1, 2**31 - 1]),
        favorite=_maybe(world),
        created_at=_moment(world),
        deleted_at=_or_null(world) if not world.chance.randrange(4) else None,
        **({"batch_id": None, "position": 0} | given),
    )


def _text(world: World, *begins: str) -> str:
    words: Iterable[str] = world.chance.sample(WORDS, world.chance.randrange(3))
    return " ".join([world.chance.choice(begins), *words]) + world.chance.choice(ODD)


def _json(world: World) -> dict[str, Any]:
    keys = world.chance.sample(KEYS, world.chance.choice([0, 0, 1, 3]))
    return {key: world.chance.choice(VALUES) for key in keys}


def _moment(world: World) -> datetime:
    """One of few, so that there are ties; some between seconds."""
    seconds = timedelta(seconds=world.chance.randrange(12))
    return BEGINNING + seconds + timedelta(milliseconds=world.chance.choice([0, 0, 120, 123]))


def _or_null(world: World) -> datetime | None:
    return world.chance.choice([None, _moment(world)])


def _reference(world: World, user: UUID) -> str | None:
    return world.chance.choice([None, None, "https://example.org/a.png?b=c&d=%22", f"{user}/up.png"])


def _maybe(world: World) -> bool:
    return world.chance.random() < 0.5


def _id(row: Any) -> UUID | None:
    return row["id"] if row else None
