"""Slopes to one side, by solving the chain again with a lever moved a little; for corners and kinks.

There the envelope theorem has no one answer: what a little more adds differs from what a little less takes.
In many digits a difference is as good as a derivative.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from chainprice.arithmetic import digits
from chainprice.errors import ChainpriceError, IncreasingReturnsError, NoConvergenceError, PrecisionError
from chainprice.solver import numbers
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
    return Decimal(numbers(spec, COUNT).total_value)


def price_of(good: str) -> Target:
    """The price of a good, in many digits."""

    def target(spec: Spec) -> Decimal:
        return Decimal(numbers(spec, COUNT).prices[good])

    return target


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
    """To one side; with longer steps where shorter ones leave the solver undecided between two corners."""
    try:
        return _limit(*map(difference, (step, step / 2, step * _NEARER)))
    except _UNDECIDED:
        return _from_afar(difference, step)
    except (ChainpriceError, ArithmeticError):
        return None


def _limit(whole: Decimal, half: Decimal, near: Decimal) -> Decimal | None:
    """The curvature taken out with half of the step; 0 where it shrinks with it, None where it jumps."""
    if abs(near) > _JUMPS * abs(whole):
        return None
    if abs(half) < _SHRINKS * abs(whole) and abs(near) < abs(whole) / 2:
        return Decimal(0)
    return _unless_flat(_extrapolated([whole, half]), whole)


_SHRINKS = Decimal("0.99")

_UNDECIDED = (NoConvergenceError, PrecisionError, IncreasingReturnsError)
"""What the solver says where a corner is too near to be told from the point itself."""

_LONGER = ((10**4, 3), (10**7, 4))
"""How many times longer a step is then, and how often it is halved."""


def _from_afar(difference: Callable[[Decimal], Decimal], step: Decimal) -> Decimal | None:
    """None unless the last halving changes nothing: there is no jump, and no bend in between."""
    for longer, halvings in _LONGER:
        try:
            found = [difference(step * longer / 2**k) for k in range(halvings + 1)]
        except _UNDECIDED:
            continue
        except (ChainpriceError, ArithmeticError):
            return None
        slope = _extrapolated(found)
        if abs(slope - _extrapolated(found[:-1])) <= _FLAT * abs(found[0]):
            return _unless_flat(slope, found[0])
    return None


def _unless_flat(slope: Decimal, whole: Decimal) -> Decimal:
    return slope if abs(slope) > _FLAT * abs(whole) else Decimal(0)


def _extrapolated(found: Sequence[Decimal]) -> Decimal:
    """The curvature, and with each more what is next, taken out (Richardson 1911)."""
    row = list(found)
    for order in range(1, len(found)):
        row = [(2**order * b - a) / (2**order - 1) for a, b in pairwise(row)]
    return row[0]
