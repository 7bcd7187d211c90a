"""Whether a production function is concave at a point.

First by the rules of `degrees`; what they do not know is decided by second differences.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from itertools import combinations

from chainprice import limits
from chainprice.arithmetic import DECIMALS, digits
from chainprice.degrees import degrees
from chainprice.technology import Point, ProductionFunction

EXACT_UP_TO = 12
"""Up to so many inputs concavity is decided from the whole Hessian; beyond, along sampled directions."""

_ZERO = Decimal(0)

_DIGITS = 45
_STEP = Decimal("1e-11")
_TOLERANCE = Decimal("1e-12")
_DIRECTIONS = 64


def is_concave_at(function: ProductionFunction, point: Point) -> bool | None:
    """Whether a production function is concave at a point; None where that cannot be told.

    By second differences in 45 digits, so that about 20 are good: no positive eigenvalue of the Hessian.
    They are undefined at the edge of the function's domain. Beyond `EXACT_UP_TO` inputs, only directions
    of positive curvature among the axes, the ray and a fixed sample are found.
    """
    if not function.inputs or is_concave_by_rules(function, point):
        return True
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
        rest = [
            [rest[i][j] - rest[i][pivot] * rest[pivot][j] / rest[pivot][pivot] for j in size if j != pivot]
            for i in size
            if i != pivot
        ]
    return True
