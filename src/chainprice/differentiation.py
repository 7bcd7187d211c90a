"""Calculus by sympy: shapes in, derivative formulas out. Each distinct shape is differentiated once.

sympy never sees a user's name (`E`, `I` or `S` would not be symbols to it): name slot 3 of a shape is
the symbol `x3`. What sympy finds is printed as a formula of our own language and read back through
the same whitelist as any other, so that one kind of formula is all that is ever evaluated or shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache, lru_cache
from typing import Any

from chainprice import limits
from chainprice.arithmetic import CONSTANTS
from chainprice.errors import UndefinedError
from chainprice.formula import Formula, FormulaError, Functions, Shape, read

_SLOT = re.compile(r"\bx(\d+)\b")


@dataclass(frozen=True, slots=True)
class Bound:
    """A shape whose constants are filled in; the other name slots are variables.

    `constants` has (slot, value) for each constant name slot: a fraction, or "pi" or "e".
    """

    shape: Shape
    numbers: tuple[Decimal, ...]
    constants: tuple[tuple[int, Fraction | str], ...] = ()


def slot_name(slot: int) -> str:
    """The name of a name slot in derivative formulas."""
    return f"x{slot}"


def with_names(formula: Formula, names: tuple[str, ...]) -> str:
    """A derivative formula's text with the slots' names in it."""
    return _SLOT.sub(lambda match: names[int(match.group(1))], formula.text)


@lru_cache(maxsize=65_536)
def derivative(bound: Bound, slot: int) -> Formula:
    """The partial derivative of a smooth shape by one of its name slots.

    Raises UndefinedError if a constant part of it has no real value that can be written down.
    """
    try:
        return _formula(_expression(bound).diff(_symbol(slot)), bound)
    except FormulaError as error:
        raise UndefinedError(f"the derivative has no real value: {error}") from None


@lru_cache(maxsize=1024)
def antiderivative(bound: Bound, slot: int) -> Formula | None:
    """An antiderivative by one of the name slots, or None if sympy finds none in our language."""
    import sympy
    from sympy.integrals.manualintegrate import manualintegrate

    result = manualintegrate(_expression(bound), _symbol(slot))
    if result.has(sympy.Integral, sympy.Piecewise):
        return None
    try:
        return _formula(result, bound)
    except FormulaError:  # a special function that our language does not have
        return None


@lru_cache(maxsize=4096)
def _expression(bound: Bound) -> Any:
    """The shape as a sympy expression."""
    functions = _sympy_functions()
    names = [_symbol(slot) for slot in range(bound.shape.names)]
    for slot, value in bound.constants:
        names[slot] = functions["constant"](value)
    numbers = [functions["number"](number) for number in bound.numbers]
    return bound.shape.run(functions, names, numbers)


@cache
def _symbol(slot: int) -> Any:
    """One symbol for each slot: sympy takes symbols of one name but other assumptions as others."""
    import sympy

    return sympy.Symbol(slot_name(slot))


@cache
def _sympy_functions() -> Functions:
    """The arithmetic of `Shape.run` in sympy expressions."""
    import sympy

    def power(base: Any, exponent: Any) -> Any:
        if base.is_Rational and exponent.is_Integer and base not in (0, 1, -1):
            size = max(abs(base.p), base.q).bit_length() * abs(int(exponent))
            if size > limits.NUMBER_EXPONENT * 4:
                raise UndefinedError(f"the constant {base}^{exponent} is beyond 1e±{limits.NUMBER_EXPONENT}")
        return base**exponent

    def constant(value: Fraction | str) -> Any:
        if isinstance(value, Fraction):
            return sympy.Rational(value.numerator, value.denominator)
        return sympy.pi if value == "pi" else sympy.E

    functions: dict[str, Callable[..., Any]] = {
        "number": lambda number: constant(Fraction(number)),
        "constant": constant,
        "add": sympy.Add,
        "sub": lambda a, b: a - b,
        "mul": sympy.Mul,
        "div": lambda a, b: a / b,
        "pow": power,
        "neg": lambda a: -a,
        "mean": lambda *values: sympy.Add(*values) / len(values),
        "ln": sympy.log,
        "log": sympy.log,
    }
    same = ("exp", "sqrt", "erf", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh")
    return functions | {name: getattr(sympy, name) for name in same}


def _formula(expression: Any, bound: Bound) -> Formula:
    """A sympy expression as a formula; decimals stay decimals where the original has some."""
    decimal = any(number % 1 != 0 for number in bound.numbers) or any(
        isinstance(value, Fraction) and value.denominator > 1 for _, value in bound.constants
    )
    formula = read(_printer(decimal).doprint(expression))
    for name in formula.names:
        if name not in CONSTANTS and not _SLOT.fullmatch(name):
            raise FormulaError(f"'{name}' is no number")  # sympy's I, zoo or nan
    return formula


@cache
def _printer(decimal: bool) -> Any:
    """Prints sympy expressions in our language, as a person would write them."""
    import sympy
    from sympy.printing.precedence import PRECEDENCE
    from sympy.printing.str import StrPrinter

    class Printer(StrPrinter):  # type: ignore[misc,no-any-unimported]
        """Python's own way of writing, save for `ln`, `e`, powers and decimals."""

        def _print_log(self, expression: Any) -> str:
            return f"ln({self._print(expression.args[0])})"

        def _print_Exp1(self, _: Any) -> str:  # noqa: N802
            return "exp(1)"

        def _print_Rational(self, value: Any) -> str:  # noqa: N802
            return _decimal_text(value) or f"{value.p}/{value.q}"

        def _print_Mul(self, expression: Any) -> str:  # noqa: N802
            factor, rest = expression.as_coeff_Mul()
            text = _decimal_text(factor) if factor.is_Rational else None
            if text is None or rest == 1:
                return str(super()._print_Mul(expression))
            tail = self.parenthesize(rest, PRECEDENCE["Mul"])
            return text + (tail[1:] if tail.startswith("1/") else f"*{tail}")

        def _print_Pow(self, expression: Any, rational: bool = False) -> str:  # noqa: N802, ARG002, FBT001, FBT002
            base, exponent = expression.base, expression.exp
            if exponent.is_Rational and exponent.is_negative:
                return f"1/{self.parenthesize(base**-exponent, PRECEDENCE['Mul'])}"
            if exponent == sympy.S.Half:
                return f"sqrt({self._print(base)})"
            text = _decimal_text(exponent) if exponent.is_Rational else None
            power = text or self.parenthesize(exponent, PRECEDENCE["Pow"])
            return f"{self.parenthesize(base, PRECEDENCE['Pow'])}**{power}"

    def _decimal_text(value: Any) -> str | None:
        """A fraction as the decimal it is, if the formula is written with decimals."""
        rest = value.q
        for prime in (2, 5):
            while rest % prime == 0:
                rest //= prime
        if not decimal or value.q == 1 or rest != 1 or value == sympy.S.Half:
            return None
        exact = format(Decimal(value.p) / Decimal(value.q), "f")
        return exact if Fraction(exact) == Fraction(value.p, value.q) and len(exact) < 16 else None

    return Printer()
