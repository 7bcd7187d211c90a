"""Slopes to one side, by solving the chain again with a lever moved a little; for corners and kinks.

There the envelope theorem has no one answer: what a little more adds differs from what a little less takes.
In many digits a difference is as good as a derivative.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from chainprice.arithmetic import digits
from chainprice.errors import ChainpriceError
from chainprice.solver import solve
from chainprice.spec import Spec

COUNT = 40
"""Digits in which the chain is solved again."""

_WORKING = 60
_STEP = Decimal("1e-10")
"""The step, relative to where the lever stands."""

_NEARER = Decimal("1e-3")
_JUMPS = 30
"""How many times steeper a slope is, with a step so much shorter, where the value jumps."""

_FLAT = Decimal("1e-8")

Target = Callable[[Spec], Decimal]
"""What is differentiated."""


Move = Callable[[Decimal], Spec]
"""The spec with something moved."""


class Sides(NamedTuple):
    """What a little more adds and a little less takes, a unit; None where it is impossible or jumps."""

    right: Decimal | None
    left: Decimal | None

    @property
    def derivative(self) -> Decimal | None:
        """The slope, where both sides agree."""
        if self.right is None or self.left is None:
            return None
        apart = abs(self.right - self.left)
        return self.right if apart <= _FLAT * max(abs(self.right), abs(self.left)) else None


def total_value(spec: Spec) -> Decimal:
    """W, in many digits; raises ChainpriceError where there is no answer."""
    return _decimal(solve(spec, count=COUNT, details=False).total_value)


def price_of(good: str) -> Target:
    """The price of a good, in many digits."""

    def target(spec: Spec) -> Decimal:
        return _decimal(solve(spec, count=COUNT, details=False).prices[good])

    return target


def _decimal(number: object) -> Decimal:
    return number if isinstance(number, Decimal) else Decimal(repr(number))


def sides(spec: Spec, move: Move, value: Decimal, target: Target, size: Decimal) -> Sides:
    """The slopes of a target by what stands at `value`; beside `size` a change may be none."""
    with digits(_WORKING):
        base = target(spec)
        step = _STEP * (abs(value) or Decimal(1))
        noise = size * _NOISE

        def difference(by: Decimal) -> Decimal:
            change = target(move(by)) - base
            return change / by if abs(change) > noise else Decimal(0)

        return Sides(_slope(difference, step), _slope(difference, -step))


_NOISE = Decimal("1e-32")
"""A change that is less than this part of what changes is rounding."""


def _slope(difference: Callable[[Decimal], Decimal], step: Decimal) -> Decimal | None:
    """To one side, the curvature taken out with half of the step; 0 where it shrinks with the step."""
    try:
        whole, half, near = map(difference, (step, step / 2, step * _NEARER))
    except (ChainpriceError, ArithmeticError):
        return None
    if abs(near) > _JUMPS * abs(whole):
        return None
    if abs(half) < _SHRINKS * abs(whole) and abs(near) < abs(whole) / 2:
        return Decimal(0)
    slope = 2 * half - whole
    return slope if abs(slope) > _FLAT * abs(whole) else Decimal(0)


_SHRINKS = Decimal("0.99")
