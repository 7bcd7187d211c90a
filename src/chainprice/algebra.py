"""Shapes as sympy's expressions, and what sympy makes of them.

sympy never sees a user's name (`E`, `I` or `S` would not be symbols to it): name slot 3 of a shape is
the symbol `x3`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any

from chainprice import limits
from chainprice.errors import UndefinedError
from chainprice.formula import Functions, Shape
from chainprice.terms import Forms, Sum, slot_name


class Expression:
    """A sympy expression in which the bases of some powers stand under a symbol of their own.

    sympy turns (x/15)**0.13 into x**0.13*3**0.87*5**0.87/15 and the like. Under a symbol the base
    stays as it was written, in the derivative too. `bases` has each such symbol's base, in the
    order in which they were made; a base may contain earlier symbols.
    """

    def __init__(self, root: Any, bases: Mapping[Any, Any], opened: frozenset[Any]) -> None:
        self._root, self._bases = root, bases
        self._forms = Forms(opened, bases)

    def derivative(self, slot: int) -> Sum:
        """The derivative by the symbol of a slot."""
        return self._forms.form(self._derivative(self._root, symbol(slot)))

    def _derivative(self, expression: Any, symbol: Any) -> Any:
        """That of a part of it, through the bases by the chain rule."""
        through = (
            diff(expression, name) * self._derivative(base, symbol)
            for name, base in self._bases.items()
            if expression.has(name)
        )
        return sum(through, diff(expression, symbol))

    def has_far_powers(self) -> bool:
        """Whether sympy would write out endless digits, or terms, if it took all powers apart."""
        import sympy

        powers = [power for part in (self._root, *self._bases.values()) for power in part.atoms(sympy.Pow)]
        return any(
            power.exp.is_Rational and abs(power.exp) > (_FAR_OF_SUM if power.base.is_Add else _FAR)
            for power in powers
        )

    def whole(self) -> Any:
        """The expression with all bases back in their place."""
        whole = self._root
        for name, base in reversed(list(self._bases.items())):
            whole = whole.xreplace({name: base})
        return whole


_FAR, _FAR_OF_SUM = 10_000, 100
"""Exponents from which on powers, and those of sums, are left as they are written."""


def diff(expression: Any, symbol: Any) -> Any:
    """sympy's derivative; constant factors first, for its product rule takes the square of their number."""
    if expression.is_Mul:
        constant, rest = expression.as_independent(symbol, as_Add=False)
        return constant * rest.diff(symbol)
    return expression.diff(symbol)


def expression_of(
    shape: Shape, settled: tuple[tuple[int, Fraction | str], ...], opened: frozenset[int]
) -> Expression:
    """The shape as a sympy expression with some slots settled and some left open."""
    bases: dict[Any, Any] = {}
    symbols = [open_symbol(i) if i in opened else symbol(i) for i in range(shape.names + shape.numbers)]
    of_opened = frozenset(symbols[slot] for slot in opened)
    functions = sympy_functions(bases, of_opened)
    for slot, value in settled:
        symbols[slot] = functions["constant"](value)
    root = shape.run(functions, symbols[: shape.names], symbols[shape.names :])
    return Expression(root, bases, of_opened)


def _identity(symbol: Any) -> Any:
    return symbol


@lru_cache(maxsize=65_536)
def symbol(slot: int) -> Any:
    """One symbol for each slot: sympy takes symbols of one name but other assumptions as others."""
    import sympy

    return sympy.Symbol(slot_name(slot))


@lru_cache(maxsize=65_536)
def open_symbol(slot: int) -> Any:
    """The symbol of a number that is left open."""
    import sympy

    return sympy.Symbol(slot_name(slot), positive=True)


def sympy_functions(bases: dict[Any, Any], opened: frozenset[Any] = frozenset()) -> Functions:
    """The arithmetic of `Shape.run` in sympy expressions; `bases` collects the bases put aside."""
    import sympy

    def has_many_digits(base: Any, exponent: Any) -> bool:
        """Whether a power of a fraction has too many digits to be worked out."""
        bits = (max(abs(base.p), base.q) - 1).bit_length()
        return bool(exponent.is_Rational) and bits * abs(exponent) > limits.NUMBER_EXPONENT * 4

    def put_aside(base: Any, exponent: Any) -> Any:
        """The base, or a symbol for it where sympy would take its constant factor apart."""
        factor, rest = base.as_coeff_Mul()
        is_number = exponent.is_Rational or exponent in opened or -exponent in opened
        if rest == 1 or factor == 1 or not is_number:
            return base
        if not has_many_digits(factor, exponent) and (factor**exponent).is_Rational:
            return base
        known = next((name for name, other in bases.items() if other == base), None)
        if known is None:
            known = sympy.Symbol(f"base{len(bases)}")
            bases[known] = base
        return known

    def power(base: Any, exponent: Any) -> Any:
        if (
            base.is_Rational
            and exponent.is_Integer
            and base not in (0, 1, -1)
            and has_many_digits(base, exponent)
        ):
            raise UndefinedError(f"the constant {base}^{exponent} is beyond 1e±{limits.NUMBER_EXPONENT}")
        return put_aside(base, exponent) ** exponent

    def constant(value: Fraction | str) -> Any:
        if isinstance(value, Fraction):
            return sympy.Rational(value.numerator, value.denominator)
        return sympy.pi if value == "pi" else sympy.E

    class tanh(sympy.tanh):  # type: ignore[misc]  # noqa: N801 - the printed name
        """Its slope as 1/cosh**2: sympy's 1 - tanh**2 loses all digits where tanh is nearly 1."""

        def fdiff(self, argindex: int = 1) -> Any:  # noqa: ARG002
            return 1 / sympy.cosh(self.args[0]) ** 2

    functions: dict[str, Callable[..., Any]] = {
        "number": _identity,
        "constant": constant,
        "add": sympy.Add,
        "sub": lambda a, b: a - b,
        "mul": sympy.Mul,
        "div": lambda a, b: a / b,
        "pow": power,
        "neg": lambda a: -a,
        "mean": lambda *values: sympy.Add(*values) / len(values),
        "sqrt": lambda a: power(a, sympy.S.Half),
        "ln": sympy.log,
        "log": sympy.log,
    }
    same = ("exp", "erf", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh")
    functions["tanh"] = tanh
    return functions | {name: getattr(sympy, name) for name in same}
