"""Relations, loaded a level at a time: one statement for all parents of a level, never one a row."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import cached_property, partial
from itertools import groupby
from typing import NamedTuple, TypeAlias, TypeVar
from uuid import UUID

from strawberry.dataloader import DataLoader

from db.session import Session
from resolvers.pages import (
    BATCHES_OF_COLLECTIONS,
    GENERATIONS_OF_BATCHES,
    IMAGES_OF_BATCHES,
    IMAGES_OF_COLLECTIONS,
    Listing,
    connection,
)
from schema.collection import Collection, Template
from schema.connections import Connection
from schema.history import Batch, Generation
from schema.image import Image
from schema.node import Row
from schema.words import GenerationStatus

__all__ = ["Relations"]

T = TypeVar("T")
ById: TypeAlias = DataLoader[UUID, Row | None]
OfParent: TypeAlias = DataLoader[UUID, list[Row]]
Opener = Callable[[], AbstractAsyncContextManager[Session]]


class PageKey(NamedTuple):
    """A page of one parent's list; statuses narrows generations."""

    parent_id: UUID
    first: int
    after: str | None
    statuses: tuple[str, ...] | None = None


class CountKey(NamedTuple):
    parent_id: UUID
    statuses: tuple[str, ...] | None = None


class Relations:
    """The loaders of one operation, each made when it is needed. Nothing is cached beyond a level."""

    def __init__(self, open_session: Opener, signer: Callable[[], list[str]]) -> None:
        self._open = open_session
        self._signer = signer
        self._pages: dict[Listing, DataLoader[PageKey, list[Row]]] = {}
        self._counts: dict[Listing, DataLoader[CountKey, int]] = {}

    async def batch(self, id: UUID | None) -> Batch | None:
        return await _one(self._batches, id, Batch.of)

    async def image(self, id: UUID | None) -> Image | None:
        return await _one(self._images, id, Image.of)

    async def generation(self, id: UUID | None) -> Generation | None:
        return await _one(self._generations, id, Generation.of)

    async def collection(self, id: UUID | None) -> Collection | None:
        return await _one(self._collections, id, Collection.of)

    async def template(self, id: UUID | None) -> Template | None:
        return await _one(self._templates, id, Template.of)

    async def templates_of(self, collection_id: UUID) -> list[Template]:
        return [Template.of(row) for row in await self._collection_templates.load(collection_id)]

    async def images_of_generation(self, generation_id: UUID) -> list[Image]:
        return [Image.of(row) for row in await self._generation_images.load(generation_id)]

    async def generations_of_batch(
        self,
        batch_id: UUID,
        *,
        first: int,
        after: str | None,
        status: list[GenerationStatus] | None,
    ) -> Connection[Generation]:
        statuses = tuple(each.value for each in status) if status is not None else None
        key = PageKey(batch_id, first, after, statuses)
        return await self._page(GENERATIONS_OF_BATCHES, key, Generation.of)

    async def images_of_batch(self, batch_id: UUID, *, first: int, after: str | None) -> Connection[Image]:
        return await self._page(IMAGES_OF_BATCHES, PageKey(batch_id, first, after), Image.of)

    async def batches_of_collection(
        self, collection_id: UUID, *, first: int, after: str | None
    ) -> Connection[Batch]:
        key = PageKey(collection_id, first, after)
        return await self._page(BATCHES_OF_COLLECTIONS, key, Batch.of)

    async def images_of_collection(
        self, collection_id: UUID, *, first: int, after: str | None
    ) -> Connection[Image]:
        key = PageKey(collection_id, first, after)
        return await self._page(IMAGES_OF_COLLECTIONS, key, Image.of)

    async def _page(self, listing: Listing, key: PageKey, of: Callable[[Row], T]) -> Connection[T]:
        pages = self._pages.setdefault(listing, DataLoader(partial(self._load_pages, listing), cache=False))
        counts = self._counts.setdefault(
            listing, DataLoader(partial(self._load_counts, listing), cache=False)
        )
        return connection(
            await pages.load(key),
            listing=listing,
            first=key.first,
            after=key.after,
            of=of,
            count=partial(counts.load, CountKey(key.parent_id, key.statuses)),
        )

    @cached_property
    def _batches(self) -> ById:
        return self._loader_by_id("batches_by_id")

    @cached_property
    def _collections(self) -> ById:
        return self._loader_by_id("collections_by_id")

    @cached_property
    def _templates(self) -> ById:
        return self._loader_by_id("templates_by_id")

    @cached_property
    def _images(self) -> ById:
        return self._loader_by_id("images_by_id", signed=True)

    @cached_property
    def _generations(self) -> ById:
        return self._loader_by_id("generations_by_id", signed=True)

    @cached_property
    def _collection_templates(self) -> OfParent:
        return self._loader_of("templates_of_collections", "collection_id")

    @cached_property
    def _generation_images(self) -> OfParent:
        return self._loader_of("images_of_generations", "generation_id", signed=True)

    def _loader_by_id(self, name: str, *, signed: bool = False) -> ById:
        """Rows by their own ids."""

        async def load(keys: list[UUID]) -> list[Row | None]:
            found = {row["id"]: row for row in await self._rows(name, keys, signed=signed)}
            return [found.get(key) for key in keys]

        return DataLoader(load, cache=False)

    def _loader_of(self, name: str, parent: str, *, signed: bool = False) -> OfParent:
        """All the rows of each parent, by the column that names it."""

        async def load(keys: list[UUID]) -> list[list[Row]]:
            groups: dict[UUID, list[Row]] = defaultdict(list)
            for row in await self._rows(name, keys, signed=signed):
                groups[row[parent]].append(row)
            return [groups[key] for key in keys]

        return DataLoader(load, cache=False)

    async def _rows(self, name: str, keys: list[UUID], *, signed: bool) -> Sequence[Row]:
        async with self._open() as session:
            return await session.rows(name, keys, *([self._signer()] if signed else []))

    async def _load_pages(self, listing: Listing, keys: list[PageKey]) -> list[list[Row]]:
        """One statement for all parents that ask for the same page, which is nearly always all."""
        pages: dict[PageKey, list[Row]] = {key: [] for key in keys}
        for _, alike in groupby(sorted(pages, key=_page_of), key=_page_of):
            parents = list(alike)
            for row in await self._page_rows(listing, parents):
                pages[parents[0]._replace(parent_id=row["parent_id"])].append(row)
        return [pages[key] for key in keys]

    async def _page_rows(self, listing: Listing, alike: list[PageKey]) -> Sequence[Row]:
        page = alike[0]
        parameters = [
            [key.parent_id for key in alike],
            *listing.bounds(page.after),
            page.first + 1,
            *([self._signer()] if listing.signed else []),
            *([page.statuses] if listing.narrowed else []),
        ]
        async with self._open() as session:
            return await session.rows(listing.pages, *parameters)

    async def _load_counts(self, listing: Listing, keys: list[CountKey]) -> list[int]:
        counts: dict[CountKey, int] = dict.fromkeys(keys, 0)
        for statuses in {key.statuses for key in keys}:
            parents = [key.parent_id for key in counts if key.statuses == statuses]
            narrowing = [statuses] if listing.narrowed else []
            async with self._open() as session:
                rows = await session.rows(listing.counts, parents, *narrowing)
            for row in rows:
                counts[CountKey(row["parent_id"], statuses)] = row["count"]
        return [counts[key] for key in keys]


def _page_of(key: PageKey) -> tuple[int, str, tuple[str, ...]]:
    """What pages of different parents have in common."""
    return key.first, key.after or "", ("*",) if key.statuses is None else key.statuses


async def _one(loader: DataLoader[UUID, Row | None], key: UUID | None, of: Callable[[Row], T]) -> T | None:
    row = await loader.load(key) if key else None
    return of(row) if row is not None else None
