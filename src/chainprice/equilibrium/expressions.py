"""Formulas and price curves as CasADi expressions, whose derivatives CasADi finds by its own rules."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from functools import cache, partial
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import casadi
import numpy as np

from chainprice.arithmetic import digits
from chainprice.equilibrium.programme import Curve, Piece, Programme
from chainprice.equilibrium.start import constant
from chainprice.errors import Problem, UndefinedError
from chainprice.formula import Formula, Functions
from chainprice.terms import slot_name
from chainprice.value import PriceCurve

_NODES = 40
"""Points of the Gauss-Legendre rule, for price curves without a written antiderivative."""

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


@cache
def _probes() -> tuple[Decimal, ...]:
    """Quantities at which the branch of a bent price curve is looked up."""
    return tuple(Decimal(10) ** (Decimal(step) / 32) for step in range(-32 * 6, 32 * 10))


class TotalValue:
    """Total value W of a programme, for the quantities traded as expressions, by variable."""

    def __init__(self, programme: Programme, x: Mapping[int, Any]) -> None:
        self._programme, self._x = programme, x
        parts = (curve.sign * self._integral(curve) for curve in programme.curves)
        self.expression = sum(parts, casadi.SX(0))

    def _integral(self, curve: Curve) -> Any:
        """The integral of a price curve, branch by branch."""
        x = self._x[curve.variable]
        if curve.variable not in curve.piece.slots:
            return self._run(curve.piece) * x
        prices = PriceCurve(curve.piece.formula, self._programme.spec.parameters)
        with digits(_CURVE_DIGITS), self._defined(curve):
            bends = prices.bends_between(_probes()) if curve.piece.formula.shape.kinked else []
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
        smooth = replace(curve.piece, formula=curve.piece.formula._replace(shape=shape))
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
        slots = {slot_name(i): value for i, value in enumerate(values)}
        names = [slots[name] if name in slots else casadi.SX(constant(name)) for name in whole.names]
        return whole.shape.run(CASADI, names, [CASADI["number"](number) for number in whole.numbers])

    def _values(self, piece: Piece, at: Mapping[int, Any] = MappingProxyType({})) -> list[Any]:
        entries = {slot: at.get(slot, self._x[slot]) for slot in piece.slots if isinstance(slot, int)}
        return piece.values(entries, lambda value: casadi.SX(constant(value)))

    def _run(self, piece: Piece, at: Mapping[int, Any] = MappingProxyType({})) -> Any:
        numbers = [CASADI["number"](number) for number in piece.formula.numbers]
        return piece.formula.shape.run(CASADI, self._values(piece, at), numbers)
