"""The pipeline of every operation: what is done once is not done again."""

from graphql import ValidationContext, ValidationRule
from strawberry.extensions import AddValidationRules

from server.pipeline import build_schema


async def test_a_document_that_comes_again_is_not_validated_again():
    validated = []

    class Noted(ValidationRule):
        def __init__(self, context: ValidationContext) -> None:
            super().__init__(context)
            validated.append(context.document)

    schema = build_schema()
    schema.extensions = [*schema.extensions, lambda: AddValidationRules([Noted])]

    for _ in range(3):
        answer = await schema.execute("query Again { __typename }")
        assert answer.data == {"__typename": "Query"}

    assert len(validated) == 1
