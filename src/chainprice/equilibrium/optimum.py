"""The point that satisfies every condition of a market, and why there may be none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from chainprice.equilibrium.active import Active
from chainprice.equilibrium.ipopt import Point

PROOF_DIGITS = 30
"""Digits in which a point must satisfy every condition to count as an optimum."""


@dataclass(frozen=True, slots=True)
class Optimum:
    """The point that satisfies all conditions: variables, multipliers, and what is active.

    `gradient` is dL/dx, None where a slope is undefined, and `slacks` are c(x). `near` has the inputs of
    idle firms as they came to rest, along which slopes are taken that do not exist at the origin. Where
    the active system `is_regular`, there are no other multipliers. `doubles` are the variables and the
    multipliers as far as doubles got them.
    """

    x: tuple[Decimal, ...]
    multipliers: tuple[Decimal, ...]
    gradient: tuple[Decimal | None, ...]
    slacks: tuple[Decimal, ...]
    active: Active
    point: Point
    near: tuple[Decimal, ...]
    is_regular: bool
    doubles: tuple[np.ndarray, np.ndarray]


class NotPolishedError(Exception):
    """The solver's point does not lead to one that satisfies all conditions."""


class NoSlopeError(NotPolishedError):
    """A function has no slope by this variable where the conditions put it."""

    def __init__(self, variable: int) -> None:
        super().__init__("a function has no slope there")
        self.variable = variable


class ConflictError(NotPolishedError):
    """These constraints, bounds and ties cannot all hold: the point is next to where they would meet."""

    def __init__(self, constraints: Sequence[int], bounds: Sequence[int], tied: Sequence[int]) -> None:
        super().__init__("no point satisfies the active conditions")
        self._constraints, self._bounds, self._tied = constraints, bounds, tied

    def without_one(self, active: Active) -> list[Active]:
        """The same active set without one of those in conflict, each in turn."""
        return [
            *(replace(active, tied=active.tied - {i}) for i in self._tied),
            *(
                replace(active, constraints=active.constraints - {j}, worthless=active.worthless - {j})
                for j in self._constraints
            ),
            *(
                replace(active, at_zero=active.at_zero - {i}, at_upper=active.at_upper - {i})
                for i in self._bounds
            ),
        ]


class VanishedError(Exception):
    """Newton's method drives these variables to zero."""

    def __init__(self, variables: frozenset[int]) -> None:
        super().__init__("a quantity vanishes")
        self.variables = variables
