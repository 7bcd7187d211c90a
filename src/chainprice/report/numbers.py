"""How numbers are written for people."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from chainprice.arithmetic import Number, digits, rounded, written

_DECADES = 20
"""Powers of ten beyond which a number is no short fraction."""

DIGITS = 6
"""Significant digits in tables, unless more are asked for."""

_SHORT = 100
"""Numerators and denominators below this make a short fraction."""


def shown(value: Number | str | None, count: int = DIGITS) -> str:
    """A number to `count` significant digits; digits before the point are never dropped below 1e15."""
    if value is None:
        return ""
    decimal = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    whole = decimal.adjusted() + 1 if decimal else 0
    return written(rounded(decimal, max(count, whole if whole <= 15 else 0)))


def full(value: Number | str | None) -> str:
    """A number with all its digits, as a program wants it."""
    if value is None:
        return ""
    return repr(value) if isinstance(value, float) else str(Decimal(value)).replace("E+", "e").lower()


def exact(value: Decimal, count: int = DIGITS) -> str:
    """A number as a short fraction if it is one (to 40 digits), else to `count` significant digits.

    Fractions in fifths or tenths are decimals: 0.35 and not 7/20.
    """
    fraction = _short_fraction(value)
    if fraction is None:
        return shown(value, count)
    if fraction.denominator == 1 or (fraction.denominator % 5 == 0 and _terminates(fraction)):
        return shown(value, max(count, 12))
    if abs(fraction.numerator) >= _SHORT:
        return shown(value, count)
    return f"{fraction.numerator}/{fraction.denominator}"


def _short_fraction(value: Decimal) -> Fraction | None:
    if abs(value.adjusted()) > _DECADES:  # as a fraction 1e-9999999 alone takes seconds
        return None
    with digits(60):
        fraction = Fraction(value).limit_denominator(_SHORT)
        near = Decimal(fraction.numerator) / Decimal(fraction.denominator)
        return fraction if abs(near - value) <= abs(value).scaleb(-40) else None


def _terminates(fraction: Fraction) -> bool:
    rest = fraction.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return rest == 1
