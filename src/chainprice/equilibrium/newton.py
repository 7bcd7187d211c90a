"""Newton's method on the active KKT system, first in doubles and then in decimals.

    dL/dx_i = 0 where x_i is free,   c_j = 0 where constraint j is active

Long steps are taken in doubles, with CasADi's derivatives. Then residuals are computed in decimals
with sympy's slopes; the matrix that turns them into a step is still CasADi's, in doubles, which is
enough for every step to win several digits.
"""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np

from chainprice import progress
from chainprice.arithmetic import working_digits
from chainprice.equilibrium.active import Active
from chainprice.equilibrium.conditions import Conditions
from chainprice.equilibrium.decimal_steps import DecimalSteps
from chainprice.equilibrium.double_steps import DoubleSteps
from chainprice.equilibrium.ipopt import Nlp, Point
from chainprice.equilibrium.linear import LinearSolver
from chainprice.equilibrium.optimum import NotPolishedError, Optimum
from chainprice.equilibrium.steps import SHORT, Steps, as_decimals
from chainprice.equilibrium.system import System

_PATIENCE = 8
"""Whole steps that may bring no progress."""

_NOISE_STEPS = 1

_SAFETY = 100
"""How much longer, for its residual, the next step may be than those before it."""

_LARGE = 300
"""Rows from which on the first steps are taken in doubles: fewer cost next to nothing in decimals."""


def newton(
    point: Point, nlp: Nlp, conditions: Conditions, active: Active, begin: Optimum | None = None
) -> Optimum:
    """Where the active system holds, to the digits of the context.

    Begins at the solver's point, or at the optimum in fewer digits. Raises NotPolishedError where it does
    not get there, and VanishedError where a quantity goes to zero on the way.
    """
    system = System(point, nlp, conditions, active)
    near = begin.near if begin else tuple(Decimal(float(value)) for value in point.x)
    if begin is None and len(system.rows) > _LARGE:
        steps = DoubleSteps(system)
        _iterate(steps)
        doubles = steps.x, steps.weights
        x, weights = map(as_decimals, doubles)
    else:
        known = begin or point
        doubles = begin.doubles if begin else (point.x, point.multipliers)
        x, weights = system.start(as_decimals(known.x), as_decimals(known.multipliers))
    decimals = DecimalSteps(system, conditions, near, x, weights)
    solver = _iterate(decimals)
    return decimals.optimum(solver.is_regular, doubles)


def in_doubles(
    point: Point, nlp: Nlp, conditions: Conditions, active: Active
) -> tuple[np.ndarray, np.ndarray]:
    """Variables and multipliers as far as doubles get them from a point, by CasADi's derivatives alone.

    Raises NotPolishedError or VanishedError where they do not get there.
    """
    steps = DoubleSteps(System(point, nlp, conditions, active))
    _iterate(steps)
    return steps.x, steps.weights


def _iterate(steps: Steps) -> LinearSolver:
    """Steps until they are short enough; the last matrix."""
    best = math.inf
    stalled = 0
    growth = 0.0
    is_long = True
    for count in range(steps.most):
        progress.report(f"polishing the solution to {-steps.last} digits, step {count + 1}")
        if is_long:
            solver = steps.solver()
        residual = steps.residual()
        if residual is None or (growth and (residual[1] * Decimal(growth)).adjusted() < steps.enough):
            return solver
        step = solver.solve(residual[0])
        longest = float(np.max(np.abs(step), initial=0.0))
        growth = max(growth, _SAFETY * longest)
        size = residual[1] * Decimal(longest)
        is_cut = steps.move(step, residual[1])
        if not size or size.adjusted() < steps.last:
            return solver
        is_long = size.adjusted() >= SHORT
        stalled = 0 if size.adjusted() < best or is_cut else stalled + 1
        best = min(best, size.adjusted())
        if stalled > _NOISE_STEPS and size.adjusted() < -working_digits() // 2:
            return solver  # what is left is rounding; whether the digits are enough is for those who asked
        if stalled > _PATIENCE or size.adjusted() > 12:
            break
    raise NotPolishedError("Newton's method does not converge")
