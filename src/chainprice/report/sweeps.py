"""The rows of a sweep as text: CSV, or JSON line by line. One line a point, whatever is in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any, Literal, NamedTuple

from chainprice.arithmetic import written
from chainprice.errors import printable
from chainprice.report.numbers import full
from chainprice.sweeping.evaluation import Block, Job, evaluate
from chainprice.sweeping.points import Chunk
from chainprice.sweeping.rows import FORMAT

Form = Literal["csv", "jsonl"]


class Answer(NamedTuple):
    """A chunk as text: how many points it has, how many of them have an answer, and their lines."""

    points: int
    solved: int
    text: str


@dataclass(frozen=True, slots=True)
class Writer:
    """What prices a chunk and writes it; it goes to other processes as it is."""

    job: Job
    form: Form

    def __call__(self, chunk: Chunk) -> Answer:
        """A chunk's lines."""
        return self.answer(evaluate(self.job, chunk))

    def answer(self, block: Block) -> Answer:
        """The lines of a block."""
        lines = csv_lines(block) if self.form == "csv" else json_lines(block, self.job.names)
        points = len(block.chunk)
        return Answer(points, points - len(block.errors), "".join(lines))

    @property
    def header(self) -> str:
        """What stands before all lines."""
        return ",".join(columns(self.job)) + "\n" if self.form == "csv" else ""


def columns(job: Job) -> list[str]:
    """The columns of CSV and Parquet.

    What varies has the name that `--set` gives it; where a column of results has that name, `set.` goes
    before.
    """
    results = [
        *("point", "total_value", "error"),
        *(f"quantity.{good}" for good in job.goods),
        *(f"price.{good}" for good in job.goods),
    ]
    taken = {*results, *job.names}
    known = set(results)
    varied = []
    for name in job.names:
        shown = name
        while shown in known or (shown != name and shown in taken):
            shown = f"set.{shown}"
        known.add(shown)
        varied.append(shown)
    return [results[0], *varied, results[1], *results[3:], results[2]]


def csv_lines(block: Block) -> Iterator[str]:
    """A line for each point."""
    numbers = [*block.chunk.columns, block.total_value, *block.quantities.values(), *block.prices.values()]
    texts = [_numbers(column, full, "") for column in numbers]
    varied = len(block.chunk.columns)
    for place in block.chunk.faults:
        for column in texts[:varied]:
            column[place] = ""
    for place, cells in enumerate(zip(*texts, strict=True)):
        error = _quoted(block.errors[place]) if place in block.errors else ""
        yield f"{block.chunk.first + place},{','.join(cells)},{error}\n"


_MARKED = re.compile(r'[",]|^[=+\-@\s]')


def _quoted(text: str) -> str:
    """A cell of CSV, on one line."""
    text = printable(text)
    return '"' + text.replace('"', '""') + '"' if _MARKED.search(text) else text


def line_begin(form: Form, point: int) -> str:
    """How the line of a point begins."""
    return f"{point}," if form == "csv" else json_begin(point)


def json_begin(point: int) -> str:
    """How the line of a point begins in JSON."""
    return f'{{"format": "{FORMAT}", "point": {point}, '


def json_lines(block: Block, names: Sequence[str]) -> Iterator[str]:
    """An object for each point, each on a line."""
    faults = block.chunk.faults
    at = _objects(names, block.chunk.columns)
    quantities = _objects(list(block.quantities), list(block.quantities.values()))
    prices = _objects(list(block.prices), list(block.prices.values()))
    totals = _numbers(block.total_value, _in_json, "null")
    rows = zip(at, totals, quantities, prices, strict=True)
    nowhere = "{" + ", ".join(f"{encode_basestring(name)}: null" for name in names) + "}"
    for place, (point, total, of_quantities, of_prices) in enumerate(rows):
        error = encode_basestring(printable(block.errors[place])) if place in block.errors else "null"
        yield (
            f'{json_begin(block.chunk.first + place)}"at": {nowhere if place in faults else point}, '
            f'"total_value": {total}, "quantities": {of_quantities}, "prices": {of_prices}, '
            f'"error": {error}}}\n'
        )


def _objects(names: Iterable[str], of: Sequence[Sequence[Any]]) -> Iterable[str]:
    """Rows of numbers as objects."""
    template = "{" + ", ".join(f"{encode_basestring(name)}: %s" for name in names) + "}"
    return map(template.__mod__, zip(*(_numbers(column, _in_json, "null") for column in of), strict=True))


def _in_json(value: Any) -> str:
    return f'"{written(value)}"' if isinstance(value, Decimal) else float.__repr__(value)


def _numbers(column: Sequence[Any], write: Callable[[Any], str], nothing: str) -> list[str]:
    """A column of numbers as text."""
    try:
        return [*map(float.__repr__, column)]
    except TypeError:
        return [nothing if value is None else write(value) for value in column]
