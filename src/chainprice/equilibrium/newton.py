"""Newton's method on the active KKT system, first in doubles and then in decimals.

    dL/dx_i = 0 where x_i is free,   c_j = 0 where constraint j is active

Long steps are taken in doubles, with CasADi's derivatives. Then residuals are computed in decimals
with sympy's slopes; the matrix that turns them into a step is still CasADi's, in doubles, which is
enough for every step to win several digits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Protocol

import numpy as np

from chainprice import progress
from chainprice.arithmetic import working_digits
from chainprice.equilibrium.active import Active
from chainprice.equilibrium.conditions import ZERO, Conditions
from chainprice.equilibrium.ipopt import Nlp, Point, Scales
from chainprice.equilibrium.linear import LinearSolver, Pattern
from chainprice.equilibrium.small import SmallFirms

_STEPS = 150
"""Steps that may be long, with a new matrix each; short ones share the last matrix."""

_SHORT = -8
"""A step is short if it moves nothing by more than this power of ten of itself."""

_PATIENCE = 8
"""Whole steps that may bring no progress."""

_MOST = 0.5
"""The part of a quantity that one step may simply take away."""

_LEAST = -9.2
"""The most logarithms that one step takes from a quantity: it leaves a ten-thousandth."""

_GUARD = 6
"""Digits at the end of the working digits that are left to rounding."""

_LAST = 8
"""Digits that a step may still change if it is the last: the next one would be shorter by as many again."""

_NOISE_STEPS = 1

_ENOUGH = 6
"""Digits at the end of the working digits that the next step may still change if it is not taken."""

_SAFETY = 100
"""How much longer, for its residual, the next step may be than those before it."""

_LARGE = 300
"""Rows from which on the first steps are taken in doubles: fewer cost next to nothing in decimals."""

_ROUGH = 1e-10
"""A residual below this is next to the rounding of doubles."""

_VANISHED = 1e-40
"""A free quantity below this part of its size is on its way to zero."""


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


def newton(
    point: Point, nlp: Nlp, conditions: Conditions, active: Active, begin: Optimum | None = None
) -> Optimum:
    """Where the active system holds, to the digits of the context.

    Begins at the solver's point, or at the optimum in fewer digits. Raises NotPolishedError where it does
    not get there, and VanishedError where a quantity goes to zero on the way.
    """
    system = _System(point, nlp, conditions, active)
    near = begin.near if begin else tuple(Decimal(float(value)) for value in point.x)
    if begin is None and len(system.rows) > _LARGE:
        steps = _Doubles(system)
        _iterate(steps)
        doubles = steps.x, steps.weights
        x, weights = map(_decimals, doubles)
    else:
        known = begin or point
        doubles = begin.doubles if begin else (point.x, point.multipliers)
        x, weights = system.start(_decimals(known.x), _decimals(known.multipliers))
    decimals = _Decimals(system, conditions, near, x, weights)
    solver = _iterate(decimals)
    return decimals.optimum(solver.is_regular, doubles)


def _decimals(numbers: Sequence[Decimal] | np.ndarray) -> list[Decimal]:
    return [Decimal(float(n)) if isinstance(n, float) else n for n in numbers]


class _Steps(Protocol):
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


def _iterate(steps: _Steps) -> LinearSolver:
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
        is_long = size.adjusted() >= _SHORT
        stalled = 0 if size.adjusted() < best or is_cut else stalled + 1
        best = min(best, size.adjusted())
        if stalled > _NOISE_STEPS and size.adjusted() < -working_digits() // 2:
            return solver  # what is left is rounding; whether the digits are enough is for those who asked
        if stalled > _PATIENCE or size.adjusted() > 12:
            break
    raise NotPolishedError("Newton's method does not converge")


class _System:
    """The active KKT system in relative units: what its rows and columns are, and how they are measured."""

    def __init__(self, point: Point, nlp: Nlp, conditions: Conditions, active: Active) -> None:
        self.point, self.nlp, self.active = point, nlp, active
        self._programme = conditions.programme
        variables = self._programme.variables
        self.is_bend = np.array([variable.kind == "bend" for variable in variables], dtype=bool)
        self._upper = conditions.upper
        self._matrix = _matrix(nlp, active)
        self.free, self.rows = self._matrix.free, self._matrix.rows
        self.held, self.paid = self._matrix.held, self._matrix.paid
        self.sizes = point.scales.variables.copy()
        is_curved = np.zeros(len(variables), dtype=bool)
        is_curved[list(nlp.curved)] = True
        self._rescalable = self.free[(is_curved & ~self.is_bend)[self.free]]

    def start(self, x: list[Decimal], weights: list[Decimal]) -> tuple[list[Decimal], list[Decimal]]:
        """A point with what is on a bound exactly there."""
        for i in self.active.at_zero:
            x[i] = ZERO
        for i in self.active.at_upper:
            upper = self._upper[i]
            x[i] = ZERO if upper is None else upper
        paid = set(self.paid.tolist())
        return x, [weight if j in paid else ZERO for j, weight in enumerate(weights)]

    @property
    def scales(self) -> Scales:
        """How everything is measured now."""
        return replace(self.point.scales, variables=self.sizes)

    @property
    def noise_sizes(self) -> np.ndarray:
        """Beside what a quantity is nothing: its own size where it is measured by that."""
        sizes: np.ndarray = self.point.sizes.copy()
        sizes[self._rescalable] = self.sizes[self._rescalable]
        return sizes

    def solver(self, x: np.ndarray, weights: np.ndarray) -> LinearSolver:
        """Of the system's Jacobian, which has CasADi's second derivatives.

        From now on every free quantity with curvature is measured by itself, however small it has become.
        The slopes of others do not change as they vanish.
        """
        own = self._rescalable[x[self._rescalable] > 0]
        self.sizes = self.sizes.copy()
        self.sizes[own] = x[own]
        hessian = self.nlp.curvatures(x, weights, self.scales)
        slopes = self.nlp.slopes(x, self.scales)
        return self._matrix.solver(hessian, slopes)

    def fail_if_vanished(self, x: np.ndarray) -> None:
        """Raise VanishedError for free quantities that are next to nothing by now."""
        free = self.free[~self.is_bend[self.free]]
        gone = free[x[free] < _VANISHED * self.point.sizes[free]]
        if len(gone):
            raise VanishedError(frozenset(gone.tolist()))

    @cached_property
    def small(self) -> SmallFirms:
        """The firms that can be settled by themselves."""
        return SmallFirms(self._programme, self.nlp, self.point.sizes)

    def is_defined(self, x: np.ndarray) -> bool:
        """Whether all functions have slopes there, as far as doubles can tell."""
        pulls = self.nlp.pulls(x, self.point.multipliers, self.point.scales)
        return bool(np.all(np.isfinite(pulls[self.free])))


class _Matrix:
    """The Jacobian of the active system of one active set: its pattern, and where its entries come from.

    [ d2L/dx2  (dc/dx)' ]   rows: free and tied variables, then constraints held
    [ dc/dx       0     ]   columns: free variables, then constraints that have a price
    """

    def __init__(self, nlp: Nlp, active: Active) -> None:
        count, constraints = nlp.shape
        free = active.free(count)
        held = sorted(active.constraints)
        self.free = np.array(free, dtype=int)
        self.rows = np.array([*free, *sorted(active.tied)], dtype=int)
        self.held = np.array(held, dtype=int)
        self.paid = np.array([j for j in held if j not in active.worthless], dtype=int)
        row_of, column_of = _positions(self.rows, count), _positions(self.free, count)
        held_at = _positions(self.held, constraints, len(self.rows))
        paid_at = _positions(self.paid, constraints, len(self.free))
        upper, lower = nlp.curvature_places
        off = upper != lower
        second = np.concatenate([upper, lower[off]]), np.concatenate([lower, upper[off]])
        self._mirrored = np.concatenate([np.arange(len(upper)), np.flatnonzero(off)])
        of_constraint, of_variable = nlp.slope_places
        blocks = (
            (row_of[second[0]], column_of[second[1]]),
            (row_of[of_variable], paid_at[of_constraint]),
            (held_at[of_constraint], column_of[of_variable]),
        )
        self._kept = [(rows >= 0) & (columns >= 0) for rows, columns in blocks]
        shape = len(self.rows) + len(self.held), len(self.free) + len(self.paid)
        self._pattern = Pattern(
            shape,
            np.concatenate([rows[kept] for (rows, _), kept in zip(blocks, self._kept, strict=True)]),
            np.concatenate([columns[kept] for (_, columns), kept in zip(blocks, self._kept, strict=True)]),
            is_symmetric=not active.tied and not active.worthless,
        )

    def solver(self, hessian: np.ndarray, slopes: np.ndarray) -> LinearSolver:
        """Of the matrix with these second derivatives, of one triangle, and these slopes."""
        parts = (hessian[self._mirrored], slopes, slopes)
        entries = np.concatenate([part[kept] for part, kept in zip(parts, self._kept, strict=True)])
        if not np.all(np.isfinite(entries)):
            raise NotPolishedError("a function has no second derivative there")
        return LinearSolver(self._pattern, entries, len(self.free))


@lru_cache(maxsize=2)
def _matrix(nlp: Nlp, active: Active) -> _Matrix:
    return _Matrix(nlp, active)


def _positions(chosen: np.ndarray, count: int, first: int = 0) -> np.ndarray:
    """Where each of so many stands among the chosen ones, -1 where it does not."""
    positions = np.full(count, -1)
    positions[chosen] = first + np.arange(len(chosen))
    return positions


class _Doubles:
    """A point in doubles, from the solver's on."""

    most = _STEPS
    last = _SHORT
    enough = -math.inf

    def __init__(self, system: _System) -> None:
        self._system = system
        point = system.point
        x, weights = system.start(_decimals(point.x), _decimals(point.multipliers))
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
        cut = protected & (before > 0) & (moves > before * _MOST)
        after = before - moves
        after[cut] = before[cut] * np.exp(np.maximum(_LEAST, -moves[cut] / before[cut]))
        self.x[self._system.free] = after
        return cut


class _Decimals:
    """A point in the digits of the context."""

    def __init__(
        self,
        system: _System,
        conditions: Conditions,
        near: Sequence[Decimal],
        x: list[Decimal],
        weights: list[Decimal],
    ) -> None:
        self._system, self._conditions = system, conditions
        self._near, self._x, self._weights = near, x, weights
        self.most = _STEPS + 4 * working_digits()
        self.last = _LAST - working_digits()
        self.enough: float = _ENOUGH - working_digits()
        self._evaluated: tuple[list[Decimal | None], list[Decimal]] | None = None
        self._free, self._rows = system.free.tolist(), system.rows.tolist()
        self._held, self._paid = system.held.tolist(), system.paid.tolist()
        self._quantities = frozenset(i for i in self._free if not system.is_bend[i])
        self._bends = frozenset(self._free) - self._quantities
        self._sizes = _decimals(system.sizes)
        self._weighing = _decimals(system.scales.multipliers)
        self._value = Decimal(system.scales.value)

    @property
    def _inside(self) -> np.ndarray:
        return np.array([float(v or n) for v, n in zip(self._x, self._near, strict=True)])

    def solver(self) -> LinearSolver:
        """Of the system's Jacobian at the point."""
        solver = self._system.solver(self._inside, np.array([float(w) for w in self._weights]))
        self._sizes = _decimals(self._system.sizes)
        return solver

    def _gradient_and_slacks(self) -> tuple[list[Decimal | None], list[Decimal]]:
        """dL/dx and c(x), worked out once; raises NotPolishedError where a function has no value."""
        if self._evaluated is None:
            self._evaluated = self._evaluate()
        return self._evaluated

    def _evaluate(self) -> tuple[list[Decimal | None], list[Decimal]]:
        local = self._conditions.local(self._x, self._near)
        try:
            gradient = self._conditions.gradient(self._x, self._weights, local)
            return gradient, self._conditions.slacks(self._x, local)
        except ArithmeticError:
            raise NotPolishedError("a function has no value there") from None

    def residual(self) -> tuple[np.ndarray, Decimal] | None:
        """The gradient of the free variables and the slack of the active constraints, in relative units."""
        residual = self._relative(*self._gradient_and_slacks())
        largest = max(map(abs, residual), default=ZERO)
        return (np.array([float(r / largest) for r in residual]), largest) if largest else None

    def _relative(self, gradient: Sequence[Decimal | None], slacks: Sequence[Decimal]) -> list[Decimal]:
        rows = []
        for i in self._rows:
            pull = gradient[i]
            if pull is None:
                raise NoSlopeError(i)
            rows.append(pull * self._sizes[i] / self._value)
        rows += [slacks[j] * self._weighing[j] / self._value for j in self._held]
        return rows

    def move(self, step: np.ndarray, length: Decimal) -> bool:
        """One Newton step; whether it was cut, because it would have taken most of a quantity.

        What would lose most of itself shrinks by the same number of logarithms instead; a bend only if the
        functions of it have no value otherwise. Raises VanishedError for those that are next to nothing
        by now.
        """
        moves = {
            i: length * self._sizes[i] * Decimal(s) for i, s in zip(self._free, step.tolist(), strict=False)
        }
        before = list(self._x)
        self._evaluated = None
        cut = self._take(before, moves, self._quantities)
        if self._bends and not self._system.is_defined(self._inside):
            cut |= self._take(before, moves, self._quantities | self._bends)
        for j, s in zip(self._paid, step[len(self._free) :].tolist(), strict=True):
            self._weights[j] -= length * self._weighing[j] * Decimal(s)
        if cut:
            self._settle(cut)
        self._system.fail_if_vanished(np.array([float(value) for value in self._x]))
        return bool(cut)

    def _settle(self, cut: set[int]) -> None:
        """Put small firms where they do best, as far as doubles know."""
        x = np.array([float(value) for value in self._x])
        settled = x.copy()
        weights = np.array([float(weight) for weight in self._weights])
        self._system.small.settle(settled, weights, self._system.scales, np.array(sorted(cut)))
        for i in np.flatnonzero(settled != x).tolist():
            self._x[i] = Decimal(float(settled[i]))

    def _take(
        self, before: Sequence[Decimal], moves: Mapping[int, Decimal], protected: frozenset[int]
    ) -> set[int]:
        """The step; which variables were cut."""
        cut = set()
        most, least = Decimal(_MOST), Decimal(_LEAST)
        for i, move in moves.items():
            if i in protected and before[i] > 0 and move > before[i] * most:
                cut.add(i)
                self._x[i] = before[i] * max(least, -move / before[i]).exp()
            else:
                self._x[i] = before[i] - move
        return cut

    def optimum(self, is_regular: bool, doubles: tuple[np.ndarray, np.ndarray]) -> Optimum:
        """The point, with all that the conditions say of it; raises ConflictError where they cannot hold."""
        self._drop_noise()
        gradient, slacks = self._gradient_and_slacks()
        self._fail_if_in_conflict(gradient, slacks)
        return Optimum(
            tuple(self._x),
            tuple(self._weights),
            tuple(gradient),
            tuple(slacks),
            self._system.active,
            self._system.point,
            tuple(self._near),
            is_regular,
            doubles,
        )

    def _drop_noise(self) -> None:
        """Put 0 for quantities and multipliers that are nothing but rounding.

        A quantity that is measured by itself is none, however small.
        """
        nothing = Decimal(10) ** (2 * _GUARD - working_digits())

        def cleaned(numbers: Sequence[Decimal], sizes: Sequence[Decimal]) -> list[Decimal]:
            return [
                number if abs(number) > nothing * size else ZERO
                for number, size in zip(numbers, sizes, strict=True)
            ]

        before = self._x, self._weights
        self._x = cleaned(self._x, _decimals(self._system.noise_sizes))
        self._weights = cleaned(self._weights, self._weighing)
        if before != (self._x, self._weights):
            self._evaluated = None

    def _fail_if_in_conflict(self, gradient: Sequence[Decimal | None], slacks: Sequence[Decimal]) -> None:
        """Raise ConflictError, naming the rows that cannot hold together."""
        left = self._relative(gradient, slacks)
        nothing = Decimal(10) ** (2 * _GUARD - working_digits())
        rows = [row for row, error in enumerate(left) if abs(error) > nothing]
        if not rows:
            return
        active = self._system.active
        constraints = [self._held[row - len(self._rows)] for row in rows if row >= len(self._rows)]
        of_constraint, of_variable = self._system.nlp.slope_places
        involved = set(of_variable[np.isin(of_constraint, constraints)].tolist())
        bounds = sorted((active.at_upper | active.at_zero) & involved)
        tied = [self._rows[row] for row in rows if len(self._free) <= row < len(self._rows)]
        raise ConflictError(constraints, bounds, tied)
