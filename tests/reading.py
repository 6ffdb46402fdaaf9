"""Compiled statements for tests: what a document reads, without a server."""

from functools import cache
from typing import Any
from uuid import UUID

from graphql import GraphQLSchema, OperationDefinitionNode, get_variable_values, parse
from graphql.execution.collect_fields import FragmentDetails

from db.reading.selection import Bound
from db.reading.statements import CHANGES, Statement, compile_roots, compile_updates
from resolvers.selecting import Selecting
from server.operations.schema import build_schema

SIGNER = ["http://studio/", "?", "00", "00"]


@cache
def schema() -> GraphQLSchema:
    return build_schema()._schema


def selecting(text: str, **variables: Any) -> Selecting:
    """The only operation of a document."""
    definitions = parse(text).definitions
    (operation,) = [each for each in definitions if isinstance(each, OperationDefinitionNode)]
    fragments = {each.name.value: FragmentDetails(each) for each in definitions if each is not operation}
    values = get_variable_values(schema(), operation.variable_definitions or (), variables)
    return Selecting(schema(), fragments, operation, values)


def query(text: str, **variables: Any) -> tuple[Statement, Bound]:
    """The statement of a query, and what it is bound to."""
    selected = selecting(text, **variables)
    statement = compile_roots(selected.roots())
    return statement, Bound(arguments=selected.arguments(), named={"signer": SIGNER})


def changes(selection: str, batch_id: UUID, after: int, most: int) -> tuple[Statement, Bound]:
    """The statement of a batch's changes past a seq."""
    selected = selecting(f'subscription {{ batchResults(batchId: "") {{ {selection} }} }}')
    (asked,) = selected.roots()
    bound = Bound(
        arguments=selected.arguments(),
        named={"signer": SIGNER, "batch": batch_id, "past": after, "most": most},
    )
    return compile_updates(asked, CHANGES), bound
