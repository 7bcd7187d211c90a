"""From the solver's doubles to as many digits as are wanted: Newton on the active KKT system.

    dL/dx_i = 0 where x_i is free,   c_j = 0 where constraint j is active

Residuals are computed in decimals with sympy's slopes; the matrix that turns them into a step is
CasADi's, in doubles, which is enough for every step to win several digits. Which bounds and
constraints are active is guessed from the solver's point, and put right until every sign is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import casadi
import numpy as np

from chainprice import progress
from chainprice.arithmetic import working_digits
from chainprice.equilibrium.conditions import ZERO, Conditions
from chainprice.equilibrium.ipopt import TIE, Nlp, Point, Scales
from chainprice.equilibrium.linear import LinearSolver
from chainprice.equilibrium.programme import Programme
from chainprice.equilibrium.start import run

_NEWTON_STEPS = 30
"""Steps that may be long, with a new matrix each; short ones share the last matrix."""

_SHORT = -8
"""A step is short if it moves nothing by more than this power of ten of itself."""

_PATIENCE = 8
"""Whole steps that may bring no progress."""

_MOST = Decimal("0.5")
"""The part of a quantity that one step may simply take away."""

_LEAST = Decimal("-9.2")
"""The most logarithms that one step takes from a quantity: it leaves a ten-thousandth."""

_GUARD = 6
"""Digits at the end of the working digits that are left to rounding."""

_LAST = 8
"""Digits that a step may still change if it is the last: the next one would be shorter by as many again."""

_NOISE_STEPS = 1

_NEED = 1e-3
"""What changes a marginal value by a greater part than this is needed."""

_LARGE = 300
"""Variables from which on the first steps use residuals in doubles."""

_ROUGH = 1e-10
"""A residual below this is next to the rounding of doubles."""

_SHRINKING = 1e-9
"""What is left of quantities when it is looked what they would be worth near 0."""

_VANISHED = Decimal("1e-40")
"""A free quantity below this part of its size is on its way to zero."""

MANY_SETS = 40
"""Active sets that are tried before a point is given up."""


@dataclass(frozen=True, slots=True)
class Active:
    """Which bounds and constraints hold with equality.

    A variable that is `tied` is on its bound and indifferent: a unit more would neither gain nor lose. A
    constraint that is `worthless` holds with equality, and its multiplier is 0.
    """

    at_zero: frozenset[int]
    at_upper: frozenset[int]
    constraints: frozenset[int]
    tied: frozenset[int] = frozenset()
    worthless: frozenset[int] = frozenset()

    def free(self, count: int) -> list[int]:
        """The variables that are on no bound."""
        return [i for i in range(count) if i not in self.at_zero and i not in self.at_upper]


@dataclass(frozen=True, slots=True)
class Optimum:
    """The point that satisfies all conditions: variables, multipliers, and what is active.

    `gradient` is dL/dx, None where a slope is undefined, and `slacks` are c(x). `near` has the inputs of
    idle firms as they came to rest, along which slopes are taken that do not exist at the origin. Where
    the active system `is_regular`, there are no other multipliers.
    """

    x: tuple[Decimal, ...]
    multipliers: tuple[Decimal, ...]
    gradient: tuple[Decimal | None, ...]
    slacks: tuple[Decimal, ...]
    active: Active
    point: Point
    near: tuple[Decimal, ...]
    is_regular: bool


class NotPolishedError(Exception):
    """The solver's point does not lead to one that satisfies all conditions."""


class NoSlopeError(NotPolishedError):
    """A function has no slope by this variable where the conditions put it."""

    def __init__(self, variable: int) -> None:
        super().__init__("a function has no slope there")
        self.variable = variable


class _ConflictError(NotPolishedError):
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


class _VanishedError(Exception):
    """Newton's method drives these variables to zero."""

    def __init__(self, variables: frozenset[int]) -> None:
        super().__init__("a quantity vanishes")
        self.variables = variables


def guess(point: Point, conditions: Conditions, nlp: Nlp, close: float = 0.0) -> Active:
    """What is active, from which of room and pull is the larger one, each by its size.

    Where both are below `close`, nobody can tell: it counts as active.
    """
    x = point.x
    held = _held(point, nlp)
    pull = np.nan_to_num(nlp.pulls(x, point.multipliers, replace(point.scales, variables=point.sizes)))
    near = np.where(np.abs(pull) < close, close, 0.0)
    uppers = np.array([np.inf if upper is None else float(upper) for upper in conditions.upper])
    chosen = np.array([v.kind != "bend" for v in conditions.programme.variables], dtype=bool)
    at_upper = frozenset(
        np.flatnonzero(chosen & ((uppers - x) / point.sizes < np.maximum(pull, near))).tolist()
    )
    at_zero = set(np.flatnonzero(chosen & (x / point.sizes < np.maximum(-pull, near))).tolist())
    priced = replace(point, multipliers=np.where(held, point.multipliers, 0.0))
    at_zero -= _small_but_some(at_zero, pull, nlp, priced, conditions.programme)
    return Active(frozenset(at_zero) - at_upper, at_upper, frozenset(np.flatnonzero(held).tolist()))


def _held(point: Point, nlp: Nlp) -> np.ndarray:
    """Whether each constraint holds with equality: where its multiplier is more than its room."""
    sizes = nlp.scales(point.x, point.sizes).constraints
    scales = replace(point.scales, variables=point.sizes, constraints=sizes)
    weights = point.multipliers * sizes / point.scales.value
    taken = weights * _uptake(point, nlp, scales)
    held: np.ndarray = nlp.slacks(point.x, scales) < np.maximum(np.maximum(weights, taken), _NEAR)
    return held


def _uptake(point: Point, nlp: Nlp, scales: Scales) -> np.ndarray:
    """By the curvature of its users, how much more of a constraint's room is taken as its price falls.

    A constraint with more uptake at a price of 0 than room is not slack: the solver's barrier only
    keeps it off.
    """
    curvature = np.abs(np.array(casadi.diag(nlp.hessian(point.x, point.multipliers, scales))).ravel())
    inverse = np.divide(1.0, curvature, out=np.zeros(len(curvature)), where=curvature > 1e3 * TIE)
    jacobian = nlp.jacobian(point.x, scales)
    uptake: np.ndarray = np.array(casadi.mtimes(jacobian**2, inverse)).ravel()
    return uptake


def _small_but_some(
    at_zero: set[int], pull: np.ndarray, nlp: Nlp, point: Point, programme: Programme
) -> set[int]:
    """Which of these are not 0: they would pull away from it, were all taken there.

    The solver's barrier pushes on everything near a bound, so that its pull alone does not tell. What
    only feeds bends is held by what pulls on the bend.
    """
    scales = replace(point.scales, variables=point.sizes)
    vanishing = set(at_zero)
    for argument in programme.arguments:
        if argument.piece.variables and vanishing.issuperset(argument.piece.variables):
            vanishing.add(argument.bend)
    relative = point.x / scales.variables
    hessian = nlp.hessian(point.x, point.multipliers, scales)
    moved = np.zeros(len(pull))
    moved[list(vanishing)] = relative[list(vanishing)]
    by_curvature = -np.array(casadi.mtimes(hessian, moved)).ravel()
    there = nlp.pulls(_shrunk(point.x, vanishing, programme), point.multipliers, scales)
    rise = np.where(np.isfinite(there), there - pull, by_curvature)
    some = {i for i in at_zero if rise[i] > abs(pull[i])}
    jacobian = nlp.jacobian(point.x, scales)
    weights = np.abs(point.multipliers / scales.multipliers)
    prices = np.array(casadi.mtimes(casadi.fabs(jacobian).T, weights)).ravel()
    some |= _needed(at_zero - some, hessian, relative, prices)
    for j, argument in enumerate(programme.arguments, len(programme.balances)):
        if argument.bend in vanishing:
            by_bend = abs(float(jacobian[j, argument.bend]))
            some.update(
                i
                for i in at_zero.intersection(argument.piece.variables)
                if rise[argument.bend] * abs(float(jacobian[j, i])) > abs(pull[i]) * by_bend
            )
    return some


def _shrunk(x: np.ndarray, vanishing: set[int], programme: Programme) -> np.ndarray:
    """The point with these next to nothing, and the bends among them where their arguments are."""
    shrunk = x.copy()
    shrunk[list(vanishing)] *= _SHRINKING
    least: dict[int, float] = {}
    for argument in programme.arguments:
        if argument.bend in vanishing:
            value = argument.side * run(argument.piece, shrunk.tolist())
            least[argument.bend] = min(least.get(argument.bend, value), value)
            shrunk[argument.bend] = argument.side * least[argument.bend]
    return shrunk


def _needed(at_zero: set[int], hessian: Any, relative: np.ndarray, prices: np.ndarray) -> set[int]:
    """Which of these cannot be 0 because others, that are not, would then be of little use."""
    rows, columns = (np.array(places, dtype=int) for places in hessian.sparsity().get_triplet())
    effect = np.abs(np.array(hessian.nonzeros())) * relative[columns]
    strong = effect > _NEED * prices[rows]
    partners: dict[int, list[int]] = {}
    for i, j in zip(rows[strong], columns[strong], strict=True):
        if i != j and j in at_zero:
            partners.setdefault(int(j), []).append(int(i))
    needed: set[int] = set()
    while more := {j for j, of in partners.items() if j not in needed and any(i not in at_zero for i in of)}:
        needed |= more
        at_zero = at_zero - more
    return needed


def is_degenerate(optimum: Optimum, conditions: Conditions) -> bool:
    """Whether something holds with equality and is worth next to nothing: multipliers do not settle there.

    Nor do they where more constraints are active than there are free variables.
    """
    scales, active = optimum.point.scales, optimum.active
    pulls = [
        abs(float(optimum.gradient[i] or 0)) * float(optimum.point.sizes[i]) / scales.value
        for i in (*active.at_zero, *active.at_upper)
    ]
    weights = [abs(float(optimum.multipliers[j])) / float(scales.multipliers[j]) for j in active.constraints]
    free = active.free(len(conditions.upper))
    return min([*pulls, *weights], default=1.0) < _CLEAR or len(active.constraints) > len(free)


_CLEAR = 1e-4
"""A pull or a multiplier above this, by its size, is not nothing."""

_NEAR = 1e-6
"""What is this near to a bound or a constraint, by its size, may be active."""


def polish(
    point: Point,
    nlp: Nlp,
    conditions: Conditions,
    begin: Optimum | None = None,
    sets: int = MANY_SETS,
) -> Optimum:
    """The optimum to the digits of the context; raises NotPolishedError if there is none near the point.

    Begins with what the point suggests is active (or with `begin`, the optimum in fewer digits), and
    goes on from every set that fails to those that put its fault right, nearest first, up to so many `sets`.
    """
    if begin is None:
        waiting = [guess(point, conditions, nlp, close) for close in (0.0, _NEAR)]
    else:
        waiting = [begin.active]
    seen: set[Active] = set()
    reason: NotPolishedError = NotPolishedError("the active bounds could not be settled")
    while waiting and len(seen) < sets:
        chosen = waiting.pop()
        if chosen in seen:
            continue
        seen.add(chosen)
        try:
            optimum = _newton(_System(point, nlp, conditions, chosen, begin))
        except _VanishedError as vanished:
            gone = vanished.variables
            waiting.append(replace(chosen, at_zero=chosen.at_zero | gone, tied=chosen.tied | gone))
            continue
        except _ConflictError as conflict:
            waiting += reversed(conflict.without_one(chosen))
            continue
        except NoSlopeError as error:
            waiting.append(_with_worthless_outputs(chosen, error.variable, conditions))
            reason = error
            continue
        except NotPolishedError as error:
            reason = error
            continue
        better = _corrected(optimum, conditions)
        if better == chosen:
            return optimum
        waiting += [
            _with_worthless_outputs(chosen, i, conditions)
            for i, pull in enumerate(optimum.gradient)
            if pull is None and i in chosen.at_zero
        ]
        waiting.append(better)
    raise reason


def _with_worthless_outputs(active: Active, variable: int, conditions: Conditions) -> Active:
    """Where a firm is idle though its first unit would make endlessly much, its output is worth nothing."""
    programme = conditions.programme
    firm = programme.variables[variable].user
    outputs = programme.network.outputs.get(firm, ())
    balances = {j for j, balance in enumerate(programme.balances) if balance.good in outputs}
    return replace(
        active,
        at_zero=active.at_zero | {variable},
        tied=active.tied - {variable},
        worthless=active.worthless | (balances & active.constraints),
    )


def _newton(system: _System) -> Optimum:
    values, weights = system.start()
    best = float("inf")
    stalled = 0
    is_long = True
    for count in range(_NEWTON_STEPS + 4 * working_digits()):
        progress.report(f"polishing the solution to {working_digits()} digits, step {count + 1}")
        if is_long:
            solver = system.solver(values, weights)
        residual = system.rough_residual(values, weights) if is_long and system.is_rough else None
        residual = residual or system.residual(values, weights)
        largest = max(map(abs, residual), default=ZERO)
        if not largest:
            break
        step = solver.solve(np.array([float(r / largest) for r in residual]))
        size = largest * Decimal(float(np.max(np.abs(step), initial=0.0)))
        is_cut = system.move(values, weights, step, largest)
        if not size or size.adjusted() < _LAST - working_digits():
            break
        is_long = size.adjusted() >= _SHORT
        stalled = 0 if size.adjusted() < best or is_cut else stalled + 1
        best = min(best, size.adjusted())
        if stalled > _NOISE_STEPS and size.adjusted() < -working_digits() // 2:
            break  # what is left is rounding; whether the digits are enough is for those who asked
        if stalled > _PATIENCE or size.adjusted() > 12:
            raise NotPolishedError("Newton's method does not converge")
    else:
        raise NotPolishedError("Newton's method does not converge")
    values, weights = system.without_noise(values, weights)
    gradient, slacks = system.gradient_and_slacks(values, weights)
    system.fail_if_in_conflict(values, gradient, slacks)
    return Optimum(
        tuple(values),
        tuple(weights),
        tuple(gradient),
        tuple(slacks),
        system.active,
        system.point,
        tuple(system.near),
        solver.is_regular,
    )


class _System:
    """The active KKT system in relative units, at one set of active bounds and constraints."""

    def __init__(
        self, point: Point, nlp: Nlp, conditions: Conditions, active: Active, begin: Optimum | None
    ) -> None:
        scales = point.scales
        self.point, self.active = point, active
        self.near = begin.near if begin else [Decimal(float(value)) for value in point.x]
        self._begin = begin
        self._scales, self._nlp, self._conditions = scales, nlp, conditions
        self._free = active.free(len(conditions.upper))
        kinds = [variable.kind for variable in conditions.programme.variables]
        self._bends = frozenset(i for i in self._free if kinds[i] == "bend")
        self._quantities = frozenset(self._free) - self._bends
        self._rows = [*self._free, *sorted(active.tied)]
        self._held = sorted(active.constraints)
        self._paid = [j for j in self._held if j not in active.worthless]
        self._sizes = [Decimal(float(s)) for s in scales.variables]
        self._weights = [Decimal(float(s)) for s in scales.multipliers]
        self._value = Decimal(scales.value)

    def start(self) -> tuple[list[Decimal], list[Decimal]]:
        """The solver's point, with what is on a bound exactly there."""
        if self._begin is None:
            values = [Decimal(float(value)) for value in self.point.x]
            known = [Decimal(float(value)) for value in self.point.multipliers]
        else:
            values, known = list(self._begin.x), list(self._begin.multipliers)
        weights = [ZERO] * len(known)
        for i in self.active.at_zero:
            values[i] = ZERO
        for i in self.active.at_upper:
            upper = self._conditions.upper[i]
            values[i] = ZERO if upper is None else upper
        for j in self._paid:
            weights[j] = known[j]
        return values, weights

    def gradient_and_slacks(
        self, values: Sequence[Decimal], weights: Sequence[Decimal]
    ) -> tuple[list[Decimal | None], list[Decimal]]:
        """dL/dx and c(x); raises NotPolishedError where a function has no value."""
        local = self._conditions.local(values, self.near)
        try:
            gradient = self._conditions.gradient(values, weights, local)
            return gradient, self._conditions.slacks(values, local)
        except ArithmeticError:
            raise NotPolishedError("a function has no value there") from None

    def residual(self, values: Sequence[Decimal], weights: Sequence[Decimal]) -> list[Decimal]:
        """The gradient of the free variables and the slack of the active constraints, in relative units."""
        return self._relative(*self.gradient_and_slacks(values, weights))

    def _relative(self, gradient: Sequence[Decimal | None], slacks: Sequence[Decimal]) -> list[Decimal]:
        rows = []
        for i in self._rows:
            pull = gradient[i]
            if pull is None:
                raise NoSlopeError(i)
            rows.append(pull * self._sizes[i] / self._value)
        rows += [slacks[j] * self._weights[j] / self._value for j in self._held]
        return rows

    @property
    def is_rough(self) -> bool:
        """Whether it is far from done, and a residual in decimals costs much more than one in doubles."""
        return self._begin is None and len(self._rows) > _LARGE

    def rough_residual(self, values: Sequence[Decimal], weights: Sequence[Decimal]) -> list[Decimal] | None:
        """The same in doubles, by CasADi's derivatives: good enough for long steps; None where it is not."""
        x = np.array([float(v or n) for v, n in zip(values, self.near, strict=True)])
        multipliers = np.array([float(w) for w in weights])
        scales = replace(self._scales, variables=np.array([float(size) for size in self._sizes]))
        pulls = self._nlp.pulls(x, multipliers, scales)[self._rows]
        slacks = self._nlp.slacks(np.array([float(v) for v in values]), scales)[self._held]
        residual = np.concatenate([pulls, slacks])
        if not np.all(np.isfinite(residual)) or np.max(np.abs(residual), initial=0.0) < _ROUGH:
            return None
        return [Decimal(float(r)) for r in residual]

    def solver(self, values: Sequence[Decimal], weights: Sequence[Decimal]) -> LinearSolver:
        """Of the system's Jacobian, which has CasADi's second derivatives."""
        x = np.array([float(v or n) for v, n in zip(values, self.near, strict=True)])
        multipliers = np.array([float(w) for w in weights])
        scales = replace(self._scales, variables=self._rescaled(x))
        hessian = self._nlp.hessian(x, multipliers, scales)
        jacobian = self._nlp.jacobian(x, scales)
        corner = casadi.DM(len(self._held), len(self._paid))
        matrix = casadi.blockcat(
            [
                [hessian[self._rows, self._free], jacobian[self._paid, self._rows].T],
                [jacobian[self._held, self._free], corner],
            ]
        )
        if not np.all(np.isfinite(matrix.nonzeros())):
            raise NotPolishedError("a function has no second derivative there")
        return LinearSolver(matrix, len(self._free))

    def _rescaled(self, x: np.ndarray) -> np.ndarray:
        """From now on every free quantity with curvature is measured by itself, however small it has become.

        The slopes of others do not change as they vanish.
        """
        sizes = np.array([float(size) for size in self._sizes])
        for i in self._quantities & self._nlp.curved:
            if x[i] > 0:
                sizes[i] = x[i]
                self._sizes[i] = Decimal(float(x[i]))
        return sizes

    def move(self, values: list[Decimal], weights: list[Decimal], step: np.ndarray, length: Decimal) -> bool:
        """One Newton step; whether it was cut, because it would have taken most of a quantity.

        What would lose most of itself shrinks by the same number of logarithms instead; a bend only if the
        functions of it have no value otherwise. Raises _VanishedError for those that are next to nothing
        by now.
        """
        moves = {
            i: length * self._sizes[i] * Decimal(float(s)) for i, s in zip(self._free, step, strict=False)
        }
        before = list(values)
        is_cut = self._take(values, before, moves, self._quantities)
        if self._bends and not self._is_defined(values):
            is_cut |= self._take(values, before, moves, self._quantities | self._bends)
        self._fail_if_vanished(values)
        for j, s in zip(self._paid, step[len(self._free) :], strict=True):
            weights[j] -= length * self._weights[j] * Decimal(float(s))
        return is_cut

    def _take(
        self,
        values: list[Decimal],
        before: Sequence[Decimal],
        moves: Mapping[int, Decimal],
        protected: frozenset[int],
    ) -> bool:
        is_cut = False
        for i, move in moves.items():
            if i in protected and before[i] > 0 and move > before[i] * _MOST:
                is_cut = True
                values[i] = before[i] * max(_LEAST, -move / before[i]).exp()
            else:
                values[i] = before[i] - move
        return is_cut

    def _is_defined(self, values: Sequence[Decimal]) -> bool:
        """Whether all functions have slopes there, as far as doubles can tell."""
        x = np.array([float(v or n) for v, n in zip(values, self.near, strict=True)])
        return bool(np.all(np.isfinite(self._nlp.pulls(x, self.point.multipliers, self._scales)[self._free])))

    def fail_if_in_conflict(
        self, values: Sequence[Decimal], gradient: Sequence[Decimal | None], slacks: Sequence[Decimal]
    ) -> None:
        """Raise _ConflictError, naming the rows that cannot hold together."""
        left = self._relative(gradient, slacks)
        nothing = Decimal(10) ** (2 * _GUARD - working_digits())
        rows = [row for row, error in enumerate(left) if abs(error) > nothing]
        if not rows:
            return
        constraints = [self._held[row - len(self._rows)] for row in rows if row >= len(self._rows)]
        x = np.array([float(value) for value in values])
        columns = self._nlp.jacobian(x, self._scales)[constraints, :].sparsity().get_triplet()[1]
        bounds = self.active.at_upper | self.active.at_zero
        involved = sorted(bounds & set(columns))
        tied = [self._rows[row] for row in rows if len(self._free) <= row < len(self._rows)]
        raise _ConflictError(constraints, involved, tied)

    def without_noise(
        self, values: Sequence[Decimal], weights: Sequence[Decimal]
    ) -> tuple[list[Decimal], list[Decimal]]:
        """Quantities and multipliers with 0 for what is nothing but rounding."""
        nothing = Decimal(10) ** (2 * _GUARD - working_digits())

        def cleaned(numbers: Sequence[Decimal], sizes: Sequence[float]) -> list[Decimal]:
            return [
                number if abs(number) > nothing * Decimal(float(size)) else ZERO
                for number, size in zip(numbers, sizes, strict=True)
            ]

        return cleaned(values, list(self.point.sizes)), cleaned(weights, list(self._scales.multipliers))

    def _fail_if_vanished(self, values: Sequence[Decimal]) -> None:
        variables = self._conditions.programme.variables
        gone = {
            i
            for i in self._free
            if variables[i].kind != "bend" and values[i] < _VANISHED * Decimal(float(self.point.sizes[i]))
        }
        if gone:
            raise _VanishedError(frozenset(gone))


def _corrected(optimum: Optimum, conditions: Conditions) -> Active:
    """The active set with every wrong sign put right; the same one if there is none."""
    scales, active = optimum.point.scales, optimum.active
    nothing = Decimal(10) ** (-(working_digits() // 2))
    value = Decimal(scales.value)
    at_zero, at_upper, held = set(active.at_zero), set(active.at_upper), set(active.constraints)
    for i, variable in enumerate(conditions.programme.variables):
        size, pull, upper = Decimal(float(scales.variables[i])), optimum.gradient[i], conditions.upper[i]
        if pull is None:  # infinite: the first unit is worth more than any price
            at_zero.discard(i)
            continue
        pull = pull * size / value
        if i in at_zero and pull > nothing:
            at_zero.remove(i)
        elif i in at_upper and pull < -nothing:
            at_upper.remove(i)
        elif i not in at_zero and i not in at_upper and variable.kind != "bend":
            if optimum.x[i] < -nothing * size:
                at_zero.add(i)
            elif upper is not None and optimum.x[i] > upper + nothing * size:
                at_upper.add(i)
    for j, slack in enumerate(optimum.slacks):
        if j in held and optimum.multipliers[j] * Decimal(float(scales.constraints[j])) / value < -nothing:
            held.remove(j)
        elif j not in held and slack / Decimal(float(scales.constraints[j])) < -nothing:
            held.add(j)
    return Active(
        frozenset(at_zero),
        frozenset(at_upper),
        frozenset(held),
        active.tied & (at_zero | at_upper),
        active.worthless & held,
    )
