"""The programme solved by IPOPT, with CasADi's exact derivatives: the optimum in doubles.

Its multipliers come from CasADi's rules and not from sympy's: a second opinion on the prices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from itertools import pairwise
from typing import Any

import casadi
import numpy as np

from chainprice import differentiation
from chainprice.arithmetic import digits
from chainprice.equilibrium.programme import Argument, Balance, Curve, Programme
from chainprice.equilibrium.start import constant
from chainprice.errors import Problem, UndefinedError
from chainprice.formula import Formula, Functions
from chainprice.value import PriceCurve

FAR = 1e12
"""How many times its expected size a quantity may grow before the market counts as unbounded."""

_NODES = 40
"""Points of the Gauss-Legendre rule, for price curves without a written antiderivative."""

_PROBES = tuple(Decimal(10) ** (Decimal(step) / 32) for step in range(-32 * 6, 32 * 10))
"""Quantities at which the branch of a bent price curve is looked up."""

_CURVE_DIGITS = 20
_ROUNDS = 4
_WELL_SCALED = 10.0

NOTHING = 1e-9
"""What is smaller than this part of its expected size is as good as nothing."""

_TIE = 1e-12
"""The weight of the square of all quantities: among equally good points, the solver goes to a near one."""

OPTIONS: dict[str, Any] = {
    "print_time": False,
    "ipopt.print_level": 0,
    "ipopt.sb": "yes",
    "ipopt.tol": 1e-10,
    "ipopt.dual_inf_tol": 1e-8,
    "ipopt.constr_viol_tol": 1e-10,
    "ipopt.compl_inf_tol": 1e-10,
    "ipopt.acceptable_tol": 1e-8,
    "ipopt.bound_relax_factor": 0.0,
    "ipopt.nlp_scaling_method": "none",
    "ipopt.max_iter": 1000,
    "error_on_fail": False,
    "show_eval_warnings": False,
    "calc_lam_p": False,
}

CASADI: Functions = {
    "number": lambda number: casadi.SX(float(number)),
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "pow": lambda a, b: a**b,
    "neg": lambda a: -a,
    "mean": lambda *values: sum(values, casadi.SX(0)) / len(values),
    "abs": casadi.fabs,
    "min": lambda *values: _fold(casadi.fmin, values),
    "max": lambda *values: _fold(casadi.fmax, values),
    "ln": casadi.log,
    "log": lambda a, base=None: casadi.log(a) if base is None else casadi.log(a) / casadi.log(base),
    **{name: getattr(casadi, name) for name in ("exp", "sqrt", "erf", "sin", "cos", "tan")},
    **{name: getattr(casadi, name) for name in ("asin", "acos", "atan", "sinh", "cosh", "tanh")},
}
"""The arithmetic of formulas in CasADi expressions."""


def _fold(function: Any, values: Sequence[Any]) -> Any:
    result = values[0]
    for value in values[1:]:
        result = function(result, value)
    return result


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


@dataclass(frozen=True, slots=True)
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


class Nlp:
    """A programme in CasADi, with its size as a parameter."""

    def __init__(self, programme: Programme) -> None:
        self._programme = programme
        count = len(programme.variables)
        x = casadi.SX.sym("x", count)
        self._entries = [x[i] for i in range(count)]
        value = self._total_value()
        slacks = casadi.vertcat(*self._slacks()) if programme.constraints else casadi.SX(0, 1)
        multipliers = casadi.SX.sym("l", slacks.numel())
        lagrangian = value + casadi.dot(multipliers, slacks)
        self.terms = casadi.Function("terms", [x], [value, slacks])
        self.hessian = casadi.Function("hessian", [x, multipliers], [casadi.hessian(lagrangian, x)[0]])
        self.jacobian = casadi.Function("jacobian", [x], [casadi.jacobian(slacks, x)])
        self.gradient = casadi.Function("gradient", [x], [casadi.gradient(value, x)])
        self._upper = np.array(
            [np.inf if v.upper is None else constant(v.upper) for v in programme.variables]
        )
        self._is_linear = self._linear()
        self._is_bend = np.array([v.kind == "bend" for v in programme.variables], dtype=bool)
        self._solver = self._scaled(x, value, slacks)

    def _linear(self) -> np.ndarray:
        """Where a constraint counts units of a variable: uses and purchases in balances, bends."""
        programme = self._programme
        mask = np.zeros((len(programme.constraints), len(programme.variables)), dtype=bool)
        for j, constraint in enumerate(programme.constraints):
            if isinstance(constraint, Argument):
                mask[j, constraint.bend] = True
            else:
                mask[j, list(constraint.uses)] = True
                if constraint.good in programme.purchases:
                    mask[j, programme.purchases[constraint.good]] = True
        return mask

    def _scaled(self, x: Any, value: Any, slacks: Any, *, elastic: bool = False) -> Any:
        """The solver in relative variables; with `elastic`, of how little the constraints must give."""
        u, p = casadi.SX.sym("u", x.numel()), casadi.SX.sym("p", x.numel() + slacks.numel() + 1)
        sizes_x, sizes_c, size_w = casadi.vertsplit(p, [0, x.numel(), x.numel() + slacks.numel(), p.numel()])
        w, c = casadi.substitute([value, slacks], [x], [u * sizes_x])
        problem = {"x": u, "p": p, "f": -w / size_w + _TIE * casadi.sumsqr(u), "g": c / sizes_c}
        if elastic:
            short = casadi.SX.sym("short", slacks.numel())
            problem = {
                "x": casadi.vertcat(u, short),
                "p": p,
                "f": casadi.sum1(short),
                "g": c / sizes_c + short,
            }
        return casadi.nlpsol("market", "ipopt", problem, OPTIONS)

    def _total_value(self) -> Any:
        return sum((curve.sign * self._integral(curve) for curve in self._programme.curves), casadi.SX(0))

    def _integral(self, curve: Curve) -> Any:
        """The integral of a price curve, branch by branch."""
        x = self._entries[curve.variable]
        if curve.variable not in curve.piece.slots:
            return self._run(curve.piece) * x
        prices = PriceCurve(curve.piece.formula, self._programme.spec.parameters)
        with digits(_CURVE_DIGITS), self._defined(curve):
            bends = prices.bends_between(_PROBES) if curve.piece.formula.shape.kinked else []
            ends = [Decimal(0), *bends]
            middles = [(a + b) / 2 for a, b in pairwise(ends)] + [2 * ends[-1] + 1]
            branches = [self._branch(curve, prices, middle) for middle in middles]
        total = casadi.SX(0)
        for low, high, integral in zip(ends, [*bends, None], branches, strict=True):
            end = x if high is None else casadi.fmin(x, float(high))
            if low:
                total += integral(casadi.fmax(end, float(low))) - integral(casadi.SX(float(low)))
            else:
                total += integral(end)
        return total

    @contextmanager
    def _defined(self, curve: Curve) -> Iterator[None]:
        """Raise UndefinedError, with the place, where a bent price curve has no value."""
        try:
            yield
        except ArithmeticError:
            message = f"the price '{curve.piece.formula}' of '{curve.good}' is not defined all along q"
            place = self._programme.spec.place(curve.section, curve.good, "price")
            raise UndefinedError(Problem(message, place, "write steps with min and max")) from None

    def _branch(self, curve: Curve, prices: PriceCurve, middle: Decimal) -> Callable[[Any], Any]:
        """An integral of one branch of a price, as a function of its end: exact where sympy has one."""
        whole = prices.antiderivative(middle)
        if whole is not None:
            return partial(self._at, whole, curve)
        shape = prices.shape(middle)
        smooth = replace(curve.piece, formula=replace(curve.piece.formula, shape=shape))
        nodes, weights = np.polynomial.legendre.leggauss(_NODES)

        def integral(end: Any) -> Any:
            at = (
                weight / 2 * self._run(smooth, {curve.variable: end * (node + 1) / 2})
                for node, weight in zip(nodes, weights, strict=True)
            )
            return end * sum(at, casadi.SX(0))

        return integral

    def _at(self, whole: Formula, curve: Curve, q: Any) -> Any:
        """A formula in slot names, with q for the quantity traded."""
        values = self._values(curve.piece, {curve.variable: q})
        slots = {differentiation.slot_name(i): value for i, value in enumerate(values)}
        names = [slots[name] if name in slots else casadi.SX(constant(name)) for name in whole.names]
        return whole.shape.run(CASADI, names, [CASADI["number"](number) for number in whole.numbers])

    def _values(self, piece: Any, at: dict[int, Any] | None = None) -> list[Any]:
        entries = self._entries
        if at:
            entries = [at.get(index, entry) for index, entry in enumerate(entries)]
        return list(piece.values(entries, lambda value: casadi.SX(constant(value))))

    def _run(self, piece: Any, at: dict[int, Any] | None = None) -> Any:
        numbers = [CASADI["number"](number) for number in piece.formula.numbers]
        return piece.formula.shape.run(CASADI, self._values(piece, at), numbers)

    def _slacks(self) -> list[Any]:
        programme = self._programme
        available = {
            good: casadi.SX(float(programme.gifts.get(good, 0)))
            + (constant(programme.endowments[good]) if good in programme.endowments else 0.0)
            for good in programme.network.goods
        }
        for good, index in programme.purchases.items():
            available[good] += self._entries[index]
        for production in programme.productions:
            available[production.output] += self._run(production.piece)
        return [self._slack(constraint, available) for constraint in programme.constraints]

    def _slack(self, constraint: Balance | Argument, available: dict[str, Any]) -> Any:
        if isinstance(constraint, Argument):
            return constraint.side * (self._run(constraint.piece) - self._entries[constraint.bend])
        there = available[constraint.good]
        if constraint.coefficient is not None:
            there = constant(constraint.coefficient) * there
        if constraint.delivered is not None:
            there = there - constant(constraint.delivered)
        return there - sum((self._entries[index] for index in constraint.uses), casadi.SX(0))

    # Solving.

    def solve(self, start: Sequence[float], sizes: Sequence[float] | None = None) -> Point:
        """From a start to an optimum, rescaled by what is found until the sizes fit.

        The sizes to begin with are those of the start, unless they are known better.
        """
        x = np.array(start, dtype=float)
        first = scales = self.scales(x, np.zeros(len(x)) if sizes is None else np.array(sizes))
        point = self._run_solver(x, scales)
        for _ in range(_ROUNDS):
            better = self.scales(point.x, NOTHING * first.variables)
            change = np.maximum(better.variables / scales.variables, scales.variables / better.variables)
            value = max(better.value / scales.value, scales.value / better.value)
            if not np.all(np.isfinite(point.x)) or (point.solved and max(*change, value) < _WELL_SCALED):
                break
            scales = better
            point = self._run_solver(point.x, scales)
        grown = np.maximum(first.variables, np.abs(point.x))
        return replace(point, first=first.variables, sizes=self._sizes_of_goods(grown))

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
        jacobian = (
            np.abs(np.array(self.jacobian(x))) if self._programme.constraints else np.zeros((0, len(x)))
        )
        jacobian = np.where(np.isfinite(jacobian), jacobian, 0.0)
        terms = np.where(self._is_linear, jacobian * size, jacobian * np.abs(x))
        constraints = terms.max(axis=1, initial=0.0)
        constraints = np.where(constraints > 0, constraints, 1.0)
        gradient = np.nan_to_num(np.array(self.gradient(x)).ravel(), posinf=0.0, neginf=0.0)
        value = float(np.max(np.abs(gradient * size), initial=0.0))
        return Scales(size, constraints, value if np.isfinite(value) and value > 0 else 1.0)

    def _run_solver(self, x: np.ndarray, scales: Scales) -> Point:
        upper = np.minimum(self._upper / scales.variables, FAR)
        lower = np.where(self._is_bend, -FAR, 0.0)
        result = self._solver(
            x0=np.clip(x / scales.variables, lower, upper),
            p=np.concatenate([scales.variables, scales.constraints, [scales.value]]),
            lbx=lower,
            ubx=upper,
            lbg=0.0,
            ubg=np.inf,
        )
        return Point(
            status=self._solver.stats()["return_status"],
            x=np.array(result["x"]).ravel() * scales.variables,
            multipliers=-np.array(result["lam_g"]).ravel() * scales.multipliers,
            scales=scales,
            first=scales.variables,
            sizes=scales.variables,
        )

    def shortfalls(self, start: Sequence[float], elastic: Sequence[bool]) -> np.ndarray | None:
        """The least that the `elastic` constraints must give for all to hold; None if that is not enough."""
        x = np.array(start, dtype=float)
        scales = self.scales(x, np.zeros(len(x)))
        symbols = casadi.SX.sym("x", len(x))
        value, slacks = self.terms(symbols)
        solver = self._scaled(symbols, value, slacks, elastic=True)
        count = len(self._programme.constraints)
        upper = np.minimum(self._upper / scales.variables, FAR)
        lower = np.where(self._is_bend, -FAR, 0.0)
        result = solver(
            x0=np.concatenate([np.clip(x / scales.variables, lower, upper), np.ones(count)]),
            p=np.concatenate([scales.variables, scales.constraints, [scales.value]]),
            lbx=np.concatenate([lower, np.zeros(count)]),
            ubx=np.concatenate([upper, np.where(elastic, np.inf, 0.0)]),
            lbg=0.0,
            ubg=np.inf,
        )
        if solver.stats()["return_status"] not in ("Solve_Succeeded", "Solved_To_Acceptable_Level"):
            return None
        short: np.ndarray = np.array(result["x"]).ravel()[len(x) :] * scales.constraints
        return short
