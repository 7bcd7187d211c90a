"""The Lagrangian of a market (MODEL.md section 3) in balls: its gradient and its Hessian.

    L(x, m) =   integrals of the demand prices less integrals of the supply prices
              + sum over balances of m * (coefficient * (supplied + made) - used - delivered)
              + sum over arguments of bends of m * (argument - bend)

The variables x are firms' uses, sales, purchases, and the values of bends that stand on their kink (there
`min` is the greatest number below its arguments: a variable of its own). First and second derivatives are
coefficients of power series along one variable, or along two at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

from flint import arb, arb_series

from chainprice.formula import Formula
from chainprice.verification.certification.balls import (
    BALLS,
    Ball,
    Moved,
    coefficient,
    constant,
    moved,
    number,
)

Kind = Literal["use", "sale", "purchase", "bend"]


class Variable(NamedTuple):
    """A quantity that the market chooses; `user` is the firm of a use or of a bend."""

    kind: Kind
    good: str
    user: str = ""
    upper: Formula | None = None

    def __str__(self) -> str:
        of = f" by firm '{self.user}'" if self.user else ""
        return f"the {self.kind} of '{self.good}'{of}"


Slot = int | Callable[[], Ball]
"""What fills a name of a formula: the index of a variable, or a constant."""


class Piece(NamedTuple):
    """A formula up to one of its steps; `cuts` are the steps that are variables of their own."""

    formula: Formula
    step: int
    slots: tuple[Slot, ...]
    cuts: Mapping[int, int]

    @property
    def variables(self) -> tuple[int, ...]:
        """The variables that it may depend on."""
        named = (slot for slot in self.slots if isinstance(slot, int))
        return tuple(sorted({*named, *(index for cut, index in self.cuts.items() if cut <= self.step)}))

    def trace(self, x: Mapping[int, Moved]) -> list[Moved]:
        """Every step up to the last one, where the variables have these values."""
        names = [x[slot] if isinstance(slot, int) else slot() for slot in self.slots]
        numbers = [number(value) for value in self.formula.numbers]
        values: list[Moved] = []
        for index, (operation, operands) in enumerate(self.formula.shape.steps[: self.step + 1]):
            if index in self.cuts and index < self.step:
                values.append(x[self.cuts[index]])
            elif operation == "name":
                values.append(names[operands[0]])
            elif operation == "number":
                values.append(numbers[operands[0]])
            else:
                values.append(BALLS[operation](*[values[operand] for operand in operands]))
        return values

    def run(self, x: Mapping[int, Moved]) -> Moved:
        """Its value; what is a variable of its own at the last step, too."""
        return x[self.cuts[self.step]] if self.step in self.cuts else self.trace(x)[-1]


class Balance(NamedTuple):
    """coefficient * (supplied + made) - used - delivered >= 0."""

    good: str
    coefficient: Formula | None
    uses: tuple[int, ...]
    purchase: int | None
    endowment: Formula | None
    delivered: Formula | None

    @property
    def variables(self) -> tuple[int, ...]:
        """What is used and what is bought."""
        return self.uses if self.purchase is None else (*self.uses, self.purchase)

    @property
    def share(self) -> Ball:
        """The coefficient in balls."""
        return arb(1) if self.coefficient is None else constant(self.coefficient)


class Output(NamedTuple):
    """What a firm makes of a good."""

    firm: str
    good: str
    piece: Piece


class Argument(NamedTuple):
    """An argument of a bend that is a variable; `side` is 1 for `min`, -1 for `max` and `abs`."""

    bend: int
    side: int
    piece: Piece
    sign: int = 1


class Curve(NamedTuple):
    """The price of a sale (sign 1) or of a purchase (sign -1)."""

    variable: int
    sign: int
    piece: Piece


@dataclass(frozen=True)
class Lagrangian:
    """All of it. A multiplier's index counts the balances first, then the arguments."""

    variables: tuple[Variable, ...]
    balances: tuple[Balance, ...]
    outputs: tuple[Output, ...]
    arguments: tuple[Argument, ...]
    curves: tuple[Curve, ...]

    def weight(self, good: str, m: Sequence[Ball]) -> Ball:
        """What one more unit of a good is worth at these multipliers: its price."""
        return sum((m[j] * self.balances[j].share for j in self.balances_of(good)), arb(0))

    def balances_of(self, good: str) -> Sequence[int]:
        """The balances of a good."""
        return self._balances_of[good]

    @cached_property
    def _balances_of(self) -> Mapping[str, Sequence[int]]:
        found: dict[str, list[int]] = {}
        for j, balance in enumerate(self.balances):
            found.setdefault(balance.good, []).append(j)
        return found

    def at(self, x: Sequence[Ball], m: Sequence[Ball], free: frozenset[int] = frozenset()) -> Derivatives:
        """The gradient at a point or over a box; the second derivatives by the variables in `free`."""
        return _Sum(self, x, m, free).derivatives()


@dataclass(frozen=True, slots=True)
class Derivatives:
    """The gradient of L by x and by m, and the second derivatives: by (x, x) and by (m, x)."""

    by_x: list[Ball]
    by_m: list[Ball]
    curvature: dict[tuple[int, int], Ball]
    slopes: dict[tuple[int, int], Ball]


class _Sum:
    """Adds up what each part of L contributes."""

    def __init__(self, of: Lagrangian, x: Sequence[Ball], m: Sequence[Ball], free: frozenset[int]) -> None:
        self._of, self._x, self._m, self._free = of, x, m, free
        self._values = dict(enumerate(x))
        self._result = Derivatives([arb(0)] * len(x), [arb(0)] * len(m), {}, {})

    def derivatives(self) -> Derivatives:
        for j, balance in enumerate(self._of.balances):
            self._add_balance(j, balance)
        for output in self._of.outputs:
            shares = [(j, self._of.balances[j].share) for j in self._of.balances_of(output.good)]
            self._add(output.piece, shares)
        for j, argument in enumerate(self._of.arguments, len(self._of.balances)):
            self._add(argument.piece, [(j, arb(argument.sign))])
            self._linear(j, argument.bend, arb(-1))
        for curve in self._of.curves:
            self._add_curve(curve)
        return self._result

    def _add_balance(self, j: int, balance: Balance) -> None:
        if balance.endowment is not None:
            self._result.by_m[j] += balance.share * constant(balance.endowment)
        if balance.delivered is not None:
            self._result.by_m[j] -= constant(balance.delivered)
        if balance.purchase is not None:
            self._linear(j, balance.purchase, balance.share)
        for index in balance.uses:
            self._linear(j, index, arb(-1))

    def _linear(self, j: int, index: int, factor: Ball) -> None:
        """The term m_j * factor * x_index."""
        self._result.by_m[j] += factor * self._x[index]
        self._result.by_x[index] += factor * self._m[j]
        self._slope(j, index, factor)

    def _slope(self, j: int, index: int, by: Ball) -> None:
        slopes = self._result.slopes
        slopes[j, index] = slopes.get((j, index), arb(0)) + by

    def _add(self, piece: Piece, factors: list[tuple[int, Ball]]) -> None:
        """The term (sum of m_j * factor) * piece(x)."""
        weight = sum((self._m[j] * factor for j, factor in factors), arb(0))
        value = coefficient(piece.run(self._values), 0)
        for j, factor in factors:
            self._result.by_m[j] += factor * value
        single: dict[int, Ball] = {}
        for index in piece.variables:
            along = self._along(piece, index)
            slope = coefficient(along, 1)
            if isinstance(along, arb_series) and index in self._free:  # else it is on no branch that counts
                single[index] = coefficient(along, 2)
            if not weight.is_zero():  # what is worth nothing may be as steep as it likes
                self._result.by_x[index] += weight * slope
            for j, factor in factors:
                self._slope(j, index, factor * slope)
        for place, first in enumerate(single):
            self._curve(first, first, 2 * weight * single[first])
            for second in list(single)[:place]:
                both = coefficient(self._along(piece, first, second), 2) - single[first] - single[second]
                self._curve(first, second, weight * both)
                self._curve(second, first, weight * both)

    def _along(self, piece: Piece, *indices: int) -> Moved:
        line = {index: moved(self._x[index], arb(1)) for index in indices}
        return piece.run({**self._values, **line})

    def _curve(self, first: int, second: int, by: Ball) -> None:
        curvature = self._result.curvature
        curvature[first, second] = curvature.get((first, second), arb(0)) + by

    def _add_curve(self, curve: Curve) -> None:
        """The integral of a price: its slope is the price."""
        index = curve.variable
        self._result.by_x[index] += curve.sign * coefficient(curve.piece.run(self._values), 0)
        if index in self._free:
            self._curve(index, index, curve.sign * coefficient(self._along(curve.piece, index), 1))
