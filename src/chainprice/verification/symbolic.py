"""Method 1: the composed function differentiated by sympy (MODEL.md section 5).

The chain is cut at a good, and every good downstream becomes a function of the amount at the cut.
sympy differentiates each formula through those functions; the derivative of W is what comes out at
the end. Every good in between has a name in the composed derivative, so that a good which is read
twice stands there once: the expression grows with the chain, and not with the number of ways
through it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import mpmath
from mpmath import mpf

from chainprice.formula import Functions
from chainprice.verification.composition import Composition, Production, constant, finite

DIGITS = 50

_AGREEMENT = mpf("1e-15")


@dataclass(frozen=True, slots=True)
class _Tangent:
    """The total derivative of one output: a compiled function of amounts and of their derivatives."""

    output: str
    inputs: tuple[str, ...]
    compiled: Callable[..., Any]


def derivatives(composition: Composition, base: Mapping[str, mpf], goods: Sequence[str]) -> dict[str, mpf]:
    """dW/dg for these goods, at the quantities `base`.

    Evaluated in 50 digits and again in 100: what shrinks as digits grow is a zero.
    """
    tangents = [_tangent(production) for production in composition.productions]
    coarse = {good: _derivative(composition, base, tangents, good) for good in goods}
    with mpmath.workdps(2 * mpmath.mp.dps):
        again = composition.evaluate()
        fine = {good: _derivative(composition, again, tangents, good) for good in goods}
    return {g: fine[g] if abs(coarse[g] - fine[g]) <= _AGREEMENT * abs(fine[g]) else mpf(0) for g in goods}


def _derivative(
    composition: Composition, base: Mapping[str, mpf], tangents: list[_Tangent], good: str
) -> mpf:
    """dW/dg: the composed derivative from the cut to the demands."""
    slopes = {good: mpf(1)}
    for index in composition.downstream(good):
        production, tangent = composition.productions[index], tangents[index]
        amounts = [base[name] for name in tangent.inputs]
        slope = mpmath.mpmathify(
            tangent.compiled(*amounts, *(slopes.get(name, mpf(0)) for name in tangent.inputs))
        )
        slope = finite(
            slope,
            production.formula,
            composition.values(production, base),
            partial(composition.place, production),
        )
        slopes[tangent.output] = slopes.get(tangent.output, mpf(0)) + slope
    total = mpf(0)
    for final, slope in slopes.items():
        if final in composition.spec.demand:
            share = composition.sold(final, {final: mpf(1)})
            total += composition.demand_price(final, composition.sold(final, base)) * share * slope
    return total


def _tangent(production: Production) -> _Tangent:
    """Differentiate a formula along the path on which its inputs move."""
    import sympy

    time = sympy.Symbol("t")
    inputs = tuple(production.shares)
    paths = [sympy.Function(f"path{index}")(time) for index in range(len(inputs))]
    values: dict[str, Any] = {}
    for index, (name, share) in enumerate(production.shares.items()):
        values[name] = paths[index] if share is None else _exact(constant(share)) * paths[index]
    for name in production.formula.names:
        if name not in values:
            values[name] = _exact(constant(production.parameters.get(name), name))
    slope = sympy.diff(production.formula.evaluate(_functions(), values), time)
    amounts = [sympy.Symbol(f"amount{index}") for index in range(len(inputs))]
    slopes = [sympy.Symbol(f"slope{index}") for index in range(len(inputs))]
    slope = slope.subs([(sympy.Derivative(path, time), s) for path, s in zip(paths, slopes, strict=True)])
    slope = slope.subs(list(zip(paths, amounts, strict=True)))
    compiled = sympy.lambdify([*amounts, *slopes], slope, "mpmath", cse=True)
    return _Tangent(production.output, inputs, compiled)


def _exact(value: mpf) -> Any:
    """A number with all its digits as sympy has them."""
    import sympy

    return sympy.Float(value, mpmath.mp.dps) if value != int(value) else sympy.Integer(int(value))


_LARGE = 1_000
"""Exponents from which on a power of a constant has too many digits to be written down."""


def _power(base: Any, exponent: Any) -> Any:
    """sympy takes (4*x)**n apart, and works out 4**n; with a floating-point n that has few digits."""
    import sympy

    is_large = exponent.is_Rational and abs(exponent) > _LARGE
    return base ** (sympy.Float(exponent, 2 * mpmath.mp.dps) if is_large else exponent)


def _functions() -> Functions:
    """The arithmetic of smooth formulas in sympy expressions."""
    import sympy

    named = ("exp", "sqrt", "log", "erf", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh")
    return {
        "number": lambda number: sympy.Rational(str(number)),
        "add": lambda a, b: a + b,
        "sub": lambda a, b: a - b,
        "mul": lambda a, b: a * b,
        "div": lambda a, b: a / b,
        "pow": _power,
        "neg": lambda a: -a,
        "ln": sympy.log,
        **{name: getattr(sympy, name) for name in named},
    }
