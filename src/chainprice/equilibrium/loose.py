"""The directions in which an optimum may move at no loss: quantities or prices that are not unique."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple

import casadi
import numpy as np

from chainprice.equilibrium import uniqueness
from chainprice.equilibrium.linear import balance
from chainprice.equilibrium.response import Response

_RANK = 1e-13
"""The part of the greatest singular value below which one counts as 0."""

_LOOSE = 1e-9
"""What moves by less than this part along a direction stands still."""

_WEAK = Decimal("1e-15")

LARGEST = 1_500
"""Unknowns up to which directions are looked for."""

_NONE: Mapping[int, Decimal] = MappingProxyType({})


class Direction(NamedTuple):
    """A move of quantities or of multipliers, by index."""

    x: Mapping[int, Decimal] = _NONE
    multipliers: Mapping[int, Decimal] = _NONE


def loose_directions(response: Response) -> Sequence[Direction] | None:
    """A basis of what may move, or more than that, for signs are not looked at; None of what is too large.

    Quantities move along what keeps every constraint that is worth something, and meets no curvature; bounds
    that are worth nothing may be left. Multipliers move along what keeps every condition of a quantity that
    is on no bound; constraints that hold with equality may be worth something even if they are not now.
    """
    optimum = response.optimum
    if len(optimum.x) + len(optimum.multipliers) > LARGEST:
        return None
    margins = response.margins()
    free = [
        i
        for i in range(len(optimum.x))
        if not (i in optimum.active.at_zero or i in optimum.active.at_upper)
        or any(abs(margins.get((bound, i), Decimal(1))) <= _WEAK for bound in ("zero", "upper"))
    ]
    strong = [
        j for j in sorted(optimum.active.constraints | response.idle) if abs(margins["held", j]) > _WEAK
    ]
    inside = np.array([float(v or n) for v, n in zip(optimum.x, optimum.near, strict=True)])
    weights = np.array([float(w) for w in optimum.multipliers])
    scales = response.nlp.scales(inside, optimum.point.sizes)
    slopes = response.nlp.jacobian(inside, scales).dense()
    curvature = response.nlp.hessian(inside, weights, scales).dense()
    slopes, curvature = np.nan_to_num(slopes), np.nan_to_num(curvature)
    of_x = _null(np.vstack([slopes[np.ix_(strong, free)], curvature[:, free]]))
    directions = [
        Direction(
            x={
                free[k]: _decimal(v * scales.variables[free[k]])
                for k, v in enumerate(move)
                if abs(v) > _LOOSE
            }
        )
        for move in of_x
    ]
    held = sorted(optimum.active.constraints | response.idle | uniqueness.meeting(optimum))
    inner = [i for i in optimum.active.free(len(optimum.x)) if optimum.x[i] or response.is_bend(i)]
    of_prices = _null(slopes[np.ix_(held, inner)].T)
    directions += [
        Direction(
            multipliers={
                held[k]: _decimal(v * scales.multipliers[held[k]])
                for k, v in enumerate(move)
                if abs(v) > _LOOSE
            }
        )
        for move in of_prices
    ]
    return directions


def centred(response: Response, directions: Sequence[Direction]) -> Response | None:
    """The same optimum at multipliers in the middle of all that support it, with idle constraints set apart.

    What stands idle then has a clear reason to, and all else moves smoothly. None where the directions are of
    quantities, or there is no middle.
    """
    if not directions:
        return response
    room = None if any(d.x for d in directions) else _room_of_prices(response, directions)
    moves = None if room is None else _middle(*room)
    if moves is None:
        return None
    optimum, conditions = response.optimum, response.conditions
    multipliers = list(optimum.multipliers)
    for direction, move in zip(directions, moves.tolist(), strict=True):
        for j, by in direction.multipliers.items():
            multipliers[j] += by * Decimal(move)
    active = replace(optimum.active, tied=frozenset(), worthless=frozenset())
    free = {*active.free(len(optimum.x))}
    of_constraint, of_variable = response.nlp.slope_places
    moving = {j for j, i in zip(of_constraint.tolist(), of_variable.tolist(), strict=True) if i in free}
    idle = frozenset(j for d in directions for j in d.multipliers if j not in moving)
    gradient = conditions.gradient(optimum.x, multipliers, conditions.local(optimum.x, optimum.near))
    settled = replace(
        optimum,
        multipliers=tuple(multipliers),
        gradient=tuple(gradient),
        active=replace(active, constraints=active.constraints - idle),
    )
    return Response(settled, conditions, response.nlp, idle)


_ROOM = 1e-9
_MOST_ROOM = 1e3


def _middle(matrix: np.ndarray, least: np.ndarray) -> np.ndarray | None:
    """The moves that leave as much room as can be to every side; None if there is next to none."""
    count = matrix.shape[1]
    lengths = np.linalg.norm(matrix, axis=1)
    wider = np.column_stack([matrix, -lengths])
    costs = np.append(np.zeros(count), -1.0)
    bounded = np.vstack([wider, -np.eye(count + 1)[-1]])
    status, moves = _best(bounded, np.append(least, -_MOST_ROOM), costs)
    return moves[:-1] if status == "optimal" and moves[-1] > _ROOM else None


Ends = tuple[float | None, float | None]
"""The least and the greatest value; None where there is no end."""


def extremes(response: Response, directions: Sequence[Direction], slopes: Sequence[Decimal]) -> Ends | None:
    """The least and the greatest change of what has these slopes along the directions, from the optimum.

    Over all optima: by a linear programme in how far to go along each direction. All directions are of
    quantities, in a market of linear functions, or all are of multipliers. None where that cannot be told.
    """
    gains = np.array([float(slope) for slope in slopes])
    scale = float(np.max(np.abs(gains), initial=0.0)) or 1.0
    room = (
        _room_of_quantities(response, directions)
        if directions[0].x
        else _room_of_prices(response, directions)
    )
    if room is None:
        return None
    matrix, least = room
    ends = []
    for sign in (1.0, -1.0):
        status, moves = _best(matrix, least, sign * gains / scale)
        if status not in ("optimal", "unbounded"):
            return None
        ends.append(float(gains @ moves) if status == "optimal" else None)
    return ends[0], ends[1]


def _best(matrix: np.ndarray, least: np.ndarray, costs: np.ndarray) -> tuple[str, np.ndarray]:
    """How the search for the least cost ended, and where."""
    patterns: dict[str, Any] = {
        "a": casadi.DM(matrix).sparsity(),
        "h": casadi.Sparsity(len(costs), len(costs)),
    }
    options: dict[str, Any] = {"error_on_fail": False, "highs": {"output_flag": False, "solver": "simplex"}}
    solver = casadi.conic("loose", "highs", patterns, options)
    result = solver(g=costs, a=matrix, lba=least, uba=np.inf, lbx=-np.inf, ubx=np.inf)
    if solver.stats()["success"]:
        return "optimal", np.array(result["x"]).ravel()
    status = str(solver.stats()["return_status"]).lower()
    return ("unbounded" if "unbounded" in status else status), np.zeros(len(costs))


def _room_of_quantities(
    response: Response, directions: Sequence[Direction]
) -> tuple[np.ndarray, np.ndarray] | None:
    """matrix * t >= least keeps all bounds and constraints, each by its size."""
    if not response.is_linear:
        return None
    optimum, scales = response.optimum, response.optimum.point.scales
    inside = np.array([float(v or n) for v, n in zip(optimum.x, optimum.near, strict=True)])
    moves = np.zeros((len(optimum.x), len(directions)))
    for k, direction in enumerate(directions):
        for i, by in direction.x.items():
            moves[i, k] = float(by) / optimum.point.sizes[i]
    rows, least = [], []
    for i, variable in enumerate(response.programme.variables):
        if variable.kind == "bend" or not moves[i].any():
            continue
        x, upper = float(optimum.x[i]), response.conditions.upper[i]
        rows.append(moves[i])
        least.append(-x / optimum.point.sizes[i])
        if upper is not None:
            rows.append(-moves[i])
            least.append((x - float(upper)) / optimum.point.sizes[i])
    sized = replace(scales, variables=optimum.point.sizes)
    changes = response.nlp.jacobian(inside, sized).dense() @ moves
    for j, slack in enumerate(optimum.slacks):
        is_strong = j in optimum.active.constraints and abs(optimum.multipliers[j]) > 0
        if not is_strong and np.max(np.abs(changes[j]), initial=0.0) > _LOOSE:
            rows.append(changes[j])
            least.append(-float(slack) / float(scales.constraints[j]))
    return np.array(rows).reshape(len(rows), len(directions)), np.minimum(np.array(least), 0.0)


def _room_of_prices(
    response: Response, directions: Sequence[Direction]
) -> tuple[np.ndarray, np.ndarray] | None:
    """matrix * t >= least keeps multipliers and bounds at their signs, each by its size."""
    optimum, scales = response.optimum, response.optimum.point.scales
    inside = np.array([float(v or n) for v, n in zip(optimum.x, optimum.near, strict=True)])
    sized = replace(scales, variables=optimum.point.sizes)
    slopes = response.nlp.jacobian(inside, sized).dense()
    moves = np.zeros((len(optimum.multipliers), len(directions)))
    for k, direction in enumerate(directions):
        for j, by in direction.multipliers.items():
            moves[j, k] = float(by) / scales.multipliers[j]
    rows = [move for move in moves if move.any()]
    least = [
        -float(optimum.multipliers[j]) / scales.multipliers[j] for j, move in enumerate(moves) if move.any()
    ]
    idle = {i for i in range(len(optimum.x)) if not optimum.x[i] and not response.is_bend(i)}
    for i in sorted(optimum.active.at_zero | optimum.active.at_upper | idle):
        if not np.all(np.isfinite(slopes[:, i])):
            return None
        changes, pull = slopes[:, i] @ moves, optimum.gradient[i]
        if np.max(np.abs(changes), initial=0.0) <= _LOOSE:
            continue
        if pull is None:
            return None
        sign = 1.0 if i in optimum.active.at_upper else -1.0
        rows.append(sign * changes)
        least.append(-sign * float(pull) * optimum.point.sizes[i] / scales.value)
    return np.array(rows).reshape(len(rows), len(directions)), np.minimum(np.array(least), 0.0)


def _null(matrix: np.ndarray) -> np.ndarray:
    """A basis of what a matrix takes to 0, a row each."""
    rows, columns = matrix.shape
    if not columns:
        return np.zeros((0, 0))
    at_row, at_column = np.nonzero(matrix)
    places = at_row, at_column
    of_rows, of_columns = balance(places, matrix.shape, np.abs(matrix[places]))
    balanced = matrix * of_rows[:, None] * of_columns[None, :]
    _, sizes, directions = np.linalg.svd(balanced, full_matrices=True)
    rank = int(np.sum(sizes > _RANK * max(1.0, float(np.max(sizes, initial=0.0))))) if rows else 0
    basis: np.ndarray = directions[rank:] * of_columns[None, :]
    return basis / np.max(np.abs(basis), axis=1, initial=0.0)[:, None] if len(basis) else basis


def _decimal(value: float) -> Decimal:
    return Decimal(float(value))
