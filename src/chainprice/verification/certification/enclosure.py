"""An interval that holds a price: how it is written, and whether a table's number is in it."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from flint import arb

from chainprice.verification.certification.balls import Ball, number, overlap
from chainprice.verification.result import Certificate

DIGITS = 30
"""Digits of a midpoint as printed, or more where the table has more. The radius covers their rounding."""

_GUARD_BITS = 20
"""Bits that a ball has beyond those digits."""

_DOUBLE_DIGITS = 17

_SMALLEST = Decimal("4.9e-324")
"""The smallest positive double. A ball around 0 is narrow when no double but 0 is in it."""


class Enclosure(NamedTuple):
    """What is surely known of a price: a ball, printed in so many digits; why it is not narrow."""

    ball: Ball
    digits: int
    reason: str | None = None

    def certificate(self) -> Certificate:
        """The interval as text; only the reason, where there is one."""
        if self.reason is not None:
            return Certificate(None, None, self.reason)
        return Certificate(*written(self.ball, self.digits), None)

    def allows(self, price: Decimal) -> bool:
        """Whether a number of a table may stand for the price."""
        return overlap(self.ball, stands_for(price))


def digits_for(price: Decimal | None) -> int:
    """The digits that an interval needs to be narrow beside a number of a table."""
    return max(DIGITS, len(price.as_tuple().digits) if price is not None else 0)


def is_narrow(ball: Ball, digits: int) -> bool:
    """Whether a ball says what a price is: to so many digits, or that it is no double but 0."""
    if not ball.is_finite():
        return False
    bits = math.ceil(digits * math.log2(10)) + _GUARD_BITS
    return ball.rel_accuracy_bits() >= bits or bool(ball.abs_upper() < number(_SMALLEST))


def stands_for(price: Decimal) -> Ball:
    """All numbers that a number of a table may have been rounded from.

    Up to 17 digits it is a double: half a unit in its last place (in binary) to both sides. With more digits,
    or beyond the range of doubles, half a unit of its last digit, or of its 17th if it has fewer.
    """
    if not price:
        return arb(0)
    count = len(price.normalize().as_tuple().digits)
    double = float(price)
    if count <= _DOUBLE_DIGITS and abs(double) >= 2.3e-308 and math.isfinite(double):
        return arb(double, arb(math.ulp(double)) / 2)
    unit = Decimal((0, (1,), price.adjusted() - max(count, _DOUBLE_DIGITS) + 1))
    return arb(number(price), number(unit) / 2)


def written(ball: Ball, digits: int) -> tuple[str, str]:
    """Midpoint and radius in decimals, so that midpoint +- radius as printed holds the ball."""
    whole, radius, exponent = _parts(ball, digits)
    cut = max(0, len(str(abs(whole))) - digits)
    rounded = round(Fraction(whole, 10**cut)) * 10**cut
    radius += abs(rounded - whole)
    tens = max(0, len(str(radius)) - 1)
    leading = -(-radius // 10**tens)  # rounded up
    return _text(rounded, exponent), _text(leading * 10**tens, exponent)


def between(ball: Ball) -> str:
    """About where the ends of a wide ball are."""
    whole, radius, exponent = _parts(ball, 1)
    low, high = whole - radius, whole + radius
    unit = 10 ** max(0, len(str(max(abs(low), abs(high)))) - 6)
    ends = (_text(round(Fraction(end, unit)) * unit, exponent) for end in (low, high))
    return "it is between about {} and {}".format(*ends)


def _parts(ball: Ball, digits: int) -> tuple[int, int, int]:
    """Integers m, r and e so that (m +- r) * 10**e holds a ball; m has some more than so many digits."""
    whole, radius, exponent = ball.mid_rad_10exp(digits + 10)
    return int(whole), int(radius), int(exponent)


def _text(integer: int, exponent: int) -> str:
    """An integer times a power of ten, without trailing zeros."""
    if not integer:
        return "0"
    digits = str(abs(integer))
    kept = digits.rstrip("0")
    value = Decimal((int(integer < 0), tuple(map(int, kept)), exponent + len(digits) - len(kept)))
    short = -7 <= value.adjusted() <= 30
    return format(value, "f") if short else format(value, "e").replace("e+", "e")
