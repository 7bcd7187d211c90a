"""The numbers of a large chain: decimals, whose exponents do not run out.

What is shared with the maker of the table is the standard library's + - * / and square root. All other
functions are mpmath's; logarithms, exponentials and powers are made of those of a number near 1, so that
numbers like 1e-30000 cost no more than others.
"""

from __future__ import annotations

import decimal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

import mpmath
from mpmath import mpf

from chainprice.formula import Formula, Functions
from chainprice.verification.difference import DIFFERENCES, Moving, Numbers, elementary, on_bends

DIGITS = 60

ln_10 = Decimal(
    "2.302585092994045684017991454684364207601101488628772976033327900967572609677352480235997205"
)

_SMALL = -3
"""Below ten to the power of this a series is summed, since 1 would swallow the digits."""

_LARGEST_EXPONENT = 18
"""Digits of the largest exponent that a decimal has."""

_LARGEST_POWER = 1_000
"""Whole powers up to this are products."""

_GUARD = 10

_HALF = Decimal("0.5")

_EXACT_BITS = 1_000
"""Powers of two up to this are exact decimals."""

_LITERAL = (("number", (0,)),)
"""The steps of a formula that is a number."""

_BY_MPMATH = ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "erf")


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Exact differences in decimals of so many digits; `on_bends` where near numbers are meant to be one."""

    digits: int
    differences: Functions
    on_bends: Functions

    @contextmanager
    def working(self) -> Iterator[None]:
        """Within it, decimals and mpmath work with its digits; what is undefined raises."""
        context = decimal.Context(
            prec=self.digits,
            rounding=decimal.ROUND_HALF_EVEN,
            Emin=decimal.MIN_EMIN,
            Emax=decimal.MAX_EMAX,
            traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow, decimal.Underflow],
        )
        with decimal.localcontext(context), mpmath.workdps(self.digits):
            yield


def as_mpf(value: Decimal) -> mpf:
    """A decimal as mpmath has it, to the digits of both contexts."""
    shift = decimal.getcontext().prec - value.adjusted()
    return mpf(int(value.scaleb(shift))) / mpf(10) ** shift


def as_decimal(value: mpf) -> Decimal:
    """A number of mpmath as a decimal; raises InvalidOperation where it is not finite and real."""
    if not isinstance(value, mpf) or not mpmath.isfinite(value):
        raise decimal.InvalidOperation
    sign, mantissa, exponent, _ = value._mpf_
    scale = Decimal(2) ** abs(exponent) if abs(exponent) > _EXACT_BITS else Decimal(1 << abs(exponent))
    size = Decimal(mantissa) * scale if exponent > 0 else Decimal(mantissa) / scale
    return -size if sign else size


class _Functions:
    """Logarithms, exponentials and powers of decimals of any size."""

    def __init__(self, digits: int) -> None:
        self._digits = digits
        with mpmath.workdps(digits + _GUARD):
            self._ln_10 = Decimal(mpmath.nstr(+mpmath.ln10, digits + _GUARD))

    def ln(self, value: Decimal) -> Decimal:
        near, tens = self._parts(value)
        return near + tens * self._ln_10 if tens else near

    def exp(self, value: Decimal) -> Decimal:
        if not value:
            return Decimal(1)
        tens = _whole(value / self._ln_10)
        return as_decimal(mpmath.exp(as_mpf(value - tens * self._ln_10))).scaleb(tens)

    def power(self, base: Decimal, exponent: Decimal) -> Decimal:
        if exponent == _HALF:
            return base.sqrt()
        is_whole = exponent == exponent.to_integral_value()
        if not base or (is_whole and (base < 0 or abs(exponent) <= _LARGEST_POWER)):
            return base**exponent
        near, size = self._parts(base)
        tens = _whole(exponent * size)
        rest = (exponent * size - tens) * self._ln_10
        return self.exp(rest + exponent * near).scaleb(tens)

    def expm1(self, value: Decimal) -> Decimal:
        if not value or value.adjusted() > _SMALL:
            return self.exp(value) - 1 if value else value
        total = term = value
        count = 2
        while term.adjusted() > total.adjusted() - self._digits:
            term = term * value / count
            total += term
            count += 1
        return total

    def log1p(self, value: Decimal) -> Decimal:
        if not value or value.adjusted() > _SMALL:
            return self.ln(1 + value) if value else value
        total = product = value
        count = 2
        while product.adjusted() > total.adjusted() - self._digits:
            product *= -value
            total += product / count
            count += 1
        return total

    def _parts(self, value: Decimal) -> tuple[Decimal, int]:
        """The logarithm of a number near 1 and the power of ten that make up a number."""
        if value <= 0:
            raise decimal.InvalidOperation
        size = value.adjusted()
        near = value.scaleb(-size)
        if near > 3:
            near, size = near / 10, size + 1
        return as_decimal(mpmath.log(as_mpf(near))), size


def _whole(tens: Decimal) -> int:
    """A power of ten as a whole number; raises Overflow beyond those that a decimal has."""
    if tens.adjusted() > _LARGEST_EXPONENT:
        raise decimal.Overflow
    return int(tens.to_integral_value())


def _numbers(digits: int) -> Numbers:
    """Decimals as the identities want them.

    The value of a function is asked for first, and then its changes: the last ones are remembered.
    """
    functions = _Functions(digits)
    remembered = lru_cache(maxsize=256)
    return Numbers(
        zero=Decimal(0),
        number=lambda number: number,
        sqrt=Decimal.sqrt,
        exp=remembered(functions.exp),
        ln=remembered(functions.ln),
        power=remembered(functions.power),
        expm1=functions.expm1,
        log1p=functions.log1p,
        tie=Decimal("1e-12"),
    )


def _by_mpmath(difference: Callable[[Moving], Moving]) -> Callable[[Moving], Moving]:
    """An exact difference of mpmath's, in decimals."""

    def function(a: Moving) -> Moving:
        value, change = difference(Moving(as_mpf(a.value), as_mpf(a.change)))
        return Moving(as_decimal(value), as_decimal(change))

    return function


@lru_cache(maxsize=4)
def decimals(digits: int = DIGITS) -> Arithmetic:
    """The arithmetic of decimals with so many digits."""
    numbers = _numbers(digits)
    functions = {**elementary(numbers), **{name: _by_mpmath(DIFFERENCES[name]) for name in _BY_MPMATH}}
    return Arithmetic(digits, functions, on_bends(functions, numbers))


def constant(formula: Formula | None, name: str = "") -> Decimal:
    """The value of a constant formula, or of pi and e, in the digits of the context."""
    if formula is not None and formula.shape.steps == _LITERAL:
        return formula.numbers[0]
    return _constant(formula, name, decimal.getcontext().prec)


@lru_cache(maxsize=65_536)
def _constant(formula: Formula | None, name: str, digits: int) -> Decimal:
    if formula is None:
        return as_decimal(+(mpmath.pi if name == "pi" else mpmath.e))
    functions = decimals(digits).differences
    names = {name: functions["number"](_constant(None, name, digits)) for name in formula.names}
    value: Decimal = formula.evaluate(functions, names).value
    return +value
