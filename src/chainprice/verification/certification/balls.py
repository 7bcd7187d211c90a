"""Formulas in balls: numbers that are known to lie within a radius, whatever rounding has done.

A ball is Arb's (python-flint): a midpoint, and a radius that every operation makes wide enough. A quantity
that a gift of t units moves is a power series in t with balls for coefficients; FLINT's own rules for
series are all the calculus there is. What is undefined is nan, and so is all that is made of it.

FLINT drops leading zeros of a series before it divides or takes a root, and makes 0 of 0 times nan: that is
algebra and not the value of a function. What does not stay clear of the edge of a function's domain is
nan here. So every step that a moved quantity goes through is smooth wherever the result is finite.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from functools import reduce
from typing import Any

from flint import arb, arb_series, ctx

from chainprice.formula import Formula, Functions

Ball = Any
"""A number: flint's `arb`."""

Moved = Any
"""A ball, or where the gift moves it, a power series (`arb_series`) of balls."""


@contextmanager
def working(bits: int, length: int = 2) -> Iterator[None]:
    """Within it, balls have so many bits, and series so many coefficients."""
    before = ctx.prec, ctx.cap
    ctx.prec, ctx.cap = bits, length
    try:
        yield
    finally:
        ctx.prec, ctx.cap = before


def moved(start: Ball, by: Ball) -> Moved:
    """The series of a quantity that grows from `start` by `by` units a unit of the gift."""
    return arb_series([start, by])


def coefficient(value: Moved, power: int) -> Ball:
    """The coefficient of a power of the gift; nan where the series does not reach so far."""
    if not isinstance(value, arb_series):
        return arb(0) if power else value
    return value[power] if value.prec > power else arb.nan()


def number(value: Decimal) -> Ball:
    """The ball around a decimal; it is exact where the decimal is a binary number of so many bits."""
    return arb(str(value))


CONSTANTS: Mapping[str, Callable[[], Ball]] = {"pi": arb.pi, "e": arb.const_e}


def constant(formula: Formula | None, name: str = "") -> Ball:
    """The ball around a constant formula, or around pi and e."""
    if formula is None:
        return CONSTANTS[name]()
    return formula.evaluate(BALLS, {name: CONSTANTS[name]() for name in formula.names})


def overlap(a: Ball, b: Ball) -> bool:
    """Whether two numbers cannot be told apart."""
    return not (a < b or a > b)


def _start(value: Moved) -> Ball:
    return coefficient(value, 0)


def _undefined(value: Moved) -> Moved:
    if isinstance(value, arb_series):
        return arb_series([arb.nan()] * ctx.cap)
    return arb.nan()


def _is_finite(value: Moved) -> bool:
    if isinstance(value, arb_series):
        return all(value[power].is_finite() for power in range(value.length()))
    return bool(value.is_finite())


def _mul(a: Moved, b: Moved) -> Moved:
    product = a * b
    if isinstance(product, arb_series) and not product.length() and not (_is_finite(a) and _is_finite(b)):
        return _undefined(product)
    return product


def _div(a: Moved, b: Moved) -> Moved:
    if _start(b).contains(0):
        return _undefined(a * b)
    return a / b


def _inside(holds: Callable[[Ball], bool], function: Callable[[Moved], Moved]) -> Callable[[Moved], Moved]:
    """A function whose series is only taken where its domain surely goes on to both sides."""

    def guarded(a: Moved) -> Moved:
        if isinstance(a, arb_series) and not holds(a[0]):
            return _undefined(a)
        return function(a)

    return guarded


def _is_positive(value: Ball) -> bool:
    return bool(value > 0)


def _pow(base: Moved, exponent: Moved) -> Moved:
    start, is_moved = _start(base), isinstance(exponent, arb_series)
    if not start.is_finite():
        return _undefined(base * exponent)
    if start > 0 or not (is_moved or isinstance(base, arb_series)):
        return base**exponent
    if not is_moved and exponent.is_integer() and (exponent >= 0 or not start.contains(0)):
        return base**exponent
    if not is_moved and start.is_zero() and exponent > ctx.cap - 1:
        return arb_series([arb(0)])  # nothing of so small a power is left in the coefficients
    return _undefined(base * exponent)


def _ln(a: Moved) -> Moved:
    return a.log()


def _log(a: Moved, base: Moved | None = None) -> Moved:
    a = BALLS["ln"](a)
    return a if base is None else _div(a, BALLS["ln"](base))


def _sinh(a: Moved) -> Moved:
    if not isinstance(a, arb_series):
        return a.sinh()
    return (a.exp() - (-a).exp()) / 2


def _cosh(a: Moved) -> Moved:
    if not isinstance(a, arb_series):
        return a.cosh()
    return (a.exp() + (-a).exp()) / 2


def _tanh(a: Moved) -> Moved:
    if not isinstance(a, arb_series):
        return a.tanh()
    return 1 - _div(arb(2), (2 * a).exp() + 1)


def _either(a: Moved, b: Moved, start: Ball) -> Moved:
    """What both may be: on a kink, all slopes from one side's to the other's. It has no curvature."""
    if not isinstance(a, arb_series) and not isinstance(b, arb_series):
        return start
    slope = coefficient(a, 1).union(coefficient(b, 1))
    return arb_series([start, slope, *[arb.nan()] * (ctx.cap - 2)])


def _abs(a: Moved) -> Moved:
    start = _start(a)
    if start > 0:
        return a
    return -a if start < 0 else _either(a, -a, abs(start))


def _least(a: Moved, b: Moved) -> Moved:
    first, second = _start(a), _start(b)
    if first < second:
        return a
    return b if first > second else _either(a, b, first.min(second))


def _min(*values: Moved) -> Moved:
    return reduce(_least, values)


def _max(*values: Moved) -> Moved:
    return -reduce(_least, [-value for value in values])


BALLS: Functions = {
    "number": number,
    "add": operator.add,
    "sub": operator.sub,
    "mul": _mul,
    "div": _div,
    "pow": _pow,
    "neg": operator.neg,
    "abs": _abs,
    "min": _min,
    "max": _max,
    "ln": _inside(_is_positive, _ln),
    "log": _log,
    "sqrt": _inside(_is_positive, operator.methodcaller("sqrt")),
    "asin": _inside(lambda start: abs(start) < 1, operator.methodcaller("asin")),
    "acos": _inside(lambda start: abs(start) < 1, operator.methodcaller("acos")),
    **{name: operator.methodcaller(name) for name in ("exp", "sin", "cos", "tan", "atan", "erf")},
    "sinh": _sinh,
    "cosh": _cosh,
    "tanh": _tanh,
}
"""The arithmetic of formulas in balls and series, at the bits and the length of `working`."""
