"""What bench/queries.py found: the figures, the limits they break, the table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles

from readers import FLOOR, OURS, POSTGRAPHILE, QUESTIONS

__all__ = ["Costs", "Figures", "breaches", "report"]

MOST_TIMES_FLOOR = 1.2
LEAST_TIMES_LESS = 1.7
MOST_MEMORY = 0.5
MOST_COLD = 1.5
WIDTH = 46
MEGABYTE = 1024 * 1024


@dataclass(slots=True, kw_only=True)
class Costs:
    """Of one question to one server: CPU seconds a request in each round, and how long each request took."""

    api: list[float] = field(default_factory=list)
    postgres: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @property
    def together(self) -> list[float]:
        """API and PostgreSQL."""
        return [api + postgres for api, postgres in zip(self.api, self.postgres, strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of one run: costs by server and question; memory by server; a document never seen, and its parsing."""

    signing: bool
    costs: Mapping[tuple[str, str], Costs]
    memory: Mapping[str, int]
    cold: Costs
    parsing: Sequence[float]

    @property
    def way(self) -> str:
        return "addresses signed" if self.signing else "nothing signed"

    @property
    def memory_ratio(self) -> float:
        return self.memory[OURS] / self.memory[POSTGRAPHILE]

    @property
    def cold_ratio(self) -> float:
        return _ratio(self.cold.api, self.parsing)

    def floor_ratio(self, question: str) -> float:
        """Our API's CPU beside the floor's."""
        return _ratio(self.costs[OURS, question].api, self.costs[FLOOR, question].api)

    def postgraphile_ratio(self, question: str) -> float:
        """PostGraphile's CPU with PostgreSQL's beside ours."""
        return _ratio(self.costs[POSTGRAPHILE, question].together, self.costs[OURS, question].together)


def breaches(figures: Figures) -> Iterator[str]:
    """Each limit that is broken."""
    for question in (each.name for each in QUESTIONS):
        floor, postgraphile = figures.floor_ratio(question), figures.postgraphile_ratio(question)
        if floor > MOST_TIMES_FLOOR:
            yield f"{question}, {figures.way}: {floor:.2f} x the floor, above {MOST_TIMES_FLOOR}"
        if not figures.signing and postgraphile < LEAST_TIMES_LESS:
            less = f"{postgraphile:.2f} x ours, below {LEAST_TIMES_LESS}"
            yield f"{question}, {figures.way}: PostGraphile's {less}"
    if figures.memory_ratio > MOST_MEMORY:
        yield f"memory, {figures.way}: {figures.memory_ratio:.2f} x PostGraphile's, above {MOST_MEMORY}"
    if figures.cold_ratio > MOST_COLD:
        yield f"cold, {figures.way}: {figures.cold_ratio:.2f} x parse and validate, above {MOST_COLD}"


def report(figures: Figures) -> Iterator[str]:
    """The table, a row a server, and what it comes to."""
    yield ""
    yield f"CPU a request in ms, {figures.way}: API, API with PostgreSQL; time in ms; MiB held at the end"
    yield " " * 20 + "".join(f"{f'{each.name}: {each.text}':{WIDTH}}" for each in QUESTIONS)
    for name, held in figures.memory.items():
        cells = "".join(f"{_cell(figures.costs[name, each.name]):{WIDTH}}" for each in QUESTIONS)
        yield f"  {name:18}{cells}{held / MEGABYTE:6.0f}"
    for question in (each.name for each in QUESTIONS):
        ours, floor = figures.costs[OURS, question], figures.costs[FLOOR, question]
        yield (
            f"  {question}: API {figures.floor_ratio(question):.2f} x the floor, with PostgreSQL "
            f"{_ratio(ours.together, floor.together):.2f} x; PostGraphile's with PostgreSQL "
            f"{figures.postgraphile_ratio(question):.2f} x ours"
        )
    yield f"  memory: {figures.memory_ratio:.2f} x PostGraphile's"
    cold, known = 1000 * median(figures.cold.api), 1000 * median(figures.costs[OURS, "Q1"].api)
    yield (
        f"  Q1 never seen before: {cold:.2f} ms, {cold - known:.2f} more than a known one; "
        f"parse and validate {1000 * median(figures.parsing):.2f} ms: {figures.cold_ratio:.2f} x"
    )


def _ratio(these: Sequence[float], those: Sequence[float]) -> float:
    """Round by round: whatever else the machine does is in both of one round, and differs between rounds."""
    return median(this / that for this, that in zip(these, those, strict=True))


def _cell(costs: Costs) -> str:
    cuts = quantiles(costs.seconds, n=100)
    own, together = 1000 * median(costs.api), 1000 * median(costs.together)
    return f"{own:6.2f}{together:7.2f}   p50{1000 * cuts[49]:6.1f} p99{1000 * cuts[98]:6.1f}"
