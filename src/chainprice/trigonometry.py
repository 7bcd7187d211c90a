"""The functions that the decimal library lacks: from mpmath, and by their limits far from 1.

mpmath's own numbers would take 10^18 digits for a decimal of 1e1000000000000000000. Out there each of
these functions is, to all digits, something simple.
"""

from __future__ import annotations

import decimal
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache

from chainprice import limits

Function = Callable[[Decimal], Decimal]

_ONE = Decimal(1)


@lru_cache(maxsize=64)
def pi(count: int) -> Decimal:
    """Pi to a few digits more than `count`."""
    import mpmath

    with mpmath.workdps(count + 5):
        return +Decimal(mpmath.nstr(+mpmath.pi, count + 5))


def _by_mpmath(
    name: str, near_zero: Function, far_out: Function, far: Callable[[int], int | Decimal]
) -> Function:
    """A function that is `near_zero` and `far_out` where its argument is tiny or huge.

    `far` says, for some number of digits, beyond which size (as an absolute value) that is so.
    """

    def function(value: Decimal) -> Decimal:
        count = decimal.getcontext().prec
        size = value.adjusted() if value else 0
        if size < -count:
            return +near_zero(value)
        if size >= _MODERATE and abs(value) > far(count):
            return +far_out(value)
        return _evaluated(name, value, count, size)

    return function


_MODERATE = 1
"""The power of ten below which no argument is huge."""


def _evaluated(name: str, value: Decimal, count: int, size: int) -> Decimal:
    import mpmath

    # Large angles lose as many digits as they have before the point.
    with mpmath.workdps(count + 10 + max(0, size)):
        result = getattr(mpmath, name)(mpmath.mpf(str(value)))
        if not isinstance(result, mpmath.mpf) or not mpmath.isfinite(result):
            raise decimal.InvalidOperation
        return +Decimal(mpmath.nstr(result, count + 5))


def _itself(value: Decimal) -> Decimal:
    return value


def _one(_: Decimal) -> Decimal:
    return _ONE


def _sign(value: Decimal) -> Decimal:
    return _ONE.copy_sign(value)


def _right_angle(value: Decimal) -> Decimal:
    return (pi(decimal.getcontext().prec) / 2).copy_sign(value)


def _slope_of_erf(value: Decimal) -> Decimal:
    return 2 * value / pi(decimal.getcontext().prec).sqrt()


def _half_exp(value: Decimal) -> Decimal:
    return abs(value).exp() / 2


def _none(_: Decimal) -> Decimal:
    raise decimal.InvalidOperation


def _angles(_: int) -> Decimal:
    return _LARGEST_ANGLE


_LARGEST_ANGLE = _ONE.scaleb(limits.ANGLE_EXPONENT)


def _where_exp_wins(count: int) -> int:
    """exp(-2*x), or exp(-x^2), is less than the last digit."""
    return 2 * count


def _where_it_is_flat(count: int) -> int:
    return int(Decimal(10) ** (count + 5))


def _one_only(_: int) -> int:
    return 1


FUNCTIONS: Mapping[str, Function] = {
    "sin": _by_mpmath("sin", _itself, _none, _angles),
    "cos": _by_mpmath("cos", _one, _none, _angles),
    "tan": _by_mpmath("tan", _itself, _none, _angles),
    "asin": _by_mpmath("asin", _itself, _none, _one_only),
    "acos": _by_mpmath("acos", lambda _: _right_angle(_ONE), _none, _one_only),
    "atan": _by_mpmath("atan", _itself, _right_angle, _where_it_is_flat),
    "sinh": _by_mpmath("sinh", _itself, lambda v: _half_exp(v).copy_sign(v), _where_exp_wins),
    "cosh": _by_mpmath("cosh", _one, _half_exp, _where_exp_wins),
    "tanh": _by_mpmath("tanh", _itself, _sign, _where_exp_wins),
    "erf": _by_mpmath("erf", _slope_of_erf, _sign, _where_exp_wins),
}
"""Each by its name, at the digits of the context; raises ArithmeticError where there is no real number."""
