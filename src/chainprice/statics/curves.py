"""A price curve with what it depends on: its slopes, and the value of a little more of its parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import pairwise

from chainprice import differentiation
from chainprice.arithmetic import digits, evaluate, working_digits
from chainprice.bound import Bound
from chainprice.duals import Dual, Real, slope_of, value_and_slopes, value_of
from chainprice.errors import UndefinedError
from chainprice.formula import Formula
from chainprice.spec import Spec
from chainprice.technology import settle
from chainprice.terms import slot_name
from chainprice.value import CURVE_VARIABLE, PriceCurve, Section

ZERO, ONE = Decimal(0), Decimal(1)


def curves(spec: Spec) -> Iterator[tuple[Section, str, Formula]]:
    """Every price of the spec."""
    for good, demand in spec.demand.items():
        if demand.price is not None:
            yield "demand", good, demand.price
    for good, supply in spec.supply.items():
        if supply.price is not None:
            yield "supply", good, supply.price


def price_at(price: Formula, spec: Spec, q: Real) -> Real:
    """The price at a quantity; raises ArithmeticError where there is none."""
    if not price.names:
        return evaluate(price)
    return value_and_slopes(price, _names(price, spec, q))[0]


def _names(price: Formula, spec: Spec, q: Real) -> list[Real]:
    values: list[Real] = list(PriceCurve(price, spec.parameters).values(value_of(q)))
    return [q if name == CURVE_VARIABLE else v for name, v in zip(price.names, values, strict=True)]


def pulls(section: Section, price: Formula, spec: Spec, q: Real) -> Iterator[tuple[str, Real | None]]:
    """For each parameter that a price names, what a little more of it adds to the value of the trade.

    That is the integral of the price's slope by it, from where the price's own integral begins to q. None
    where there is no slope: on a kink all along a piece, such as max(c, 2) has at c = 2.
    """
    sign = 1 if section == "demand" else -1
    for slot, name in enumerate(price.names):
        if name not in spec.parameters:
            continue
        try:
            whole = _integral(price, spec, slot, value_of(q))
            slope = value_and_slopes(price, _names(price, spec, q))[1].get(slot, ZERO)
        except (ArithmeticError, UndefinedError):
            yield name, None
            continue
        if slope is None or whole is None:
            yield name, None
        else:
            yield name, Dual(sign * whole, sign * value_of(slope) * slope_of(q))


def _integral(price: Formula, spec: Spec, slot: int, end: Decimal) -> Decimal | None:
    """Of the slope by one name, bend by bend; None where a piece is a kink."""
    curve = PriceCurve(price, spec.parameters)
    if not end:
        return ZERO
    if CURVE_VARIABLE not in price.names:
        if _is_on_kink(curve, end):
            return None
        return end * value_of(value_and_slopes(price, _names(price, spec, end))[1][slot] or ZERO)
    first = ZERO if _begins_at_0(curve, end) else ONE
    ends = curve.bends(end) if first == 0 else [first, end]
    if any(_is_on_kink(curve, (low + high) / 2) for low, high in pairwise(ends) if low != high):
        return None
    return sum((_smooth_integral(curve, slot, low, high) for low, high in pairwise(ends)), ZERO)


def _is_on_kink(curve: PriceCurve, q: Decimal) -> bool:
    return curve.price.shape.kinked and settle(curve.price, curve.values(q)).on_kink


def _begins_at_0(curve: PriceCurve, end: Decimal) -> bool:
    """Whether the price's own integral from 0 is finite; else it begins at 1 (`PriceCurve.integral`)."""
    low = curve.bends(end)[1]
    antiderivative = curve.antiderivative(low / 2)
    if antiderivative is None:
        return True
    try:
        _at(antiderivative, curve, ZERO)
    except ArithmeticError:
        return False
    return True


def _smooth_integral(curve: PriceCurve, slot: int, low: Decimal, high: Decimal) -> Decimal:
    """Between two bends: of the slope as a formula, or by mpmath's tanh-sinh rule."""
    if low == high:
        return ZERO
    middle = (low + high) / 2
    derivative = differentiation.derivative(Bound(curve.shape(middle), curve.price.numbers), slot)
    slots = {slot_name(i): name for i, name in enumerate(curve.price.names)}
    slope = PriceCurve(derivative._replace(names=_renamed(derivative.names, slots)), curve.parameters)
    if CURVE_VARIABLE not in slope.price.names:
        return slope.at(middle) * (high - low)
    antiderivative = slope.antiderivative(middle)
    if antiderivative is None:
        return _quadrature(slope, low, high)
    try:
        return _at(antiderivative, slope, high) - _at(antiderivative, slope, low)
    except ArithmeticError:  # q*ln(q) at 0
        return _quadrature(slope, low, high)


def _renamed(names: tuple[str, ...], by: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(by.get(name, name) for name in names)


def _at(antiderivative: Formula, curve: PriceCurve, q: Decimal) -> Decimal:
    values = [*curve.values(q), *curve.price.numbers]
    return evaluate(antiderivative, {slot_name(i): value for i, value in enumerate(values)})


def _quadrature(slope: PriceCurve, low: Decimal, high: Decimal) -> Decimal:
    """With twice the digits: an end where the slope is infinite costs half of them."""
    import mpmath

    count = working_digits()

    def slope_at(q: mpmath.mpf) -> mpmath.mpf:
        with digits(2 * count + 10):
            return mpmath.mpf(str(slope.at(Decimal(mpmath.nstr(q, 2 * count + 10)))))

    with mpmath.workdps(2 * count + 10):
        whole = mpmath.quad(slope_at, [mpmath.mpf(str(low)), mpmath.mpf(str(high))])
        return +Decimal(mpmath.nstr(whole, count + 5))
