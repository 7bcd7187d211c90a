"""A shape's value and all its derivatives as one program: for numbers, whatever those of its formulas are."""

from __future__ import annotations

import decimal
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, lru_cache, partial
from types import MappingProxyType
from typing import Any

from chainprice import cache, limits
from chainprice.algebra import diff, symbol, sympy_functions
from chainprice.arithmetic import CONSTANTS
from chainprice.figures import NotWritableError
from chainprice.formula import (
    DERIVED,
    Formula,
    FormulaError,
    Functions,
    Shape,
    ShapeBuilder,
    derivative_operations,
    read,
)
from chainprice.joining import joined
from chainprice.kept import checked, fail_if_foreign, key_of
from chainprice.notation import Writer
from chainprice.programs import Program, program
from chainprice.terms import Forms, slot_name


def is_long(shape: Shape) -> bool:
    """Whether a shape is too long for sympy."""
    return len(shape.steps) > limits.SYMPY_STEPS or derivative_operations(shape) > limits.SYMPY_OPERATIONS


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
        return self._compiled.run(self.slots(names, numbers), self.literals)

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
        lambda: _open_derivatives(shape), _texts, partial(_formulas, shape), "gradient", *key_of(shape)
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

    functions: Functions = {**sympy_functions({}), "pow": operator.pow, "sqrt": lambda a: a**sympy.S.Half}
    symbols = [symbol(slot) for slot in range(shape.names + shape.numbers)]
    expression = shape.run(functions, symbols[: shape.names], symbols[shape.names :])
    forms, writer = Forms(), Writer()

    def derivative(slot: int) -> Formula:
        try:
            return read(writer.write(forms.form(diff(expression, symbols[slot]))), DERIVED)
        except (NotWritableError, TypeError, FormulaError):
            # With 0^x in it, which may be 0 for some numbers; sympy stumbled over its own nan, or has only
            # bounds of what it would be (AccumBounds).
            return read(_NO_VALUE)

    return [derivative(slot) for slot in _variables(shape)]


_NO_VALUE = "1/0"
"""A derivative without a value as long as the numbers are open."""


def _variables(shape: Shape) -> list[int]:
    """The name slots that are used."""
    return sorted({operands[0] for operation, operands in shape.steps if operation == "name"})


def _texts(formulas: Sequence[Formula]) -> list[str]:
    return [formula.text for formula in formulas]


def _formulas(shape: Shape, data: Any) -> list[Formula]:
    """A formula for each variable, from its text; raises ValueError for anything else."""
    fail_if_foreign(shape, data)
    try:
        formulas = [checked(read(text, DERIVED)) for text in data]
    except (TypeError, FormulaError) as error:
        raise ValueError from error
    if len(formulas) != len(_variables(shape)):
        raise ValueError
    return formulas


def _opened(shape: Shape) -> Shape:
    """The same shape with names in the place of its numbers."""
    steps = tuple(
        ("name", (shape.names + operands[0],)) if operation == "number" else (operation, operands)
        for operation, operands in shape.steps
    )
    return Shape(steps, shape.names + shape.numbers, 0)
