"""How far something in a market can move before other uses, limits or branches are active.

The equilibrium is followed, with the active set of now, to the first place where a sign of it is wrong: the
slopes of all signs say how far that is, and Newton's method what they are there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from chainprice.duals import ZERO, slope_of
from chainprice.equilibrium.conditions import Conditions
from chainprice.equilibrium.events import End, Event, event_of
from chainprice.equilibrium.loose import centred, loose_directions
from chainprice.equilibrium.newton import newton
from chainprice.equilibrium.optimum import NotPolishedError, Optimum, VanishedError
from chainprice.equilibrium.programme import Programme
from chainprice.equilibrium.response import Change, NoResponseError, Response

_SHORT = Decimal("1e-11")
"""A way to the next change so short is none."""

_WRONG = Decimal("-1e-10")
"""A margin below this is on the wrong side."""

_PARTS = (Decimal(1), *(Decimal(part) for part in ("0.95", "0.7", "0.3", "0.1", "0.02", "0.002")))
"""The parts of a step that are tried."""

_STEPS = 100
_GROWTH = 4

Moved = Callable[[Decimal], Programme]
"""The programme with something moved so far."""


def followed_end(response: Response, moved: Moved, change: Change, most: Decimal, unit: Decimal) -> End:
    """Where, along a change, the active set of now stops to be right; looked for up to `most`.

    `unit` is the size of what moves. Raises NoResponseError where the market cannot be followed.
    """
    at, here, expected = ZERO, response, None
    for _ in range(_STEPS):
        step, event = _nearest(here, change)
        end = None if step is None else at + step
        if end is not None and (end <= at + _SHORT * unit or _is_settled(end, expected, unit)):
            return End(end, event_of(event, response.programme))
        longest = min(most - at, _GROWTH * (unit + at))
        there, trial = _farther(here, response, moved, at, longest if step is None else min(step, longest))
        at, here, expected = at + trial, there, end
        if at >= most:
            return End(None, "nothing")
    raise NoResponseError("the equilibrium could not be followed")


def estimated_end(response: Response, change: Change, most: Decimal) -> End:
    """Where the active set would stop to be right if all went on as it begins; None beyond `most`."""
    step, event = _nearest(response, change)
    if step is None or step > most:
        return End(None, "nothing")
    return End(step, event_of(event, response.programme))


def _is_settled(end: Decimal, expected: Decimal | None, unit: Decimal) -> bool:
    """Whether an end was seen at the same place from farther away."""
    return expected is not None and abs(end - expected) <= _SHORT * unit


def _farther(
    here: Response, first: Response, moved: Moved, at: Decimal, step: Decimal
) -> tuple[Response, Decimal]:
    """The optimum after a step, shorter if need be, and that step: one a little too long is cut a little.

    Raises NoResponseError where there is none.
    """
    for part in _PARTS:
        there = _moved_to(here, first, moved, at + step * part)
        if there is not None:
            return there, step * part
    raise NoResponseError("the equilibrium could not be followed")


def _moved_to(here: Response, first: Response, moved: Moved, at: Decimal) -> Response | None:
    """The optimum after a move, None where the active set is not right there."""
    conditions = Conditions(moved(at))
    optimum = here.optimum
    try:
        found = newton(optimum.point, first.nlp, conditions, optimum.active, optimum)
    except (NotPolishedError, VanishedError, ArithmeticError):
        return None
    there = Response(_with_idle_prices(found, here, conditions), conditions, first.nlp, here.idle)
    if min(there.margins().values(), default=ZERO) < _WRONG:
        return None
    if not here.idle:
        return there
    again = centred(there, loose_directions(there) or ())
    return there if again is None or again.idle != here.idle else again


def _with_idle_prices(found: Optimum, here: Response, conditions: Conditions) -> Optimum:
    """Newton's method does not touch idle constraints: their multipliers are what they were."""
    if not here.idle:
        return found
    known = here.optimum.multipliers
    multipliers = tuple(known[j] if j in here.idle else m for j, m in enumerate(found.multipliers))
    gradient = conditions.gradient(found.x, multipliers, conditions.local(found.x, found.near))
    return replace(found, multipliers=multipliers, gradient=tuple(gradient))


def _nearest(response: Response, change: Change) -> tuple[Decimal | None, Event]:
    """By slopes, how far it is to the first sign that changes, and which."""
    x, multipliers = response.along(change)
    gradient, slacks = response.moving(x, multipliers, change)
    point = response.optimum.point
    value = Decimal(point.scales.value)
    nearest: Decimal | None = None
    event = ("none", 0)
    for (kind, index), margin in response.margins().items():
        if kind in ("zero", "upper", "low", "high"):
            size = Decimal(float(point.sizes[index]))
            pull = gradient[index]
            slope = {
                "zero": ZERO if pull is None else -slope_of(pull) * size / value,
                "upper": ZERO if pull is None else slope_of(pull) * size / value,
                "low": slope_of(x[index]) / size,
                "high": (change.uppers.get(index, ZERO) - slope_of(x[index])) / size,
            }[kind]
        else:
            size = Decimal(float(point.scales.constraints[index]))
            slope = slope_of(multipliers[index]) * size / value if kind == "held" else slacks[index] / size
        if margin <= 0 and slope < 0:
            return ZERO, (kind, index)
        if slope < 0 and (nearest is None or margin < -slope * nearest):
            nearest, event = margin / -slope, (kind, index)
    return nearest, event
