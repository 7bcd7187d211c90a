"""The sweep as Python's own values: one row a point, in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, NamedTuple

from chainprice.arithmetic import Number
from chainprice.solution import in_json
from chainprice.spec import Spec
from chainprice.sweeping.evaluation import Block, evaluate
from chainprice.sweeping.points import Points, grid
from chainprice.sweeping.question import Question, ask

FORMAT = "chainprice.sweep/1"
"""The lines of `sweep -f jsonl`, and their version."""


class SweepRow(NamedTuple):
    """The price table at one point; without an answer there are no numbers, but an error."""

    point: Annotated[int, "The number of the point, from 0."]
    at: Annotated[Mapping[str, float | None], "What varies, as --set names it, and its value here."]
    total_value: Annotated[Number | None, "Sales less purchases; null where there is no answer."]
    quantities: Annotated[Mapping[str, Number | None], "What is available of each good."]
    prices: Annotated[Mapping[str, Number | None], "The price of each good."]
    error: Annotated[str | None, "Why this point has no answer; null where it has one."]

    def to_dict(self) -> dict[str, Any]:
        """The row as a line of JSON has it."""
        values = {
            key: {name: in_json(item) for name, item in value.items()}
            if isinstance(value, Mapping)
            else in_json(value)
            for key, value in self._asdict().items()
        }
        return {"format": FORMAT, **values}


def sweep(
    spec: Spec,
    vary: Iterable[str] = (),
    *,
    samples: Points | None = None,
    numeraire: str | None = None,
    goods: Iterable[str] = (),
) -> Iterator[SweepRow]:
    """The price table of a spec at every point of a grid, one row after the other.

    `vary` has texts like "supply.natgas.quantity=1:9:5" or "tax=log:0.01:1:20", as `--vary` takes them;
    `samples` are points of a file instead (`chainprice.sweeping.samples.read_samples`). `goods` are those
    whose prices and quantities are wanted, all of them by default. Numbers are as exact as 1e-12 (relative)
    where quantities are given, as `solve` has them elsewhere. A point without an answer is a row with an
    error.

    Raises UsageError for names that the spec has not, and SpecError where it is sound
    neither as it is written nor at a point that was tried.
    """
    points = grid(vary) if samples is None else samples
    question = ask(Question(spec.source, spec.settings, spec.allocation, numeraire, tuple(goods)), points)

    def rows() -> Iterator[SweepRow]:
        for chunk in points.chunks(question.together, 0):
            yield from rows_of(evaluate(question.job, chunk), question.job.names)

    return rows()


def rows_of(block: Block, names: Iterable[str]) -> Iterator[SweepRow]:
    """The rows of a block."""
    names = tuple(names)
    chunk = block.chunk
    for place in range(len(chunk)):
        is_fault = place in chunk.faults
        yield SweepRow(
            chunk.first + place,
            {
                name: None if is_fault else column[place]
                for name, column in zip(names, chunk.columns, strict=True)
            },
            block.total_value[place],
            {good: column[place] for good, column in block.quantities.items()},
            {good: column[place] for good, column in block.prices.items()},
            block.errors.get(place),
        )
