"""The schema as text, sorted, so that a change of it reads as a diff."""

import strawberry
from graphql import lexicographic_sort_schema, print_schema

__all__ = ["print_sdl"]


def print_sdl(schema: strawberry.Schema) -> str:
    """Sorted when printed alone: a schema sorted at run time breaks its unions."""
    return print_schema(lexicographic_sort_schema(schema._schema)) + "\n"
