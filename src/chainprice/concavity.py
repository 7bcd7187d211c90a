"""Whether a production function is concave at a point.

First by the rules of `degrees`; what they do not know is decided by second derivatives in doubles where these
leave no doubt, and else by second differences in decimals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cached_property, lru_cache
from itertools import combinations
from sys import float_info
from typing import TypeVar

from chainprice import limits
from chainprice.arithmetic import DECIMALS, digits
from chainprice.curvature import Pair, curvature
from chainprice.degrees import degrees
from chainprice.formula import Shape
from chainprice.programs import Sure, sure
from chainprice.technology import Point, ProductionFunction

EXACT_UP_TO = 12
"""Up to so many inputs concavity is decided from the whole Hessian; beyond, along sampled directions."""

_ZERO = Decimal(0)

_Real = TypeVar("_Real", float, Decimal)

_DIGITS = 45
_STEP = Decimal("1e-11")
_TOLERANCE = Decimal("1e-12")
_DIRECTIONS = 64

_OFTEN = 20
"""Points after which second derivatives in doubles are worth their function."""

_CLEAR = 1e-9
"""Doubles decide where eigenvalues are further from 0 than this, relatively: rounding in the elimination does
less than 1e-13, and what decimals count as zero is less than 1e-11."""


def is_concave_at(function: ProductionFunction, point: Point) -> bool | None:
    """Whether a production function is concave at a point; None where that cannot be told.

    It is where the Hessian has no positive eigenvalue. Where doubles leave a doubt, by second differences in
    45 digits, so that about 20 are good; they are undefined at the edge of the function's domain. Beyond
    `EXACT_UP_TO` inputs, only directions of positive curvature among the axes, the ray and a fixed sample are
    found.
    """
    if not function.inputs or is_concave_by_rules(function, point):
        return True
    if len(function.inputs) <= EXACT_UP_TO:
        verdict = _by_doubles(function, point)
        if verdict is not None:
            return verdict
    with digits(_DIGITS):
        try:
            curve = _Curve(function, point)
            if len(function.inputs) <= EXACT_UP_TO:
                return _is_negative_semidefinite(curve.hessian())
            return all(curve.second(direction) <= curve.noise for direction in curve.directions())
        except ArithmeticError:
            return None


def is_concave_by_rules(function: ProductionFunction, point: Point) -> bool:
    """Whether the rules show that it is positive and concave, for positive inputs.

    They know nothing of bends at a point of theirs.
    """
    formula, inputs = function.formula, function.inputs
    for name in inputs:
        if point[name] <= _ZERO:
            return False
    if inputs is formula.names:
        return degrees(formula.shape, ()).are_concave(formula.numbers)
    values = function.values(point)
    constants = tuple([slot for slot, name in enumerate(formula.names) if name not in inputs])
    numbers = (*formula.numbers, *[values[slot] for slot in constants])
    return degrees(formula.shape, constants).are_concave(numbers)


def _by_doubles(function: ProductionFunction, point: Point) -> bool | None:
    """Whether it is concave at a point; None where doubles leave a doubt."""
    formula = function.formula
    slots = tuple([formula.names.index(name) for name in function.inputs])
    return _hessian(formula.shape, slots).is_negative_definite(function.values(point), formula.numbers)


@lru_cache(maxsize=8192)
def _hessian(shape: Shape, inputs: tuple[int, ...]) -> _Hessian:
    return _Hessian(shape, inputs)


class _Hessian:
    """The second derivatives of a shape in doubles, by relative steps of its inputs."""

    def __init__(self, shape: Shape, inputs: tuple[int, ...]) -> None:
        self._shape, self._inputs = shape, inputs
        self._asked = 0

    @cached_property
    def _program(self) -> tuple[Sure, Sequence[float], Sequence[Pair]] | None:
        """What gives the value and then the second derivatives, the literals it needs, and whose they are."""
        curved = curvature(self._shape, self._inputs)
        if curved is None:
            return None
        function = sure(curved.program, (curved.value, *curved.second.values()))
        return function and (function, [*map(float, curved.literals)], [*curved.second])

    def is_negative_definite(self, names: Sequence[Decimal], numbers: Sequence[Decimal]) -> bool | None:
        """Whether all eigenvalues are clearly below 0 (True) or one is clearly above (False); else None."""
        self._asked += 1
        if self._asked <= _OFTEN or self._program is None:
            return None
        function, literals, pairs = self._program
        try:
            (value, _), *second = function([*map(float, names), *map(float, numbers), *literals])
        except (ArithmeticError, ValueError):
            return None
        return _clear_verdict(abs(value), dict(zip(pairs, second, strict=True)), len(self._inputs))


def _clear_verdict(size: float, second: Mapping[Pair, tuple[float, float]], count: int) -> bool | None:
    """Whether a matrix of entries with bounds of their errors is negative definite, beside the output's size.

    No eigenvalue is moved by more than a row of errors sums to. The bounds, of first order, count twice.
    """
    largest = max([size, *[abs(value) for value, _ in second.values()]])
    error = max([abs(value) * error for value, error in second.values()], default=0.0) * float_info.epsilon
    margin = _CLEAR * largest + 2 * count * error
    negative = [[0.0] * count for _ in range(count)]
    for (i, j), (value, _) in second.items():
        negative[i][j] = negative[j][i] = -value
    if _is_positive_definite(_shifted(negative, -margin)):
        return True
    return None if _is_positive_definite(_shifted(negative, margin)) else False


def _shifted(matrix: Sequence[Sequence[float]], by: float) -> list[list[float]]:
    return [[value + by if i == j else value for j, value in enumerate(row)] for i, row in enumerate(matrix)]


def _is_positive_definite(matrix: Sequence[Sequence[float]]) -> bool:
    """By symmetric elimination, largest pivot first: no entry of such a matrix is larger than that."""
    rest = matrix
    while rest:
        pivot = max(range(len(rest)), key=lambda i: rest[i][i])
        largest = rest[pivot][pivot]
        if largest <= 0 or any(abs(value) > largest for row in rest for value in row):
            return False
        rest = _eliminated(rest, pivot)
    return True


class _Curve:
    """A settled production function around a point, in relative steps of its inputs."""

    def __init__(self, function: ProductionFunction, point: Point) -> None:
        self._inputs = function.inputs
        self._shape = function.settled(point).shape
        self._numbers = function.formula.numbers
        self._values = function.values(point)
        self._slots = [function.formula.names.index(name) for name in self._inputs]
        self._scales = [abs(point[name]) or Decimal(1) for name in self._inputs]
        self._middle = self.at({})
        self.noise = _TOLERANCE * abs(self._middle)

    def at(self, steps: Mapping[int, int]) -> Decimal:
        """The output with input i moved by steps[i] relative steps."""
        values = list(self._values)
        for index, count in steps.items():
            values[self._slots[index]] += count * _STEP * self._scales[index]
        value: Decimal = self._shape.run(DECIMALS, values, self._numbers)
        return value

    def second(self, direction: Mapping[int, int]) -> Decimal:
        """The second derivative along a direction."""
        back = {index: -count for index, count in direction.items()}
        return (self.at(direction) - 2 * self._middle + self.at(back)) / _STEP**2

    def hessian(self) -> list[list[Decimal]]:
        """All second derivatives, each input in units of its own quantity, over the output's size."""
        count = len(self._inputs)
        scale = abs(self._middle) or Decimal(1)
        axis = [self.second({i: 1}) for i in range(count)]
        matrix = [[axis[i] / scale if i == j else Decimal(0) for j in range(count)] for i in range(count)]
        for i, j in combinations(range(count), 2):
            mixed = (self.second({i: 1, j: 1}) - axis[i] - axis[j]) / 2
            matrix[i][j] = matrix[j][i] = mixed / scale
        return matrix

    def directions(self) -> list[dict[int, int]]:
        """The ray, random corners (always the same ones), and the axes, as many as there is time for."""
        from random import Random

        count = len(self._inputs)
        random = Random(0)  # noqa: S311 - a fixed sample, nothing secret
        corners = [{i: random.choice((-1, 0, 1)) for i in range(count)} for _ in range(_DIRECTIONS)]
        directions = [dict.fromkeys(range(count), 1), *corners, *({i: 1} for i in range(count))]
        return directions[: 1 + limits.CONCAVITY_WORK // len(self._shape.steps)]


def _is_negative_semidefinite(matrix: list[list[Decimal]]) -> bool:
    """By symmetric elimination, largest pivot first; what is below the noise counts as zero."""
    rest = [[-value for value in row] for row in matrix]
    noise = _TOLERANCE * max(Decimal(1), *(abs(value) for row in matrix for value in row))
    while rest:
        size = range(len(rest))
        pivot = max(size, key=lambda i: rest[i][i])
        if any(rest[i][i] < -noise for i in size):
            return False
        if rest[pivot][pivot] <= noise:
            return all(abs(value) <= noise for row in rest for value in row)
        rest = _eliminated(rest, pivot)
    return True


def _eliminated(matrix: Sequence[Sequence[_Real]], pivot: int) -> list[list[_Real]]:
    """What is left of a symmetric matrix without its pivot (the Schur complement)."""
    others = [i for i in range(len(matrix)) if i != pivot]
    shares = [value / matrix[pivot][pivot] for value in matrix[pivot]]
    return [[matrix[i][j] - matrix[i][pivot] * shares[j] for j in others] for i in others]
