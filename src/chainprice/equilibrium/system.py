"""The active KKT system of a market: its rows and columns, how they are measured, and its matrix.

dL/dx_i = 0 where x_i is free,   c_j = 0 where constraint j is active
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import cached_property, lru_cache

import numpy as np

from chainprice.equilibrium.active import Active
from chainprice.equilibrium.conditions import ZERO, Conditions
from chainprice.equilibrium.ipopt import Nlp, Point, Scales
from chainprice.equilibrium.linear import LinearSolver, Pattern
from chainprice.equilibrium.optimum import NotPolishedError, VanishedError
from chainprice.equilibrium.small import SmallFirms

_VANISHED = 1e-40
"""A free quantity below this part of its size is on its way to zero."""


class System:
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
        """Beside what a quantity is nothing: its own size where it is measured by that.

        Nothing is too little where all that such a firm makes goes.
        """
        sizes: np.ndarray = self.point.sizes.copy()
        sizes[self._rescalable] = self.sizes[self._rescalable]
        sizes[self._only_outlets] = 0.0
        return sizes

    @cached_property
    def _only_outlets(self) -> list[int]:
        """The uses that are the only ones of what firms make whose inputs are measured by themselves."""
        own, programme = set(self._rescalable.tolist()), self._programme
        makers = {firm for firm, uses in programme.uses.items() if uses and own.issuperset(uses)}
        return [
            balance.uses[0]
            for balance in programme.balances
            if len(balance.uses) == 1 and not makers.isdisjoint(programme.network.makers[balance.good])
        ]

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
