"""Prices that are not unique: the interval of each, over all price systems that support the optimum.

At an optimum the multipliers that satisfy the conditions form a polyhedron (for a concave programme,
all optimal multipliers). One more unit of a good adds the least price in it, one fewer takes the
greatest: two linear programmes a good, only where the polyhedron is more than a point.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import casadi
import numpy as np

from chainprice.equilibrium.active import Active
from chainprice.equilibrium.conditions import Conditions
from chainprice.equilibrium.optimum import Optimum

Range = tuple[Decimal, Decimal | None]
"""What one more unit adds, and what one fewer takes; None if one fewer is impossible."""

_RANK = 1e-9
_SAME = 1e-7
_TINY = 1e-8

_ROUNDING = 1e-20
"""A condition with no term above this part of the greatest one says nothing, as where demand is sated."""

_MEETS = 1e-15
"""A constraint with less room than this, by its size, holds with equality."""

_RUN_OFF = 1e-3
"""Multipliers this many times smaller than those of the solver: it ran off where there is no upper end."""

_TIMES_RUN_OFF = 8
"""Units that are tried then, each so much smaller: prices that are seen as 0 beside 1e15 may be thousands."""

_BEND = 1e-6
"""What the multiplier of a bend counts beside a price, where the least prices are looked for."""


def price_ranges(optimum: Optimum, conditions: Conditions) -> dict[str, Range]:
    """The interval of each price that is not unique."""
    if is_unique(optimum, conditions):
        return {}
    polyhedron = Polyhedron(optimum, conditions)
    if not polyhedron.varying.any():
        return {}
    nearest = _at_least_prices(polyhedron, optimum, conditions)
    ranges = {}
    for good in conditions.programme.network.goods:
        weights = polyhedron.weights(good)
        if not np.any(weights[polyhedron.varying]):
            continue
        low, high = nearest.extreme(nearest.weights(good), 1), polyhedron.extreme(weights, -1)
        if low is None or (high is not None and abs(high - low) <= _SAME * max(abs(high), abs(low))):
            continue
        ranges[good] = (_decimal(low), None if high is None else _decimal(high))
    return ranges


def least(optimum: Optimum, conditions: Conditions) -> Active | None:
    """The active set at the least price system; None if there is no other one."""
    polyhedron = Polyhedron(optimum, conditions)
    if not polyhedron.varying.any():
        return None
    return _at_least_prices(polyhedron, optimum, conditions).least()


def _at_least_prices(polyhedron: Polyhedron, optimum: Optimum, conditions: Conditions) -> Polyhedron:
    """The polyhedron in units that fit its least prices.

    Where a price has no upper end the solver's may be anywhere: then the least ones say what is little.
    """
    for _ in range(_TIMES_RUN_OFF):
        level = polyhedron.level()
        if level is None or level >= _RUN_OFF * polyhedron.greatest:
            break
        nearer = Polyhedron(optimum, conditions, level or _RUN_OFF * polyhedron.greatest)
        if not nearer.varying.any():
            break
        polyhedron = nearer
    return polyhedron


def is_unique(optimum: Optimum, conditions: Conditions) -> bool:
    """Whether no other multipliers satisfy the conditions, as far as that shows at once."""
    return optimum.is_regular and not meeting(optimum) and not _idle(optimum, conditions)


def meeting(optimum: Optimum) -> set[int]:
    """The constraints that hold with equality though they are not among the active ones."""
    sizes = optimum.point.scales.constraints
    return {
        j
        for j, slack in enumerate(optimum.slacks)
        if j not in optimum.active.constraints and abs(slack) <= Decimal(_MEETS * float(sizes[j]))
    }


def _idle(optimum: Optimum, conditions: Conditions) -> set[int]:
    """The quantities that are 0 though they are not among those on a bound."""
    variables = conditions.programme.variables
    return {
        i for i in optimum.active.free(len(variables)) if not optimum.x[i] and variables[i].kind != "bend"
    }


def _decimal(value: float) -> Decimal:
    """The double without the last three digits, which are the linear programme's own rounding."""
    return Decimal(f"{value:.13g}") + 0


class Polyhedron:
    """All multipliers of the active constraints that satisfy the conditions, in relative units."""

    def __init__(self, optimum: Optimum, conditions: Conditions, most: float = np.inf) -> None:
        active, sizes = optimum.active, optimum.point.sizes
        self._conditions, self._active = conditions, active
        self._held = sorted(active.constraints | meeting(optimum))
        self._at_zero = active.at_zero | _idle(optimum, conditions)
        self._free = frozenset(active.free(len(conditions.upper))) - self._at_zero
        local = conditions.local(optimum.x, optimum.near)
        zero = [Decimal(0)] * len(optimum.multipliers)

        def pulls(multipliers: Sequence[Decimal]) -> np.ndarray:
            gradient = conditions.gradient(optimum.x, multipliers, local)
            relative: np.ndarray = np.array([np.nan if p is None else float(p) for p in gradient]) * sizes
            return relative

        base = pulls(zero)
        self._units = np.array([min(most, _unit(optimum, j)) for j in self._held])
        columns = [pulls(_only(zero, j, u)) - base for j, u in zip(self._held, self._units, strict=True)]
        matrix = np.array(columns).T if columns else np.zeros((len(base), 0))
        steep = self._steep(matrix, base)
        matrix[:, steep] = 0.0
        largest = np.max(np.abs(np.column_stack([matrix, base])), axis=1, initial=0.0)
        nothing = _ROUNDING * np.max(largest[np.isfinite(largest)], initial=0.0)
        self._rows = [i for i in range(len(base)) if np.isfinite(largest[i]) and largest[i] > nothing]
        self._matrix = matrix[self._rows] / largest[self._rows][:, None]
        self._base = base[self._rows] / largest[self._rows]
        self._most = np.where(steep, 0.0, np.inf)
        for i in range(len(base)):
            if not np.isfinite(largest[i]):
                self._most[self._outputs_of(i)] = 0.0
        self.varying = self._varying()

    def _steep(self, matrix: np.ndarray, base: np.ndarray) -> np.ndarray:
        """The arguments of bends that rise endlessly steeply: near by they are not the least, so worth 0."""
        is_argument = np.array(self._held, dtype=int) >= len(self._conditions.programme.balances)
        steep: np.ndarray = is_argument & np.any(~np.isfinite(matrix) & np.isfinite(base)[:, None], axis=0)
        return steep

    def _outputs_of(self, i: int) -> list[int]:
        """The multipliers of what a firm makes, of whose input the first unit would make endlessly much."""
        programme = self._conditions.programme
        made = programme.network.outputs.get(programme.variables[i].user, ())
        balances = programme.balances
        return [k for k, j in enumerate(self._held) if j < len(balances) and balances[j].good in made]

    def _varying(self) -> np.ndarray:
        """Which multipliers the equalities leave open."""
        equalities = self._matrix[[i in self._free for i in self._rows]]
        _, sizes, directions = np.linalg.svd(equalities, full_matrices=True)
        rank = int(np.sum(sizes > _RANK * max(1.0, float(np.max(sizes, initial=0.0)))))
        open_: np.ndarray = np.max(np.abs(directions[rank:]), axis=0, initial=0.0) > _RANK
        return open_

    def weights(self, good: str) -> np.ndarray:
        """A price as a sum over the multipliers."""
        zero = [Decimal(0)] * len(self._conditions.programme.constraints)
        prices = [self._conditions.prices(_only(zero, j, 1.0)).get(good, Decimal(0)) for j in self._held]
        weights: np.ndarray = np.array([float(price) for price in prices]) * self._units
        return weights

    def extreme(self, weights: np.ndarray, sign: int) -> float | None:
        """The least (sign 1) or greatest (-1) weighted sum, None if there is no greatest."""
        scale = float(np.max(np.abs(weights), initial=0.0)) or 1.0
        solution = self._solve(sign * weights / scale)
        return None if solution is None else float(solution @ weights)

    @property
    def greatest(self) -> float:
        """The greatest size of a multiplier."""
        return float(np.max(self._units, initial=0.0))

    def level(self) -> float | None:
        """The greatest multiplier of the least price system."""
        solution = self._least()
        return None if solution is None else float(np.max(solution * self._units, initial=0.0))

    def _least(self) -> np.ndarray | None:
        balances = len(self._conditions.programme.balances)
        return self._solve(np.array([1.0 if j < balances else _BEND for j in self._held]))

    def least(self) -> Active | None:
        """The active set at the least price system: which multipliers are 0 there, and who is indifferent."""
        solution = self._least()
        if solution is None:
            return None
        active = self._active
        priced = {j for j, value in zip(self._held, solution, strict=True) if value >= _TINY}
        pulls = self._base + self._matrix @ solution
        bound = self._at_zero | active.at_upper
        tied = {i for i, pull in zip(self._rows, pulls, strict=True) if i in bound and abs(pull) < _TINY}
        return replace(
            active,
            at_zero=self._at_zero,
            constraints=active.constraints | priced,
            tied=active.tied | tied,
            worthless=active.worthless | (active.constraints - priced),
        )

    def _solve(self, objective: np.ndarray) -> np.ndarray | None:
        """The multipliers of the polyhedron that make the objective least; None if it has no least."""
        low = [i in self._at_zero for i in self._rows]
        free = [i in self._free for i in self._rows]
        solver = casadi.conic(
            "prices",
            "highs",
            {"a": casadi.DM(self._matrix).sparsity(), "h": casadi.Sparsity(len(objective), len(objective))},
            {"highs": {"output_flag": False}, "error_on_fail": False},
        )
        result = solver(
            g=objective,
            a=self._matrix,
            lba=np.where(low, -np.inf, -self._base),
            uba=np.where(np.logical_or(low, free), -self._base, np.inf),
            lbx=0.0,
            ubx=self._most,
        )
        if not solver.stats()["success"]:
            return None
        solution: np.ndarray = np.array(result["x"]).ravel()
        return solution


def _unit(optimum: Optimum, j: int) -> float:
    """The size of a multiplier; of one that is 0, no more than that of the greatest."""
    greatest = max((abs(float(multiplier)) for multiplier in optimum.multipliers), default=0.0) or 1.0
    return abs(float(optimum.multipliers[j])) or min(greatest, float(optimum.point.scales.multipliers[j]))


def _only(zero: Sequence[Decimal], j: int, value: float) -> list[Decimal]:
    """All multipliers 0 but one."""
    unit = list(zero)
    unit[j] = Decimal(float(value))
    return unit
