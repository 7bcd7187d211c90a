"""Method 2: differences of the composed function, in many digits; no derivative rule is used at all.

With 60 digits a relative step of 1e-20 leaves about 40 good ones. Deep in a chain W hardly feels a
good, and more digits are taken until the difference is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import mpmath
from mpmath import mpf

from chainprice import limits
from chainprice.errors import UndefinedError
from chainprice.verify.composition import Composition

STEP = 20
"""The relative step is 10 to the minus this."""

_AGREEMENT = mpf("1e-15")

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


@dataclass(frozen=True, slots=True)
class Cut:
    """The composed function at its operating point, ready to be cut at any good."""

    composition: Composition
    base: Mapping[str, mpf]
    made: Mapping[int, mpf]

    @classmethod
    def at_operating_point(cls, composition: Composition) -> Cut:
        """Evaluate the chain once, at the digits of mpmath's context."""
        base = composition.evaluate()
        made = {i: composition.produced(p, base) for i, p in enumerate(composition.productions)}
        return cls(composition, base, made)

    def gain(self, good: str, gift: mpf) -> mpf:
        """What W gains by a gift of a good."""
        after = self.composition.evaluate_from(self.base, self.made, good, gift)
        return self.composition.gain(self.base, after)


def derivative(composition: Composition, good: str, digits: int = 60) -> Direct:
    """dW/dg by central difference; on a kink, both one-sided derivatives.

    At first in `digits` digits, then in twice as many, until twice the digits change nothing. A
    difference of exactly 0 may only have drowned, and is believed at the last.
    """
    if not _reaches_demand(composition, good):
        return Direct(mpf(0), mpf(0))
    before: Direct | None = None
    for _ in range(limits.ROUNDS + 2):
        with mpmath.workdps(digits):
            result = _difference(Cut.at_operating_point(composition), good)
        if before is not None and _agree(before, result):
            return result
        before = result
        digits *= 2
    return Direct(mpf(0), mpf(0))


def _agree(a: Direct, b: Direct) -> bool:
    return bool(b.low and b.high) and all(
        abs(x - y) <= _AGREEMENT * abs(y) for x, y in ((a.low, b.low), (a.high, b.high))
    )


def _reaches_demand(composition: Composition, good: str) -> bool:
    reached = {good} | {composition.productions[i].output for i in composition.downstream(good)}
    return not reached.isdisjoint(composition.spec.demand)


def _difference(cut: Cut, good: str) -> Direct:
    """The central difference, or both one-sided ones where they are the sides of a kink."""
    step = (abs(cut.base[good]) or mpf(1)) * mpf(10) ** -STEP
    right = cut.gain(good, step) / step
    try:
        left = -cut.gain(good, -step) / step
    except UndefinedError:
        left = right  # the edge of a function's domain: nothing is to the left of it
    if abs(right - left) > _KINK * max(abs(right), abs(left)):
        return Direct(min(left, right), max(left, right))
    middle = (left + right) / 2
    return Direct(middle, middle)
