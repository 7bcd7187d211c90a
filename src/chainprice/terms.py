"""Forms: sums of products of powers, with numbers that may still be open (`3*c0/2`).

A sympy expression becomes such a form, so that the derivative of a shape is found once and written for each
firm with that firm's numbers. As lists and text a form can be kept between runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple

from chainprice.formula import FUNCTIONS, OPERATORS, Formula, FormulaError, read

_FRACTION = re.compile(r"-?[0-9]+(/[1-9][0-9]*)?")
_ATOM = re.compile(r"x[0-9]+|pi|exp\(1\)")

SLOT = re.compile(r"\bx(\d+)\b")
"""The name of a slot, in forms and in derivative formulas."""

Data = Any
"""Lists, dictionaries and text, nested."""

Number = Fraction | Formula
"""A number, or a formula of open numbers."""


_Powers = tuple[tuple[Any, Any], ...]
"""Pairs of a sympy base and a sympy exponent."""


def slot_name(slot: int) -> str:
    """The name of a slot in forms and in derivative formulas."""
    return f"x{slot}"


class Atom(NamedTuple):
    """A name, or a constant like pi."""

    text: str


class Call(NamedTuple):
    """A function of a form."""

    function: str
    argument: Sum


class Raised(NamedTuple):
    """A power whose exponent is more than a number."""

    base: Sum
    exponent: Sum


@dataclass(frozen=True, eq=False)
class Product:
    """A coefficient times powers: (base, exponent) each."""

    coefficient: Number
    powers: tuple[tuple[Base, Number], ...]

    @cached_property
    def open_numbers(self) -> tuple[Formula, ...]:
        """The distinct open numbers in it."""
        return tuple(dict.fromkeys(_open_numbers(self)))


class Sum(NamedTuple):
    """A sum of products; a form."""

    terms: tuple[Product, ...]

    def open_numbers(self) -> tuple[Formula, ...]:
        """The distinct open numbers in it, in the order in which they are written."""
        return tuple(dict.fromkeys(number for term in self.terms for number in term.open_numbers))


Base = Atom | Call | Raised | Sum
"""What is raised to a power."""


def _open_numbers(product: Product) -> Iterator[Formula]:
    yield from _open(product.coefficient)
    for base, exponent in product.powers:
        yield from _open(exponent)
        match base:
            case Call(_, argument):
                yield from argument.open_numbers()
            case Raised(inner, power):
                yield from inner.open_numbers()
                yield from power.open_numbers()
            case Sum():
                yield from base.open_numbers()


def _open(number: Number) -> Sequence[Formula]:
    return (number,) if isinstance(number, Formula) else ()


_NAMES = {"log": "ln", "E": "exp(1)"}
"""What sympy calls otherwise than our language."""


class Forms:
    """Turns sympy expressions into forms.

    `opened` are the symbols that stand for numbers, `bases` what other symbols stand for.
    """

    def __init__(
        self, opened: frozenset[Any] = frozenset(), bases: Mapping[Any, Any] = MappingProxyType({})
    ) -> None:
        self._opened, self._bases = opened, bases
        self._known: dict[Any, Sum] = {}

    def form(self, expression: Any) -> Sum:
        """The form of an expression; each part of it is made once."""
        form = self._known.get(expression)
        if form is None:
            coefficients: dict[_Powers, Any] = {}
            for term in expression.as_ordered_terms() if expression.is_Add else [expression]:
                coefficient, powers = self._split(term)
                coefficients[powers] = coefficients.get(powers, 0) + coefficient
            terms = tuple(self._product(value, powers) for powers, value in coefficients.items())
            form = self._known[expression] = Sum(terms)
        return form

    def _split(self, term: Any) -> tuple[Any, _Powers]:
        """A term's number, and its powers with the exponents of one base added up."""
        number = 1
        exponents: dict[Any, Any] = {}
        for factor in term.as_ordered_factors() if term.is_Mul else [term]:
            if self._is_number(factor):
                number = number * factor
            else:
                base, exponent = self._power(factor)
                exponents[base] = exponents.get(base, 0) + exponent
        return number, tuple(exponents.items())

    def _product(self, coefficient: Any, powers: _Powers) -> Product:
        return Product(
            self._number(coefficient),
            tuple((self._base(base), self._number(exponent)) for base, exponent in powers),
        )

    def _power(self, factor: Any) -> tuple[Any, Any]:
        if factor.is_Pow and self._is_number(factor.exp):
            return factor.base, factor.exp
        return factor, 1

    def _base(self, base: Any) -> Base:
        if base in self._bases:
            return self.form(self._bases[base])
        if base.is_Function:
            name = type(base).__name__
            return Call(_NAMES.get(name, name), self.form(base.args[0]))
        if base.is_Pow and not self._is_number(base.exp):
            return Raised(self.form(base.base), self.form(base.exp))
        if base.is_Add or base.is_Mul or base.is_Pow or base.is_Rational:
            return self.form(base)
        return Atom(_NAMES.get(str(base), str(base)))

    def _is_number(self, expression: Any) -> bool:
        """Whether it is a rational function of open numbers."""
        if expression.is_Rational or expression in self._opened:
            return True
        if expression.is_Pow:
            return bool(expression.exp.is_Integer) and self._is_number(expression.base)
        return bool(expression.is_Add or expression.is_Mul) and all(map(self._is_number, expression.args))

    def _number(self, expression: Any) -> Number:
        if isinstance(expression, int):
            return Fraction(expression)
        if expression.is_Rational:
            return Fraction(int(expression.p), int(expression.q))
        return read(str(expression))


def to_data(form: Sum) -> Data:
    """A form as lists and text, such as JSON has."""
    return [
        [str(term.coefficient), [[_base_data(base), str(exponent)] for base, exponent in term.powers]]
        for term in form.terms
    ]


def _base_data(base: Base) -> Data:
    match base:
        case Atom():
            return base.text
        case Call():
            return {base.function: to_data(base.argument)}
        case Raised():
            return {"**": [to_data(base.base), to_data(base.exponent)]}
        case Sum():
            return to_data(base)


def from_data(data: Data) -> Sum:
    """The form that `to_data` took apart; raises ValueError if it is none."""
    try:
        return _sum_of(data)
    except (TypeError, AttributeError, FormulaError, RecursionError) as error:
        raise ValueError from error


def _sum_of(data: Data) -> Sum:
    if not isinstance(data, list) or not data:
        raise ValueError
    return Sum(tuple(map(_product_of, data)))


def _product_of(data: Data) -> Product:
    coefficient, powers = data
    return Product(
        _number_of(coefficient), tuple((_base_of(base), _number_of(exponent)) for base, exponent in powers)
    )


def _base_of(data: Data) -> Base:
    if isinstance(data, str):
        if not _ATOM.fullmatch(data):
            raise ValueError
        return Atom(data)
    if isinstance(data, list):
        return _sum_of(data)
    ((function, argument),) = data.items()
    if function == "**":
        base, exponent = argument
        return Raised(_sum_of(base), _sum_of(exponent))
    if function not in FUNCTIONS:
        raise ValueError
    return Call(function, _sum_of(argument))


def _number_of(text: Data) -> Number:
    if not isinstance(text, str):
        raise ValueError
    if _FRACTION.fullmatch(text):
        return Fraction(text)
    formula = read(text)
    if not formula.names or not {operation for operation, _ in formula.shape.steps} <= _RATIONAL:
        raise ValueError
    return formula


_RATIONAL = frozenset({"name", "number", *OPERATORS})
"""What open numbers are made of."""
