"""Columns of doubles, each number with a bound of its error.

A number is a pair of arrays: values, and absolute errors in units of 2^-53. A double is rounded by at most
one unit of its own size; an operation passes on its operands' errors by its slopes (Higham, Accuracy and
Stability of Numerical Algorithms, 3.3). Where that says nothing, the error is infinite: an operand that is
not known well, a result so small that a double has lost digits, a bend whose side is not sure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import numpy as np

from chainprice.arithmetic import CONSTANTS, digits

Bounded = tuple[Any, Any]
"""Values and errors."""

UNIT = 2.0**-53

_LIBRARY = 8.0
"""Units by which numpy's functions may be off: they promise 4 last places, each up to 2 units."""

_KNOWN = 1e-4 / UNIT
"""Errors above this part of a number are too large for slopes to tell what becomes of them."""

_SMALLEST, _LARGEST = 1e-290, 1e290
"""Beyond these a double may have lost digits."""

_ROOM = 1.01
"""For what errors of errors, which bounds leave out, may add."""


def exact(value: float) -> Bounded:
    """A number that a double has exactly."""
    return np.float64(value), np.float64(0.0)


def rounded(value: Decimal) -> Bounded:
    """A number as the double next to it."""
    double = float(value)
    is_exact = math.isfinite(double) and Decimal(double) == value
    return np.float64(double), np.float64(0.0 if is_exact else abs(double))


def as_written(values: Any) -> Bounded:
    """Doubles that stand for the decimals by which they are written; whole numbers are exact."""
    return values, np.where((values == np.rint(values)) & (np.abs(values) < 2.0**53), 0.0, np.abs(values))


def constant(name: str) -> Bounded:
    """pi or e."""
    with digits(20):
        return rounded(CONSTANTS[name]())


def is_within(number: Bounded, tolerance: float) -> Any:
    """Where a number is sure to this relative tolerance; a 0 must be exact."""
    values, errors = number
    sizes = np.abs(values)
    is_normal = (sizes < _LARGEST) & ((sizes > _SMALLEST) | ((values == 0) & (errors == 0)))
    return is_normal & (_ROOM * UNIT * errors <= tolerance * sizes)


def add(a: Bounded, b: Bounded) -> Bounded:
    """a + b."""
    value = a[0] + b[0]
    return value, a[1] + b[1] + np.abs(value)


def neg(a: Bounded) -> Bounded:
    """-a."""
    return -a[0], a[1]


def sub(a: Bounded, b: Bounded) -> Bounded:
    """a - b."""
    return add(a, neg(b))


def mul(a: Bounded, b: Bounded) -> Bounded:
    """a * b."""
    value = a[0] * b[0]
    errors = np.abs(a[0]) * b[1] + np.abs(b[0]) * a[1] + np.abs(value)
    return value, _unless((np.abs(value) < _SMALLEST) & (a[0] != 0) & (b[0] != 0), errors)


def div(a: Bounded, b: Bounded) -> Bounded:
    """a / b."""
    value = a[0] / b[0]
    errors = (a[1] + np.abs(value) * b[1]) / np.abs(b[0]) + np.abs(value)
    is_lost = (np.abs(value) < _SMALLEST) & (a[0] != 0)
    return value, _unless(is_lost | ~_is_known(b), errors)


def power(a: Bounded, b: Bounded) -> Bounded:
    """a ** b; 0 to a power above 0 is 0."""
    value = a[0] ** b[0]
    size = np.abs(value)
    of_exponent = np.where(b[1] == 0, 0.0, np.abs(np.log(a[0])) * b[1])
    errors = size * (np.abs(b[0] / a[0]) * a[1] + of_exponent + _LIBRARY)
    is_lost = (size < _SMALLEST) | ~_is_known(a) | (of_exponent > _KNOWN)
    is_zero = (a[0] == 0) & (a[1] == 0) & (b[0] > 0) & _is_known(b)
    return value, np.where(is_zero, 0.0, _unless(is_lost, errors))


def minimum(*numbers: Bounded) -> Bounded:
    """The least, where it is sure which that is."""
    best = numbers[0]
    for other in numbers[1:]:
        is_best = best[0] <= other[0]
        is_sure = np.abs(best[0] - other[0]) > 2 * UNIT * (best[1] + other[1] + np.abs(other[0]))
        value, errors = np.where(is_best, best[0], other[0]), np.where(is_best, best[1], other[1])
        best = value, np.where(is_sure, errors, np.inf)
    return best


def maximum(*numbers: Bounded) -> Bounded:
    """The greatest, where it is sure which that is."""
    return neg(minimum(*map(neg, numbers)))


def size(a: Bounded) -> Bounded:
    """|a|, where the sign is sure."""
    return np.abs(a[0]), _unless(~(np.abs(a[0]) > 2 * UNIT * a[1]), a[1])


def _log(a: Bounded, base: Bounded | None = None) -> Bounded:
    return _ln(a) if base is None else div(_ln(a), _ln(base))


def _ln(a: Bounded) -> Bounded:
    value = np.log(a[0])
    return value, _unless(~_is_known(a), a[1] / np.abs(a[0]) + _LIBRARY * np.abs(value))


def _sqrt(a: Bounded) -> Bounded:
    value = np.sqrt(a[0])
    errors = _unless(~_is_known(a), 0.5 * a[1] / value + value)
    return value, np.where((a[0] == 0) & (a[1] == 0), 0.0, errors)


def _by_slope(
    function: Callable[[Any], Any], slope: Callable[[Any, Any], Any]
) -> Callable[[Bounded], Bounded]:
    """A function of a number whose error matters by itself, not by its part of the number.

    `slope` is of the number and the function's value.
    """

    def bounded(a: Bounded) -> Bounded:
        value = function(a[0])
        errors = np.abs(slope(a[0], value)) * a[1] + _LIBRARY * np.abs(value)
        is_lost = (np.abs(value) < _SMALLEST) & (a[0] != 0)
        return value, _unless(is_lost | ~(a[1] < _KNOWN), errors)

    return bounded


def _is_known(a: Bounded) -> Any:
    return a[1] <= _KNOWN * np.abs(a[0])


def _unless(is_lost: Any, errors: Any) -> Any:
    return np.where(is_lost, np.inf, errors)


_erf = np.frompyfunc(math.erf, 1, 1)

OPERATIONS: Mapping[str, Callable[..., Bounded]] = {
    "add": add,
    "sub": sub,
    "mul": mul,
    "div": div,
    "pow": power,
    "neg": neg,
    "mean": lambda only: only,
    "min": minimum,
    "max": maximum,
    "abs": size,
    "sqrt": _sqrt,
    "ln": _ln,
    "log": _log,
    "exp": _by_slope(np.exp, lambda _, value: value),
    "sin": _by_slope(np.sin, lambda a, _: np.cos(a)),
    "cos": _by_slope(np.cos, lambda a, _: np.sin(a)),
    "tan": _by_slope(np.tan, lambda _, value: 1 + value * value),
    "sinh": _by_slope(np.sinh, lambda a, _: np.cosh(a)),
    "cosh": _by_slope(np.cosh, lambda a, _: np.sinh(a)),
    "tanh": _by_slope(np.tanh, lambda _, value: 1 - value * value),
    "atan": _by_slope(np.arctan, lambda a, _: 1 / (1 + a * a)),
    "asin": _by_slope(np.arcsin, lambda a, _: 1 / np.sqrt(1 - a * a)),
    "acos": _by_slope(np.arccos, lambda a, _: 1 / np.sqrt(1 - a * a)),
    "erf": _by_slope(lambda a: np.asarray(_erf(a), dtype=float), lambda a, _: 1.1284 * np.exp(-a * a)),
}
"""The arithmetic of `Shape.trace`, as bounded numbers."""
