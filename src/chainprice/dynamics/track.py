"""What is written down of a path: every good's price, quantity and excess demand, step by step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainprice.dynamics.agents import GoodsSeen

MOST = 1_000
"""Records that are kept where the distance between them is not chosen: then every second one goes."""


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """Records of a path, a row each; of `prices`, `quantities` and `excess` a column is a good.

    `distances` are those of the farthest price, nan where nobody knows the equilibrium.
    """

    steps: tuple[int, ...]
    distances: tuple[float, ...]
    prices: np.ndarray
    quantities: np.ndarray
    excess: np.ndarray


class Recorder:
    """Keeps a record of every `every` steps; without it as many as fit into MOST."""

    def __init__(self, every: int | None) -> None:
        self._every, self._is_fixed = every or 1, every is not None
        self._steps: list[int] = []
        self._distances: list[float] = []
        self._seen: list[GoodsSeen] = []

    def is_due(self, step: int) -> bool:
        """Whether this step is to be written down."""
        return step % self._every == 0

    def write(self, step: int, seen: GoodsSeen, distance: float, *, is_last: bool = False) -> None:
        """Write a step down; the last one stays whatever its number."""
        if self._steps and self._steps[-1] == step:
            return
        self._steps.append(step)
        self._distances.append(distance)
        self._seen.append(seen)
        if not self._is_fixed and len(self._steps) > MOST and not is_last:
            self._every *= 2
            kept = [place for place, at in enumerate(self._steps) if at % self._every == 0]
            self._steps = [self._steps[place] for place in kept]
            self._distances = [self._distances[place] for place in kept]
            self._seen = [self._seen[place] for place in kept]

    def track(self) -> Track:
        """All that was written down."""
        columns = [np.array(side) for side in zip(*self._seen, strict=True)]
        for column in columns:
            column.setflags(write=False)
        return Track(tuple(self._steps), tuple(self._distances), *columns)
