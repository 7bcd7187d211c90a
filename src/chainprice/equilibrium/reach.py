"""The most that there can be of each good, whatever firms do: by intervals, in doubles rounded outwards.

A market that is to do without a unit of which there can be none cannot clear, and no solver need look.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

from chainprice.equilibrium.programme import Programme
from chainprice.equilibrium.start import constant
from chainprice.errors import InfeasibleError, Problem
from chainprice.formula import Formula, Functions

_SWEEPS = 4
"""Passes down the chain where it has loops: a bound may go round."""

_CERTAIN = 1e-12
"""A part of a delivery that is missing for certain: more than is lost by turning numbers into doubles."""


class Interval(NamedTuple):
    """Numbers that a value may be."""

    low: float
    high: float


_ANY = Interval(-math.inf, math.inf)


def fail_if_out_of_reach(programme: Programme) -> None:
    """Raise InfeasibleError where less of a good can be there than must leave, even if all of it is made."""
    most = most_of_each(programme)
    problems = []
    for balance in programme.balances:
        share = 1.0 if balance.coefficient is None else constant(balance.coefficient)
        needed = 0.0 if balance.delivered is None else constant(balance.delivered)
        if share * most[balance.good] < needed * (1 - _CERTAIN):
            missing = needed - share * most[balance.good]
            message = f"the market cannot clear: of '{balance.good}' at least {missing:.6g} are missing"
            problems.append(Problem(message, programme.spec.place(), "supply more, or deliver less"))
    if problems:
        raise InfeasibleError(problems)


def most_of_each(programme: Programme) -> Mapping[str, float]:
    """An upper bound of what there can be of each good."""
    network, spec = programme.network, programme.spec
    supplied = {good: _supplied(programme, good) for good in network.goods}
    made = {(firm, good): math.inf for good in network.goods for firm in network.makers[good]}

    def most(good: str) -> float:
        total = supplied[good]
        for firm in network.makers[good]:
            total = _up(total + made[firm, good])
        return total

    for _ in range(_SWEEPS if network.loop else 1):
        for firm in network.firms:
            inputs = {good: Interval(0.0, max(0.0, most(good))) for good in network.inputs[firm]}
            for output, formula in spec.firms[firm].production.items():
                if (firm, output) in made:
                    made[firm, output] = _range(formula, firm, inputs, programme).high
    return {good: most(good) for good in network.goods}


def _supplied(programme: Programme, good: str) -> float:
    """What is not made of a good, at most."""
    supply = programme.spec.supply.get(good)
    if supply is None:
        amount = 0.0
    else:
        amount = math.inf if supply.quantity is None else _up(constant(supply.quantity))
    gift = programme.gifts.get(good)
    return amount if gift is None else _up(amount + _up(float(gift)))


def _range(formula: Formula, firm: str, inputs: Mapping[str, Interval], programme: Programme) -> Interval:
    """What a formula may be worth while its inputs are within these."""
    values = {}
    for name in formula.names:
        if name in inputs:
            values[name] = inputs[name]
        else:
            parameter = programme.spec.parameter(firm, name)
            values[name] = _number(constant(name if parameter is None else parameter))
    try:
        found: Interval = formula.evaluate(_INTERVALS, values)
    except (ArithmeticError, ValueError):
        return _ANY
    return found


def _number(value: object) -> Interval:
    number = float(value)  # type: ignore[arg-type]
    return _outside(number, number) if number else Interval(0.0, 0.0)


def _up(value: float) -> float:
    return math.nextafter(value, math.inf)


def _outside(low: float, high: float) -> Interval:
    """An interval that surely holds what rounded to these; all numbers where one of them is none."""
    if math.isnan(low) or math.isnan(high):
        return _ANY
    for _ in range(_ULPS):
        low, high = math.nextafter(low, -math.inf), math.nextafter(high, math.inf)
    return Interval(low, high)


_ULPS = 4
"""Places of the last digit by which the functions of a mathematical library may be off."""


def _add(a: Interval, b: Interval) -> Interval:
    return _no_less(_outside(a.low + b.low, a.high + b.high), a, b)


def _neg(a: Interval) -> Interval:
    return Interval(-a.high, -a.low)


def _mul(a: Interval, b: Interval) -> Interval:
    if a == (0.0, 0.0) or b == (0.0, 0.0):
        return Interval(0.0, 0.0)
    products = [x * y if x and y else 0.0 for x in a for y in b]
    return _no_less(_outside(min(products), max(products)), a, b)


def _no_less(found: Interval, *of: Interval) -> Interval:
    """The same, but no less than 0 where none of these is."""
    return Interval(max(0.0, found.low), found.high) if all(a.low >= 0 for a in of) else found


def _div(a: Interval, b: Interval) -> Interval:
    if b.low <= 0 <= b.high:
        return _ANY
    return _mul(a, _outside(1 / b.high, 1 / b.low))


def _abs(a: Interval) -> Interval:
    return Interval(max(0.0, a.low, -a.high), max(-a.low, a.high))


def _pow(base: Interval, exponent: Interval) -> Interval:
    """Of numbers that are no less than 0, to powers that are more."""
    if base.low < 0 or exponent.low <= 0:
        return _ANY
    if not base.high:
        return Interval(0.0, 0.0)
    return Interval(0.0, _outside(0.0, max(_power(base.high, power) for power in exponent)).high)


def _power(base: float, exponent: float) -> float:
    try:
        return float(base**exponent)
    except OverflowError:
        return math.inf


def _rising(function: Callable[[float], float], from_: float = -math.inf) -> Callable[[Interval], Interval]:
    """For a function that never falls, where its argument is no less than `from_`; nowhere below that."""

    def of(a: Interval) -> Interval:
        if a.high < from_:
            return _ANY
        low, high = function(max(a.low, from_)), _at(function, a.high)
        return Interval(low, high) if not high and not a.high else _outside(low, high)

    return of


def _at(function: Callable[[float], float], value: float) -> float:
    try:
        return function(value)
    except OverflowError:
        return math.inf


def _ln(a: Interval) -> Interval:
    return _outside(math.log(a.low) if a.low > 0 else -math.inf, math.log(a.high)) if a.high > 0 else _ANY


def _unknown(*_: Interval) -> Interval:
    return _ANY


_INTERVALS: Functions = {
    "number": _number,
    "add": _add,
    "sub": lambda a, b: _add(a, _neg(b)),
    "mul": _mul,
    "div": _div,
    "pow": _pow,
    "neg": _neg,
    "abs": _abs,
    "min": lambda *of: Interval(min(a.low for a in of), min(a.high for a in of)),
    "max": lambda *of: Interval(max(a.low for a in of), max(a.high for a in of)),
    "ln": _ln,
    "log": lambda a, base=None: _ln(a) if base is None else _div(_ln(a), _ln(base)),
    "exp": _rising(math.exp),
    "sqrt": _rising(math.sqrt, 0.0),
    "erf": _rising(math.erf),
    "tanh": _rising(math.tanh),
    "atan": _rising(math.atan),
    "sinh": _rising(math.sinh),
    **dict.fromkeys(("sin", "cos", "tan", "cosh", "asin", "acos"), _unknown),
}
