"""The numbers that prices are computed in: decimals with as many digits as are asked for.

Decimals (libmpdec, in C) carry any number of digits and exponents up to 1e18, so that a price of
1e-3000 after ten thousand firms is a number like any other, and never a silent zero. The few
functions that the decimal library lacks come from mpmath; those that it is slow at are in `elementary`.

All work happens `with digits(n):`. A value that is not a finite real number is an exception
(`decimal.DecimalException`), never a nan.
"""

from __future__ import annotations

import decimal
import operator
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from chainprice import elementary, limits, trigonometry
from chainprice.formula import Formula, Functions

DOUBLE_DIGITS = 17
"""Significant digits that identify a double."""

SMALLEST_DOUBLE = Decimal("2.2250738585072014e-308")

_SMALLEST, _LARGEST = float(SMALLEST_DOUBLE), sys.float_info.max

_WITHIN = 307
"""Powers of ten below which any number is within these two."""


@contextmanager
def digits(count: int) -> Iterator[None]:
    """Within it, decimals are computed to `count` significant digits; what is undefined raises."""
    with decimal.localcontext(_context(count)):
        yield


@lru_cache(maxsize=64)
def _context(count: int) -> decimal.Context:
    return decimal.Context(
        prec=count,
        rounding=decimal.ROUND_HALF_EVEN,
        Emin=decimal.MIN_EMIN,
        Emax=decimal.MAX_EMAX,
        traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow, decimal.Underflow],
    )


def working_digits() -> int:
    """The digits of the `with digits(n):` that we are in."""
    return decimal.getcontext().prec


def _power(base: Decimal, exponent: Decimal) -> Decimal:
    return _power_to(base, exponent, working_digits())


@lru_cache(maxsize=65_536)
def _power_to(base: Decimal, exponent: Decimal, _: int) -> Decimal:
    """A power, remembered: the marginal products of a firm share most of theirs, and they are dear."""
    return elementary.power(base, exponent)


def _log(value: Decimal, base: Decimal | None = None) -> Decimal:
    logarithm = elementary.ln(value)
    return logarithm if base is None else logarithm / elementary.ln(base)


def _identity(value: Decimal) -> Decimal:
    return value


DECIMALS: Functions = {
    "number": _identity,
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "pow": _power,
    "neg": operator.neg,
    "mean": lambda *values: sum(values, Decimal(0)) / len(values),
    "exp": elementary.exp,
    "ln": elementary.ln,
    "log": _log,
    "sqrt": Decimal.sqrt,
    "abs": abs,
    "min": lambda *values: min(values),
    "max": lambda *values: max(values),
    **trigonometry.FUNCTIONS,
}
"""The arithmetic of `Shape.run` in decimals, at the digits of the context."""


CONSTANTS: Mapping[str, Callable[[], Decimal]] = {
    "pi": lambda: trigonometry.pi(working_digits()),
    "e": lambda: elementary.exp(Decimal(1)),
}
"""Names with a value of their own where no good or parameter has the name."""


_ONE_NUMBER = (("number", (0,)),)


def evaluate(formula: Formula, values: Mapping[str, Decimal] = MappingProxyType({})) -> Decimal:
    """A formula's value where its names have `values`, to the digits of the context.

    Raises ArithmeticError (decimal's) where it is not a finite real number.
    """
    if formula.shape.steps == _ONE_NUMBER:
        return +formula.numbers[0]
    names = [values[name] if name in values else CONSTANTS[name]() for name in formula.names]
    value: Decimal = formula.shape.run(DECIMALS, names, formula.numbers)
    return +value


def first_beyond(formula: Formula) -> int | None:
    """The first step of a formula, among those on numbers alone, that is beyond 1e±`NUMBER_EXPONENT`.

    What has no value at all is not beyond anything.
    """
    shape = formula.shape
    values: list[Decimal | None] = [None] * len(shape.steps)
    with digits(_FEW_DIGITS):
        for step in shape.constant_steps:
            operation, operands = shape.steps[step]
            arguments = [_constant(formula, values, operand) for operand in operands]
            try:
                value = values[step] = None if None in arguments else DECIMALS[operation](*arguments)
            except (decimal.Overflow, decimal.Underflow):
                return step
            except ArithmeticError:
                continue
            if value and abs(value.adjusted()) > limits.NUMBER_EXPONENT:
                return step
    return None


_FEW_DIGITS = 20


def _constant(formula: Formula, values: list[Decimal | None], step: int) -> Decimal | None:
    operation, operands = formula.shape.steps[step]
    return formula.numbers[operands[0]] if operation == "number" else values[step]


class NotRationalError(Exception):
    """Some step of a constant formula has no rational value."""


_LARGEST_EXPONENT = 64
"""Of a power that is worked out exactly."""


def _rational_power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1 or abs(exponent) > _LARGEST_EXPONENT or (base == 0 and exponent < 0):
        raise NotRationalError
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if bits * abs(exponent) > 2 * limits.RATIONAL_BITS:
        raise NotRationalError
    return base ** int(exponent)


def _short(value: Fraction) -> Fraction:
    """The same value; raises NotRationalError where it is long."""
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > limits.RATIONAL_BITS:
        raise NotRationalError
    return value


def _irrational(*_: Fraction) -> Fraction:
    raise NotRationalError


class _Rationals(dict[str, Callable[..., Any]]):
    """Exact arithmetic where it stays short; any other function has no rational value."""

    def __missing__(self, key: str) -> Callable[..., Any]:
        return _irrational


RATIONALS: Functions = _Rationals(
    {
        "number": Fraction,
        "add": lambda a, b: _short(a + b),
        "sub": lambda a, b: _short(a - b),
        "mul": lambda a, b: _short(a * b),
        "div": lambda a, b: _short(a / b),
        "neg": lambda a: -a,
        "pow": lambda a, b: _short(_rational_power(a, b)),
        "abs": abs,
        "min": lambda *values: min(values),
        "max": lambda *values: max(values),
    }
)


def _exact_power(base: Decimal, exponent: Decimal) -> Decimal:
    if abs(exponent) > _LARGEST_EXPONENT:
        raise decimal.Inexact
    return base**exponent


EXACT: Functions = {
    "number": _identity,
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "neg": operator.neg,
    "pow": _exact_power,
}
"""Arithmetic that decimals can do `exactly`."""

_EXACT_CONTEXT = decimal.Context(
    prec=100,
    Emin=-200,
    Emax=200,
    traps=[decimal.Inexact, decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow],
)


def exactly() -> AbstractContextManager[decimal.Context]:
    """Within it `EXACT` comes to what fractions would; where it cannot, ArithmeticError is raised."""
    return decimal.localcontext(_EXACT_CONTEXT)


def rational(formula: Formula) -> Fraction | None:
    """The exact value of a constant formula, or None where it has no short rational one."""
    if formula.names:
        return None
    try:
        value: Fraction = formula.evaluate(RATIONALS, {})
    except (NotRationalError, ZeroDivisionError):
        return None
    return value


def brief(value: Fraction) -> str:
    """A fraction to six digits, also where it is beyond a double."""
    with digits(DOUBLE_DIGITS):
        decimal_value = Decimal(value.numerator) / Decimal(value.denominator)
    far = abs(decimal_value.adjusted()) > _WITHIN
    return f"{decimal_value:.6g}" if far else f"{float(decimal_value):.6g}"


def rounded(value: Decimal, count: int) -> Decimal:
    """`value` to `count` significant digits, without trailing zeros; -0 is 0."""
    context = _context(max(1, count))
    short = context.normalize(context.plus(value))
    return short if short else Decimal(0)


Number = float | Decimal
"""A result: a double, or a decimal where more digits were asked for or a double cannot hold it."""


def number(value: Decimal, count: int = DOUBLE_DIGITS) -> Number:
    """`value` as a result to `count` digits."""
    if count <= DOUBLE_DIGITS:
        if -_WITHIN < value.adjusted() < _WITHIN or not value:
            return float(value) + 0.0
        double = float(value)
        if _SMALLEST <= abs(double) <= _LARGEST:
            return double
    return rounded(value, max(count, DOUBLE_DIGITS))


def written(value: Decimal) -> str:
    """All digits of a decimal, with a power of ten only where it is far from 1."""
    short = -7 <= value.adjusted() <= 20
    return format(value, "f") if short else format(value, "e").replace("e+", "e")
