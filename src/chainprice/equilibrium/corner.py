"""The best corner of a market of linear functions, by the simplex method: exactly what holds there.

A solver that stays inside of all bounds cannot tell what holds with equality where many of them meet in
one point; a corner can. HiGHS finds it in doubles, and Newton's method gives it its digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import casadi
import numpy as np

from chainprice.equilibrium.active import Active
from chainprice.equilibrium.conditions import Conditions
from chainprice.equilibrium.ipopt import Nlp, Point, Scales
from chainprice.equilibrium.linear import balance
from chainprice.equilibrium.optimum import NotPolishedError, Optimum
from chainprice.equilibrium.polish import polish

_NOTHING = 1e-8
"""What is less than this, by its size, is nothing at a corner."""

_AWAY = 1e6
"""Room for more than so many steps is no limit."""

_SETS = 8
"""Active sets that are tried: the corner's should be right."""

_OPTIONS: dict[str, Any] = {
    "error_on_fail": False,
    "highs": {
        "output_flag": False,
        "solver": "simplex",
        "primal_feasibility_tolerance": 1e-10,
        "dual_feasibility_tolerance": 1e-10,
    },
}


class NoRoomError(NotPolishedError):
    """No point keeps all limits, if the functions are linear."""

    def __init__(self) -> None:
        super().__init__("no point keeps all limits")


@dataclass(frozen=True, slots=True)
class Corner:
    """A corner, the multipliers there, and how large everything is.

    `active` is what holds there; `pressing` what held before the move and is worth something now.
    """

    x: np.ndarray
    multipliers: np.ndarray
    active: Active
    pressing: Active
    scales: Scales


def corner(  # noqa: PLR0917 - one vector for each kind of number
    nlp: Nlp,
    conditions: Conditions,
    x: np.ndarray,
    slacks: np.ndarray,
    changes: np.ndarray,
    near: np.ndarray,
) -> Corner:
    """The best corner for functions with these slacks at `x`, taken to be linear with their slopes `near` by.

    All distances are counted in steps as long as the `changes` of the slacks: what is very far by that is
    no limit, so that of a market that has changed a little, all that matters is seen at its own size.
    Raises NoRoomError where there is none that keeps all limits, NotPolishedError where there is no best one.
    """
    scales = _balanced(nlp, near)
    step = float(np.max(np.abs(changes) / scales.constraints, initial=0.0)) or 1.0
    units = step * scales.variables
    is_bend = np.array([variable.kind == "bend" for variable in conditions.programme.variables], dtype=bool)
    upper = np.array([np.inf if limit is None else float(limit) for limit in conditions.upper])
    low, high = -_room(np.where(is_bend, np.inf, x / units)), _room((upper - x) / units)
    room = _room(slacks / scales.constraints / step)
    moves, weights, pulls = _solved(nlp, near, scales, (low, high, room))
    left = nlp.jacobian(near, scales).times(moves) + room
    at_zero, at_upper, held = moves - low < _NOTHING, high - moves < _NOTHING, left < _NOTHING
    is_priced, is_pulled = np.abs(weights) > _NOTHING, np.abs(pulls) > _NOTHING
    there = x + moves * units
    return Corner(
        there,
        np.abs(weights) * scales.multipliers,
        Active(
            _set(at_zero),
            _set(at_upper & ~at_zero),
            _set(held),
            _set((at_zero | at_upper) & ~is_pulled),
            _set(held & ~is_priced),
        ),
        Active(
            _set((low > -_NOTHING) & is_pulled),
            _set((high < _NOTHING) & is_pulled),
            _set((np.abs(room - changes / scales.constraints / step) < _NOTHING) & is_priced),
        ),
        nlp.scales(there, units),
    )


def at_corner(found: Corner, nlp: Nlp, conditions: Conditions) -> Optimum:
    """The optimum of a linear market at its best corner, in the digits of the context.

    Raises NotPolishedError where it is none.
    """
    sizes = found.scales.variables
    point = Point("corner", found.x, found.multipliers, found.scales, sizes, sizes)
    x = tuple(Decimal(value) for value in found.x.tolist())
    multipliers = tuple(Decimal(value) for value in found.multipliers.tolist())
    doubles = found.x, found.multipliers
    begin = Optimum(x, multipliers, (), (), found.active, point, x, is_regular=False, doubles=doubles)
    return polish(point, nlp, conditions, begin, _SETS)


def _solved(
    nlp: Nlp, x: np.ndarray, scales: Scales, limits: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The best moves, and the multipliers of constraints and bounds."""
    low, high, room = limits
    slopes = nlp.slopes(x, scales)
    gains = nlp.pulls(x, np.zeros(len(room)), scales)
    if not (np.all(np.isfinite(gains)) and np.all(np.isfinite(slopes))):
        raise NotPolishedError("a function has no slope there")
    patterns = {"a": nlp.slope_sparsity, "h": casadi.Sparsity(len(x), len(x))}
    solver = casadi.conic("corner", "highs", patterns, _OPTIONS)
    matrix = casadi.DM(nlp.slope_sparsity, slopes)
    result = solver(g=-gains, a=matrix, lbx=low, ubx=high, lba=-room, uba=np.inf)
    if not solver.stats()["success"]:
        is_infeasible = solver.stats()["return_status"] == "Infeasible"
        raise NoRoomError() if is_infeasible else NotPolishedError("there is no best corner")
    moves, weights, pulls = (np.array(result[name]).ravel() for name in ("x", "lam_a", "lam_x"))
    return moves, weights, pulls


def _balanced(nlp: Nlp, x: np.ndarray) -> Scales:
    """Units in which all slopes are near 1, and so are the marginal values."""
    plain = Scales(np.ones(nlp.shape[0]), np.ones(nlp.shape[1]), 1.0)
    of_rows, of_columns = balance(nlp.slope_places, nlp.shape[::-1], np.abs(nlp.slopes(x, plain)))
    gains = nlp.pulls(x, np.zeros(nlp.shape[1]), plain)
    value = float(np.max(np.abs(gains * of_columns), initial=0.0)) or 1.0
    return Scales(of_columns, 1.0 / of_rows, value)


def _room(distances: np.ndarray) -> np.ndarray:
    """Distances to limits; those that are very long are endless."""
    room: np.ndarray = np.where(distances > _AWAY, np.inf, distances)
    return room


def _set(chosen: np.ndarray) -> frozenset[int]:
    return frozenset(np.flatnonzero(chosen).tolist())
