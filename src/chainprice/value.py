"""What goods are worth at the chain's ends: demand prices, and total value W (MODEL.md section 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Literal, NamedTuple

from chainprice import antiderivatives, undefined
from chainprice.arithmetic import CONSTANTS, DECIMALS, digits, evaluate, rational, working_digits
from chainprice.bound import Bound
from chainprice.errors import Problem, UndefinedError, short
from chainprice.formula import Formula, Shape
from chainprice.quantities import Quantities
from chainprice.spec import Spec
from chainprice.spec.model import Trade
from chainprice.technology import settle
from chainprice.terms import slot_name

Section = Literal["supply", "demand"]

CURVE_VARIABLE = "q"

_SAMPLES = 64
"""Points along a demand curve at which its branch is looked up, to find where it bends."""


def demand_prices(spec: Spec, quantities: Quantities) -> dict[str, Decimal]:
    """The price at which each demanded good is sold, on its curve at the quantity sold."""
    return {good: trade_price(spec, "demand", good, sold) for good, sold in quantities.sold.items()}


def supply_prices(spec: Spec, quantities: Quantities) -> dict[str, Decimal]:
    """The price at which each good is bought that is not supplied free of charge."""
    return {
        good: trade_price(spec, "supply", good, quantities.bought[good])
        for good, supply in spec.supply.items()
        if supply.price is not None
    }


def total_value(spec: Spec, quantities: Quantities) -> Decimal:
    """W: the integral of each demand price over what is sold, less the same over what is bought."""
    earned = (trade_value(spec, "demand", good, sold) for good, sold in quantities.sold.items())
    paid = (
        trade_value(spec, "supply", good, quantities.bought[good])
        for good, supply in spec.supply.items()
        if supply.price is not None
    )
    return sum(earned, Decimal(0)) - sum(paid, Decimal(0))


def trade_price(spec: Spec, section: Section, good: str, quantity: Decimal) -> Decimal:
    """The price of a supply or a demand at a quantity; raises UndefinedError where it has none."""
    price = _price(spec, section, good)
    if price is None:
        return Decimal(0)
    curve = PriceCurve(price, spec.parameters)
    try:
        return evaluate(price) if not price.names else curve.at(quantity)
    except ArithmeticError:
        raise UndefinedError(_undefined(spec, section, good, curve, quantity)) from None


def _undefined(spec: Spec, section: Section, good: str, curve: PriceCurve, quantity: Decimal) -> Problem:
    price, path = curve.price, (section, good, "price")
    at = f" at q = {quantity:.6g}" if CURVE_VARIABLE in price.names else ""
    cause = undefined.of_value(price, curve.values(quantity))
    return Problem(
        f"the price '{short(price.text)}' of '{good}' has no finite real value{at}"
        + (f": {cause.reason}" if cause else ""),
        spec.place_in(cause.span, *path) if cause else spec.place(*path),
        cause.hint if cause else "",
    )


def fail_if_a_price_is_undefined(spec: Spec) -> None:
    """Raise UndefinedError, with the place, where a price that is no curve has no finite real value."""
    sections: tuple[tuple[Section, Mapping[str, Trade]], ...] = (
        ("supply", spec.supply),
        ("demand", spec.demand),
    )
    for section, trades in sections:
        for good, trade in trades.items():
            if trade.price is not None and CURVE_VARIABLE not in trade.price.names:
                trade_price(spec, section, good, Decimal(0))


def _price(spec: Spec, section: Section, good: str) -> Formula | None:
    trades: Mapping[str, Trade] = spec.supply if section == "supply" else spec.demand
    return trades[good].price


def trade_value(spec: Spec, section: Section, good: str, quantity: Decimal) -> Decimal:
    """The integral of a price from 0 to the quantity traded, bend by bend.

    Where that diverges (100/q) it starts at 1: only differences of W matter.
    """
    price = _price(spec, section, good)
    if price is None or CURVE_VARIABLE not in price.names:
        return quantity * trade_price(spec, section, good, quantity)
    curve = PriceCurve(price, spec.parameters)
    try:
        ends = curve.bends(quantity)
        return sum((curve.integral(low, high) for low, high in pairwise(ends)), Decimal(0))
    except ArithmeticError:
        message = (
            f"the price '{short(price.text)}' of '{good}' has no value somewhere up to q = {quantity:.6g}"
        )
        raise UndefinedError(Problem(message, spec.place(section, good, "price"))) from None


class PriceCurve(NamedTuple):
    """A price along q."""

    price: Formula
    parameters: Mapping[str, Formula]

    def at(self, q: Decimal) -> Decimal:
        """The price at q; raises ArithmeticError where it has none."""
        value: Decimal = self.price.shape.run(DECIMALS, self.values(q), self.price.numbers)
        return +value

    def values(self, q: Decimal) -> list[Decimal]:
        """What fills the name slots of the price."""
        known = {name: evaluate(f) for name, f in self.parameters.items() if name in self.price.names}
        known[CURVE_VARIABLE] = q
        return [known[name] if name in known else CONSTANTS[name]() for name in self.price.names]

    def shape(self, q: Decimal) -> Shape:
        """The smooth branch of the curve at q."""
        return settle(self.price, self.values(q)).shape

    def bends(self, end: Decimal) -> list[Decimal]:
        """0, the places between where the curve changes its branch, and the end."""
        if not self.price.shape.kinked or end == 0:
            return [Decimal(0), end]
        inner = [end * (2 * step + 1) / (2 * _SAMPLES) for step in range(_SAMPLES)]
        return [Decimal(0), *self.bends_between(inner), end]

    def bends_between(self, points: Sequence[Decimal]) -> list[Decimal]:
        """Where the curve changes its branch from one of these points to the next."""
        shapes = [self.shape(point) for point in points]
        return [
            self._bend(*ends)
            for ends, (a, b) in zip(pairwise(points), pairwise(shapes), strict=True)
            if a != b
        ]

    def _bend(self, low: Decimal, high: Decimal) -> Decimal:
        """Where the branch changes between two points, by bisection to all digits."""
        first = self.shape(low)
        for _ in range(4 * working_digits()):
            middle = (low + high) / 2
            if self.shape(middle) == first:
                low = middle
            else:
                high = middle
        return high

    def integral(self, low: Decimal, high: Decimal) -> Decimal:
        """The integral over a smooth piece; from 1 instead of 0 where it diverges at 0."""
        antiderivative = self.antiderivative((low + high) / 2)
        if antiderivative is None:
            return self._quadrature(low, high)
        upper = self._at(antiderivative, high)
        try:
            return upper - self._at(antiderivative, low)
        except ArithmeticError:
            return upper - self._at(antiderivative, Decimal(1))

    def _at(self, antiderivative: Formula, q: Decimal) -> Decimal:
        values = {slot_name(i): value for i, value in enumerate([*self.values(q), *self.price.numbers])}
        return evaluate(antiderivative, values)

    def antiderivative(self, q: Decimal) -> Formula | None:
        """An antiderivative of the branch at q, in the names of slots; None if there is none."""
        shape = self.shape(q)
        constants: list[tuple[int, Fraction | str]] = []
        for slot, name in enumerate(self.price.names):
            if name in self.parameters:
                exact = rational(self.parameters[name])
                if exact is not None:
                    constants.append((slot, exact))
            elif name != CURVE_VARIABLE:
                constants.append((slot, name))
        bound = Bound(shape, self.price.numbers, tuple(constants))
        return antiderivatives.antiderivative(bound, self.price.names.index(CURVE_VARIABLE))

    def _quadrature(self, low: Decimal, high: Decimal) -> Decimal:
        """By mpmath's tanh-sinh rule, for curves whose antiderivative cannot be written down."""
        import mpmath

        count = working_digits()

        def price_at(q: mpmath.mpf) -> mpmath.mpf:
            with digits(count + 10):
                at = Decimal(mpmath.nstr(q, count + 10))
                return mpmath.mpf(str(self.price.shape.run(DECIMALS, self.values(at), self.price.numbers)))

        with mpmath.workdps(count + 10):
            ends = [mpmath.mpf(str(low)), mpmath.mpf(str(high))]
            try:
                result = mpmath.quad(price_at, ends)
            except ArithmeticError:
                result = mpmath.quad(price_at, [mpmath.mpf(1), ends[1]])
            return +Decimal(mpmath.nstr(result, count + 5))
