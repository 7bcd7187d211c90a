"""Method 2: differences of the composed function; no derivative rule is used at all.

A relative step of 1e-20 in 60 digits, carried through the chain as exact differences, leaves about
40 good digits (the error of a central difference is the square of the step). Twice the digits go with a
step of 1e-40.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import mpmath
from mpmath import mpf

from chainprice.errors import UndefinedError
from chainprice.verification.composition import Composition

STEP = 3
"""The relative step is 10 to the minus the digits over this: 1e-20 in 60 digits."""

_FROM_NOTHING = 10
"""Where a slope shrinks slowly, as that of x^1.01 at 0, the last step has this times the digits as places."""

_SLOWLY = mpf("0.99")
"""What is left of a slope that shrinks at all."""

_SHRUNK = mpf("0.1")
"""A derivative that is a zero loses at least so much as the step becomes the square of itself."""

_KINK = mpf("1e-8")
"""One-sided derivatives that differ by more, relatively, are the two sides of a kink."""


class Direct(NamedTuple):
    """The derivative to the left and to the right of the operating point: equal but on a kink."""

    low: mpf
    high: mpf

    @property
    def smooth(self) -> bool:
        """Whether the derivative is one number."""
        return bool(self.low == self.high)


def finer(composition: Composition) -> dict[str, mpf]:
    """The quantities in twice the digits."""
    with mpmath.workdps(2 * mpmath.mp.dps):
        return composition.evaluate()


def derivative(
    composition: Composition, base: Mapping[str, mpf], good: str, fine_base: Mapping[str, mpf] | None = None
) -> Direct:
    """dW/dg by central difference; on a kink, both one-sided derivatives.

    Taken again in twice the digits, with a step as much smaller, from the quantities `fine_base` (`finer`):
    what shrinks is a zero, such as the slope of x^2.5 at 0, or nothing but rounding.
    """
    coarse = _difference(composition, base, good)
    if not coarse.low and not coarse.high:
        return coarse
    fine_base = finer(composition) if fine_base is None else fine_base
    with mpmath.workdps(2 * mpmath.mp.dps):
        fine = _difference(composition, fine_base, good)
        if not base[good] and _shrinks_slowly(coarse, fine):
            fine = _difference(composition, fine_base, good, mpmath.mp.dps * _FROM_NOTHING)
    return Direct(_settled(coarse.low, fine.low), _settled(coarse.high, fine.high))


def _shrinks_slowly(coarse: Direct, fine: Direct) -> bool:
    sides = ((coarse.low, fine.low), (coarse.high, fine.high))
    return any(_SHRUNK * abs(first) <= abs(second) < _SLOWLY * abs(first) for first, second in sides)


def _settled(coarse: mpf, fine: mpf) -> mpf:
    return mpf(0) if abs(fine) < _SHRUNK * abs(coarse) else fine


def _difference(
    composition: Composition, base: Mapping[str, mpf], good: str, places: int | None = None
) -> Direct:
    """The central difference, or both one-sided ones where they are the sides of a kink.

    With a step of 10 to the minus `places`, relatively; of the digits over STEP without.
    """
    downstream = composition.downstream(good)

    def gain(gift: mpf) -> mpf:
        return composition.gain(base, composition.changes(base, {good: gift}, downstream))

    step = (abs(base[good]) or mpf(1)) * mpf(10) ** -(places or mpmath.mp.dps // STEP)
    right = gain(step) / step
    try:
        left = -gain(-step) / step
    except UndefinedError:
        left = right  # the edge of a function's domain: nothing is to the left of it
    if abs(right - left) > _KINK * max(abs(right), abs(left)):
        return Direct(min(left, right), max(left, right))
    middle = (left + right) / 2
    return Direct(middle, middle)
