"""How long hostile documents keep the service from everybody else, each read, measured and validated.

uv run python -P bench/documents.py
"""

import time

from graphql import GraphQLError, GraphQLSchema

from server.operations.documents import DocumentPolicy, Reader
from server.operations.schema import build_schema

ROUNDS = 5
SPREADS = "".join(f"fragment A{n} on Query {{ ...A{n + 1} ...A{n + 1} }} " for n in range(20))
CHAIN = "".join(f"fragment A{n} on Query {{ ...A{n + 1} }} " for n in range(200))
MANY = range(150)
DOCUMENTS = {
    "20 fragments, each spread twice in the next": (
        f"{{ ...A0 }} {SPREADS} fragment A20 on Query {{ models {{ name }} }}"
    ),
    "200 fragments in a chain": f"{{ ...A0 }} {CHAIN} fragment A200 on Query {{ models {{ name }} }}",
    "150 fragments side by side": "{"
    + "".join(f"...A{n} " for n in MANY)
    + "}"
    + "".join(f"fragment A{n} on Query {{ __typename }}" for n in MANY),
    "a megabyte of braces": "{" * 1_000_000,
    "a megabyte of one string": '{ a(b: "' + "x" * 1_000_000 + '") }',
    "a megabyte of comments": "#\n" * 500_000,
    "a string of 49,000 characters": '{ a(b: "' + "\\n" * 24_500 + '") }',
    "1,990 fields and as many tokens": "{" + "x " * 1_990 + "}",
    "1,900 fields in a fragment without use": "{ viewer { id } } fragment A on Query {"
    + "__typename " * 1_900
    + "}",
    "499 unknown fields": "{" + "x " * 499 + "}",
    "250 objects of one name": "{" + "models { name }" * 250 + "}",
    "160 objects of one name, two fields each": "{" + "models { name name }" * 160 + "}",
    "400 variables of one name": "query A(" + "$a: Int " * 400 + ") { __typename }",
    "500 unknown input fields": "{ images(filter: {" + "a: 1 " * 500 + "}) { totalCount } }",
    "a page of history": "{ batches { nodes { id title counts { total saved } images(first: 4) "
    "{ nodes { id url thumbnailUrl } } } pageInfo { hasNextPage endCursor } } }",
}


def main() -> None:
    """Prints the least of a few times for each, in CPU milliseconds of a reader that remembers nothing."""
    schema = build_schema()._schema
    for name, document in DOCUMENTS.items():
        spent, outcome = min(_timed(schema, document) for _ in range(ROUNDS))
        print(f"{1000 * spent:7.1f} ms  {name}: {outcome}")


def _timed(schema: GraphQLSchema, document: str) -> tuple[float, str]:
    reader = Reader(schema, DocumentPolicy())
    before = time.thread_time()
    outcome = _outcome(reader, document)
    return time.thread_time() - before, outcome


def _outcome(reader: Reader, document: str) -> str:
    try:
        parsed = reader.document(document)
        reader.refuse_excess(parsed.size({}))
    except GraphQLError as error:
        return error.message
    return parsed.errors[-1].message[:60] if parsed.errors else "runs"


if __name__ == "__main__":
    main()
