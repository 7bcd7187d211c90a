"""The programme as CasADi expressions, whose derivatives CasADi finds by its own rules."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from functools import partial
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import casadi
import numpy as np

from chainprice import differentiation
from chainprice.arithmetic import digits
from chainprice.equilibrium.programme import Constant, Curve, Piece, Programme
from chainprice.equilibrium.start import constant
from chainprice.errors import Problem, UndefinedError
from chainprice.formula import Formula, Functions, Shape
from chainprice.value import PriceCurve

_NODES = 40
"""Points of the Gauss-Legendre rule, for price curves without a written antiderivative."""

_PROBES = tuple(Decimal(10) ** (Decimal(step) / 32) for step in range(-32 * 6, 32 * 10))
"""Quantities at which the branch of a bent price curve is looked up."""

_CURVE_DIGITS = 20

CASADI: Functions = {
    "number": lambda number: casadi.SX(float(number)),
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "pow": lambda a, b: a**b,
    "neg": operator.neg,
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


class Expressions:
    """Total value W(x) and the slacks c(x) of a programme, for a column x of expressions."""

    def __init__(self, programme: Programme, x: Any) -> None:
        self._programme, self._x = programme, x
        self.value = self._total_value()
        self.slacks = casadi.vertcat(self._balances(), self._arguments())

    def _total_value(self) -> Any:
        return sum((curve.sign * self._integral(curve) for curve in self._programme.curves), casadi.SX(0))

    def _integral(self, curve: Curve) -> Any:
        """The integral of a price curve, branch by branch."""
        x = self._x[curve.variable]
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
        values += [CASADI["number"](number) for number in curve.piece.formula.numbers]
        slots = {differentiation.slot_name(i): value for i, value in enumerate(values)}
        names = [slots[name] if name in slots else casadi.SX(constant(name)) for name in whole.names]
        return whole.shape.run(CASADI, names, [CASADI["number"](number) for number in whole.numbers])

    def _values(self, piece: Piece, at: Mapping[int, Any] = MappingProxyType({})) -> list[Any]:
        entries = {slot: at.get(slot, self._x[slot]) for slot in piece.slots if isinstance(slot, int)}
        return piece.values(entries, lambda value: casadi.SX(constant(value)))

    def _run(self, piece: Piece, at: Mapping[int, Any] = MappingProxyType({})) -> Any:
        numbers = [CASADI["number"](number) for number in piece.formula.numbers]
        return piece.formula.shape.run(CASADI, self._values(piece, at), numbers)

    def _run_all(self, pieces: Sequence[Piece]) -> Any:
        """The column of all pieces' values; those of one shape are run together."""
        by_shape: dict[Shape, list[int]] = {}
        for index, piece in enumerate(pieces):
            by_shape.setdefault(piece.formula.shape, []).append(index)
        columns = [self._run_shape(shape, [pieces[i] for i in rows]) for shape, rows in by_shape.items()]
        order = np.argsort([index for rows in by_shape.values() for index in rows], kind="stable")
        return casadi.vertcat(*columns)[order.tolist()] if columns else casadi.SX(0, 1)

    def _run_shape(self, shape: Shape, pieces: Sequence[Piece]) -> Any:
        slots = zip(*(piece.slots for piece in pieces), strict=True)
        numbers = zip(*(piece.formula.numbers for piece in pieces), strict=True)
        constants = [casadi.SX(casadi.DM([float(number) for number in column])) for column in numbers]
        return shape.run(CASADI, [self._column(column) for column in slots], constants)

    def _column(self, slots: Sequence[int | Constant]) -> Any:
        indices = [slot for slot in slots if isinstance(slot, int)]
        if len(indices) == len(slots):
            return self._x[indices]
        return casadi.vertcat(
            *(self._x[slot] if isinstance(slot, int) else casadi.SX(constant(slot)) for slot in slots)
        )

    def _balances(self) -> Any:
        """coefficient * (supplied + bought + made) - delivered - uses, of each balance."""
        programme = self._programme
        makers: dict[str, list[int]] = {}
        for index, production in enumerate(programme.productions):
            makers.setdefault(production.output, []).append(index)
        made, used, fixed = _Entries(), _Entries(), []
        for j, balance in enumerate(programme.balances):
            factor = 1.0 if balance.coefficient is None else constant(balance.coefficient)
            given = float(programme.gifts.get(balance.good, 0))
            if balance.good in programme.endowments:
                given += constant(programme.endowments[balance.good])
            delivered = 0.0 if balance.delivered is None else constant(balance.delivered)
            fixed.append(factor * given - delivered)
            for index in makers.get(balance.good, ()):
                made.add(j, index, factor)
            if balance.good in programme.purchases:
                used.add(j, programme.purchases[balance.good], factor)
            for index in balance.uses:
                used.add(j, index, -1.0)
        outputs = self._run_all([production.piece for production in programme.productions])
        return (
            casadi.SX(casadi.DM(fixed))
            + casadi.mtimes(made.matrix(len(fixed), len(programme.productions)), outputs)
            + casadi.mtimes(used.matrix(len(fixed), len(programme.variables)), self._x)
        )

    def _arguments(self) -> Any:
        """side * (argument - bend), of each argument of a bend."""
        arguments = self._programme.arguments
        if not arguments:
            return casadi.SX(0, 1)
        sides = casadi.DM([argument.side for argument in arguments])
        values = self._run_all([argument.piece for argument in arguments])
        return sides * (values - self._x[[argument.bend for argument in arguments]])


class _Entries:
    """The entries of a sparse matrix; those in one place are added up."""

    def __init__(self) -> None:
        self._rows: list[int] = []
        self._columns: list[int] = []
        self._values: list[float] = []

    def add(self, row: int, column: int, value: float) -> None:
        self._rows.append(row)
        self._columns.append(column)
        self._values.append(value)

    def matrix(self, rows: int, columns: int) -> Any:
        return casadi.DM.triplet(self._rows, self._columns, casadi.DM(self._values), rows, columns)
