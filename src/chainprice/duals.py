"""Numbers that carry a slope along one direction: forward differentiation as an arithmetic.

`Shape.run` takes the arithmetic as an argument, and so do both passes over a chain. In this one the backward
pass gives, beside each derivative, how that changes as the chain moves in a direction: a second derivative
(forward over reverse; Griewank and Walther, Evaluating Derivatives, 2nd edition, chapter 5).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from chainprice import differentiation, gradients
from chainprice.arithmetic import CONSTANTS, DECIMALS
from chainprice.bound import Bound
from chainprice.errors import UndefinedError
from chainprice.formula import Formula, Functions, Shape
from chainprice.technology import settle
from chainprice.terms import slot_name

ZERO, ONE = Decimal(0), Decimal(1)


class Dual:
    """A number and its slope; it mixes with decimals, whose slope is 0."""

    __slots__ = ("slope", "value")

    def __init__(self, value: Decimal, slope: Decimal = ZERO) -> None:
        self.value, self.slope = value, slope

    def __bool__(self) -> bool:
        return bool(self.value) or bool(self.slope)

    def __repr__(self) -> str:
        return f"Dual({self.value}, {self.slope})"

    def __neg__(self) -> Dual:
        return Dual(-self.value, -self.slope)

    def __add__(self, other: Real) -> Dual:
        if isinstance(other, Dual):
            return Dual(self.value + other.value, self.slope + other.slope)
        return Dual(self.value + other, self.slope)

    __radd__ = __add__

    def __sub__(self, other: Real) -> Dual:
        if isinstance(other, Dual):
            return Dual(self.value - other.value, self.slope - other.slope)
        return Dual(self.value - other, self.slope)

    def __rsub__(self, other: Real) -> Dual:
        return -self + other

    def __mul__(self, other: Real) -> Dual:
        if isinstance(other, Dual):
            return Dual(self.value * other.value, self.slope * other.value + self.value * other.slope)
        return Dual(self.value * other, self.slope * other)

    __rmul__ = __mul__

    def __truediv__(self, other: Real) -> Dual:
        if isinstance(other, Dual):
            value = self.value / other.value
            return Dual(value, (self.slope - value * other.slope) / other.value)
        return Dual(self.value / other, self.slope / other)

    def __rtruediv__(self, other: Real) -> Dual:
        value = value_of(other) / self.value
        return Dual(value, (slope_of(other) - value * self.slope) / self.value)


Real = Dual | Decimal | int


def value_of(number: Real) -> Decimal:
    """The number without its slope."""
    return number.value if isinstance(number, Dual) else Decimal(number)


def slope_of(number: Real) -> Decimal:
    """How the number changes along the direction."""
    return number.slope if isinstance(number, Dual) else ZERO


def _power(base: Real, exponent: Real) -> Real:
    b, e = value_of(base), value_of(exponent)
    value: Decimal = DECIMALS["pow"](b, e)
    slope = ZERO
    if slope_of(base) and e:
        slope += e * DECIMALS["pow"](b, e - 1) * slope_of(base)
    if slope_of(exponent):
        slope += value * DECIMALS["ln"](b) * slope_of(exponent)
    return Dual(value, slope)


def _log(value: Real, base: Real | None = None) -> Any:
    natural = _smooth("ln")
    return natural(value) if base is None else natural(value) / natural(base)


_SLOPES: Mapping[str, Callable[[Decimal, Decimal], Decimal]] = {
    "exp": lambda _, v: v,
    "ln": lambda a, _: 1 / a,
    "sqrt": lambda _, v: 1 / (2 * v),
    "sin": lambda a, _: DECIMALS["cos"](a),
    "cos": lambda a, _: -DECIMALS["sin"](a),
    "tan": lambda a, _: 1 / DECIMALS["cos"](a) ** 2,
    "asin": lambda a, _: 1 / (1 - a * a).sqrt(),
    "acos": lambda a, _: -1 / (1 - a * a).sqrt(),
    "atan": lambda a, _: 1 / (1 + a * a),
    "sinh": lambda a, _: DECIMALS["cosh"](a),
    "cosh": lambda a, _: DECIMALS["sinh"](a),
    "tanh": lambda a, _: 1 / DECIMALS["cosh"](a) ** 2,
    "erf": lambda a, _: 2 * (-a * a).exp() / CONSTANTS["pi"]().sqrt(),
}
"""The slope of each function of one argument, from the argument and the value."""


def _smooth(name: str) -> Callable[[Real], Real]:
    def function(argument: Real) -> Real:
        at = value_of(argument)
        value: Decimal = DECIMALS[name](at)
        slope = slope_of(argument)
        return Dual(value, _SLOPES[name](at, value) * slope) if slope else Dual(value)

    return function


def _mean(*values: Real) -> Real:
    return sum(values[1:], values[0]) / Decimal(len(values))


DUALS: Functions = {
    **{name: DECIMALS[name] for name in ("number", "add", "sub", "mul", "div", "neg")},
    "pow": _power,
    "mean": _mean,
    "log": _log,
    **{name: _smooth(name) for name in _SLOPES},
}
"""The arithmetic of `Shape.run` in numbers that carry a slope; of smooth shapes only."""


def value_and_slopes(formula: Formula, names: Sequence[Real]) -> tuple[Real, dict[int, Real | None]]:
    """A formula's value and its derivative by each name slot, None where there is none.

    All with their slopes along the direction of `names`. A bend stands on its branch there, or on a kink at
    the mean of those that meet. Raises ArithmeticError where the formula has no value.
    """
    shape = formula.shape
    if shape.kinked:
        shape = settle(formula, [value_of(name) for name in names]).shape
    gradient = gradients.gradient(shape)
    try:
        slots = gradient.slots(names, formula.numbers)  # type: ignore[arg-type]
        steps = gradient.program.trace(DUALS, slots, gradient.literals)
    except ArithmeticError:
        value = shape.run(DUALS, names, formula.numbers)
        return value, {slot: _slope_by(formula, shape, slot, names) for slot in gradient.results}
    return steps[gradient.value], {slot: steps[step] for slot, step in gradient.results.items()}


def _slope_by(formula: Formula, shape: Shape, slot: int, names: Sequence[Real]) -> Real | None:
    """One derivative, simplified for the formula's own numbers."""
    try:
        derivative = differentiation.derivative(Bound(shape, formula.numbers), slot)
        by_name = {slot_name(i): value for i, value in enumerate(names)}
        filling = [by_name[name] if name in by_name else CONSTANTS[name]() for name in derivative.names]
        value: Real = derivative.shape.run(DUALS, filling, derivative.numbers)
    except (ArithmeticError, UndefinedError, KeyError):
        return None
    return value
