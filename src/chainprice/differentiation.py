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
from chainprice.notation import Forms, NotWritableError, Sum, Writer
from chainprice.opening import left_open

_SLOT = re.compile(r"\bx(\d+)\b")


@dataclass(frozen=True, slots=True)
class Bound:
    """A shape whose constants are filled in; the other name slots are variables.

    `constants` has (slot, value) for each constant name slot: a fraction, or "pi" or "e".
    """

    shape: Shape
    numbers: tuple[Decimal, ...]
    constants: tuple[tuple[int, Fraction | str], ...] = ()

    def known(self) -> dict[int, Fraction]:
        """Each fraction by its slot; the numbers' slots come after those of the names."""
        fractions = {slot: value for slot, value in self.constants if isinstance(value, Fraction)}
        return fractions | {self.shape.names + i: Fraction(number) for i, number in enumerate(self.numbers)}

    @property
    def named(self) -> dict[int, str]:
        """Each constant like pi by its slot."""
        return {slot: value for slot, value in self.constants if isinstance(value, str)}

    @property
    def is_decimal(self) -> bool:
        """Whether it is written with decimals."""
        return any(number != number.to_integral_value() for number in self.numbers) or any(
            isinstance(value, Fraction) and value.denominator > 1 for _, value in self.constants
        )


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
        for opened in (left_open(bound.shape, bound.known(), bound.named), frozenset[int]()):
            form = _expression(bound, opened).derivative(slot)
            try:
                return _checked(read(_writer(bound, opened).write(form), limits.DERIVATIVE_NESTING))
            except NotWritableError:
                continue
    except FormulaError as error:
        raise UndefinedError(f"a derivative has no real value: {error}") from None
    except ValueError:  # Python's limit on writing long integers
        raise UndefinedError("a derivative has a constant too long to be written down") from None
    raise UndefinedError("a derivative has no real value")


@lru_cache(maxsize=16)
def _writer(bound: Bound, opened: frozenset[int]) -> Writer:
    known = bound.known()
    return Writer({slot_name(slot): known[slot] for slot in opened}, decimal=bound.is_decimal)


@dataclass(frozen=True, slots=True)
class Gradient:
    """A shape's value and all its partial derivatives in one program, whatever numbers its formulas have.

    `program` is a shape over the names and then the numbers of the shape that was differentiated, and
    `constants` like pi; `literals` are its own numbers, `value` is the step of the value, and `results`
    has the step of each slot's derivative.
    """

    program: Shape
    constants: tuple[str, ...]
    literals: tuple[Decimal, ...]
    value: int
    results: Mapping[int, int]

    def run(self, names: Sequence[Decimal], numbers: Sequence[Decimal]) -> tuple[Decimal, dict[int, Decimal]]:
        """The value, and the derivative by each name slot, at a point.

        Raises ArithmeticError where one of them has no value.
        """
        constants = [CONSTANTS[name]() for name in self.constants]
        values = self.program.trace(DECIMALS, [*names, *numbers, *constants], self.literals)
        return +values[self.value], {slot: +values[step] for slot, step in self.results.items()}


@lru_cache(maxsize=4096)
def gradient(shape: Shape) -> Gradient:
    """The gradient of a smooth shape with its numbers left open: sympy differentiates each shape once.

    What simplifies for some numbers only (sympy's slope of x^k is x^k*k/x) is not simplified: where the
    program has no value, as at 0, `derivative` may have one.
    """
    functions: Functions = {**_sympy_functions({}), "pow": operator.pow}
    names = [_symbol(slot) for slot in range(shape.names + shape.numbers)]
    expression = shape.run(functions, names[: shape.names], names[shape.names :])
    forms, writer = Forms(), Writer()
    builder = ShapeBuilder()
    places = {slot_name(slot): slot for slot in range(len(names))}
    literals: dict[Decimal, int] = {}
    value = builder.include(_opened(shape), range(len(names)), ())
    results = {}
    for slot in sorted({operands[0] for operation, operands in shape.steps if operation == "name"}):
        text = writer.write(forms.form(_diff(expression, names[slot])))
        formula = read(text, limits.DERIVATIVE_NESTING)
        slots = [places.setdefault(name, len(places)) for name in formula.names]
        numbers = [literals.setdefault(number, len(literals)) for number in formula.numbers]
        results[slot] = builder.include(formula.shape, slots, numbers)
    program = builder.build(len(places), len(literals))
    constants = tuple(places)[len(names) :]
    return Gradient(program, constants, tuple(literals), value, MappingProxyType(results))


def _opened(shape: Shape) -> Shape:
    """The same shape with names in the place of its numbers."""
    steps = tuple(
        ("name", (shape.names + operands[0],)) if operation == "number" else (operation, operands)
        for operation, operands in shape.steps
    )
    return Shape(steps, shape.names + shape.numbers, 0)


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
    functions: Functions = _sympy_functions({})
    expression = shape.run(functions, symbols[: shape.names], symbols[shape.names :])
    if not expression.is_polynomial(*symbols):
        return None
    return read(Writer().write(Forms().form(sympy.integrate(expression, symbols[slot]))))


def _bound_antiderivative(bound: Bound, slot: int) -> Formula | None:
    import sympy
    from sympy.integrals.manualintegrate import manualintegrate

    expression = _expression(bound, frozenset())
    result = manualintegrate(expression.whole(), _symbol(slot))
    if result.has(sympy.Integral, sympy.Piecewise):
        return None
    try:
        return _checked(read(Writer(decimal=bound.is_decimal).write(Forms().form(result))))
    except FormulaError:  # a special function that our language does not have
        return None


class _Expression:
    """A sympy expression in which the bases of some powers stand under a symbol of their own.

    sympy turns (x/15)**0.13 into x**0.13*3**0.87*5**0.87/15 and the like. Under a symbol the base
    stays as it was written, in the derivative too. `bases` has each such symbol's base, in the
    order in which they were made; a base may contain earlier symbols.
    """

    def __init__(self, root: Any, bases: Mapping[Any, Any], opened: frozenset[Any]) -> None:
        self._root, self._bases = root, bases
        self._forms = Forms(opened, bases)
        self._derivatives: dict[int, Sum] = {}

    def derivative(self, slot: int) -> Sum:
        """The derivative by the symbol of a slot, found once."""
        if slot not in self._derivatives:
            self._derivatives[slot] = self._forms.form(self._derivative(self._root, _symbol(slot)))
        return self._derivatives[slot]

    def _derivative(self, expression: Any, symbol: Any) -> Any:
        """That of a part of it, through the bases by the chain rule."""
        through = (
            _diff(expression, name) * self._derivative(base, symbol)
            for name, base in self._bases.items()
            if expression.has(name)
        )
        return sum(through, _diff(expression, symbol))

    def whole(self) -> Any:
        """The expression with all bases back in their place."""
        whole = self._root
        for name, base in reversed(list(self._bases.items())):
            whole = whole.xreplace({name: base})
        return whole


def _diff(expression: Any, symbol: Any) -> Any:
    """sympy's derivative; constant factors first, for its product rule takes the square of their number."""
    if expression.is_Mul:
        constant, rest = expression.as_independent(symbol, as_Add=False)
        return constant * rest.diff(symbol)
    return expression.diff(symbol)


def _expression(bound: Bound, opened: frozenset[int]) -> _Expression:
    """The shape as a sympy expression with these slots left open."""
    settled = tuple(pair for pair in bound.known().items() if pair[0] not in opened)
    return _expression_of(bound.shape, (*bound.named.items(), *settled), opened)


@lru_cache(maxsize=4096)
def _expression_of(
    shape: Shape, settled: tuple[tuple[int, Fraction | str], ...], opened: frozenset[int]
) -> _Expression:
    bases: dict[Any, Any] = {}
    symbols = [_open_symbol(i) if i in opened else _symbol(i) for i in range(shape.names + shape.numbers)]
    of_opened = frozenset(symbols[slot] for slot in opened)
    functions = _sympy_functions(bases, of_opened)
    for slot, value in settled:
        symbols[slot] = functions["constant"](value)
    root = shape.run(functions, symbols[: shape.names], symbols[shape.names :])
    return _Expression(root, bases, of_opened)


def _identity(symbol: Any) -> Any:
    return symbol


@cache
def _symbol(slot: int) -> Any:
    """One symbol for each slot: sympy takes symbols of one name but other assumptions as others."""
    import sympy

    return sympy.Symbol(slot_name(slot))


@cache
def _open_symbol(slot: int) -> Any:
    """The symbol of a number that is left open."""
    import sympy

    return sympy.Symbol(slot_name(slot), positive=True)


def _sympy_functions(bases: dict[Any, Any], opened: frozenset[Any] = frozenset()) -> Functions:
    """The arithmetic of `Shape.run` in sympy expressions; `bases` collects the bases put aside."""
    import sympy

    def put_aside(base: Any, exponent: Any) -> Any:
        """The base, or a symbol for it where sympy would take its constant factor apart."""
        factor, rest = base.as_coeff_Mul()
        is_number = exponent.is_Rational or exponent in opened or -exponent in opened
        if rest == 1 or factor == 1 or not is_number or (factor**exponent).is_Rational:
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


def _checked(formula: Formula) -> Formula:
    for name in formula.names:
        if name not in CONSTANTS and not _SLOT.fullmatch(name):
            raise FormulaError(f"'{name}' is no number")  # sympy's I, zoo or nan
    return formula
