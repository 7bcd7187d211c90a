"""How a market's optimum moves: the implicit function theorem on the active KKT system.

    dL/dx_i = 0 where x_i is free,   c_j = 0 where constraint j is active

hold along the way, so that a change of what stands in them fixes the change of quantities and multipliers by
one linear system (Fiacco, Introduction to Sensitivity and Stability Analysis in Nonlinear Programming, 1983).
It is solved in doubles and refined in decimals, by exact slopes of every condition.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from chainprice import duals
from chainprice.duals import DUALS, Dual, Real, slope_of, value_of
from chainprice.equilibrium import uniqueness
from chainprice.equilibrium.conditions import ZERO, Conditions, Local
from chainprice.equilibrium.ipopt import Nlp
from chainprice.equilibrium.optimum import Optimum
from chainprice.equilibrium.programme import Piece, Programme
from chainprice.equilibrium.steps import as_decimals
from chainprice.equilibrium.system import System
from chainprice.technology import settle

_NOTHING = Decimal("1e-15")
"""A multiplier, a pull, a quantity or some room below this part of its size is none."""

_REFINEMENTS = 40
_SOLVED = Decimal("1e-22")
"""The part of a change that may be left wrong."""

_NONE: Mapping[Any, Decimal] = MappingProxyType({})


class NoResponseError(Exception):
    """The optimum does not move smoothly: several answers, or a corner, or a slope that is missing."""


class Change(NamedTuple):
    """What stands in the conditions changes by so much: goods handed over, limits, pulls on quantities."""

    gifts: Mapping[str, Decimal] = _NONE
    uppers: Mapping[int, Decimal] = _NONE
    pulls: Mapping[int, Decimal] = _NONE


class DualConditions(Conditions):
    """The conditions in numbers that carry a slope."""

    def value(self, piece: Piece, x: Sequence[Any]) -> Any:
        """A piece's value; raises ArithmeticError where it has none."""
        values, formula = piece.values(x, self.constant), piece.formula
        shape = formula.shape
        if shape.kinked:
            shape = settle(formula, [value_of(value) for value in values]).shape
        return shape.run(DUALS, values, formula.numbers)

    def available(self, x: Sequence[Any], outputs: Sequence[Any]) -> dict[str, Any]:
        """What there is of each good."""
        programme = self.programme
        amounts: dict[str, Any] = {
            good: self._endowments.get(good, ZERO) + programme.gifts.get(good, ZERO)
            for good in programme.network.goods
        }
        for good, variable in programme.purchases.items():
            amounts[good] = amounts[good] + x[variable]
        for production, made in zip(programme.productions, outputs, strict=True):
            amounts[production.output] = amounts[production.output] + made
        return amounts

    def by_slot(self, piece: Piece, x: Sequence[Any]) -> tuple[Real, dict[int, Real | None]]:
        """A piece's value, and its slopes by each of its names, of goods and parameters alike."""
        return duals.value_and_slopes(piece.formula, piece.values(x, self.constant))

    def _local(self, piece: Piece, x: Sequence[Any], moved: Sequence[Any]) -> tuple[Any, dict[int, Any]]:
        try:
            value, slopes = self.by_slot(piece, x)
        except ArithmeticError:
            value, slopes = None, dict.fromkeys(range(len(piece.slots)))
        if None in slopes.values() and any(x[i] is not moved[i] for i in piece.variables):
            try:
                along = self.by_slot(piece, moved)[1]
            except ArithmeticError:
                along = {}
            slopes = {slot: along.get(slot) if slope is None else slope for slot, slope in slopes.items()}
        return value, {
            variable: slope
            for slot, slope in slopes.items()
            if isinstance(variable := piece.slots[slot], int)
        }


class Response:
    """An optimum, and how it moves.

    Constraints that are `idle` hold between quantities that are all 0, and stay so: nothing moves them, and
    within bounds their multipliers may be anything.
    """

    def __init__(
        self, optimum: Optimum, conditions: Conditions, nlp: Nlp, idle: frozenset[int] = frozenset()
    ) -> None:
        self.optimum, self.conditions, self.nlp, self.idle = optimum, conditions, nlp, idle
        self.duals = DualConditions(conditions.programme)

    @property
    def programme(self) -> Programme:
        """The market's programme."""
        return self.conditions.programme

    @property
    def is_linear(self) -> bool:
        """Whether no function or price bends or curves, but for bends that became constraints."""
        return not self.nlp.curved and not any(piece.formula.shape.kinked for piece in self._pieces)

    @property
    def _pieces(self) -> list[Piece]:
        """All functions and prices."""
        programme = self.programme
        return [*(p.piece for p in programme.productions), *(curve.piece for curve in programme.curves)]

    def is_bend(self, variable: int) -> bool:
        """Whether a variable is the value of a bend."""
        return self.programme.variables[variable].kind == "bend"

    def fail_if_unsettled(self) -> None:
        """Raise NoResponseError, with what is the matter, where the optimum stands on a corner of its own.

        That is where prices or quantities are not unique, or something on a limit is worth nothing.
        """
        optimum = self.optimum
        active = optimum.active
        if uniqueness.meeting(optimum) - self.idle or active.tied or active.worthless or self._is_weak():
            raise NoResponseError("a limit or a corner begins to matter just here")
        if self._on_kink():
            raise NoResponseError("a function or a price stands exactly on a kink here")

    def _is_weak(self) -> bool:
        """Whether something holds with equality and is worth nothing: the market may turn either way."""
        return min(map(abs, self.margins().values()), default=Decimal(1)) <= _NOTHING

    def _on_kink(self) -> bool:
        """Whether a bend that is no constraint has two branches that meet here."""
        return any(
            settle(piece.formula, piece.values(self.optimum.x, self.conditions.constant)).on_kink
            for piece in self._pieces
            if piece.formula.shape.kinked
        )

    def margins(self) -> dict[tuple[str, int], Decimal]:
        """How far each bound and constraint is from changing sides, each by its size.

        The worth of what holds (a bound `zero` or `upper`, a constraint `held`), the room of what does not.
        A slope that is missing at 0 leaves its bound out.
        """
        optimum, scales = self.optimum, self.optimum.point.scales
        sizes, constraints = as_decimals(optimum.point.sizes), as_decimals(scales.constraints)
        value = Decimal(scales.value)
        margins: dict[tuple[str, int], Decimal] = {}
        for i, variable in enumerate(self.programme.variables):
            pull, upper = optimum.gradient[i], self.conditions.upper[i]
            if i in optimum.active.at_zero:
                if pull is not None:
                    margins["zero", i] = -pull * sizes[i] / value
            elif i in optimum.active.at_upper:
                if pull is not None:
                    margins["upper", i] = pull * sizes[i] / value
            elif variable.kind != "bend":
                margins["low", i] = optimum.x[i] / sizes[i]
                if upper is not None:
                    margins["high", i] = (upper - optimum.x[i]) / sizes[i]
        for j, slack in enumerate(optimum.slacks):
            if j in optimum.active.constraints or j in self.idle:
                margins["held", j] = optimum.multipliers[j] * constraints[j] / value
            else:
                margins["slack", j] = slack / constraints[j]
        return margins

    def along(self, change: Change) -> tuple[list[Real], list[Real]]:
        """Quantities and multipliers with their slopes by a change.

        Raises NoResponseError where the system is singular or a slope is missing.
        """
        optimum = self.optimum
        system = System(optimum.point, self.nlp, self.conditions, optimum.active)
        inside = np.array([float(v or n) for v, n in zip(optimum.x, optimum.near, strict=True)])
        solver = system.solver(inside, np.array([float(w) for w in optimum.multipliers]))
        free, rows, held, paid = (
            part.tolist() for part in (system.free, system.rows, system.held, system.paid)
        )
        sizes, weighing = as_decimals(system.sizes), as_decimals(system.scales.multipliers)
        value = Decimal(system.scales.value)
        dx, dl = [ZERO] * len(optimum.x), [ZERO] * len(optimum.multipliers)
        for i, moved in change.uppers.items():
            if i in optimum.active.at_upper:
                dx[i] = moved
        first: Decimal | None = None
        for _ in range(_REFINEMENTS):
            x, multipliers = _paired(optimum.x, dx), _paired(optimum.multipliers, dl)
            gradient, slacks = self.moving(x, multipliers, change)
            residual = [self._slope(gradient[i]) * sizes[i] / value for i in rows]
            residual += [slacks[j] * weighing[j] / value for j in held]
            largest = max(map(abs, residual), default=ZERO)
            first = first or largest
            if not largest or largest <= first * _SOLVED:
                return x, multipliers
            step = solver.solve(np.array([float(r / largest) for r in residual])).tolist()
            for i, s in zip(free, step, strict=False):
                dx[i] -= largest * sizes[i] * Decimal(s)
            for j, s in zip(paid, step[len(free) :], strict=True):
                dl[j] -= largest * weighing[j] * Decimal(s)
        raise NoResponseError("prices or quantities are not unique here")

    @staticmethod
    def _slope(pull: Real | None) -> Decimal:
        if pull is None:
            raise NoResponseError("a function has no second derivative here")
        return slope_of(pull)

    def moving(
        self, x: Sequence[Real], multipliers: Sequence[Real], change: Change
    ) -> tuple[list[Real | None], list[Decimal]]:
        """dL/dx with its slopes, and the slopes of c(x), along a direction and a change."""
        near = [a or n for a, n in zip(x, self.optimum.near, strict=True)]
        conditions: Any = self.duals
        try:
            local: Local = conditions.local(x, near)
            gradient = conditions.gradient(x, multipliers, local)
            slacks = [slope_of(slack) for slack in conditions.slacks(x, local)]
        except ArithmeticError:
            raise NoResponseError("a function has no value or slope here") from None
        for i, pull in change.pulls.items():
            gradient[i] = None if gradient[i] is None else gradient[i] + Dual(ZERO, pull)
        for j, balance in enumerate(self.programme.balances):
            if balance.good in change.gifts:
                slacks[j] += conditions.coefficient(j) * change.gifts[balance.good]
        return gradient, slacks


def _paired(values: Sequence[Decimal], slopes: Sequence[Decimal]) -> list[Real]:
    """Numbers with their slopes; those that do not move as they are."""
    return [Dual(v, s) if s else v for v, s in zip(values, slopes, strict=True)]
