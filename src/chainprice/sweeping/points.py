"""Where a spec is priced: points in an order, chunk by chunk, never all at once."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple, Protocol

from chainprice import limits
from chainprice.arithmetic import digits, evaluate
from chainprice.errors import Problem, UsageError, short
from chainprice.formula import FormulaError, read

_DIGITS = 40
"""In which the values of a variation are worked out before they are rounded to doubles."""

_TOGETHER = 1024
"""Values of a variation that are worked out at a time."""

GEOMETRIC = "log"
"""How a variation with geometric steps begins: log:1:100:50."""

_FORM = "write NAME=START:STOP:COUNT, or NAME=log:START:STOP:COUNT for geometric steps"


class Chunk(NamedTuple):
    """Consecutive points: the number of the first, a column of values for each name, and what is wrong.

    A point with a fault, by its place in the chunk, has no values (nan).
    """

    first: int
    columns: tuple[tuple[float, ...], ...]
    faults: Mapping[int, str]

    def __len__(self) -> int:
        return len(self.columns[0])


class Points(Protocol):
    """Some points of a sweep, in order."""

    @property
    def names(self) -> tuple[str, ...]:
        """What varies, as `--set` names it."""

    @property
    def count(self) -> int:
        """How many points there are."""

    def chunks(self, size: int, start: int) -> Iterator[Chunk]:
        """All points from number `start` on, so many at a time."""

    def identity(self) -> Mapping[str, object]:
        """What tells these points from others, in JSON's types."""


@dataclass(frozen=True, slots=True)
class Variation:
    """A number that goes from `start` to `stop` in so many values, both ends among them.

    In even steps, or, geometric, by even factors.
    """

    name: str
    start: Decimal
    stop: Decimal
    count: int
    is_geometric: bool = False

    def at(self, place: int) -> float:
        """The value at a place, counted from 0: the double next to what it is exactly."""
        return _values(self, place // _TOGETHER)[place % _TOGETHER]

    def __str__(self) -> str:
        steps = f"{GEOMETRIC}:" if self.is_geometric else ""
        return f"{self.name}={steps}{self.start}:{self.stop}:{self.count}"


@lru_cache(maxsize=64)
def _values(variation: Variation, block: int) -> list[float]:
    first = block * _TOGETHER
    places = range(first, min(first + _TOGETHER, variation.count))
    start, stop, steps = variation.start, variation.stop, max(variation.count - 1, 1)
    with digits(_DIGITS):
        if not variation.is_geometric:
            return [float(start + (stop - start) * place / steps) + 0.0 for place in places]
        ratio = (abs(stop / start).ln() / steps).exp()
        value = start * ratio**first
        values = []
        for place in places:
            values.append(float(stop if place == steps else value))
            value *= ratio
        return values


@dataclass(frozen=True, slots=True)
class Grid:
    """Every combination of the variations' values; those of the last one change fastest."""

    variations: tuple[Variation, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What varies."""
        return tuple(variation.name for variation in self.variations)

    @property
    def count(self) -> int:
        """How many points there are."""
        return math.prod(variation.count for variation in self.variations)

    def chunks(self, size: int, start: int = 0) -> Iterator[Chunk]:
        """All points from number `start` on, so many at a time."""
        for first in range(start, self.count, size):
            places = range(first, min(first + size, self.count))
            yield Chunk(first, tuple(self._column(axis, places) for axis in range(len(self.variations))), {})

    def _column(self, axis: int, places: range) -> tuple[float, ...]:
        variation = self.variations[axis]
        every = math.prod(other.count for other in self.variations[axis + 1 :])
        return tuple([variation.at(place // every % variation.count) for place in places])

    def identity(self) -> Mapping[str, object]:
        """The variations."""
        return {"vary": [str(variation) for variation in self.variations]}


def grid(texts: Iterable[str]) -> Grid:
    """The grid of some NAME=START:STOP:COUNT; raises UsageError with all that is wrong."""
    variations: list[Variation] = []
    problems: list[Problem] = []
    for text in texts:
        try:
            variations.append(_variation(text))
        except _VariationError as error:
            problems.append(Problem(f"--vary {short(text)}: {error}", None, error.hint))
    found = Grid(tuple(variations))
    problems += names_problems(found.names, limits.SWEEP_VARIATIONS)
    if not problems and found.count > limits.SWEEP_POINTS:
        message = f"{found.count:,} points are more than the {limits.SWEEP_POINTS:,} that a sweep may have"
        problems.append(Problem(message, None, "vary fewer numbers, or in fewer values"))
    if problems:
        raise UsageError(problems)
    return found


def names_problems(names: Sequence[str], most: int) -> Iterator[Problem]:
    """What is wrong with the names of what varies, whatever the spec has."""
    for name, times in Counter(names).items():
        if times > 1:
            yield Problem(f"'{short(name)}' is varied twice", None, "name it once")
    if len(names) > most:
        yield Problem(f"{len(names):,} numbers are varied, and at most {most:,} can be")


class _VariationError(Exception):
    def __init__(self, message: str, hint: str = _FORM) -> None:
        super().__init__(message)
        self.hint = hint


def _variation(text: str) -> Variation:
    name, equals, values = text.partition("=")
    parts = [part.strip() for part in values.split(":")]
    is_geometric = parts[0] == GEOMETRIC
    parts = parts[is_geometric:]
    if not equals or len(parts) != 3:
        raise _VariationError("this is no variation")
    start, stop = (_number(part) for part in parts[:2])
    if not parts[2].isascii() or not parts[2].isdigit() or len(parts[2]) > 20 or int(parts[2]) < 1:
        raise _VariationError(f"'{short(parts[2])}' is no number of values")
    count = int(parts[2])
    if is_geometric and not start * stop > 0:
        raise _VariationError("factors lead from no number to one of another sign, nor to or from 0")
    if count == 1 and start != stop:
        raise _VariationError("one value cannot be both ends", "give at least 2 values")
    return Variation(name.strip(), start, stop, count, is_geometric)


def _number(text: str) -> Decimal:
    """An end of a variation: a number, or a formula of numbers."""
    try:
        with digits(_DIGITS):
            value = evaluate(read(text))
    except FormulaError as error:
        raise _VariationError(f"'{short(text)}': {error.message}", error.hint or _FORM) from None
    except KeyError:
        raise _VariationError(f"'{short(text)}' is no number") from None
    except ArithmeticError:
        raise _VariationError(f"'{short(text)}' has no value") from None
    if value and not 1e-300 < abs(value) < 1e300:
        raise _VariationError(f"{value:.3g} is beyond what a double holds well", "change the unit")
    return value
