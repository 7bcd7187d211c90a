"""The search for an equilibrium: from a start, by the solver, to an optimum that is proved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from chainprice.arithmetic import digits
from chainprice.equilibrium import clearing, idle, uniqueness
from chainprice.equilibrium.active import guess
from chainprice.equilibrium.agents import better_plans
from chainprice.equilibrium.clearing import Clearing
from chainprice.equilibrium.conditions import Conditions
from chainprice.equilibrium.corner import at_corner, corner
from chainprice.equilibrium.ipopt import FEW_STEPS, MOST_STEPS, Nlp, Point
from chainprice.equilibrium.live import restore
from chainprice.equilibrium.newton import in_doubles
from chainprice.equilibrium.optimum import (
    PROOF_DIGITS,
    NoSlopeError,
    NotPolishedError,
    Optimum,
    VanishedError,
)
from chainprice.equilibrium.polish import MANY_SETS, is_degenerate, polish
from chainprice.equilibrium.programme import Balance, Programme
from chainprice.equilibrium.reasons import Tried
from chainprice.errors import NoConvergenceError, Problem, UndefinedError
from chainprice.network import Network
from chainprice.technology import Technology

AGREEMENT = 1e-5
"""How near the solver's own multipliers must be to the prices, relative to the price level."""

_ROUGH_AGREEMENT = 2e-2
"""The same where the solver stopped early; that its derivatives agree is then all the more to be seen."""

_MIXING = 6

_FEW_SETS = 4
"""Active sets that are tried next to a point that is only nearly an optimum."""


class Found(NamedTuple):
    """An optimum that is proved; `cleared` in as many digits, None where only its value counts."""

    optimum: Optimum
    cleared: Clearing | None


class Search:
    """Tries one start after the other, and remembers why they failed."""

    def __init__(
        self, programme: Programme, network: Network, technology: Technology, *, only_value: bool
    ) -> None:
        self._programme, self._network, self._technology = programme, network, technology
        self._only_value = only_value
        self.nlp = Nlp(programme, FEW_STEPS if only_value else MOST_STEPS)
        self.tried = Tried()

    def try_from(self, start: Sequence[float], sizes: Sequence[float] | None = None) -> Found | None:
        """The equilibrium that the solver finds from a start, by a short way or else by a long one."""
        self.tried.starts.append(start)
        near = self.nlp.approach(start, sizes)
        if near.solved:
            try:
                found = self._found_at(near, _FEW_SETS, _ROUGH_AGREEMENT)
            except NoConvergenceError:
                found = None
            if found is not None or self.tried.better:
                return found
            if not self.nlp.curved and (found := self._corner(near)):
                return found
        point = self.nlp.solve(start, sizes)
        self.tried.points.append(point)
        return self._found_at(point, MANY_SETS, AGREEMENT)

    def try_next_to(self, last: Optimum) -> Found | None:
        """The equilibrium next to that of a market of the same firms with other numbers, if there is one.

        By Newton's method alone. What it finds has been proved as any other: by all conditions, and by
        whether anybody has better plans; CasADi's derivatives are the second opinion. Where quantities or
        prices are not unique it is left to the solver, for the answer must not depend on the neighbour.
        """

        def proved(conditions: Conditions) -> Optimum:
            optimum = polish(last.point, self.nlp, conditions, last, _FEW_SETS)
            if not uniqueness.is_unique(optimum, conditions):
                raise NotPolishedError("there may be others")
            self._fail_if_derivatives_disagree(optimum)
            return replace(optimum, doubles=self._in_doubles(last, optimum, conditions))

        try:
            found = self._found(proved)
        except NoConvergenceError:
            found = None
        if found is None:
            self.tried = Tried()  # what failed here says nothing of this market
        return found

    def _in_doubles(
        self, last: Optimum, optimum: Optimum, conditions: Conditions
    ) -> tuple[np.ndarray, np.ndarray]:
        """The optimum by doubles alone, from the last one: they tell how many digits it costs."""
        x = np.array([float(value or near) for value, near in zip(last.x, last.near, strict=True)])
        multipliers = np.array([float(value) for value in last.multipliers])
        point = replace(last.point, x=x, multipliers=multipliers)
        try:
            return in_doubles(point, self.nlp, conditions, optimum.active)
        except (NotPolishedError, VanishedError):
            return last.doubles

    def _found_at(self, point: Point, sets: int, agreement: float) -> Found | None:
        """The equilibrium next to a point, after trying so many active sets; None if there is none.

        Raises NoConvergenceError where two sets of derivatives or multipliers disagree.
        """
        if point.far or not np.all(np.isfinite(point.x)):
            return None
        return self._found(lambda conditions: self._proved(point, conditions, sets, agreement))

    def _corner(self, point: Point) -> Found | None:
        """The equilibrium of linear functions by the simplex method; None if there is none."""
        slacks = self.nlp.slacks(point.x, point.scales) * point.scales.constraints

        def proved(conditions: Conditions) -> Optimum:
            best = corner(self.nlp, conditions, point.x, slacks, slacks, point.x)
            optimum = at_corner(best, self.nlp, conditions)
            self._fail_if_derivatives_disagree(optimum)
            return optimum

        return self._found(proved)

    def _found(self, prove: Callable[[Conditions], Optimum]) -> Found | None:
        """The equilibrium at an optimum; None, and what to remember, if there is none."""
        try:
            with digits(PROOF_DIGITS):
                conditions = Conditions(self._programme)
                optimum = prove(conditions)
                optimum = optimum if self._only_value else self._settled(optimum, conditions)
                cleared = None if self._only_value else self._cleared(optimum, conditions)
        except NoSlopeError as error:
            self.tried.no_slope.add(error.variable)
        except (NotPolishedError, UndefinedError) as error:
            self.tried.failures.append(str(error))
        except ArithmeticError:
            self.tried.failures.append("a function has no value where the solver stopped")
        else:
            if cleared is None or not self._has_better_plans(cleared):
                return Found(optimum, cleared)
        return None

    def _cleared(self, optimum: Optimum, conditions: Conditions) -> Clearing:
        cleared = clearing.read(optimum, conditions)
        return restore(cleared, self._programme.spec, self._network, self._technology)

    def _proved(self, point: Point, conditions: Conditions, sets: int, agreement: float) -> Optimum:
        """The optimum next to a point, all of whose conditions hold."""
        optimum = polish(point, self.nlp, conditions, sets=sets)
        self._fail_if_derivatives_disagree(optimum)
        clear = point.solved and optimum.active == guess(point, conditions, self.nlp)
        if clear and not is_degenerate(optimum, conditions):
            self._fail_if_multipliers_disagree(point, optimum, agreement)
        return optimum

    def _has_better_plans(self, cleared: Clearing) -> bool:
        """Whether anybody would rather do something else; the first to be found are remembered."""
        spec, network = self._programme.spec, self._programme.network
        better = list(better_plans(spec, network, self._technology, cleared))
        self.tried.better = self.tried.better or better
        return bool(better)

    def _settled(self, optimum: Optimum, conditions: Conditions) -> Optimum:
        """With idle firms at their best mixes, at the least prices: these and those depend on each other."""
        for _ in range(_MIXING):
            mixed = replace(optimum, near=idle.mixes(optimum, conditions))
            least = self._least(mixed, conditions)
            if mixed.near == optimum.near or least.multipliers == optimum.multipliers:
                return least
            optimum = least
        return optimum

    def _least(self, optimum: Optimum, conditions: Conditions) -> Optimum:
        """Where prices are not unique, the optimum with the least ones: what one more unit adds."""
        if uniqueness.is_unique(optimum, conditions):
            return optimum
        active = uniqueness.least(optimum, conditions)
        if active is None:
            return optimum
        try:
            return polish(optimum.point, self.nlp, conditions, replace(optimum, active=active))
        except NotPolishedError:
            return optimum

    def _fail_if_derivatives_disagree(self, optimum: Optimum) -> None:
        """What satisfies the conditions by sympy's derivatives must satisfy them by CasADi's."""
        point = optimum.point
        x = np.array([float(value or near) for value, near in zip(optimum.x, optimum.near, strict=True)])
        multipliers = np.array([float(value) for value in optimum.multipliers])
        relative = np.abs(self.nlp.pulls(x, multipliers, point.scales))
        for i in optimum.active.free(len(x)):
            if relative[i] > AGREEMENT:
                good = self._programme.variables[i].good
                raise NoConvergenceError(
                    Problem(
                        f"the derivatives of sympy and of CasADi disagree about '{good}': no price of it is "
                        "to be trusted",
                        self._programme.spec.place(),
                        "please report this spec as a bug",
                    )
                )

    def _fail_if_multipliers_disagree(self, point: Point, optimum: Optimum, agreement: float) -> None:
        """The solver's multipliers come from other derivatives: a second opinion on every price."""
        for j, (mine, other) in enumerate(zip(optimum.multipliers, point.multipliers, strict=True)):
            size = max(abs(float(mine)), float(point.scales.multipliers[j]))
            if abs(float(mine) - other) > agreement * size:
                constraint = self._programme.constraints[j]
                good = constraint.good if isinstance(constraint, Balance) else constraint.output
                raise NoConvergenceError(
                    Problem(
                        f"the price of '{good}' is {float(mine):.10g} by the backward pass and {other:.10g} "
                        "by the solver's multipliers: neither is to be trusted",
                        self._programme.spec.place(),
                        "please report this spec as a bug",
                    )
                )
