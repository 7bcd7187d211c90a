"""A point in decimals, moved with sympy's slopes: every step wins digits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import numpy as np

from chainprice.arithmetic import working_digits
from chainprice.equilibrium.conditions import ZERO, Conditions
from chainprice.equilibrium.linear import LinearSolver
from chainprice.equilibrium.optimum import ConflictError, NoSlopeError, NotPolishedError, Optimum
from chainprice.equilibrium.steps import LEAST, MOST, STEPS, as_decimals
from chainprice.equilibrium.system import System

_GUARD = 6
"""Digits at the end of the working digits that are left to rounding."""

_LAST = 8
"""Digits that a step may still change if it is the last: the next one would be shorter by as many again."""

_ENOUGH = 6
"""Digits at the end of the working digits that the next step may still change if it is not taken."""


class DecimalSteps:
    """A point in the digits of the context."""

    def __init__(
        self,
        system: System,
        conditions: Conditions,
        near: Sequence[Decimal],
        x: list[Decimal],
        weights: list[Decimal],
    ) -> None:
        self._system, self._conditions = system, conditions
        self._near, self._x, self._weights = near, x, weights
        self.most = STEPS + 4 * working_digits()
        self.last = _LAST - working_digits()
        self.enough: float = _ENOUGH - working_digits()
        self._evaluated: tuple[list[Decimal | None], list[Decimal]] | None = None
        self._free, self._rows = system.free.tolist(), system.rows.tolist()
        self._held, self._paid = system.held.tolist(), system.paid.tolist()
        self._quantities = frozenset(i for i in self._free if not system.is_bend[i])
        self._bends = frozenset(self._free) - self._quantities
        self._sizes = as_decimals(system.sizes)
        self._weighing = as_decimals(system.scales.multipliers)
        self._value = Decimal(system.scales.value)

    @property
    def _inside(self) -> np.ndarray:
        return np.array([float(v or n) for v, n in zip(self._x, self._near, strict=True)])

    def solver(self) -> LinearSolver:
        """Of the system's Jacobian at the point."""
        solver = self._system.solver(self._inside, np.array([float(w) for w in self._weights]))
        self._sizes = as_decimals(self._system.sizes)
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
        most, least = Decimal(MOST), Decimal(LEAST)
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
        self._x = cleaned(self._x, as_decimals(self._system.noise_sizes))
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
