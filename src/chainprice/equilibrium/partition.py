"""How far something in a market of linear functions can move while all its prices hold.

As long as the multipliers of now are right: how long that is, is a linear programme of its own, over all
plans that they support, whatever corner the plan is on (the optimal partition; Jansen, de Jong, Roos and
Terlaky, Sensitivity analysis in linear programming: just be careful!, EJOR 101, 1997).
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import casadi
import numpy as np

from chainprice.duals import ZERO
from chainprice.equilibrium.events import End, Event, event_of
from chainprice.equilibrium.programme import Balance
from chainprice.equilibrium.response import Change, NoResponseError, Response

_WEAK = Decimal("1e-15")

_AT_AN_END = 1e-7
"""What holds the move by more than this, relatively, ends it."""

_OPTIONS: dict[str, Any] = {
    "error_on_fail": False,
    "highs": {"output_flag": False, "solver": "simplex", "primal_feasibility_tolerance": 1e-10},
}


def linear_ends(response: Response, change: Change, least: Decimal) -> tuple[End, End]:
    """Where the multipliers of now stop to be right, below and above; below no farther than `least`.

    Raises NoResponseError where the linear programme has no answer.
    """
    plans = _Plans(response, change, least)
    return plans.end(1.0), plans.end(-1.0)


class _Plans:
    """All plans that the multipliers of now support, with the move as the last unknown; in relative units."""

    def __init__(self, response: Response, change: Change, least: Decimal) -> None:
        self._response, self._change = response, change
        self._margins = response.margins()
        self._sizes = response.optimum.point.sizes
        self._unit = float(max(abs(least), Decimal(1)))
        self._least = float(least) / self._unit
        self._rows: list[tuple[np.ndarray, float, float, Event]] = []
        for i, variable in enumerate(response.programme.variables):
            if variable.kind != "bend":
                self._add_bounds(i)
        self._add_constraints()

    def _add(self, values: np.ndarray, low: float, high: float, event: Event) -> None:
        self._rows.append((values, low, high, event))

    def _add_bounds(self, i: int) -> None:
        """A quantity stays at a bound that has a reason, and else within its bounds."""
        active, size = self._response.optimum.active, self._sizes[i]
        x, upper = float(self._response.optimum.x[i]), self._response.conditions.upper[i]
        values = np.zeros(len(self._sizes) + 1)
        values[i] = 1.0
        if i in active.at_zero and abs(self._margins.get(("zero", i), Decimal(1))) > _WEAK:
            self._add(values, 0.0, 0.0, ("zero", i))
            return
        self._add(values, -x / size, np.inf, ("low", i))
        if upper is not None:
            limited = values.copy()
            limited[-1] = -float(self._change.uppers.get(i, ZERO)) * self._unit / size
            room = (float(upper) - x) / size
            is_held = i in active.at_upper and abs(self._margins.get(("upper", i), ZERO)) > _WEAK
            self._add(limited, room if is_held else -np.inf, room, ("upper" if is_held else "high", i))

    def _add_constraints(self) -> None:
        """A constraint that is worth something holds with equality, any other has room."""
        optimum = self._response.optimum
        x = np.array([float(v) for v in optimum.x])
        scales = replace(optimum.point.scales, variables=self._sizes)
        slopes = self._response.nlp.jacobian(x, scales).dense()
        for j, constraint in enumerate(self._response.programme.constraints):
            size = float(scales.constraints[j])
            values = np.append(slopes[j], 0.0)
            if isinstance(constraint, Balance) and constraint.good in self._change.gifts:
                more = self._response.conditions.coefficient(j) * self._change.gifts[constraint.good]
                values[-1] = float(more) * self._unit / size
            if j in optimum.active.constraints and abs(self._margins["held", j]) > _WEAK:
                self._add(values, 0.0, 0.0, ("held", j))
            else:
                self._add(values, min(-float(optimum.slacks[j]) / size, 0.0), np.inf, ("slack", j))

    def end(self, sign: float) -> End:
        """The least move (sign 1) or the greatest (-1)."""
        values, below, above, events = zip(*self._rows, strict=True)
        matrix = np.array(values)
        count = matrix.shape[1]
        ends = np.full(count, np.inf)
        costs = np.zeros(count)
        costs[-1] = sign
        patterns: dict[str, Any] = {"a": casadi.DM(matrix).sparsity(), "h": casadi.Sparsity(count, count)}
        solver = casadi.conic("range", "highs", patterns, _OPTIONS)
        result = solver(
            g=costs,
            a=matrix,
            lba=np.array(below),
            uba=np.array(above),
            lbx=np.append(-ends[:-1], self._least),
            ubx=ends,
        )
        if not solver.stats()["success"]:
            if "nbounded" in str(solver.stats()["return_status"]):
                return End(None, "nothing")
            raise NoResponseError("the range could not be found")
        at = float(np.array(result["x"]).ravel()[-1]) * self._unit
        holding = np.abs(np.array(result["lam_a"]).ravel()) > _AT_AN_END
        ending = [
            event for event, holds in zip(events, holding, strict=True) if holds and event[0] in _ENDING
        ]
        named = event_of(ending[0], self._response.programme) if ending else "nothing of it is left"
        return End(Decimal(f"{at:.12g}"), named)


_ENDING = ("low", "high", "slack")
"""The conditions that a move runs into; the others hold all along."""
