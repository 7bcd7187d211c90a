"""The envelope theorem: what total value gains when a market is solved again with a little more of a good."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import NamedTuple

import mpmath
from mpmath import mpf

from chainprice.verification.composed import Direct
from chainprice.verification.market import BEND, MarketPoint

Revalue = Callable[[Mapping[str, str]], str | None]
"""Total value of the market solved again with gifts of some goods (decimal strings), None if unsolvable."""

GIFT = mpf("1e-10")
"""The relative step when the market is solved again."""

LONG_GIFT = mpf("1e-5")
"""The same where a market is so near to several corners that a smaller step cannot be told from none."""

_NOISE = mpf("1e-26")
"""A change of total value that is smaller than this part of it is rounding."""

_SHRINKS = mpf("0.99")
"""What is left of a slope at half the step, at most, if it goes to 0."""

_TIMES_NEARER = 4
_AGREE = mpf("1e-6")

_FIRST = mpf("1e-9")
"""The value of a first unit, as part of all that is traded, where there is none to begin with."""


class _Side(NamedTuple):
    """The slope of total value over a step to one side; None where there is no answer."""

    slope: mpf | None
    step: mpf


def again(point: MarketPoint, good: str, revalue: Revalue, base: mpf) -> Direct | None:
    """dW/dg by solving the market again with a little more and a little less of a good."""
    there = abs(point.available[good])
    more, fewer = _sides(point, good, revalue, base)
    gain, loss = more.slope, fewer.slope
    if there and gain is not None and loss is not None and _agree(gain, loss):
        return Direct((gain + loss) / 2, (gain + loss) / 2, "envelope")
    gain = _sharpened(more, lambda by: _one_sided(revalue, good, by, base), there)
    loss = _sharpened(fewer, lambda by: _one_sided(revalue, good, -by, base), there)
    if gain is None and loss is None:
        return None
    if gain is None or loss is None:
        return Direct(mpf(0), loss, "envelope") if gain is None else Direct(gain, mpmath.inf, "envelope")
    if not there and _agree(gain, loss):
        gain = loss = (gain + loss) / 2
    return Direct(min(gain, loss), max(gain, loss), "envelope")


def _agree(a: mpf, b: mpf) -> bool:
    return bool(abs(a - b) <= BEND * max(abs(a), abs(b)))


def _sides(point: MarketPoint, good: str, revalue: Revalue, base: mpf) -> tuple[_Side, _Side]:
    """A little more and a little less; with longer steps where shorter ones have no answer to both sides."""
    there = abs(point.available[good])
    found = []
    for part in (GIFT, LONG_GIFT):
        step = there * part or _first_step(point, good)
        more, fewer = (_Side(_one_sided(revalue, good, by, base), step) for by in (step, -step))
        if not there or (more.slope is not None and fewer.slope is not None):
            return more, fewer
        found.append((more, fewer))
    near, far = found
    return (
        near[0] if near[0].slope is not None else far[0],
        near[1] if near[1].slope is not None else far[1],
    )


def _sharpened(side: _Side, slope_of: Callable[[mpf], mpf | None], there: mpf) -> mpf | None:
    """Without the curvature along the step, which spoils the first digits."""
    if side.slope is None:
        return None
    if there:
        return _limit(slope_of, side.step, side.slope)
    return side.slope and _nearer(slope_of, side.step, side.slope)


def mismatch(point: MarketPoint, goods: Sequence[str], revalue: Revalue, base: mpf) -> mpf | None:
    """How far a gift of several goods at once is from being worth what the prices say, relatively."""
    random = Random(len(goods))  # noqa: S311 - reproducible gifts, nothing secret
    steps = {
        good: (abs(point.available[good]) * GIFT or _first_step(point, good)) * mpf(random.uniform(0.5, 1.5))
        for good in goods
    }
    worth = {good: point.prices[good] * step for good, step in steps.items()}
    size = mpmath.fsum(map(abs, worth.values())) or mpf(1)
    even = {good: step / (abs(worth[good]) or size) * size for good, step in steps.items()}
    more, fewer = (_revalued(revalue, {good: side * step for good, step in even.items()}) for side in (1, -1))
    if more is None and fewer is None:
        return None
    total = mpmath.fsum(point.prices[good] * step for good, step in even.items())
    size = mpmath.fsum(abs(point.prices[good] * step) for good, step in even.items()) or mpf(1)
    low = mpf(0) if more is None else more - base
    high = mpmath.inf if fewer is None else base - fewer
    nearest = min(max(total, min(low, high)), max(low, high))
    return abs(total - nearest) / size


def _limit(slope_of: Callable[[mpf], mpf | None], step: mpf, slope: mpf) -> mpf:
    """Where the slope over a step goes as the step does; 0 if it shrinks, and goes on shrinking nearer by."""
    half = slope_of(step / 2)
    if half is None:
        return slope
    if abs(half) >= _SHRINKS * abs(slope):
        return 2 * half - slope
    near = slope_of(step / 1000)
    return mpf(0) if near is None or abs(near) < _SHRINKS * abs(half) else near


def _nearer(slope_of: Callable[[mpf], mpf | None], step: mpf, slope: mpf) -> mpf:
    """The slope of a first unit: over steps that are ever so much shorter, until they agree."""
    for _ in range(_TIMES_NEARER):
        step /= 1000
        near = slope_of(step)
        if not near:
            break
        if abs(near - slope) <= _AGREE * abs(near):
            return near
        slope = near
    return slope


def _one_sided(revalue: Revalue, good: str, step: mpf, base: mpf) -> mpf | None:
    """The slope of total value to one side; 0 where nothing but rounding is left of it."""
    value = _revalued(revalue, {good: step})
    if value is None:
        return None
    change = value - base
    return change / step if abs(change) > _NOISE * max(abs(value), abs(base)) else mpf(0)


def _first_step(point: MarketPoint, good: str) -> mpf:
    """A little of a good of which there is none: worth a small part of all that is traded.

    Where nothing is traded, of a unit of what is worth most.
    """
    traded = mpmath.fsum(abs(point.prices[g] * there) for g, there in point.available.items())
    price, size = point.prices[good], traded or max(map(abs, point.prices.values()))
    return _FIRST * size / price if price and size else _FIRST


def _revalued(revalue: Revalue, gifts: Mapping[str, mpf]) -> mpf | None:
    value = revalue({good: mpmath.nstr(gift, 40) for good, gift in gifts.items()})
    return None if value is None else mpf(value)


def base_value(revalue: Revalue) -> mpf | None:
    """Total value of the market solved again as it is."""
    return _revalued(revalue, {})
