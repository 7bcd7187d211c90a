"""Which bounds and constraints hold with equality at an optimum: guessed, and put right.

A guess looks at a point of the solver, which is on no bound: its barrier keeps everything a little
off, and pulls a little on everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from chainprice.equilibrium.conditions import Conditions
from chainprice.equilibrium.evaluation import Sparse
from chainprice.equilibrium.ipopt import TIE, Nlp, Point, Scales
from chainprice.equilibrium.programme import Programme
from chainprice.equilibrium.start import run

NEAR = 1e-6
"""What is this near to a bound or a constraint, by its size, may be active."""

_NEED = 1e-3
"""What changes a marginal value by a greater part than this is needed."""

_SHRINKING = 1e-40
"""What is left of quantities when it is looked what they would be worth near 0."""

_FARTHER = 1e6
"""How many times the least argument of a bend another one may be and still hold it near 0."""


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


@lru_cache(maxsize=4)
def guess(point: Point, conditions: Conditions, nlp: Nlp, close: float = 0.0) -> Active:
    """What is active, from which of room and pull is the larger one, each by its size.

    Where both are below `close`, nobody can tell: it counts as active.
    """
    x = point.x
    pull = _pulls(point, nlp)
    near = np.where(np.abs(pull) < close, close, 0.0)
    uppers = np.array([np.inf if upper is None else float(upper) for upper in conditions.upper])
    chosen = np.array([v.kind != "bend" for v in conditions.programme.variables], dtype=bool)
    at_upper = frozenset(
        np.flatnonzero(chosen & ((uppers - x) / point.sizes < np.maximum(pull, near))).tolist()
    )
    at_zero = frozenset(np.flatnonzero(chosen & (x / point.sizes < np.maximum(-pull, near))).tolist())
    some = _small_but_some(at_zero, point, nlp, conditions)
    held = frozenset(np.flatnonzero(_held(point, nlp)).tolist())
    return Active(at_zero - some - at_upper, at_upper, held)


def with_outlets(active: Active, x: np.ndarray, programme: Programme) -> Active:
    """The same where of each good that is made, has a price and that nobody seems to use, somebody does.

    Beside the rest of a market what a small firm makes may be next to nothing, but it goes somewhere.
    """
    at_zero, held = active.at_zero, active.constraints
    outlets = set()
    for j, balance in enumerate(programme.balances):
        if j in held and balance.uses and at_zero.issuperset(balance.uses):
            makers = programme.network.makers[balance.good]
            if any(programme.uses[firm] and at_zero.isdisjoint(programme.uses[firm]) for firm in makers):
                outlets.add(max(balance.uses, key=lambda i: float(x[i])))
    return replace(active, at_zero=at_zero - outlets)


@lru_cache(maxsize=1)
def _pulls(point: Point, nlp: Nlp) -> np.ndarray:
    pulls = nlp.pulls(point.x, point.multipliers, replace(point.scales, variables=point.sizes))
    finite: np.ndarray = np.nan_to_num(pulls)
    return finite


@lru_cache(maxsize=1)
def _held(point: Point, nlp: Nlp) -> np.ndarray:
    """Whether each constraint holds with equality: where its multiplier is more than its room.

    Or where its users would take more than its room, were it free: of whom those count that make something
    of worth by themselves, which shows from the outputs back to the inputs.
    """
    sizes = nlp.scales(point.x, point.sizes).constraints
    scales = replace(point.scales, variables=point.sizes, constraints=sizes)
    weights = point.multipliers * sizes / point.scales.value
    slacks = nlp.slacks(point.x, scales)
    held: np.ndarray = slacks < np.maximum(weights, NEAR)
    while True:
        priced = replace(point, multipliers=np.where(held, point.multipliers, 0.0))
        more: np.ndarray = held | (slacks < weights * _uptake(priced, nlp, scales))
        if np.array_equal(more, held):
            return held
        held = more


def _uptake(point: Point, nlp: Nlp, scales: Scales) -> np.ndarray:
    """By the curvature of its users, how much more of a constraint's room is taken as its price falls.

    A constraint with more uptake at a price of 0 than room is not slack: the solver's barrier only
    keeps it off.
    """
    curvature = np.abs(nlp.hessian(point.x, point.multipliers, scales).diagonal())
    inverse = np.divide(1.0, curvature, out=np.zeros(len(curvature)), where=curvature > 1e3 * TIE)
    slopes = nlp.jacobian(point.x, scales)
    takes = np.minimum(slopes.entries, 0.0)  # what makes more of it is none of its users
    return replace(slopes, entries=takes**2).times(inverse)


@lru_cache(maxsize=1)
def _small_but_some(
    at_zero: frozenset[int], point: Point, nlp: Nlp, conditions: Conditions
) -> frozenset[int]:
    """Which of these are not 0: they would pull away from it, were all taken there.

    The solver's barrier pushes on everything near a bound, so that its pull alone does not tell. What
    only feeds bends is held by what pulls on the bend.
    """
    scales = replace(point.scales, variables=point.sizes)
    programme, pull = conditions.programme, _pulls(point, nlp)
    multipliers = np.where(_held(point, nlp), point.multipliers, 0.0)
    vanishing = set(at_zero)
    for argument in programme.arguments:
        if argument.piece.variables and vanishing.issuperset(argument.piece.variables):
            vanishing.add(argument.bend)
    relative = point.x / scales.variables
    hessian = nlp.hessian(point.x, multipliers, scales)
    moved = np.zeros(len(pull))
    moved[list(vanishing)] = relative[list(vanishing)]
    by_curvature = -hessian.times(moved)
    shrunk, held = _shrunk(replace(point, multipliers=multipliers), vanishing, programme)
    there = nlp.pulls(shrunk, held, scales)
    rise = np.where(np.isfinite(there), there - pull, by_curvature)
    some = {i for i in at_zero if rise[i] > abs(pull[i])}
    jacobian = nlp.jacobian(point.x, scales)
    sizes = replace(jacobian, entries=np.abs(jacobian.entries))
    prices = sizes.transposed_times(np.abs(multipliers / scales.multipliers))
    some |= _needed(at_zero - some, hessian, relative, prices)
    bends = [
        (j, argument)
        for j, argument in enumerate(programme.arguments, len(programme.balances))
        if argument.bend in vanishing
    ]
    slope = _at(sizes, [j for j, _ in bends])
    for j, argument in bends:
        some.update(
            i
            for i in at_zero.intersection(argument.piece.variables)
            if rise[argument.bend] * slope.get((j, i), 0.0) > abs(pull[i]) * slope[j, argument.bend]
        )
    return frozenset(some)


def _at(matrix: Sparse, rows: Sequence[int]) -> dict[tuple[int, int], float]:
    """What stands in these rows."""
    chosen = np.isin(matrix.rows, rows)
    places = zip(matrix.rows[chosen].tolist(), matrix.columns[chosen].tolist(), strict=True)
    return dict(zip(places, matrix.entries[chosen].tolist(), strict=True))


def _shrunk(point: Point, vanishing: set[int], programme: Programme) -> tuple[np.ndarray, np.ndarray]:
    """The point with these next to nothing, and the bends among them where their arguments are.

    There the multiplier of a bend belongs to its least arguments: those that are beyond them by powers of ten
    hold nothing.
    """
    shrunk, multipliers = point.x.copy(), point.multipliers.copy()
    shrunk[list(vanishing)] *= _SHRINKING
    rows: dict[int, list[tuple[int, float]]] = {}
    for j, argument in enumerate(programme.arguments, len(programme.balances)):
        if argument.bend in vanishing:
            value = argument.side * run(argument.piece, shrunk.tolist())
            rows.setdefault(argument.bend, []).append((j, value))
            least = min(value for _, value in rows[argument.bend])
            shrunk[argument.bend] = argument.side * least
    for arguments in rows.values():
        least = min(value for _, value in arguments)
        held = [j for j, value in arguments if value <= least + _FARTHER * abs(least)]
        beyond = [j for j, _ in arguments if j not in held]
        multipliers[held] += multipliers[beyond].sum() / max(1, len(held))
        multipliers[beyond] = 0.0
    return shrunk, multipliers


def _needed(at_zero: frozenset[int], hessian: Sparse, relative: np.ndarray, prices: np.ndarray) -> set[int]:
    """Which of these cannot be 0 because others, that are not, would then be of little use."""
    rows, columns = hessian.rows, hessian.columns
    effect = np.abs(hessian.entries) * relative[columns]
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
