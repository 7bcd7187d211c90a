"""Powers of decimals with exponents like 0.4: the double next to it, refined.

0.4 is 2/5, and y = x^(2/5) is where y^5 = x^2, which takes whole powers only to check. From the 16 digits
of a double each step of Householder's method makes four times as many, fifteen times as fast as by way of
a logarithm.
"""

from __future__ import annotations

import decimal
from decimal import Decimal
from functools import lru_cache

_LARGEST_ROOT = 1_000
_LARGEST_EXPONENT = 10

_MODERATE = 25
"""Powers of ten up to which a base has, with such exponents, a power among the doubles."""

_ORDER = 4
"""How many times more digits are right after a step."""

_ONE = Decimal(1)
_HALF = Decimal("0.5")


def power(base: Decimal, exponent: Decimal) -> Decimal:
    """base^exponent, less than two units of the context's last digit from it.

    Raises ArithmeticError where it is no real number.
    """
    if exponent == _HALF:
        return base.sqrt()
    fraction = _fraction(exponent)
    if fraction is not None and base > 0:
        return _root(base, *fraction)
    if base == 0 and exponent < 0:
        raise decimal.DivisionByZero
    return base**exponent


@lru_cache(maxsize=4096)
def _fraction(exponent: Decimal) -> tuple[int, int] | None:
    """An exponent as a fraction, if it is a short one and no whole number."""
    if abs(exponent) > _LARGEST_EXPONENT or exponent.adjusted() < -_LARGEST_EXPONENT:
        return None
    above, root = exponent.as_integer_ratio()
    return (above, root) if 1 < root <= _LARGEST_ROOT else None


def _root(base: Decimal, above: int, root: int) -> Decimal:
    """base^(above/root) from the double next to it.

    A rounding in the error of the power counts only one `root`-th in that of the root.
    """
    value = _double_next_to(base, above, root)
    wanted = base**above
    first, second, third = _coefficients(root, decimal.getcontext().prec)
    while True:
        error = wanted / value**root - _ONE
        value += value * (error * first) * (_ONE + error * second * (_ONE + error * third))
        if not error or _ORDER * error.adjusted() < -decimal.getcontext().prec:
            return value


def _double_next_to(base: Decimal, above: int, root: int) -> Decimal:
    size = base.adjusted()
    if abs(size) < _MODERATE:
        return Decimal(repr(float(base) ** (above / root)))
    whole, rest = divmod(size * above, root)
    mantissa = float(base.scaleb(-size))
    return Decimal(repr(mantissa ** (above / root) * 10.0 ** (rest / root))).scaleb(whole)


@lru_cache(maxsize=4096)
def _coefficients(root: int, _: int) -> tuple[Decimal, Decimal, Decimal]:
    """(1 + e)^(1/root) is 1 + first*e*(1 + second*e*(1 + third*e)), up to the third power of e."""
    return (
        _ONE / root,
        Decimal(1 - root) / (2 * root),
        Decimal(1 - 2 * root) / (3 * root),
    )
