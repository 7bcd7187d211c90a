"""Calculus by sympy: shapes in, derivative formulas out. Each distinct shape is differentiated once.

sympy never sees a user's name (`E`, `I` or `S` would not be symbols to it): name slot 3 of a shape is
the symbol `x3`. What sympy finds is printed as a formula of our own language and read back through
the same whitelist as any other, so that one kind of formula is all that is ever evaluated or shown.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any

from chainprice import limits
from chainprice.arithmetic import CONSTANTS, DECIMALS
from chainprice.errors import UndefinedError
from chainprice.formula import Formula, FormulaError, Functions, Shape, ShapeBuilder, read

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
    expression = _expression(bound)
    try:
        return _formula(expression.derivative(expression.root, _symbol(slot)), expression)
    except FormulaError as error:
        raise UndefinedError(f"a derivative has no real value: {error}") from None
    except ValueError:  # Python's limit on writing long integers
        raise UndefinedError("a derivative has a constant too long to be written down") from None


@dataclass(frozen=True, slots=True)
class Gradient:
    """All partial derivatives of a shape in one program, whatever numbers its formulas have.

    `program` is a shape over the names and then the numbers of the shape that was differentiated, and
    `constants` like pi; `literals` are its own numbers, `results` has the step of each slot's derivative.
    """

    program: Shape
    constants: tuple[str, ...]
    literals: tuple[Decimal, ...]
    results: Mapping[int, int]

    def run(self, names: Sequence[Decimal], numbers: Sequence[Decimal]) -> dict[int, Decimal]:
        """The derivative by each name slot at a point; raises ArithmeticError where one has no value."""
        constants = [CONSTANTS[name]() for name in self.constants]
        values = self.program.trace(DECIMALS, [*names, *numbers, *constants], self.literals)
        return {slot: +values[step] for slot, step in self.results.items()}


@lru_cache(maxsize=4096)
def gradient(shape: Shape) -> Gradient:
    """The gradient of a smooth shape with its numbers left open: sympy differentiates each shape once.

    What simplifies for some numbers only (sympy's slope of x^k is x^k*k/x) is not simplified: where the
    program has no value, as at 0, `derivative` may have one.
    """
    functions: Functions = {**_sympy_functions({}), "pow": operator.pow, "number": _identity}
    names = [_symbol(slot) for slot in range(shape.names + shape.numbers)]
    expression = shape.run(functions, names[: shape.names], names[shape.names :])
    printer = _printer_class()(decimal=False)
    builder = ShapeBuilder()
    places = {slot_name(slot): slot for slot in range(len(names))}
    literals: dict[Decimal, int] = {}
    results = {}
    for slot in sorted({operands[0] for operation, operands in shape.steps if operation == "name"}):
        formula = read(printer.doprint(_diff(expression, names[slot])), limits.DERIVATIVE_NESTING)
        slots = [places.setdefault(name, len(places)) for name in formula.names]
        numbers = [literals.setdefault(number, len(literals)) for number in formula.numbers]
        results[slot] = builder.include(formula.shape, slots, numbers)
    program = builder.build(len(places), len(literals))
    constants = tuple(places)[len(names) :]
    return Gradient(program, constants, tuple(literals), MappingProxyType(results))


@lru_cache(maxsize=1024)
def antiderivative(bound: Bound, slot: int) -> Formula | None:
    """An antiderivative by one of the name slots, or None if sympy finds none in our language.

    Its names are those of name slots and then of the shape's numbers, each of which has a slot here too.
    """
    return _open_antiderivative(bound.shape, slot) or _bound_antiderivative(bound, slot)


@lru_cache(maxsize=1024)
def _open_antiderivative(shape: Shape, slot: int) -> Formula | None:
    """That of a polynomial, whatever its numbers are."""
    import sympy

    symbols = [_symbol(index) for index in range(shape.names + shape.numbers)]
    functions: Functions = {**_sympy_functions({}), "number": _identity}
    expression = shape.run(functions, symbols[: shape.names], symbols[shape.names :])
    if not expression.is_polynomial(*symbols):
        return None
    return read(_printer_class()(decimal=False).doprint(sympy.integrate(expression, symbols[slot])))


def _bound_antiderivative(bound: Bound, slot: int) -> Formula | None:
    import sympy
    from sympy.integrals.manualintegrate import manualintegrate

    expression = _expression(bound)
    result = manualintegrate(expression.whole(), _symbol(slot))
    if result.has(sympy.Integral, sympy.Piecewise):
        return None
    try:
        return _formula(result, expression)
    except FormulaError:  # a special function that our language does not have
        return None


@dataclass(frozen=True)
class _Expression:
    """A sympy expression in which the bases of some powers stand under a symbol of their own.

    sympy turns (x/15)**0.13 into x**0.13*3**0.87*5**0.87/15 and the like. Under a symbol the base
    stays as it was written, in the derivative too. `bases` has each such symbol's base, in the
    order in which they were made; a base may contain earlier symbols. The printer writes decimals
    as decimals if the formula has some.
    """

    root: Any
    bases: Mapping[Any, Any]
    printer: Any

    def derivative(self, expression: Any, symbol: Any) -> Any:
        """The derivative of a part of it, through the bases by the chain rule."""
        through = (
            _diff(expression, name) * self.derivative(base, symbol)
            for name, base in self.bases.items()
            if expression.has(name)
        )
        return sum(through, _diff(expression, symbol))

    def whole(self) -> Any:
        """The expression with all bases back in their place."""
        whole = self.root
        for name, base in reversed(list(self.bases.items())):
            whole = whole.xreplace({name: base})
        return whole


def _diff(expression: Any, symbol: Any) -> Any:
    """sympy's derivative; constant factors first, for its product rule takes the square of their number."""
    if expression.is_Mul:
        constant, rest = expression.as_independent(symbol, as_Add=False)
        return constant * rest.diff(symbol)
    return expression.diff(symbol)


@lru_cache(maxsize=64)
def _expression(bound: Bound) -> _Expression:
    """The shape as a sympy expression."""
    bases: dict[Any, Any] = {}
    functions = _sympy_functions(bases)
    names = [_symbol(slot) for slot in range(bound.shape.names)]
    for slot, value in bound.constants:
        names[slot] = functions["constant"](value)
    numbers = [functions["number"](number) for number in bound.numbers]
    decimal = any(number != number.to_integral_value() for number in bound.numbers) or any(
        isinstance(value, Fraction) and value.denominator > 1 for _, value in bound.constants
    )
    return _Expression(bound.shape.run(functions, names, numbers), bases, _printer_class()(decimal))


def _identity(symbol: Any) -> Any:
    return symbol


@cache
def _symbol(slot: int) -> Any:
    """One symbol for each slot: sympy takes symbols of one name but other assumptions as others."""
    import sympy

    return sympy.Symbol(slot_name(slot))


def _sympy_functions(bases: dict[Any, Any]) -> Functions:
    """The arithmetic of `Shape.run` in sympy expressions; `bases` collects the bases put aside."""
    import sympy

    def put_aside(base: Any, exponent: Any) -> Any:
        """The base, or a symbol for it where sympy would take its constant factor apart."""
        factor, rest = base.as_coeff_Mul()
        if rest == 1 or not exponent.is_Rational or (factor**exponent).is_Rational:
            return base
        known = next((name for name, other in bases.items() if other == base), None)
        if known is None:
            known = sympy.Symbol(f"base{len(bases)}")
            bases[known] = base
        return known

    def power(base: Any, exponent: Any) -> Any:
        if base.is_Rational and exponent.is_Integer and base not in (0, 1, -1):
            size = max(abs(base.p), base.q).bit_length() * abs(int(exponent))
            if size > limits.NUMBER_EXPONENT * 4:
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
        "number": lambda number: constant(Fraction(number)),
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


def _formula(result: Any, expression: _Expression) -> Formula:
    """What came of an expression, as a formula."""
    printer = expression.printer
    text = printer.doprint(result)
    for name, base in reversed(list(expression.bases.items())):
        text = text.replace(f"({name})", str(name))
        text = text.replace(str(name), f"({printer.doprint(base)})")
    formula = read(text, limits.DERIVATIVE_NESTING)
    for name in formula.names:
        if name not in CONSTANTS and not _SLOT.fullmatch(name):
            raise FormulaError(f"'{name}' is no number")  # sympy's I, zoo or nan
    return formula


@cache
def _printer_class() -> Any:
    """The class that prints sympy expressions in our language, as a person would write them."""
    import sympy
    from sympy.printing.precedence import PRECEDENCE
    from sympy.printing.str import StrPrinter

    class Printer(StrPrinter):  # type: ignore[misc]
        """Python's own way of writing, save for `ln`, `e`, powers and decimals."""

        def __init__(self, decimal: bool) -> None:
            super().__init__()
            self._decimal = decimal
            self._printed: dict[Any, str] = {}

        def _print(self, expression: Any, **options: Any) -> str:
            """Each part is written once: the marginal products of one firm have most of theirs in common."""
            text = self._printed.get(expression)
            if text is None:
                text = self._printed[expression] = str(super()._print(expression, **options))
            return text

        def _print_log(self, expression: Any) -> str:
            return f"ln({self._print(expression.args[0])})"

        def _print_Exp1(self, _: Any) -> str:  # noqa: N802
            return "exp(1)"

        def _print_Rational(self, value: Any) -> str:  # noqa: N802
            return self._decimal_text(value) or f"{value.p}/{value.q}"

        def _print_Mul(self, expression: Any) -> str:  # noqa: N802
            factor, rest = expression.as_coeff_Mul()
            if not factor.is_Rational or rest == 1 or factor in (1, -1):
                return str(super()._print_Mul(expression))
            text, divisor = self._decimal_text(factor), self._decimal_text(1 / factor)
            tail = self.parenthesize(rest, PRECEDENCE["Mul"], strict=True)
            if text is None and divisor is not None and "/" not in tail:
                return f"{tail}/{divisor}"
            if text is None or factor.p in (1, -1):
                return str(super()._print_Mul(expression))
            return text + (tail[1:] if tail.startswith("1/") else f"*{tail}")

        def _print_Pow(self, expression: Any, rational: bool = False) -> str:  # noqa: N802, ARG002
            base, exponent = expression.base, expression.exp
            if exponent.is_Rational and exponent.is_negative:
                return f"1/{self.parenthesize(base**-exponent, PRECEDENCE['Mul'])}"
            if exponent == sympy.S.Half:
                return f"sqrt({self._print(base)})"
            text = self._decimal_text(exponent) if exponent.is_Rational else None
            power = text or self.parenthesize(exponent, PRECEDENCE["Pow"])
            return f"{self.parenthesize(base, PRECEDENCE['Pow'])}**{power}"

        def _decimal_text(self, value: Any) -> str | None:
            """A fraction as the decimal it is, if the formula is written with decimals."""
            rest = value.q
            for prime in (2, 5):
                while rest % prime == 0:
                    rest //= prime
            if not self._decimal or value.q == 1 or rest != 1 or value == sympy.S.Half:
                return None
            exact = format(Decimal(value.p) / Decimal(value.q), "f")
            return exact if Fraction(exact) == Fraction(value.p, value.q) and len(exact) < 16 else None

    return Printer
