"""Where to start looking: a point at which every function has a value, and the size of everything.

What is supplied is shared out evenly among its uses, firm by firm down the chain. How much to buy
of a good without a limit is tried over many orders of magnitude.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, reduce
from random import Random

import numpy as np

from chainprice.arithmetic import CONSTANTS, digits, evaluate
from chainprice.equilibrium.programme import Argument, Constant, Piece, Production, Programme
from chainprice.formula import Formula, Functions

LEVELS = (0, 1, -1, 2, -2, 3, -3, 4, -4, 6, -6, 8, -8)
"""Powers of ten that are tried for what has no limit."""

_KEPT = 0.95
"""The part of what there is that a start uses: inside all limits, on none."""

_UNEVEN = 2
"""Starts at which goods are shared out at random."""

_SWEEPS = 4
"""Passes down the chain that fill a recycle loop."""


def _power(base: float, exponent: float) -> float:
    value = base**exponent
    if isinstance(value, complex):
        raise ArithmeticError
    return float(value)


FLOATS: Functions = {
    "number": float,
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "pow": _power,
    "neg": operator.neg,
    "abs": abs,
    "min": lambda *values: min(values),
    "max": lambda *values: max(values),
    "ln": math.log,
    "log": math.log,
    **{name: getattr(math, name) for name in ("exp", "sqrt", "erf", "sin", "cos", "tan")},
    **{name: getattr(math, name) for name in ("asin", "acos", "atan", "sinh", "cosh", "tanh")},
}
"""The arithmetic of formulas in doubles."""

ARRAYS: Functions = {
    **FLOATS,
    "pow": np.power,
    "abs": np.abs,
    "min": lambda *values: reduce(np.minimum, values),
    "max": lambda *values: reduce(np.maximum, values),
    "ln": np.log,
    "log": lambda a, base=np.e: np.log(a) / np.log(base),
    "erf": np.vectorize(math.erf, otypes=[float]),
    **{name: getattr(np, name) for name in ("exp", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **{f"a{name}": getattr(np, f"arc{name}") for name in ("sin", "cos", "tan")},
}
"""The arithmetic of formulas in arrays of doubles; what is undefined is nan."""


@lru_cache(maxsize=65_536)
def constant(value: Constant) -> float:
    """A constant as a double."""
    with digits(20):
        return float(evaluate(value) if isinstance(value, Formula) else CONSTANTS[value]())


def run(piece: Piece, x: Sequence[float]) -> float:
    """A piece's value in doubles, nan where it has none."""
    try:
        value = float(piece.run(FLOATS, x, constant))
    except (ArithmeticError, ValueError):
        return math.nan
    return value if math.isfinite(value) else math.nan


def starting_points(programme: Programme) -> Iterator[list[float]]:
    """Points to start from, the most promising first."""
    levels = LEVELS if programme.network.loop or _has_unlimited(programme) else (0,)
    points = [_Filling(programme, 10.0**level).point() for level in levels]
    even = [x for _, x in sorted(points, key=lambda point: point[0])]
    yield even[0]
    if len(programme.variables) > 1:
        for seed in range(1, 1 + _UNEVEN):
            yield _Filling(programme, 1.0, seed).point()[1]
    yield from even[1:]


def _has_unlimited(programme: Programme) -> bool:
    return any(programme.variables[index].upper is None for index in programme.purchases.values())


class _Filling:
    """One pass down the chain with the unlimited goods at one level."""

    def __init__(self, programme: Programme, level: float, seed: int | None = None) -> None:
        self._programme = programme
        self._level = level
        self._random = None if seed is None else Random(seed)  # noqa: S311 - nothing secret
        self._x = [level] * len(programme.variables)
        self._users = {good: max(1, len(uses)) for good, uses in programme.network.uses.items()}
        self._uses: dict[str, list[int]] = {firm: [] for firm in programme.network.firms}
        for index, variable in enumerate(programme.variables):
            if variable.kind == "use":
                self._uses[variable.user].append(index)
        self._productions: dict[str, list[Production]] = {firm: [] for firm in programme.network.firms}
        for production in programme.productions:
            self._productions[production.firm].append(production)
        self._arguments: dict[tuple[str, str], list[Argument]] = {}
        for argument in programme.arguments:
            self._arguments.setdefault((argument.firm, argument.output), []).append(argument)

    def point(self) -> tuple[tuple[int, bool, float], list[float]]:
        """What to sort by, and the point: all functions defined, then the greatest total value.

        Where every level makes a loss, or where nothing is bought without a limit (what goes round a
        loop at first is made up), levels near 1 come first.
        """
        made: Mapping[str, float] = {}
        undefined = 0
        for _ in range(_SWEEPS if self._programme.network.loop else 1):
            made, undefined = self._sweep(made)
        value = self._trade(made)
        is_ranked = value > 0 and _has_unlimited(self._programme)
        worth = -value if is_ranked else abs(math.log10(self._level))
        return (undefined + (not math.isfinite(value)), not is_ranked, worth), self._x

    def _sweep(self, before: Mapping[str, float]) -> tuple[dict[str, float], int]:
        programme, x = self._programme, self._x
        available = self._supplied()
        made: dict[str, float] = {}
        undefined = 0
        for firm in programme.network.firms:
            for index in self._uses[firm]:
                good = programme.variables[index].good
                there = available.get(good, 0.0) + made.get(good, before.get(good, 0.0))
                x[index] = self._part(good, firm, there)
            for production in self._productions[firm]:
                self._set_bends(firm, production.output)
                value = run(production.piece, x)
                undefined += math.isnan(value)
                amount = self._level if math.isnan(value) else value
                made[production.output] = made.get(production.output, 0.0) + amount
        return made, undefined

    def _supplied(self) -> dict[str, float]:
        amounts = {good: constant(quantity) for good, quantity in self._programme.endowments.items()}
        for good, index in self._programme.purchases.items():
            upper = self._programme.variables[index].upper
            self._x[index] = self._level if upper is None else _KEPT * constant(upper)
            amounts[good] = amounts.get(good, 0.0) + self._x[index]
        return amounts

    def _part(self, good: str, user: str, there: float) -> float:
        note = self._programme.spec.note(good)
        share = 1.0 / self._users[good]
        if self._random is not None:
            share *= self._random.random()
        if not note.rival:
            share = 1.0
        elif note.split is not None:
            share = constant(note.split[user])
        return _KEPT * share * there if there > 0 else self._level

    def _set_bends(self, firm: str, output: str) -> None:
        """A little below the least argument of a min, above the greatest of a max."""
        limits: dict[tuple[int, int], list[float]] = {}
        for argument in self._arguments.get((firm, output), ()):
            value = run(argument.piece, self._x)
            bounds = limits.setdefault((argument.bend, argument.side), [])
            bounds.append(self._level if math.isnan(value) else value)
            bend = min(bounds) if argument.side > 0 else max(bounds)
            self._x[argument.bend] = bend - argument.side * (1 - _KEPT) * (abs(bend) or self._level)

    def _trade(self, made: Mapping[str, float]) -> float:
        """Sell what is left; what the trades are worth, roughly."""
        programme, x = self._programme, self._x
        available = self._supplied()
        value = 0.0
        for curve in programme.curves:
            if curve.section == "demand":
                there = available.get(curve.good, 0.0) + made.get(curve.good, 0.0)
                upper = programme.variables[curve.variable].upper
                x[curve.variable] = self._part(curve.good, "demand", there)
                if upper is not None:
                    x[curve.variable] = min(x[curve.variable], _KEPT * constant(upper))
            if programme.network.uses[curve.good]:
                value += curve.sign * run(curve.piece, x) * x[curve.variable]
        return value
