"""Calculus by sympy: shapes in, derivative formulas out. Each distinct shape is differentiated once.

sympy never sees a user's name (`E`, `I` or `S` would not be symbols to it): name slot 3 of a shape is
the symbol `x3`. What sympy finds is printed as a formula of our own language and read back through
the same whitelist as any other, so that one kind of formula is all that is ever evaluated or shown.
"""

from __future__ import annotations

import decimal
import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property, lru_cache, partial
from types import MappingProxyType
from typing import Any, NamedTuple

from chainprice import cache, limits
from chainprice.arithmetic import CONSTANTS
from chainprice.errors import UndefinedError
from chainprice.figures import NotWritableError
from chainprice.formula import (
    DERIVED,
    Formula,
    FormulaError,
    Functions,
    Shape,
    ShapeBuilder,
    Step,
    derivative_operations,
    read,
)
from chainprice.joining import joined
from chainprice.longhand import PIECES, Longhand, Piece
from chainprice.notation import Writer
from chainprice.opening import left_open
from chainprice.programs import Program, program
from chainprice.templates import Exact, OpenForm, Template
from chainprice.terms import SLOT, Forms, Sum, from_data, slot_name, to_data


class Bound(NamedTuple):
    """A shape whose constants are filled in; the other name slots are variables.

    `constants` has (slot, value) for each constant name slot: a fraction, or "pi" or "e".
    """

    shape: Shape
    numbers: tuple[Decimal, ...]
    constants: tuple[tuple[int, Fraction | str], ...] = ()

    @property
    def known(self) -> Mapping[int, Exact]:
        """Each number by its slot; the numbers' slots come after those of the names."""
        numbers = dict(enumerate(self.numbers, self.shape.names))
        if not self.constants:
            return numbers
        return {slot: value for slot, value in self.constants if isinstance(value, Fraction)} | numbers

    @property
    def named(self) -> Mapping[int, str]:
        """Each constant like pi by its slot."""
        return {slot: value for slot, value in self.constants if isinstance(value, str)}

    @property
    def is_decimal(self) -> bool:
        """Whether it is written with decimals."""
        return any(number != number.to_integral_value() for number in self.numbers) or any(
            isinstance(value, Fraction) and value.denominator > 1 for _, value in self.constants
        )


def template(bound: Bound, slot: int) -> Template:
    """A derivative's text with places for the names of the shape's name slots.

    Raises what `derivative` raises.
    """
    if is_long(bound.shape):
        return Template(_longhand(bound).derivative(slot))
    shape, known, named = bound.shape, bound.known, bound.named
    decimal = bound.is_decimal
    try:
        for opened in (left_open(shape, known, named), ()):
            derivatives = _derivatives_of(shape, _settled(shape, {**named, **known}, opened), opened)
            found = derivatives.template(slot, [known[each] for each in opened], decimal=decimal)
            if found is not None:
                return found
    except FormulaError as error:
        raise _has_no_real_value(error) from None
    except ValueError:  # Python's limit on writing long integers
        raise UndefinedError("a derivative has a constant too long to be written down") from None
    raise UndefinedError("a derivative has no real value")


@lru_cache(maxsize=65_536)
def derivative(bound: Bound, slot: int) -> Formula:
    """The partial derivative of a smooth shape by one of its name slots.

    Raises UndefinedError if a constant part of it has no real value that can be written down.
    """
    if is_long(bound.shape):
        return _joined_derivative(bound, slot)
    text = template(bound, slot).filled([*map(slot_name, range(bound.shape.names))])
    try:
        return read(text, DERIVED)
    except FormulaError as error:
        raise _has_no_real_value(error) from None


def is_long(shape: Shape) -> bool:
    """Whether a shape is too long for sympy."""
    return len(shape.steps) > limits.SYMPY_STEPS or derivative_operations(shape) > limits.SYMPY_OPERATIONS


@lru_cache(maxsize=16)
def _longhand(bound: Bound) -> Longhand:
    """With a place for the name of each slot that is no constant."""
    names = [Piece(f"{{{slot}}}") for slot in range(bound.shape.names)]
    for slot, value in bound.constants:
        names[slot] = (
            PIECES["div"](*map(Piece, map(str, value.as_integer_ratio())))
            if isinstance(value, Fraction)
            else Piece("exp(1)" if value == "e" else value)
        )
    return Longhand(bound.shape, names, bound.numbers)


def _joined_derivative(bound: Bound, slot: int) -> Formula:
    """As it is in the gradient, with the formula's numbers as numbers."""
    shape, whole = bound.shape, gradient(bound.shape)
    known = range(shape.names, shape.names + shape.numbers)
    steps: list[Step] = []
    for operation, operands in whole.program.steps[: whole.results[slot] + 1]:
        if operation == "name" and operands[0] in known:
            steps.append(("number", (operands[0] - shape.names,)))
        elif operation == "name" and operands[0] >= known.stop:
            steps.append(("name", (operands[0] - shape.numbers,)))
        elif operation == "number":
            steps.append(("number", (operands[0] + shape.numbers,)))
        else:
            steps.append((operation, operands))
    names = (*map(slot_name, range(shape.names)), *whole.constants)
    numbers = (*bound.numbers, *whole.literals)
    return Formula(
        f"slope by {slot_name(slot)}", Shape(tuple(steps), len(names), len(numbers)), names, numbers
    )


def _has_no_real_value(error: FormulaError) -> UndefinedError:
    return UndefinedError(f"a derivative has no real value: {error}")


@dataclass(frozen=True)
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
        value, *slopes = self.in_order(names, numbers)
        return value, dict(zip(self.results, slopes, strict=True))

    def in_order(self, names: Sequence[Decimal], numbers: Sequence[Decimal]) -> Sequence[Decimal]:
        """The value, then the derivatives in the order of `results`; raises ArithmeticError as `run` does."""
        slots = self.slots(names, numbers) if self.constants else [*names, *numbers]
        return self._compiled.run(slots, self.literals)

    def slots(self, names: Sequence[Decimal], numbers: Sequence[Decimal]) -> list[Decimal]:
        """What fills the program's name slots; raises ArithmeticError where a constant has no value."""
        if not self.constants:
            return [*names, *numbers]
        if not _KNOWN.issuperset(self.constants):
            raise decimal.InvalidOperation  # sympy's zoo or nan: something is divided by 0 everywhere
        return [*names, *numbers, *(CONSTANTS[name]() for name in self.constants)]

    @cached_property
    def _compiled(self) -> Program:
        return program(self.program, (self.value, *self.results.values()))


_KNOWN = frozenset(CONSTANTS)


@lru_cache(maxsize=4096)
def gradient(shape: Shape) -> Gradient:
    """The gradient of a smooth shape with its numbers left open: sympy differentiates each shape once.

    What simplifies for some numbers only (sympy's slope of x^k is x^k*k/x) is not simplified: where the
    program has no value, as at 0, `derivative` may have one.
    """
    if is_long(shape):
        return Gradient(*joined(_opened(shape), _variables(shape)))
    count = shape.names + shape.numbers
    builder = ShapeBuilder()
    places = {slot_name(slot): slot for slot in range(count)}
    literals: dict[Decimal, int] = {}
    value = builder.include(_opened(shape), range(count), ())
    results = {}
    derivatives = cache.remembered(
        lambda: _open_derivatives(shape), _texts, partial(_formulas, shape), "gradient", *_key(shape)
    )
    for slot, formula in zip(_variables(shape), derivatives, strict=True):
        slots = [places.setdefault(name, len(places)) for name in formula.names]
        numbers = [literals.setdefault(number, len(literals)) for number in formula.numbers]
        results[slot] = builder.include(formula.shape, slots, numbers)
    program = builder.build(len(places), len(literals))
    constants = tuple(places)[count:]
    return Gradient(program, constants, tuple(literals), value, MappingProxyType(results))


def _open_derivatives(shape: Shape) -> list[Formula]:
    """By each variable, with all numbers left open."""
    import sympy

    functions: Functions = {**_sympy_functions({}), "pow": operator.pow, "sqrt": lambda a: a**sympy.S.Half}
    symbols = [_symbol(slot) for slot in range(shape.names + shape.numbers)]
    expression = shape.run(functions, symbols[: shape.names], symbols[shape.names :])
    forms, writer = Forms(), Writer()

    def text(slot: int) -> str:
        try:
            return writer.write(forms.form(_diff(expression, symbols[slot])))
        except (NotWritableError, TypeError):
            # With 0^x in it, which may be 0 for some numbers; or sympy stumbled over its own nan.
            return _NO_VALUE

    return [read(text(slot), DERIVED) for slot in _variables(shape)]


_NO_VALUE = "1/0"
"""A derivative without a value as long as the numbers are open."""


def _variables(shape: Shape) -> list[int]:
    """The name slots that are used."""
    return sorted({operands[0] for operation, operands in shape.steps if operation == "name"})


def _key(shape: Shape) -> tuple[object, ...]:
    return shape.names, shape.numbers, shape.steps


def _texts(formulas: Sequence[Formula]) -> list[str]:
    return [formula.text for formula in formulas]


def _formulas(shape: Shape, data: Any) -> list[Formula]:
    """A formula for each variable, from its text; raises ValueError for anything else."""
    _fail_if_foreign(shape, data)
    try:
        formulas = [_checked(read(text, DERIVED)) for text in data]
    except (TypeError, FormulaError) as error:
        raise ValueError from error
    if len(formulas) != len(_variables(shape)):
        raise ValueError
    return formulas


def _fail_if_foreign(shape: Shape, data: Any) -> None:
    """Raise ValueError where formulas have slots that the shape has not."""
    if any(int(slot) >= shape.names + shape.numbers for slot in SLOT.findall(str(data))):
        raise ValueError


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
    shape = bound.shape
    # Without numbers too it is another question than that of `_open_antiderivative`.
    numbers = (*map(str, bound.numbers), *bound.constants) or ("none",)
    return _open_antiderivative(shape, slot) or _remembered_antiderivative(
        lambda: _bound_antiderivative(bound, slot), shape, slot, *numbers
    )


@lru_cache(maxsize=1024)
def _open_antiderivative(shape: Shape, slot: int) -> Formula | None:
    return _remembered_antiderivative(lambda: _of_polynomial(shape, slot), shape, slot)


def _remembered_antiderivative(
    find: Callable[[], Formula | None], shape: Shape, slot: int, *numbers: object
) -> Formula | None:
    def restored(data: Any) -> Formula | None:
        _fail_if_foreign(shape, data)
        try:
            return _checked(read(*data)) if data else None
        except (TypeError, FormulaError) as error:
            raise ValueError from error

    def taken_apart(formula: Formula | None) -> list[str]:
        return [formula.text] if formula else []

    return cache.remembered(find, taken_apart, restored, "antiderivative", *_key(shape), slot, *numbers)


def _of_polynomial(shape: Shape, slot: int) -> Formula | None:
    """Whatever its numbers are."""
    import sympy

    symbols = [_symbol(index) for index in range(shape.names + shape.numbers)]
    functions: Functions = _sympy_functions({})
    expression = shape.run(functions, symbols[: shape.names], symbols[shape.names :])
    if not expression.is_polynomial(symbols[slot]):
        return None
    return read(Writer().write(Forms().form(sympy.integrate(expression, symbols[slot]))))


def _bound_antiderivative(bound: Bound, slot: int) -> Formula | None:
    import sympy
    from sympy.integrals.manualintegrate import manualintegrate

    settled = tuple(
        [
            (slot, _fraction(value))
            for slot, value in _settled(bound.shape, {**bound.named, **bound.known}, ())
        ]
    )
    expression = _expression_of(bound.shape, settled, frozenset())
    result = manualintegrate(expression.whole(), _symbol(slot))
    if result.has(sympy.Integral, sympy.Piecewise):
        return None
    try:
        return _checked(read(Writer(decimal=bound.is_decimal).write(Forms().form(result))))
    except FormulaError:  # a special function that our language does not have
        return None


class _Derivatives:
    """The derivatives of a shape with some slots settled and some left open, each found once."""

    def __init__(self, shape: Shape, settled: Settled, opened: tuple[int, ...]) -> None:
        self._shape, self._opened = shape, opened
        self._settled = tuple([(slot, _fraction(value)) for slot, value in settled])
        self._known: dict[int, OpenForm] = {}
        self._is_filled: dict[int, bool] = {}

    def derivative(self, slot: int) -> Sum:
        """By the symbol of a slot."""
        settled = ",".join(f"{place}={value}" for place, value in self._settled)
        form: Sum = cache.remembered(
            lambda: self._expression.derivative(slot),
            to_data,
            self._from_data,
            "derivative",
            *(*_key(self._shape), settled, sorted(self._opened), slot),
        )
        return form

    def template(self, slot: int, opened: Sequence[Exact], *, decimal: bool) -> Template | None:
        """By the symbol of a slot, with numbers for the open slots; None where these have another form.

        Raises FormulaError where it is no formula, and ValueError for more digits than Python writes.
        """
        form = self._known.get(slot)
        if form is None:
            form = self._known[slot] = OpenForm(self.derivative(slot), [*map(slot_name, self._opened)])
        try:
            template = form.template(opened, decimal=decimal)
        except NotWritableError:
            return None
        if slot not in self._is_filled:
            self._is_filled[slot] = self._has_no_open_slot(template)
        return template if self._is_filled[slot] else None

    def _has_no_open_slot(self, template: Template) -> bool:
        """Raises FormulaError where it is no formula. Other texts of the form have other numbers only."""
        names = [*map(slot_name, range(self._shape.names + self._shape.numbers))]
        formula = _checked(read(template.filled(names), DERIVED))
        return set(self._opened).isdisjoint(_slots(formula))

    @cached_property
    def _expression(self) -> _Expression:
        return _expression_of(self._shape, self._settled, frozenset(self._opened))

    def _from_data(self, data: Any) -> Sum:
        _fail_if_foreign(self._shape, data)
        return from_data(data)


Settled = tuple[tuple[int, Exact | str], ...]
"""Slots with what stands in them."""


def _fraction(value: Exact | str) -> Fraction | str:
    return Fraction(value) if isinstance(value, Decimal) else value


@lru_cache(maxsize=4096)
def _derivatives_of(shape: Shape, settled: Settled, opened: tuple[int, ...]) -> _Derivatives:
    return _Derivatives(shape, settled, opened)


def _settled(shape: Shape, known: Mapping[int, Exact | str], opened: Collection[int]) -> Settled:
    """All that is known and matters, but the slots that are left open."""
    if len(opened) == len(known):
        return ()
    used = shape.used
    return tuple([each for each in known.items() if each[0] in used and each[0] not in opened])


class _Expression:
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
        return self._forms.form(self._derivative(self._root, _symbol(slot)))

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


def _expression_of(
    shape: Shape, settled: tuple[tuple[int, Fraction | str], ...], opened: frozenset[int]
) -> _Expression:
    """The shape as a sympy expression with some slots settled and some left open."""
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


@lru_cache(maxsize=65_536)
def _symbol(slot: int) -> Any:
    """One symbol for each slot: sympy takes symbols of one name but other assumptions as others."""
    import sympy

    return sympy.Symbol(slot_name(slot))


@lru_cache(maxsize=65_536)
def _open_symbol(slot: int) -> Any:
    """The symbol of a number that is left open."""
    import sympy

    return sympy.Symbol(slot_name(slot), positive=True)


def _sympy_functions(bases: dict[Any, Any], opened: frozenset[Any] = frozenset()) -> Functions:
    """The arithmetic of `Shape.run` in sympy expressions; `bases` collects the bases put aside."""
    import sympy

    def has_many_digits(base: Any, exponent: Any) -> bool:
        """Whether a power of a fraction has too many digits to be worked out."""
        bits = max(abs(base.p), base.q).bit_length()
        return bool(exponent.is_Rational) and bits * abs(exponent) > limits.NUMBER_EXPONENT * 4

    def put_aside(base: Any, exponent: Any) -> Any:
        """The base, or a symbol for it where sympy would take its constant factor apart."""
        factor, rest = base.as_coeff_Mul()
        is_number = exponent.is_Rational or exponent in opened or -exponent in opened
        if rest == 1 or not is_number:
            return base
        if not has_many_digits(factor, exponent) and (factor == 1 or (factor**exponent).is_Rational):
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


def _slots(formula: Formula) -> list[int]:
    """The slots that a formula names."""
    return [int(match.group(1)) for name in formula.names if (match := SLOT.fullmatch(name))]


def _checked(formula: Formula) -> Formula:
    for name in formula.names:
        if name not in CONSTANTS and not SLOT.fullmatch(name):
            raise FormulaError(f"'{name}' is no number")  # sympy's I, zoo or nan
    return formula
