"""A point in doubles, moved with CasADi's derivatives: for steps that are long."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np

from chainprice.equilibrium.linear import LinearSolver
from chainprice.equilibrium.steps import LEAST, MOST, SHORT, STEPS, as_decimals
from chainprice.equilibrium.system import System

_ROUGH = 1e-13
"""A residual below this is next to the rounding of doubles."""


class DoubleSteps:
    """A point in doubles, from the solver's on."""

    most = STEPS
    last = SHORT
    enough = -math.inf

    def __init__(self, system: System) -> None:
        self._system = system
        point = system.point
        x, weights = system.start(as_decimals(point.x), as_decimals(point.multipliers))
        self.x, self.weights = (np.array([float(n) for n in numbers]) for numbers in (x, weights))
        self._near = point.x

    def solver(self) -> LinearSolver:
        """Of the system's Jacobian at the point."""
        return self._system.solver(self._inside, self.weights)

    @property
    def _inside(self) -> np.ndarray:
        return np.where(self.x != 0, self.x, self._near)

    def residual(self) -> tuple[np.ndarray, Decimal] | None:
        """By CasADi's derivatives: good enough for long steps; None where it is not."""
        system = self._system
        pulls = system.nlp.pulls(self._inside, self.weights, system.scales)[system.rows]
        slacks = system.nlp.slacks(self.x, system.scales)[system.held]
        residual = np.concatenate([pulls, slacks])
        largest = float(np.max(np.abs(residual), initial=0.0))
        if not math.isfinite(largest) or largest < _ROUGH:
            return None
        return residual / largest, Decimal(largest)

    def move(self, step: np.ndarray, length: Decimal) -> bool:
        """One Newton step, as in decimals."""
        system, by = self._system, float(length)
        free, paid = system.free, system.paid
        moves = by * system.sizes[free] * step[: len(free)]
        before, is_bend = self.x[free], system.is_bend[free]
        cut = self._take(before, moves, ~is_bend)
        if is_bend.any() and not system.is_defined(self._inside):
            cut |= self._take(before, moves, np.ones(len(free), dtype=bool))
        self.weights[paid] -= by * system.scales.multipliers[paid] * step[len(free) :]
        if cut.any():
            system.small.settle(self.x, self.weights, system.scales, free[cut])
        system.fail_if_vanished(self.x)
        return bool(cut.any())

    def _take(self, before: np.ndarray, moves: np.ndarray, protected: np.ndarray) -> np.ndarray:
        """The step; which of the free variables were cut."""
        cut = protected & (before > 0) & (moves > before * MOST)
        after = before - moves
        after[cut] = before[cut] * np.exp(np.maximum(LEAST, -moves[cut] / before[cut]))
        self.x[self._system.free] = after
        return cut
