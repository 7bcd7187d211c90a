"""What a point can do that Newton's method moves, whatever its numbers are."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

import numpy as np

from chainprice.equilibrium.linear import LinearSolver

STEPS = 150
"""Steps that may be long, with a new matrix each; short ones share the last matrix."""

SHORT = -8
"""A step is short if it moves nothing by more than this power of ten of itself."""

MOST = 0.5
"""The part of a quantity that one step may simply take away."""

LEAST = -9.2
"""The most logarithms that one step takes from a quantity: it leaves a ten-thousandth."""


class Steps(Protocol):
    """A point that Newton's method moves."""

    most: int
    last: int
    enough: float

    def solver(self) -> LinearSolver:
        """Of the system's Jacobian at the point."""

    def residual(self) -> tuple[np.ndarray, Decimal] | None:
        """The residual by its greatest part, and that; None where there is nothing to be gained."""

    def move(self, step: np.ndarray, length: Decimal) -> bool:
        """Take so much of a step; whether it was cut, because it would have taken most of a quantity."""


def as_decimals(numbers: Sequence[Decimal] | np.ndarray) -> list[Decimal]:
    """Each number as the decimal that it is."""
    return [Decimal(float(n)) if isinstance(n, float) else n for n in numbers]
