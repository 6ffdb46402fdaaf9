"""The statements that are compiled: of a query, of rows by their ids, of what has changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from db.reading.compiler import Compiler, Parameter
from db.reading.map import SHAPES
from db.reading.selection import Asked, Bound

__all__ = ["CHANGES", "SINGLES", "Statement", "compile_roots", "compile_rows", "compile_updates"]

ROWS = """
    select to_json({built})
    from unnest({ids}::uuid[]) with ordinality as key (id, place) join {table} its on its.id = key.id
    order by key.place
"""
CHANGES = """
    select told.seq as head, told.finished_at is not null as finished, moved.id as key, moved.seq,
        studio.cursor(json_build_array(told.id, moved.seq)) as cursor, {answer} as answer
    from batches told
    cross join lateral (
        (
            select * from generations
            where user_id = told.user_id and batch_id = told.id and seq > {past}
            order by seq
            limit {most}
        )
        union all
        select * from json_populate_record(null::generations, json_build_object('seq', told.seq))
    ) moved
    where told.id = {batch}
    order by moved.seq, moved.id nulls last
"""
"""What has changed in {batch} after {past}, oldest first: of generations, {most} at most.

The last row is the batch alone, as of its head.
"""
SINGLES = "select moved.id as key, {answer} as answer from generations moved where moved.id = any({ids})"
"""Generations of no batch, by {ids}."""


@dataclass(frozen=True)
class Statement:
    """SQL, and where its parameters come from."""

    text: str
    parameters: Sequence[Parameter]

    @cached_property
    def alone(self) -> str:
        """The same outside of any session, with the caller's claims as one parameter more, the last.

        They hold for the transaction, which is this statement. Nothing is read before they are set: a lateral
        sub-select that is not pulled up comes after what it refers to. If it did not, the caller would be
        nobody, and see nothing. (Nor is it done by several processes: set_config forbids that.)
        """
        return (
            "select answer.* from"
            f" (select set_config('request.jwt.claims', ${len(self.parameters) + 1}, true)) caller (claims)"
            f" cross join lateral (select * from ({self.text}) told where caller.claims is not null offset 0)"
            " answer"
        )

    def values(self, bound: Bound) -> list[Any]:
        """The parameters for one request. Raises BadCursorError."""
        return [parameter(bound) for parameter in self.parameters]


def compile_roots(fields: Sequence[Asked]) -> Statement:
    """The fields of Query, each a column of one row."""
    compiler = Compiler()
    columns = [f"to_json({compiler.value(each, 'Query', '')})" for each in fields]
    return Statement(f"select {', '.join(columns)}", compiler.parameters)


def compile_rows(asked: Asked) -> Statement:
    """Rows by {ids}, in their order: a row of one column each."""
    (of,) = asked.of
    compiler = Compiler()
    built = compiler.object(asked.of[of], of, "its")
    return _filled(compiler, asked, ROWS, built=built, table=str(SHAPES[of].table))


def compile_updates(asked: Asked, sql: str) -> Statement:
    """CHANGES or SINGLES, with the whole answer that a client is sent of the only field it asked for."""
    (of,) = asked.of
    compiler = Compiler()
    built = f"json_build_object({compiler.key(asked)}, {compiler.object(asked.of[of], of, 'moved')})"
    return _filled(compiler, asked, sql, answer=f"json_build_object('data', {built})")


def _filled(compiler: Compiler, asked: Asked, sql: str, **names: str) -> Statement:
    return Statement(compiler.fill(sql, asked, **names), compiler.parameters)
