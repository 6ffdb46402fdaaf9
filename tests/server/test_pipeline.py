"""The pipeline of every operation: what is done once is not done again, and nothing is kept."""

import gc
from collections.abc import AsyncIterator

import strawberry
from graphql import ValidationContext, ValidationRule
from graphql.execution.collect_fields import CollectedFields
from strawberry.extensions import AddValidationRules

from server.operations.documents import DocumentPolicy, Reader
from server.operations.pipeline import Execution, build_schema


def test_a_document_that_comes_again_is_neither_read_nor_validated_again():
    reader, schema = Reader(DocumentPolicy()), build_schema()._schema
    document = reader.document("{ __typename }")

    assert reader.document("{ __typename }") is document
    assert reader.errors(schema, document) is reader.errors(schema, document)


async def test_a_document_is_not_validated_once_more_by_strawberry():
    validated = []

    class Noted(ValidationRule):
        def __init__(self, context: ValidationContext) -> None:
            super().__init__(context)
            validated.append(context.document)

    schema = build_schema()
    schema.extensions = [*schema.extensions, lambda: AddValidationRules([Noted])]

    answer = await schema.execute("query Again { __typename }")

    assert answer.data == {"__typename": "Query"}
    assert validated == []


async def test_an_event_of_a_subscription_leaves_nothing_behind_for_the_next():
    @strawberry.type
    class Update:
        number: int

    @strawberry.type
    class Subscription:
        @strawberry.subscription
        async def updates(self) -> AsyncIterator[Update]:
            for number in range(5):
                yield Update(number=number)

    schema = strawberry.Schema(Update, subscription=Subscription, execution_context_class=Execution)
    updates = await schema.subscribe("subscription { updates { number } }")
    kept = [sum(isinstance(each, CollectedFields) for each in gc.get_objects()) async for _ in updates]

    assert kept[-1] == kept[1]
