"""exp, ln and powers of decimals: by two tables and a short series, up to ten times as fast as libmpdec.

Arguments become whole numbers that count units of 2^-bits, are brought near 0 by powers of ten and by the
tables, and what is left, less than 2^-16, goes into a series (Johansson, Efficient implementation of
elementary functions in the medium-precision range, 2015):

    x = k*ln 10 + i/2^8 + j/2^16 + r    exp(x) = 10^k * exp(i/2^8) * exp(j/2^16) * (1 + r + r^2/2 + ...)
    x = 10^k * exp(n/2^16) * (1 + e)    ln(x) = k*ln 10 + n/2^16 + 2*artanh(e/(2 + e))

Errors, in units: entries of the tables, products and terms are each cut off by one, and factors are between
1/3.2 and 3.2. So exp(x) is off by 14 at most, relative to its value, and by one more for each power of ten
in k; ln(x) by 20, and one more likewise, and it is 2^-16 or more where it is taken this way. In a power the
error of the logarithm counts as often as the exponent says, and that of the exponent as often as the
logarithm says; what ln 10 lacks is put in and taken out again. With the limits below that is never more than
2*10^7 units, which 12 digits of guard make less than 10^-4 of the last digit of the context. There one
rounding follows. So results are within 0.5001 units of the last digit, and an exact result that has so few
digits is found exactly.
"""

from __future__ import annotations

import decimal
import math
from decimal import Decimal
from functools import lru_cache

_GUARD = 12
"""Digits more than those of the context."""

_MOST_DIGITS = 150
"""Beyond, the tables are large, and few chains have use for them."""

_LARGEST_SIZE = 6
"""The largest power of ten of an argument of exp and of a logarithm in a power."""

_LARGEST_EXPONENT = 4
"""The largest power of ten of an exponent."""

_COARSE, _FINE = 8, 16
"""The steps of the tables, as bits behind the point."""

_REACH = 300
"""Entries of the coarse table on either side of 1; 295 go as far as the square root of ten."""

_SPARE = 16
"""Bits that may be lost as a table is made."""

_LEADING = 40
"""Bits of a number that tell its logarithm to a step."""

_LN_OF_LEADING = _LEADING * math.log(2)

_ZERO, _ONE, _HALF, _TEN = Decimal(0), Decimal(1), Decimal("0.5"), Decimal(10)


def exp(value: Decimal) -> Decimal:
    """e^value, to the digits of the context; raises decimal.Overflow or Underflow beyond all decimals."""
    fixed = _fixed_point(decimal.getcontext().prec)
    if fixed is None or not value or value.adjusted() > _LARGEST_SIZE:
        return value.exp()
    return fixed.rounded(*fixed.exp(fixed.units(value)))


def ln(value: Decimal) -> Decimal:
    """The natural logarithm, to the digits of the context; raises decimal.InvalidOperation at 0 and below."""
    if value <= _ZERO:
        raise decimal.InvalidOperation
    fixed = _fixed_point(decimal.getcontext().prec)
    if fixed is not None:
        result = fixed.ln(value)
        if abs(result) >= fixed.step:  # else it has fewer digits than units; next to 1 libmpdec is fast
            return fixed.rounded(result)
    return value.ln()


def power(base: Decimal, exponent: Decimal) -> Decimal:
    """base^exponent, to the digits of the context; raises ArithmeticError where it is no real number."""
    if exponent == _HALF:
        return base.sqrt()
    fixed = _fixed_point(decimal.getcontext().prec)
    is_near = base > _ZERO and exponent.adjusted() <= _LARGEST_EXPONENT
    if fixed is not None and is_near and exponent != exponent.to_integral_value():
        logarithm = fixed.ln(base)
        if abs(logarithm) < fixed.largest:
            return fixed.rounded(*fixed.exp(logarithm * fixed.units(exponent) >> fixed.bits))
    if base == 0 and exponent < 0:
        raise decimal.DivisionByZero
    return base**exponent


class _FixedPoint:
    """Functions of whole numbers that count units of 2^-`bits`, with their tables, for so many digits."""

    def __init__(self, digits: int) -> None:
        bits = self.bits = math.ceil((digits + _GUARD) * math.log2(10))
        wide = self.wide = decimal.Context(
            prec=digits + 2 * _GUARD,
            Emin=decimal.MIN_EMIN,
            Emax=decimal.MAX_EMAX,
            traps=[decimal.InvalidOperation, decimal.Overflow, decimal.Underflow],
        )
        self.scale = Decimal(1 << bits)
        self.unit = wide.divide(_ONE, self.scale)
        self.one = 1 << bits
        self.step = 1 << (bits - _FINE)
        self.largest = 10 ** (_LARGEST_SIZE + 1) << bits
        self.ln_10 = self.units(wide.ln(_TEN))
        self.root_of_10 = math.isqrt(10 << 2 * bits)
        above, below = (self._powers_of_e(wide.divide(sign, 1 << _COARSE), _REACH) for sign in (1, -1))
        self.coarse = above + below[:0:-1]
        self.fine = self._powers_of_e(wide.divide(1, 1 << _FINE), 1 << (_FINE - _COARSE))
        self.of_exp = _of_exp(bits)
        self.of_artanh = _of_artanh(bits)

    def units(self, value: Decimal) -> int:
        """How many units a value has."""
        return int(self.wide.multiply(value, self.scale))

    def rounded(self, units: int, tens: int = 0) -> Decimal:
        """So many units times a power of ten, to the digits of the context."""
        value = Decimal(units) * self.unit
        return value.scaleb(tens) if tens else value

    def exp(self, units: int) -> tuple[int, int]:
        """The exponential, as units and a power of ten."""
        tens = (units + (self.ln_10 >> 1)) // self.ln_10
        units -= tens * self.ln_10
        steps = units >> (self.bits - _FINE)
        rest = units & (self.step - 1)
        total = 0
        for coefficient in self.of_exp:
            total = (total * rest >> self.bits) + coefficient
        return total * self._exp_of_steps(steps) >> self.bits, tens

    def ln(self, value: Decimal) -> int:
        """The logarithm of a value above 0; where it is less than a step, few of its digits are right."""
        tens = value.adjusted()
        units = self.units(self.wide.scaleb(value, -tens) if tens else value)
        if units > self.root_of_10:
            units, tens = units // 10, tens + 1
        steps = int((math.log(units >> (self.bits - _LEADING)) - _LN_OF_LEADING) * (1 << _FINE))
        excess = (units * self._exp_of_steps(-steps) >> self.bits) - self.one
        ratio = (excess << self.bits) // (excess + 2 * self.one)
        square = ratio * ratio >> self.bits
        total = 0
        for coefficient in self.of_artanh:
            total = (total * square >> self.bits) + coefficient
        return (total * ratio >> (self.bits - 1)) + steps * self.step + tens * self.ln_10

    def _exp_of_steps(self, steps: int) -> int:
        """exp(steps/2^16), of the tables; a negative place counts from the end."""
        coarse, fine = self.coarse[steps >> (_FINE - _COARSE)], self.fine[steps % (1 << (_FINE - _COARSE))]
        return coarse * fine >> self.bits

    def _powers_of_e(self, step: Decimal, count: int) -> list[int]:
        """exp(0), exp(step), exp(2*step), ..., each to a unit."""
        bits = self.bits + _SPARE
        factor = int(self.wide.multiply(self.wide.exp(step), Decimal(1 << bits)))
        powers = [1 << bits]
        for _ in range(count - 1):
            powers.append(powers[-1] * factor >> bits)
        return [power >> _SPARE for power in powers]


@lru_cache(maxsize=64)
def _fixed_point(digits: int) -> _FixedPoint | None:
    """The functions for so many digits, or None where libmpdec's do better."""
    return None if digits > _MOST_DIGITS else _FixedPoint(digits)


def _of_exp(bits: int) -> list[int]:
    """The coefficients of exp(r), the last one first, for r below 2^-16."""
    coefficients = [1 << bits]
    while coefficients[-1] >> _FINE * (len(coefficients) - 1):
        coefficients.append(coefficients[-1] // len(coefficients))
    return coefficients[::-1]


def _of_artanh(bits: int) -> list[int]:
    """The coefficients of artanh(z)/z in z^2, the last one first, for z^2 below 2^-34."""
    count = bits // (2 * _FINE + 2) + 1
    return [(1 << bits) // (2 * place + 1) for place in reversed(range(count))]
