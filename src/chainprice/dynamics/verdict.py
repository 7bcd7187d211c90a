"""How a path ended, and why: it arrived, comes nearer, circles, or runs away."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

Outcome = Literal["converged", "unfinished", "cycles", "fluctuates", "diverged"]

_NEARER = 0.5
"""A path comes nearer if this part of the distance, at most, is left after twice the time."""

_FARTHER = 4.0

_ROUND = 5.0
"""Who goes so many times the distance without coming nearer, goes round."""


class Ending(NamedTuple):
    """The outcome of a path, and the reason in one sentence."""

    outcome: Outcome
    reason: str


FLUCTUATES = Ending("fluctuates", "noise keeps prices moving; their averages say where they settle")


def trend(distances: Sequence[float]) -> float | None:
    """The largest distance of the last quarter over that of the second; None if nobody can tell."""
    quarter = len(distances) // 4
    early, late = distances[quarter : 2 * quarter], distances[3 * quarter :]
    if quarter < 2 or not all(map(math.isfinite, (*early, *late))) or not max(early):
        return None
    return max(late) / max(early)


def ending(distances: Sequence[float], lengths: Sequence[float], steps: int, tolerance: float) -> Ending:
    """The ending of a path that neither arrived nor left all bounds.

    `distances` are those to equilibrium at even intervals, or where there is none, how fast prices move;
    `lengths` are those of the way from one to the next, in units of prices.
    """
    growth = trend(distances)
    if growth is None:
        return Ending("unfinished", f"{steps:,} steps are too few to say where prices go")
    if growth > _FARTHER:
        return Ending("diverged", "prices move farther and farther away")
    if growth > _NEARER:
        late = 3 * len(distances) // 4
        if sum(lengths[late:]) > _ROUND * max(distances[late:]):
            return Ending("cycles", "prices go round and do not settle; their averages are the centre")
        return Ending("unfinished", "prices move, but so slowly that they hardly came nearer of late")
    decades = math.log10(max(distances[-1] / tolerance, 1.0))
    rate = -math.log10(growth) / (steps / 2) if growth else math.inf
    more = math.ceil(decades / rate)
    return Ending("unfinished", f"prices still settle: about {more:,} steps more at this pace")
