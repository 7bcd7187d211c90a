"""Exact differences: how much a formula changes when its inputs do, without cancellation.

A number here is a pair (value, change). Each operation gives the value at the start and the change to
the end by an identity, such as (a + da)(b + db) - ab = a db + b da + da db, never by subtracting two
nearly equal numbers: a change of one part in 1e3000 keeps all its digits. No derivative rule is used.

The identities hold for any kind of number: mpmath's here, decimals in `numbers`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any, NamedTuple

import mpmath
from mpmath import mpf

from chainprice.formula import Functions

_EXTRA = 10


class Moving(NamedTuple):
    """A number on its way: where it starts, and how far it goes."""

    value: mpf
    change: mpf

    @property
    def end(self) -> mpf:
        """Where it arrives."""
        return self.value + self.change


@dataclass(frozen=True, slots=True)
class Numbers:
    """What the identities must know of a kind of number.

    `number` makes one of a literal. Arguments of a bend that differ by less than `tie`, relatively, are
    meant to be equal.
    """

    zero: Any
    number: Callable[[Any], Any]
    sqrt: Callable[[Any], Any]
    exp: Callable[[Any], Any]
    ln: Callable[[Any], Any]
    power: Callable[[Any, Any], Any]
    expm1: Callable[[Any], Any]
    log1p: Callable[[Any], Any]
    tie: Any


def _add(a: Moving, b: Moving) -> Moving:
    return Moving(a.value + b.value, a.change + b.change)


def _sub(a: Moving, b: Moving) -> Moving:
    return Moving(a.value - b.value, a.change - b.change)


def _mul(a: Moving, b: Moving) -> Moving:
    return Moving(a.value * b.value, a.change * (b.value + b.change) + a.value * b.change)


def _div(a: Moving, b: Moving) -> Moving:
    ratio = a.value / b.value
    return Moving(ratio, (a.change - ratio * b.change) / (b.value + b.change))


def _abs(a: Moving) -> Moving:
    if a.value * a.end >= 0:
        return Moving(abs(a.value), a.change if a.value + a.end >= 0 else -a.change)
    return Moving(abs(a.value), abs(a.end) - abs(a.value))


def _least(a: Moving, b: Moving) -> Moving:
    start = a if a.value <= b.value else b
    end = a if a.value - b.value + (a.change - b.change) <= 0 else b
    return Moving(start.value, end.value - start.value + end.change)


def _most(a: Moving, b: Moving) -> Moving:
    return _neg(_least(_neg(a), _neg(b)))


def _neg(a: Moving) -> Moving:
    return Moving(-a.value, -a.change)


def _middle(a: Moving) -> mpf:
    return a.value + a.change / 2


def _tan(a: Moving) -> Moving:
    return Moving(mpmath.tan(a.value), mpmath.sin(a.change) / (mpmath.cos(a.value) * mpmath.cos(a.end)))


def _tanh(a: Moving) -> Moving:
    return Moving(mpmath.tanh(a.value), mpmath.sinh(a.change) / (mpmath.cosh(a.value) * mpmath.cosh(a.end)))


def _atan(a: Moving) -> Moving:
    product = a.value * a.end
    change = (
        mpmath.atan(a.change / (1 + product)) if product > -1 else mpmath.atan(a.end) - mpmath.atan(a.value)
    )
    return Moving(mpmath.atan(a.value), change)


def _erf(a: Moving) -> Moving:
    """Far out erf is 1 in all digits; what it lacks of 1 still has its own digits there."""
    if a.value * a.end <= 0 or _is_short(a, mpmath.erf(a.value)):
        return _difference(mpmath.erf, lambda t: 2 / mpmath.sqrt(mpmath.pi) * mpmath.exp(-t * t))(a)
    side = 1 if a.value > 0 else -1
    lacking = _with_more_digits(mpmath.erfc, Moving(abs(a.value), side * a.change), mpmath.erfc(abs(a.value)))
    return Moving(mpmath.erf(a.value), -side * lacking)


def _asin_slope(t: mpf) -> mpf:
    return 1 / mpmath.sqrt(1 - t * t)


def _difference(
    function: Callable[[mpf], mpf], integrand: Callable[[mpf], mpf]
) -> Callable[[Moving], Moving]:
    """For a function without an identity, that is an integral by definition.

    A change is subtracted, in as many digits more as it is small; where it is very small, it is the integral
    over the way by Gauss's two points, whose error is the fifth power of the way.
    """

    def difference(a: Moving) -> Moving:
        value = function(a.value)
        if not a.change:
            return Moving(value, mpf(0))
        if not _is_short(a, value):
            return Moving(value, _with_more_digits(function, a, value))
        middle, part = _middle(a), a.change / (2 * mpmath.sqrt(3))
        try:
            return Moving(value, a.change * (integrand(middle - part) + integrand(middle + part)) / 2)
        except ZeroDivisionError:  # at the edge of the function's domain
            return Moving(value, _with_more_digits(function, a, value))

    return difference


def _lost(a: Moving, value: mpf) -> int:
    """The bits that go when two values so near are subtracted."""
    if not a.change or not (a.value or value):
        return 0
    return int(max(mpmath.mag(a.value), mpmath.mag(value), mpmath.mag(a.change)) - mpmath.mag(a.change))


def _is_short(a: Moving, value: mpf) -> bool:
    return bool(_lost(a, value) > mpmath.mp.prec)


def _with_more_digits(function: Callable[[mpf], mpf], a: Moving, value: mpf) -> mpf:
    """A change, subtracted."""
    with mpmath.extraprec(_lost(a, value) + _EXTRA):
        change = function(a.end) - function(a.value)
    return +change


def elementary(numbers: Numbers) -> Functions:
    """The identities of arithmetic, roots, powers, logarithms and bends in a kind of number."""
    zero, expm1, log1p = numbers.zero, numbers.expm1, numbers.log1p

    def sqrt(a: Moving) -> Moving:
        root = numbers.sqrt(a.value)
        return Moving(root, a.change / (root + numbers.sqrt(a.value + a.change)) if a.change else zero)

    def exp(a: Moving) -> Moving:
        value = numbers.exp(a.value)
        return Moving(value, value * expm1(a.change))

    def ln(a: Moving) -> Moving:
        return Moving(numbers.ln(a.value), log1p(a.change / a.value))

    def log(a: Moving, base: Moving | None = None) -> Moving:
        return ln(a) if base is None else _div(ln(a), ln(base))

    def power(base: Moving, exponent: Moving) -> Moving:
        value = numbers.power(base.value, exponent.value)
        if not base.change and not exponent.change:
            return Moving(value, zero)
        if not base.value or base.change / base.value <= -1:
            return Moving(value, numbers.power(base.end, exponent.end) - value)
        growth = exponent.value * log1p(base.change / base.value)
        if exponent.change:
            growth += exponent.change * numbers.ln(base.end)
        return Moving(value, value * expm1(growth))

    return {
        "number": lambda number: Moving(numbers.number(number), zero),
        "add": _add,
        "sub": _sub,
        "mul": _mul,
        "div": _div,
        "neg": _neg,
        "abs": _abs,
        "min": lambda *values: reduce(_least, values),
        "max": lambda *values: reduce(_most, values),
        "pow": power,
        "ln": ln,
        "log": log,
        "exp": exp,
        "sqrt": sqrt,
    }


def on_bends(functions: Functions, numbers: Numbers) -> Functions:
    """The same for a point that is only known to the digits of a double and may be meant to lie on a bend."""

    def least(a: Moving, b: Moving) -> Moving:
        """Equal to begin with where only rounding tells them apart."""
        if abs(a.value - b.value) <= numbers.tie * max(abs(a.value), abs(b.value)):
            return Moving(min(a.value, b.value), min(a.change, b.change))
        return _least(a, b)

    return {
        **functions,
        "min": lambda *values: reduce(least, values),
        "max": lambda *values: _neg(reduce(least, [_neg(value) for value in values])),
    }


MPMATH = Numbers(
    zero=mpf(0),
    number=lambda number: mpf(str(number)),
    sqrt=mpmath.sqrt,
    exp=mpmath.exp,
    ln=mpmath.log,
    power=mpmath.power,
    expm1=mpmath.expm1,
    log1p=mpmath.log1p,
    tie=mpf("1e-12"),
)

DIFFERENCES: Functions = {
    **elementary(MPMATH),
    "erf": _erf,
    "sin": lambda a: Moving(mpmath.sin(a.value), 2 * mpmath.cos(_middle(a)) * mpmath.sin(a.change / 2)),
    "cos": lambda a: Moving(mpmath.cos(a.value), -2 * mpmath.sin(_middle(a)) * mpmath.sin(a.change / 2)),
    "tan": _tan,
    "sinh": lambda a: Moving(mpmath.sinh(a.value), 2 * mpmath.cosh(_middle(a)) * mpmath.sinh(a.change / 2)),
    "cosh": lambda a: Moving(mpmath.cosh(a.value), 2 * mpmath.sinh(_middle(a)) * mpmath.sinh(a.change / 2)),
    "tanh": _tanh,
    "asin": _difference(mpmath.asin, _asin_slope),
    "acos": _difference(mpmath.acos, lambda t: -_asin_slope(t)),
    "atan": _atan,
}
"""The arithmetic of formulas in moving numbers, at the digits of mpmath's context."""

ON_BENDS: Functions = on_bends(DIFFERENCES, MPMATH)
"""The same for the quantities of a table."""
