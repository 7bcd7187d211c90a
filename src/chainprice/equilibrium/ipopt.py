"""The programme solved by IPOPT, with CasADi's exact derivatives: the optimum in doubles.

Its multipliers come from CasADi's rules and not from sympy's: a second opinion on the prices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import casadi
import numpy as np

from chainprice import progress
from chainprice.equilibrium.evaluation import Evaluator, Sparse
from chainprice.equilibrium.functions import Relative
from chainprice.equilibrium.programme import Argument, Programme
from chainprice.equilibrium.start import constant

FAR = 1e12
"""How many times its expected size a quantity may grow before the market counts as unbounded."""

_ROUNDS = 4
_WELL_SCALED = 10.0

NOTHING = 1e-9
"""What is smaller than this part of its expected size is as good as nothing."""

TIE = 1e-12
"""The weight of the square of all quantities: among equally good points, the solver goes to a near one."""

_WIDE = 10.0
"""How many times its expected size a quantity without limit may be where no room is shown to be there."""

_CERTAIN = 1e-10
"""A lack of room by more than this part of its size is more than the rounding of the solver."""

_OPTIONS: dict[str, Any] = {
    "print_time": False,
    "ipopt.print_level": 0,
    "ipopt.sb": "yes",
    "ipopt.acceptable_tol": 1e-8,
    "ipopt.bound_relax_factor": 0.0,
    "ipopt.nlp_scaling_method": "none",
    "error_on_fail": False,
    "show_eval_warnings": False,
    "calc_lam_p": False,
}

MOST_STEPS = 1000
FEW_STEPS = 150
"""Steps of IPOPT after which it will get nowhere; few where the market is much like one that is solved."""

_ROUGH = {"ipopt.tol": 1e-11, "ipopt.compl_inf_tol": 1e-11, "ipopt.barrier_tol_factor": 1e3}
_ROUGHER = _ROUGH | {"ipopt.tol": 1e-8, "ipopt.compl_inf_tol": 1e-8}

_LARGE = 20_000
"""Variables from which on the last barriers, so near to the corners of a large market, cost IPOPT more steps
than they save Newton's method."""

_EXACT = {
    "ipopt.tol": 1e-14,
    "ipopt.dual_inf_tol": 1e-8,
    "ipopt.constr_viol_tol": 1e-10,
    "ipopt.compl_inf_tol": 1e-14,
}


@dataclass(frozen=True, slots=True)
class Scales:
    """The expected size of each variable, of each constraint, and of total value."""

    variables: np.ndarray
    constraints: np.ndarray
    value: float

    @property
    def multipliers(self) -> np.ndarray:
        """The expected size of each multiplier."""
        sizes: np.ndarray = self.value / self.constraints
        return sizes

    def parameters(self, tie: float = 0.0) -> np.ndarray:
        """All of them in one row, and the weight of the square of all quantities."""
        return np.concatenate([self.variables, self.constraints, [self.value, tie]])


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """Where IPOPT stopped, and what it says of itself.

    `first` are the expected sizes of the variables to begin with, `sizes` what they grew to.
    """

    status: str
    x: np.ndarray
    multipliers: np.ndarray
    scales: Scales
    first: np.ndarray
    sizes: np.ndarray

    @property
    def solved(self) -> bool:
        """Whether IPOPT is content."""
        return self.status in ("Solve_Succeeded", "Solved_To_Acceptable_Level")

    @property
    def far(self) -> list[int]:
        """The variables that ran off: against all bounds, however often these were moved."""
        limit = np.minimum(FAR / 1e3 * self.scales.variables, FAR**2 * self.first)
        return [int(i) for i in np.flatnonzero(np.abs(self.x) > limit)]


@dataclass(frozen=True, slots=True, eq=False)
class Shortfalls:
    """What each constraint must give, and whether it is certain that all cannot hold as they are."""

    amounts: np.ndarray
    certain: bool


class Nlp:
    """A programme in CasADi, with the sizes of everything as parameters.

    The solver's variables are quantities over their sizes, its function total value over its own, and
    so its derivatives are in relative units.
    """

    def __init__(self, programme: Programme, most_steps: int = MOST_STEPS) -> None:
        self._programme = programme
        self._options = _OPTIONS | {"ipopt.max_iter": most_steps}
        self._upper = np.array(
            [np.inf if v.upper is None else constant(v.upper) for v in programme.variables]
        )
        self._is_bend = np.array([v.kind == "bend" for v in programme.variables], dtype=bool)
        relative = Relative(programme)
        self._problem, self.curved = relative.problem, relative.curved
        progress.report(f"preparing {len(programme.variables):,} quantities for the solver")
        self._told = _Iterations(*self._dimensions) if progress.is_heard() else None
        gradient, jacobian, hessian = relative.gradient(), relative.jacobian(), relative.hessian()
        self._derivatives = {"grad_f": gradient, "jac_g": jacobian, "hess_lag": hessian}
        self._value, self._slacks = Evaluator(relative.value()), Evaluator(relative.slacks())
        self._gradient, self._slopes = Evaluator(gradient, 1), Evaluator(jacobian, 1)
        self._curvatures = Evaluator(hessian)
        self.slope_sparsity = jacobian.sparsity_out(1)
        self.slope_places = _places(self.slope_sparsity)
        self.curvature_places = _places(hessian.sparsity_out(0))
        self._is_counted = self._counted()

    def _counted(self) -> np.ndarray:
        """Where a constraint counts units of a variable: uses and purchases in balances, bends."""
        programme = self._programme
        counted: set[tuple[int, int]] = set()
        for j, constraint in enumerate(programme.constraints):
            if isinstance(constraint, Argument):
                counted.add((j, constraint.bend))
            else:
                counted.update((j, i) for i in constraint.uses)
                if constraint.good in programme.purchases:
                    counted.add((j, programme.purchases[constraint.good]))
        return np.array([place in counted for place in zip(*self.slope_places, strict=True)], dtype=bool)

    # The programme and its derivatives at a point, in relative units. Derivatives are sparse: their entries
    # stand at `slope_places` (constraint, variable), and at `curvature_places`, in one triangle.

    @property
    def shape(self) -> tuple[int, int]:
        """How many variables and constraints there are."""
        return self._dimensions[:2]

    def value(self, x: np.ndarray, scales: Scales) -> float:
        """Total value, in money."""
        return -float(self._value.at(x / scales.variables, scales.parameters())[0]) * scales.value

    def slacks(self, x: np.ndarray, scales: Scales) -> np.ndarray:
        """c(x), each by its size."""
        return self._slacks.at(x / scales.variables, scales.parameters())

    def pulls(self, x: np.ndarray, multipliers: np.ndarray, scales: Scales) -> np.ndarray:
        """dL/dx."""
        gradient = self._gradient.at(x / scales.variables, scales.parameters())
        weighted = self.jacobian(x, scales).transposed_times(multipliers / scales.multipliers)
        pulls: np.ndarray = weighted - gradient
        return pulls

    def slopes(self, x: np.ndarray, scales: Scales) -> np.ndarray:
        """dc/dx: the entries."""
        return self._slopes.at(x / scales.variables, scales.parameters())

    def jacobian(self, x: np.ndarray, scales: Scales) -> Sparse:
        """dc/dx, a row for each constraint."""
        return Sparse(self.shape[::-1], *self.slope_places, self.slopes(x, scales))

    def curvatures(self, x: np.ndarray, multipliers: np.ndarray, scales: Scales) -> np.ndarray:
        """d2L/dx2: the entries of one triangle."""
        relative = x / scales.variables
        return self._curvatures.at(relative, scales.parameters(), -1.0, multipliers / scales.multipliers)

    def hessian(self, x: np.ndarray, multipliers: np.ndarray, scales: Scales) -> Sparse:
        """d2L/dx2, both triangles."""
        (rows, columns), entries = self.curvature_places, self.curvatures(x, multipliers, scales)
        off = rows != columns
        return Sparse(
            (len(x), len(x)),
            np.concatenate([rows, columns[off]]),
            np.concatenate([columns, rows[off]]),
            np.concatenate([entries, entries[off]]),
        )

    @cached_property
    def _rough(self) -> Any:
        """The solver that stops near the optimum; a market next to a solved one does without."""
        return self._prepared(_ROUGH if len(self._programme.variables) < _LARGE else _ROUGHER)

    @cached_property
    def _exact(self) -> Any:
        """The same solver, with the least tolerance that doubles allow."""
        return self._prepared(_EXACT)

    @property
    def _dimensions(self) -> tuple[int, int, int]:
        variables, constraints = len(self._programme.variables), len(self._programme.constraints)
        return variables, constraints, variables + constraints + 2

    def _prepared(self, options: dict[str, Any]) -> Any:
        told = {"iteration_callback": self._told} if self._told is not None else {}
        return casadi.nlpsol(
            "market", "ipopt", self._problem, self._options | options | self._derivatives | told
        )

    # Solving.

    def approach(self, start: Sequence[float], sizes: Sequence[float] | None = None) -> Point:
        """From a start to near an optimum, as far as Newton's method most often needs it."""
        x, scales = self._first(start, sizes)
        return self._finished(self._run_solver(self._rough, x, scales), scales)

    def _first(self, start: Sequence[float], sizes: Sequence[float] | None) -> tuple[np.ndarray, Scales]:
        x = np.array(start, dtype=float)
        return x, self.scales(x, np.zeros(len(x)) if sizes is None else np.array(sizes))

    def _finished(self, point: Point, first: Scales) -> Point:
        grown = np.maximum(first.variables, np.abs(point.x))
        return replace(point, first=first.variables, sizes=self._sizes_of_goods(grown))

    def solve(self, start: Sequence[float], sizes: Sequence[float] | None = None) -> Point:
        """From a start to an optimum, rescaled by what is found until the sizes fit.

        The sizes to begin with are those of the start, unless they are known better.
        """
        x, first = self._first(start, sizes)
        scales = first
        point = self._run_solver(self._exact, x, scales)
        for _ in range(_ROUNDS):
            better = self.scales(point.x, NOTHING * first.variables)
            change = np.maximum(better.variables / scales.variables, scales.variables / better.variables)
            value = max(better.value / scales.value, scales.value / better.value)
            if not np.all(np.isfinite(point.x)) or (point.solved and max(*change, value) < _WELL_SCALED):
                break
            scales = better
            point = self._run_solver(self._exact, point.x, scales)
        return self._finished(point, first)

    def _sizes_of_goods(self, sizes: np.ndarray) -> np.ndarray:
        """Every trade and use as large as the largest of its good: beside that one it may be nothing."""
        goods: dict[str, list[int]] = {}
        for i, variable in enumerate(self._programme.variables):
            if variable.kind != "bend":
                goods.setdefault(variable.good, []).append(i)
        sizes = sizes.copy()
        for indices in goods.values():
            sizes[indices] = sizes[indices].max()
        return sizes

    def scales(self, x: np.ndarray, least: np.ndarray) -> Scales:
        """The size of everything at a point; no variable's is below `least`."""
        size = np.where(np.isfinite(x) & (x != 0), np.maximum(np.abs(x), least), least)
        size = np.where(size > 0, size, 1.0)
        plain = Scales(np.ones(len(x)), np.ones(len(self._programme.constraints)), 1.0)
        rows, columns = self.slope_places
        slopes = np.abs(self.slopes(x, plain))
        terms = np.where(np.isfinite(slopes), slopes, 0.0)
        terms = terms * np.where(self._is_counted, size[columns], np.abs(x[columns]))
        constraints = np.zeros(len(self._programme.constraints))
        np.maximum.at(constraints, rows, terms)
        constraints = np.where(constraints > 0, constraints, 1.0)
        gradient = np.nan_to_num(self.pulls(x, np.zeros(len(constraints)), plain), posinf=0.0, neginf=0.0)
        value = float(np.max(np.abs(gradient * size), initial=0.0))
        return Scales(size, constraints, value if np.isfinite(value) and value > 0 else 1.0)

    def _run_solver(self, solver: Any, x: np.ndarray, scales: Scales) -> Point:
        upper = np.minimum(self._upper / scales.variables, FAR)
        lower = np.where(self._is_bend, -FAR, 0.0)
        result = solver(
            x0=np.clip(x / scales.variables, lower, upper),
            p=scales.parameters(TIE),
            lbx=lower,
            ubx=upper,
            lbg=0.0,
            ubg=np.inf,
        )
        return Point(
            status=solver.stats()["return_status"],
            x=_flat(result["x"]) * scales.variables,
            multipliers=-_flat(result["lam_g"]) * scales.multipliers,
            scales=scales,
            first=scales.variables,
            sizes=scales.variables,
        )

    def shortfalls(self, start: Sequence[float], elastic: Sequence[bool]) -> Shortfalls | None:
        """The least that the `elastic` constraints must give for all to hold; None if that is not enough."""
        x = np.array(start, dtype=float)
        scales = self.scales(x, np.zeros(len(x)))
        count = len(self._programme.constraints)
        upper = np.minimum(self._upper / scales.variables, FAR)
        lower = np.where(self._is_bend, -FAR, 0.0)
        for options in (_EXACT, _ROUGH):
            solver = self._elastic(options)
            result = solver(
                x0=np.concatenate([np.clip(x / scales.variables, lower, upper), np.ones(count)]),
                p=scales.parameters(TIE),
                lbx=np.concatenate([lower, np.zeros(count)]),
                ubx=np.concatenate([upper, np.where(elastic, np.inf, 0.0)]),
                lbg=0.0,
                ubg=np.inf,
            )
            if solver.stats()["return_status"] in ("Solve_Succeeded", "Solved_To_Acceptable_Level"):
                relative, short = np.split(_flat(result["x"]), [len(x)])
                weights = -_flat(result["lam_g"])
                room = self._most_room(relative, weights, scales, (lower, upper))
                return Shortfalls(short * scales.constraints, room < -_CERTAIN)
        return None

    def _most_room(
        self, u: np.ndarray, weights: np.ndarray, scales: Scales, bounds: tuple[np.ndarray, np.ndarray]
    ) -> float:
        """More than all constraints together, so weighted, have room anywhere, if functions are concave.

        Concave functions are nowhere above their slopes at a point: by these no quantity is too far that is
        within bounds, or else within so many times its size.
        """
        lower, upper = bounds
        x = u * scales.variables
        slopes = np.nan_to_num(self.jacobian(x, scales).transposed_times(weights))
        farthest = np.where(slopes > 0, np.minimum(upper, _WIDE * (1 + np.abs(u))), lower)
        farthest = np.where(lower < 0, np.where(slopes > 0, 1, -1) * _WIDE * (1 + np.abs(u)), farthest)
        return float(weights @ self.slacks(x, scales) + slopes @ (farthest - u))

    def _elastic(self, options: dict[str, Any]) -> Any:
        """The solver of how little the constraints must give."""
        short = casadi.MX.sym("short", len(self._programme.constraints))
        problem = {
            "x": casadi.vertcat(self._problem["x"], short),
            "p": self._problem["p"],
            "f": casadi.sum1(short) + self._problem["p"][-1] * casadi.sumsqr(self._problem["x"]),
            "g": self._problem["g"] + short,
        }
        return casadi.nlpsol("shortfalls", "ipopt", problem, self._options | options)


class _Iterations(casadi.Callback):
    """Says how far IPOPT is; CasADi asks for its shape by these names."""

    def __init__(self, variables: int, constraints: int, parameters: int) -> None:
        casadi.Callback.__init__(self)
        self._sizes = {
            "x": variables,
            "f": 1,
            "g": constraints,
            "lam_x": variables,
            "lam_g": constraints,
            "lam_p": parameters,
        }
        self._count = 0
        self.construct("iterations", {})

    def get_n_in(self) -> int:
        return int(casadi.nlpsol_n_out())

    def get_n_out(self) -> int:
        return 1

    def get_sparsity_in(self, index: int) -> Any:
        return casadi.Sparsity.dense(self._sizes[casadi.nlpsol_out(index)])

    def eval(self, _: Any) -> list[int]:
        self._count += 1
        progress.report(f"solving the market, iteration {self._count}")
        return [0]


def _flat(column: Any) -> np.ndarray:
    flat: np.ndarray = np.array(column).ravel()
    return flat


def _places(sparsity: Any) -> tuple[np.ndarray, np.ndarray]:
    """The rows and columns of the entries of a sparse matrix."""
    rows, columns = sparsity.get_triplet()
    return np.array(rows, dtype=int), np.array(columns, dtype=int)
