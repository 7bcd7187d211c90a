"""What the prices mean for each firm: its books, returns to scale, concavity (MODEL.md section 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations
from random import Random

from chainprice.arithmetic import DECIMALS, digits, working_digits
from chainprice.errors import NoConvergenceError
from chainprice.prices import Prices
from chainprice.quantities import Quantities
from chainprice.spec import Spec
from chainprice.technology import MarginalProduct, Point, ProductionFunction
from chainprice.value import trade_value

EXACT_UP_TO = 12
"""Up to so many inputs concavity is decided from the whole Hessian; beyond, along sampled directions."""

ADD_UP = Decimal("1e-12")
"""How near incomes must come to total value, relatively."""

_ROUNDING = 12
"""Digits at the end of the working digits that a sum of incomes may have lost."""

_DIGITS = 45
_STEP = Decimal("1e-11")
_TOLERANCE = Decimal("1e-12")
_DIRECTIONS = 64


@dataclass(frozen=True, slots=True)
class Account:
    """A firm's books: money in the unit of prices; `returns_to_scale` None where output is 0."""

    revenue: Decimal
    cost: Decimal
    returns_to_scale: Decimal | None

    @property
    def profit(self) -> Decimal:
        """Revenue less cost."""
        return self.revenue - self.cost


def account(
    firm: str, quantities: Quantities, prices: Prices, products: Sequence[MarginalProduct]
) -> Account:
    """The books of a firm."""
    made, used = quantities.made[firm], quantities.used[firm]
    revenue = sum((prices.of[good] * amount for good, amount in made.items()), Decimal(0))
    cost = sum((prices.paid[good, firm] * amount for good, amount in used.items()), Decimal(0))
    return Account(revenue, cost, returns_to_scale(made, used, prices, products))


@dataclass(frozen=True, slots=True)
class Incomes:
    """Where total value goes: firms' profits, what suppliers earn beyond their supply price (all of it
    for what is free of charge), and what buyers would have paid beyond the price."""

    profits: Decimal
    factor_incomes: Decimal
    buyer_surplus: Decimal

    @property
    def total(self) -> Decimal:
        """All of it."""
        return self.profits + self.factor_incomes + self.buyer_surplus


def incomes(spec: Spec, quantities: Quantities, prices: Prices, books: Mapping[str, Account]) -> Incomes:
    """Total value as the incomes that it is made of (MODEL.md sections 3 and 4)."""
    factors = (
        prices.of[good] * bought - trade_value(spec, "supply", good, bought)
        for good, bought in quantities.bought.items()
    )
    buyers = (
        trade_value(spec, "demand", good, sold) - prices.paid[good, ""] * sold
        for good, sold in quantities.sold.items()
    )
    profits = (book.profit for book in books.values())
    turnover = sum((abs(book.revenue) + abs(book.cost) for book in books.values()), Decimal(0))
    rounding = turnover.scaleb(_ROUNDING - working_digits())
    totals = [sum(parts, Decimal(0)) for parts in (profits, factors, buyers)]
    return Incomes(*[total if abs(total) > rounding else Decimal(0) for total in totals])


def fail_unless_they_add_up(incomes: Incomes, total_value: Decimal, books: Mapping[str, Account]) -> None:
    """Raise NoConvergenceError unless incomes are total value: they are, where every market clears."""
    turnover = (abs(book.revenue) + abs(book.cost) for book in books.values())
    size = sum(turnover, abs(total_value) + abs(incomes.factor_incomes) + abs(incomes.buyer_surplus))
    if abs(incomes.total - total_value) > ADD_UP * size:
        raise NoConvergenceError(
            f"incomes sum to {incomes.total:.12g}, total value is {total_value:.12g}: a market does not clear"
        )


def returns_to_scale(
    made: Mapping[str, Decimal],
    used: Mapping[str, Decimal],
    prices: Prices,
    products: Sequence[MarginalProduct],
) -> Decimal | None:
    """The elasticity of output when all inputs grow in step; joint outputs weighted by their value."""
    weights = {good: prices.of[good] for good in made} if len(made) > 1 else dict.fromkeys(made, Decimal(1))
    output = sum((weights[good] * amount for good, amount in made.items()), Decimal(0))
    if output == 0:
        return None
    growth = sum((weights[p.output] * p.value * used[p.input] for p in products), Decimal(0))
    return growth / output


def is_concave_at(function: ProductionFunction, point: Point) -> bool | None:
    """Whether the Hessian of a production function has no positive eigenvalue at a point.

    Second differences in 45 digits, so that about 20 are good; None where they are undefined (the
    edge of the function's domain). Beyond `EXACT_UP_TO` inputs, only directions of positive
    curvature among the axes, the ray and a fixed sample are found.
    """
    if not function.inputs:
        return True
    with digits(_DIGITS):
        try:
            curve = _Curve(function, point)
            if len(function.inputs) <= EXACT_UP_TO:
                return _is_negative_semidefinite(curve.hessian())
            return all(curve.second(direction) <= curve.noise for direction in curve.directions())
        except ArithmeticError:
            return None


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
        """The axes, the ray, and random corners (always the same ones)."""
        count = len(self._inputs)
        random = Random(0)  # noqa: S311 - a fixed sample, nothing secret
        corners = [{i: random.choice((-1, 0, 1)) for i in range(count)} for _ in range(_DIRECTIONS)]
        return [{i: 1} for i in range(count)] + [dict.fromkeys(range(count), 1)] + corners


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
