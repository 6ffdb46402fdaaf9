"""The executable schema: Strawberry's types, whose rows are read by the map of shapes."""

from datetime import datetime

import strawberry
from strawberry.schema.config import StrawberryConfig

from resolvers.mutation import Mutation
from resolvers.query import Query
from resolvers.shaped import read_by_shapes
from resolvers.subscription import Subscription
from schema.collection import Collection, Template
from schema.history import Batch, Generation
from schema.image import Image
from schema.instant import INSTANT

__all__ = ["build_schema"]


def build_schema() -> strawberry.Schema:
    """Raises UnreadableError where the map of shapes does not fit."""
    schema = strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[Batch, Generation, Image, Collection, Template],
        config=StrawberryConfig(scalar_map={datetime: INSTANT}),
    )
    read_by_shapes(schema._schema)
    return schema
