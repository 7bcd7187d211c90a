"""How a path ended, and why: it arrived, comes nearer, circles, or runs away."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

Outcome = Literal["converged", "unfinished", "cycles", "fluctuates", "diverged"]

_NEARER = 0.5
"""A path comes nearer if this part of the distance, at most, is left after twice the time."""

_NO_NEARER = 0.8
"""Who goes round comes no nearer: this part of the distance, at least, is left."""

_FARTHER = 4.0

_ROUND = 5.0
"""Who goes so many times as far as it gets, goes round."""

_TURNS = 3
"""Peaks of the distance without which nobody can tell a circle from the bends of a way there."""

_CENTRE = 0.5
"""Averages this part of the distance away, at most, are in the middle of a circle."""

_STRAIGHT = 1.5
"""Who goes no more than so many times as far as it gets, goes straight on."""

_LONG = 100
"""Distances without which straight on may be a piece of a bend."""

_STEADY = 0.05
"""The most that averages drift, relatively, while prices go round."""

_MIDDLE = 0.2
"""The farthest that averages are from equilibrium, relatively, when prices circle it."""


class Ending(NamedTuple):
    """The outcome of a path, and the reason in one sentence."""

    outcome: Outcome
    reason: str


class Course(NamedTuple):
    """What is known of a path that neither arrived nor left all bounds.

    `distances` from equilibrium, at even intervals; where there is none (not `is_measured`), how fast prices
    move. Over the last half of the path or more, prices went a way of this `length` and got `net` so far, in
    units of prices. `centre` is the distance of their averages; `drift` by how much averages of one stretch
    differ from those of the one before, at the most, relatively.
    """

    distances: Sequence[float]
    length: float
    net: float
    centre: float
    drift: float
    is_measured: bool


FLUCTUATES = Ending("fluctuates", "noise keeps prices moving; their averages even it out")


def trend(distances: Sequence[float]) -> float | None:
    """The largest distance of the last quarter over that of the second; None if nobody can tell."""
    quarter = len(distances) // 4
    early, late = distances[quarter : 2 * quarter], distances[3 * quarter :]
    if quarter < 2 or not all(map(math.isfinite, (*early, *late))) or not max(early):
        return None
    return max(late) / max(early)


def ending(course: Course, steps: int, tolerance: float) -> Ending:
    """How such a path ended."""
    growth = trend(course.distances)
    if growth is None:
        are = "1 step is" if steps == 1 else f"{steps:,} steps are"
        return Ending("unfinished", f"{are} too few to say where prices go")
    if not course.is_measured:
        return _without_target(course, growth)
    if growth > _FARTHER:
        return Ending("diverged", "prices move farther and farther away")
    if growth <= _NEARER:
        more = _left(course.distances[-1], growth, steps, tolerance)
        return Ending("unfinished", f"prices still settle: some {more:,} steps more, if it goes on like that")
    if growth >= _NO_NEARER and _goes_round(course):
        return _round(course)
    how = "no" if growth > 1 else "little"
    return Ending("unfinished", f"prices came {how} nearer of late")


def _round(course: Course) -> Ending:
    """Prices that go to and fro: about the equilibrium, or somewhere else."""
    late = max(course.distances[3 * len(course.distances) // 4 :])
    if course.centre <= min(_CENTRE * late, _MIDDLE):
        return Ending("cycles", "prices went round and came no nearer; their averages are near the centre")
    return Ending("unfinished", "prices go to and fro, and neither they nor their averages are near")


def _without_target(course: Course, growth: float) -> Ending:
    if growth <= _NEARER:
        return Ending("unfinished", "prices move ever less, and are not at rest yet")
    if growth > _FARTHER:
        return Ending("diverged", "prices move faster and faster")
    is_straight = len(course.distances) >= _LONG and course.length <= _STRAIGHT * course.net
    if growth >= _NO_NEARER and is_straight:
        return Ending("diverged", "prices go straight on and do not slow down")
    if growth >= _NO_NEARER and _goes_round(course) and course.drift <= _STEADY:
        return Ending("cycles", "prices went round and did not come to rest")
    return Ending("unfinished", "prices go on and on")


def _goes_round(course: Course) -> bool:
    late = course.distances[len(course.distances) // 2 :]
    peaks = sum(a < b >= c for (a, b), (_, c) in pairwise(pairwise(late)))
    return course.length > _ROUND * course.net and peaks >= _TURNS


def _left(distance: float, growth: float, steps: int, tolerance: float) -> int:
    """Steps to the tolerance, at the rate of the last half."""
    decades = math.log10(max(distance / tolerance, 1.0))
    rate = -math.log10(growth) / (steps / 2) if growth else math.inf
    return math.ceil(decades / rate)
