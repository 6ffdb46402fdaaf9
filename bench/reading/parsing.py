"""Prints the CPU seconds of parsing and validating one document after the other, by graphql-core alone.

python bench/reading/parsing.py < documents.json
"""

import json
import sys
import time
from pathlib import Path
from statistics import median

from graphql import GraphQLSchema, build_schema, parse, validate

SDL = Path(__file__).parent.parent.parent / "schema/schema.graphql"


def main() -> None:
    schema = build_schema(SDL.read_text())
    documents: list[str] = json.load(sys.stdin)
    print(median([_seconds(schema, document) for document in documents]))


def _seconds(schema: GraphQLSchema, document: str) -> float:
    began = time.process_time()
    errors = validate(schema, parse(document))
    seconds = time.process_time() - began
    if errors:
        raise SystemExit(str(errors[0]))
    return seconds


if __name__ == "__main__":
    main()
