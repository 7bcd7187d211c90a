"""Prices that are not unique: the interval of each, over all price systems that support the optimum.

At an optimum the multipliers that satisfy the conditions form a polyhedron (for a concave programme,
all optimal multipliers). One more unit of a good adds the least price in it, one fewer takes the
greatest: two linear programmes a good, only where the polyhedron is more than a point.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import casadi
import numpy as np

from chainprice.equilibrium.conditions import Conditions
from chainprice.equilibrium.polish import Optimum

Range = tuple[Decimal, Decimal | None]
"""What one more unit adds, and what one fewer takes; None if one fewer is impossible."""

_RANK = 1e-9
_SAME = 1e-7
_HUGE = 1e7


def price_ranges(optimum: Optimum, conditions: Conditions) -> dict[str, Range]:
    """The interval of each price that is not unique."""
    polyhedron = _Polyhedron(optimum, conditions)
    if not polyhedron.varying.any():
        return {}
    ranges = {}
    for good in conditions.programme.network.goods:
        weights = polyhedron.weights(good)
        if not np.any(weights[polyhedron.varying]):
            continue
        low, high = polyhedron.extreme(weights, 1), polyhedron.extreme(weights, -1)
        if low is None or (high is not None and abs(high - low) <= _SAME * max(abs(high), abs(low))):
            continue
        ranges[good] = (_decimal(low), None if high is None else _decimal(high))
    return ranges


def _decimal(value: float) -> Decimal:
    """The double without the last three digits, which are the linear programme's own rounding."""
    return Decimal(f"{value:.13g}") + 0


class _Polyhedron:
    """All multipliers of the active constraints that satisfy the conditions, in relative units."""

    def __init__(self, optimum: Optimum, conditions: Conditions) -> None:
        scales, active = optimum.point.scales, optimum.active
        self._conditions, self._scales = conditions, scales
        self._held = sorted(active.constraints)
        count = len(conditions.upper)
        slopes = conditions.slopes(optimum.x, [Decimal(float(v)) for v in optimum.point.x])
        zero = [Decimal(0)] * len(optimum.multipliers)

        def row(multipliers: Sequence[Decimal]) -> np.ndarray:
            gradient = conditions.gradient(optimum.x, multipliers, slopes)
            pulls = [np.nan if pull is None else float(pull) for pull in gradient]
            relative: np.ndarray = np.array(pulls) * scales.variables / scales.value
            return relative

        base = row(zero)
        columns = []
        for j in self._held:
            unit = list(zero)
            unit[j] = Decimal(float(scales.multipliers[j]))
            columns.append(row(unit) - base)
        self._matrix = np.array(columns).T if columns else np.zeros((count, 0))
        self._base = base
        self._free = active.free(count)
        self._at_zero, self._at_upper = sorted(active.at_zero), sorted(active.at_upper)
        self.varying = self._varying()

    def _varying(self) -> np.ndarray:
        """Which multipliers the equalities leave open."""
        equalities = self._matrix[self._free]
        if not self._held or not np.all(np.isfinite(equalities)):
            return np.zeros(len(self._held), dtype=bool)
        _, sizes, directions = np.linalg.svd(equalities, full_matrices=True)
        rank = int(np.sum(sizes > _RANK * max(1.0, float(np.max(sizes, initial=0.0)))))
        return np.asarray(np.max(np.abs(directions[rank:]), axis=0, initial=0.0) > _RANK)

    def weights(self, good: str) -> np.ndarray:
        """A price as a sum over the multipliers."""
        unit = Decimal(1)
        weights = []
        for j in self._held:
            multipliers = [Decimal(0)] * len(self._conditions.programme.constraints)
            multipliers[j] = unit
            weights.append(float(self._conditions.prices(multipliers).get(good, 0)))
        sizes: np.ndarray = np.array(weights) * self._scales.multipliers[self._held]
        return sizes

    def extreme(self, weights: np.ndarray, sign: int) -> float | None:
        """The least (sign 1) or greatest (-1) weighted sum, None if there is no greatest."""
        rows = [
            i
            for i in range(len(self._base))
            if np.all(np.isfinite(self._matrix[i])) and np.isfinite(self._base[i])
        ]
        matrix = self._matrix[rows]
        free, low = set(self._free), set(self._at_zero)
        lower = np.array([-np.inf if i in low else -self._base[i] for i in rows])
        upper = np.array([-self._base[i] if i in free or i in low else np.inf for i in rows])
        scale = float(np.max(np.abs(weights)))
        solver = casadi.conic(
            "prices",
            "highs",
            {"a": casadi.DM(matrix).sparsity(), "h": casadi.Sparsity(matrix.shape[1], matrix.shape[1])},
            {"highs": {"output_flag": False}, "error_on_fail": False},
        )
        result = solver(g=sign * weights / scale, a=matrix, lba=lower, uba=upper, lbx=0.0, ubx=_HUGE)
        if not solver.stats()["success"]:
            return None
        value = float(result["cost"]) * sign * scale
        return None if value > _HUGE / 10 * scale else value
