"""The mix of inputs of a firm that stands idle.

At the origin a function of constant returns has no slope; along each mix of inputs it has another one.
What one more unit of an input is worth to an idle firm is its slope along the best mix: that in which
every other input, bought at its price, is worth just that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import numpy as np

from chainprice.arithmetic import working_digits
from chainprice.equilibrium.conditions import ZERO, Conditions
from chainprice.equilibrium.optimum import Optimum
from chainprice.equilibrium.programme import Variable

_STEP = Decimal("1e-10")
_LONGEST = 2.0
_GUARD = 8


def at_best_mixes(optimum: Optimum, conditions: Conditions) -> Optimum:
    """The optimum, with what its idle firms would gain by a first unit at their best mixes."""
    near = mixes(optimum, conditions)
    if near == optimum.near:
        return optimum
    gradient = conditions.gradient(optimum.x, optimum.multipliers, conditions.local(optimum.x, near))
    return replace(optimum, near=near, gradient=tuple(gradient))


def mixes(optimum: Optimum, conditions: Conditions) -> tuple[Decimal, ...]:
    """The variables of idle firms at their best mixes (in any size), all others as the solver left them."""
    near = list(optimum.near)
    programme = conditions.programme
    lacking = lacking_slopes(optimum, conditions)
    if not lacking:
        return tuple(near)
    available = conditions.available(optimum.x, conditions.outputs(optimum.x))
    for firm, inputs in programme.uses.items():
        if firm not in lacking or any(optimum.x[i] for i in inputs):
            continue
        traded = [i for i in inputs if available[programme.variables[i].good]]
        chosen = traded if len(traded) < len(inputs) else traded[1:]
        _Mix(optimum, conditions, chosen).improve(near)
    return tuple(near)


def lacking_slopes(optimum: Optimum, conditions: Conditions) -> set[str]:
    """The firms some of whose slopes do not exist at the quantities used."""
    if all(optimum.x):
        return set()
    local = conditions.local(optimum.x, optimum.x).productions
    return {
        production.firm
        for production, (_, slopes) in zip(conditions.programme.productions, local, strict=True)
        if None in slopes.values()
    }


class _Mix:
    """Newton's method on the logarithms of the chosen inputs: marginal value equals price."""

    def __init__(self, optimum: Optimum, conditions: Conditions, chosen: Sequence[int]) -> None:
        self._optimum, self._conditions, self._chosen = optimum, conditions, chosen

    def improve(self, near: list[Decimal]) -> None:
        """Move the chosen inputs to the best mix; nothing moves where none is found."""
        found = list(near)
        for _ in range(20 + 2 * working_digits()):
            errors = self._errors(found)
            if errors is None:
                return
            largest = max(map(abs, errors), default=ZERO)
            if not largest or largest.adjusted() < _GUARD - working_digits():
                near[:] = found
                return
            matrix = self._jacobian(found, errors)
            if matrix is None:
                return
            step = np.linalg.lstsq(matrix, np.array([float(e / largest) for e in errors]), rcond=None)[0]
            moves = [largest * Decimal(float(s)) for s in step]
            longest = max(map(abs, moves))
            if longest > Decimal(_LONGEST):
                moves = [move * Decimal(_LONGEST) / longest for move in moves]
            for i, move in zip(self._chosen, moves, strict=True):
                found[i] *= (-move).exp()

    def _errors(self, point: Sequence[Decimal]) -> list[Decimal] | None:
        """Marginal value over price, less 1, of each chosen input."""
        x = list(self._optimum.x)
        conditions, multipliers = self._conditions, self._optimum.multipliers
        gradient = conditions.gradient(x, multipliers, conditions.local(x, point))
        errors = []
        for i in self._chosen:
            pull, price = gradient[i], self._price(conditions.programme.variables[i])
            if pull is None or not price:
                return None
            errors.append(pull / price)
        return errors

    def _price(self, use: Variable) -> Decimal:
        balances = self._conditions.programme.balances
        return next(
            multiplier
            for balance, multiplier in zip(balances, self._optimum.multipliers, strict=False)
            if balance.good == use.good and (balance.use is None or balance.use.user == use.user)
        )

    def _jacobian(self, point: Sequence[Decimal], errors: Sequence[Decimal]) -> np.ndarray | None:
        columns = []
        for i in self._chosen:
            moved = list(point)
            moved[i] *= 1 + _STEP
            changed = self._errors(moved)
            if changed is None:
                return None
            columns.append([float((b - a) / _STEP) for a, b in zip(errors, changed, strict=True)])
        return np.array(columns).T
