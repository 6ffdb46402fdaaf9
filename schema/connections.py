"""Relay connections: pages by opaque keyset cursors, and the arguments that ask for one."""

from typing import Annotated, Any, Generic, NoReturn, TypeVar

import strawberry

__all__ = ["After", "Connection", "Edge", "First", "PageInfo", "asked_for", "by_id", "filtered", "paged"]

N = TypeVar("N")

First = Annotated[int | None, strawberry.argument(description="How many at most, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor after which the page begins.")]


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether something follows this page.")
    has_previous_page: bool = strawberry.field(description="Whether something precedes this page.")
    start_cursor: str | None = strawberry.field(description="The cursor of the first edge.")
    end_cursor: str | None = strawberry.field(description="Hand it to `after` for the next page.")


@strawberry.type(description="One item of a page and its cursor.")
class Edge(Generic[N]):
    cursor: str = strawberry.field(description="Where this item lies in its list.")
    node: N = strawberry.field(description="The item.")


@strawberry.type(description="One page of a list.")
class Connection(Generic[N]):
    edges: list[Edge[N]] = strawberry.field(description="The page's items with their cursors.")
    nodes: list[N] = strawberry.field(description="The page's items.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")
    total_count: int = strawberry.field(description="How many there are in all. Counted only when asked for.")


def by_id(description: str) -> Any:
    """A field that is one row."""

    def arguments(id: Annotated[strawberry.ID, strawberry.argument(description="The row's UUID.")]) -> Any:
        asked_for()

    return strawberry.field(resolver=arguments, description=description)


def paged(length: int, description: str) -> Any:
    """A field that is a list, by pages of this length where the client does not say."""

    def arguments(first: First = length, after: After = None) -> Any:
        asked_for()

    return strawberry.field(resolver=arguments, description=description)


def filtered(filter: Any, description: str) -> Any:
    """The same, narrowed by such a filter."""

    def arguments(
        first: First = 20,
        after: After = None,
        filter: Annotated[filter | None, strawberry.argument(description="Which of them.")] = None,
    ) -> Any:
        asked_for()

    return strawberry.field(resolver=arguments, description=description)


def asked_for() -> NoReturn:
    """The body of a field that only says which arguments it takes: it is read by the map of shapes."""
    raise NotImplementedError
