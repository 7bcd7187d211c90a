"""From the solver's doubles to an optimum that satisfies every condition, in the digits of the context.

Newton's method solves the active system; which bounds and constraints are active is guessed from the
solver's point, and put right until every sign is.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from chainprice.arithmetic import working_digits
from chainprice.equilibrium import idle
from chainprice.equilibrium.active import NEAR, Active, guess, with_outlets
from chainprice.equilibrium.conditions import ZERO, Conditions
from chainprice.equilibrium.ipopt import Nlp, Point
from chainprice.equilibrium.newton import newton
from chainprice.equilibrium.optimum import (
    ConflictError,
    NoSlopeError,
    NotPolishedError,
    Optimum,
    VanishedError,
)

MANY_SETS = 40
"""Active sets that are tried before a point is given up."""

_CLEAR = 1e-4
"""A pull or a multiplier above this, by its size, is not nothing."""


def polish(
    point: Point,
    nlp: Nlp,
    conditions: Conditions,
    begin: Optimum | None = None,
    sets: int = MANY_SETS,
) -> Optimum:
    """The optimum to the digits of the context; raises NotPolishedError if there is none near the point.

    Begins with what the point suggests is active (or with `begin`, the optimum in fewer digits, or that of
    a market much like this one), and goes on from every set that fails to those that put its fault right,
    nearest first, up to so many `sets`.
    """
    waiting = [] if begin is None else [begin.active]
    further = [] if begin is not None else [0.0, NEAR]
    seen: set[Active] = set()
    reason: NotPolishedError = NotPolishedError("the active bounds could not be settled")
    while (waiting or further) and len(seen) < sets:
        if not waiting:
            plain = guess(point, conditions, nlp, further.pop())
            waiting = [with_outlets(plain, point.x, conditions.programme), plain]
        chosen = waiting.pop()
        if chosen in seen:
            continue
        seen.add(chosen)
        try:
            optimum = newton(point, nlp, conditions, chosen, begin)
        except VanishedError as vanished:
            gone = vanished.variables
            waiting.append(replace(chosen, at_zero=chosen.at_zero | gone, tied=chosen.tied | gone))
            continue
        except ConflictError as conflict:
            waiting += reversed(conflict.without_one(chosen))
            continue
        except NoSlopeError as error:
            waiting.append(_with_worthless_outputs(chosen, error.variable, conditions))
            waiting.append(_without_steep_arguments(chosen, error.variable, conditions, point))
            reason = error
            continue
        except NotPolishedError as error:
            reason = error
            continue
        better = _corrected(optimum, conditions)
        if better != chosen and begin is not None:  # mixes are known to fewer digits only
            optimum = idle.at_best_mixes(optimum, conditions)
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


def _without_steep_arguments(active: Active, variable: int, conditions: Conditions, point: Point) -> Active:
    """Where a variable is 0, an argument of a bend that is endlessly steep is not the least one there."""
    x = [Decimal(float(value)) for value in point.x]
    for i in (*active.at_zero, variable):
        x[i] = ZERO
    steep = {
        j
        for j, argument in enumerate(conditions.programme.arguments, len(conditions.programme.balances))
        if variable in argument.piece.variables
        and argument.side > 0
        and conditions.slopes(argument.piece, x).get(variable) is None
    }
    return replace(
        active,
        at_zero=active.at_zero | {variable},
        constraints=active.constraints - steep,
        worthless=active.worthless - steep,
    )


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
