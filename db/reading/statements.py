"""The statements that are compiled: of a query, of rows by their ids, of what has changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from db.reading.compiler import Compiler, Parameter
from db.reading.selection import Asked, Bound

__all__ = ["Statement", "compile_changes", "compile_roots", "compile_rows", "compile_singles"]


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


def compile_roots(fields: Sequence[Asked], *, tagged: bool = False) -> Statement:
    """The fields of Query, each a column of one row; tagged, a row of an interface tells its type."""
    compiler = Compiler(tagged=tagged)
    columns = [f"to_json({compiler.value(each, 'Query', '')})" for each in fields]
    return Statement(f"select {', '.join(columns)}", compiler.parameters)


def compile_rows(asked: Asked, of: str) -> Statement:
    """The rows of a shape whose ids are the bound keys, in their order: a row of one column each."""
    compiler = Compiler()
    keys, its = compiler.bind("keys", lambda bound: bound.keys, "uuid[]"), compiler.alias()
    built = compiler.object(asked.of[of], of, its)
    return Statement(
        f"select to_json({built}) from unnest({keys}) with ordinality as key (id, place)"
        f" join {compiler.table(of)} {its} on {its}.id = key.id order by key.place",
        compiler.parameters,
    )


def compile_changes(asked: Asked, of: str) -> Statement:
    """What has changed in a batch past a seq, oldest first: (head, finished, key, seq, cursor, answer).

    The bound keys are the batch, the seq, and how many changes at most. The last row is the batch alone, as
    of its head. of is the type of the updates; their batch is built once for all of them.
    """
    update = _Update(of)
    batch, after, most = map(update.bound_key, range(3), ("uuid", "bigint", "integer"))
    built = update.pairs(asked.of[of], update.part)
    moved = f"select g.id as key, g.seq{update.generations} from generations g"
    return Statement(
        f"with told as materialized (select t.*{update.batches} from batches t where t.id = {batch})"
        " select told.seq as head, told.finished_at is not null as finished, moved.key, moved.seq,"
        f" {CURSOR} as cursor, {_answer(update, asked, built)} as answer"
        " from told cross join lateral ("
        f"({moved} where g.user_id = told.user_id and g.batch_id = told.id and g.seq > {after}"
        f" order by g.seq limit {most}) union all select null, told.seq{update.absent}"
        ") moved order by moved.seq, moved.key nulls last",
        update.parameters,
    )


def compile_singles(asked: Asked, of: str) -> Statement:
    """The updates of generations of no batch, whose ids are the bound keys: (key, answer)."""
    compiler = Compiler()
    keys = compiler.bind("keys", lambda bound: bound.keys, "uuid[]")

    def part(each: Asked) -> str:
        if each.name == "generation":
            return compiler.object(each.of["Generation"], "Generation", "g")
        return "null" if each.name == "batch" else compiler.value(each, of, "")

    answer = _answer(compiler, asked, compiler.pairs(asked.of[of], part))
    return Statement(
        f"select g.id as key, {answer} as answer from generations g where g.id = any({keys})",
        compiler.parameters,
    )


CURSOR = "studio.cursor(json_build_array(told.id, moved.seq))"


class _Update(Compiler):
    """The parts of an update as columns: of the batch once, of each generation one each."""

    def __init__(self, of: str) -> None:
        super().__init__()
        self.of = of
        self.batches = ""
        self.generations = ""
        self.absent = ""

    def bound_key(self, place: int, type: str) -> str:
        return self.bind(("keys", place), lambda bound: bound.keys[place], type)

    def part(self, asked: Asked) -> str:
        match asked.name:
            case "cursor":
                return CURSOR
            case "batch":
                column = self.alias()
                self.batches += f", to_json({self.object(asked.of['Batch'], 'Batch', 't')}) as {column}"
                return f"told.{column}"
            case "generation":
                column = self.alias()
                built = self.object(asked.of["Generation"], "Generation", "g")
                self.generations += f", to_json({built}) as {column}"
                self.absent += ", null"
                return f"moved.{column}"
        return self.value(asked, self.of, "")


def _answer(compiler: Compiler, asked: Asked, built: str) -> str:
    """What a client is sent of a field that is the only one it asked for."""
    return f"json_build_object('data', json_build_object({compiler.key(asked)}, {built}))"
