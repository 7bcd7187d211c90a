"""What one more unit adds and one fewer takes, by solving the market again with a little more or less.

For firms that stand idle and have smooth constant returns: which mix of inputs is best for the first
unit depends on prices that are themselves open, so that no one set of slopes tells.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

STEP = Decimal("1e-10")
"""The part of what there is that is given or taken."""

FIRST = Decimal("1e-9")
"""The value of a first unit, as part of all that is traded."""

_ROUNDING = Decimal("1e-26")
_ALIKE = Decimal("1e-9")
_LEFT = Decimal("1e-6")
"""What is left of a slope that is 0 once its curvature is out, at most: the square of the step."""

_SHRINKS = Decimal("0.99")
_NEARER = Decimal("1e-3")

Value = Callable[[Decimal], Decimal | None]
"""Total value when so much of a good is handed to the market; None where it cannot clear then."""


def price_range(
    value: Value, available: Decimal, price: Decimal, traded: Decimal
) -> tuple[Decimal, Decimal | None] | None:
    """The gain by one more unit and the loss by one fewer (None if impossible); None if they are one.

    `traded` is the value of all that is traded.
    """
    step = STEP * abs(available) or (FIRST * traded / price if traded and price else FIRST)
    base = value(Decimal(0))
    if base is None:
        return None
    gain, loss = (_slope(value, base, side * step) for side in (1, -1))
    if gain is None or (loss is not None and abs(gain - loss) <= _ALIKE * max(abs(gain), abs(loss))):
        return None
    return gain, loss


def _slope(value: Value, base: Decimal, step: Decimal) -> Decimal | None:
    """The slope to one side; the curvature along the step is taken out with half of it.

    Where it shrinks with the step, or nearly nothing is left then, the slope itself is 0.
    """
    whole, half = (_difference(value, base, by) for by in (step, step / 2))
    if whole is None or half is None:
        return None
    if abs(half) < _SHRINKS * abs(whole):  # to 0, or the step is so long that it bends: nearer by it shows
        near = _difference(value, base, step * _NEARER)
        return Decimal(0) if near is None or abs(near) < _SHRINKS * abs(half) else near
    slope = 2 * half - whole
    return slope if abs(slope) > _LEFT * abs(whole) else Decimal(0)


def _difference(value: Value, base: Decimal, step: Decimal) -> Decimal | None:
    there = value(step)
    if there is None:
        return None
    change = there - base
    return change / step if abs(change) > _ROUNDING * max(abs(there), abs(base)) else Decimal(0)
