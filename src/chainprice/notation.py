"""Formulas as a person would write them, with numbers that are filled in last.

A sympy expression becomes a sum of products of powers whose numbers may still be open (`3*c0/2`), so
that the derivative of a shape is found once and written for each firm with that firm's numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from chainprice.arithmetic import RATIONALS, NotRationalError
from chainprice.formula import FUNCTIONS, Formula, FormulaError, read

_LONGEST_DECIMAL = 16
"""Letters from which on a decimal is written as the fraction that it is."""

_FRACTION = re.compile(r"-?[0-9]+(/[1-9][0-9]*)?")
_ATOM = re.compile(r"x[0-9]+|pi|exp\(1\)")

Data = Any
"""Lists, dictionaries and text, nested."""

Number = Fraction | Formula
"""A number, or a formula of open numbers."""


_Powers = tuple[tuple[Any, Any], ...]
"""Pairs of a sympy base and a sympy exponent."""


class NotWritableError(Exception):
    """With these numbers the form has another look: a part of it vanishes or is no number."""


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
    def open_in_powers(self) -> tuple[str, ...]:
        """The names of the open numbers in its powers."""
        return tuple(dict.fromkeys(_open_in_powers(self)))


class Sum(NamedTuple):
    """A sum of products; a form."""

    terms: tuple[Product, ...]


Base = Atom | Call | Raised | Sum
"""What is raised to a power."""


def _open_in_powers(product: Product) -> Iterator[str]:
    for base, exponent in product.powers:
        yield from _open_in(exponent)
        match base:
            case Call(_, argument):
                yield from _open_in_sum(argument)
            case Raised(inner, power):
                yield from _open_in_sum(inner)
                yield from _open_in_sum(power)
            case Sum():
                yield from _open_in_sum(base)


def _open_in_sum(form: Sum) -> Iterator[str]:
    for term in form.terms:
        yield from _open_in(term.coefficient)
        yield from term.open_in_powers


def _open_in(number: Number) -> Sequence[str]:
    return number.names if isinstance(number, Formula) else ()


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
    if not formula.names:
        raise ValueError
    return formula


class Writer:
    """Writes forms with their open numbers filled in; what several have in common, once.

    Fractions are written as decimals if the formula has `decimal` ones.
    """

    def __init__(
        self, numbers: Mapping[str, Fraction] = MappingProxyType({}), *, decimal: bool = False
    ) -> None:
        self._numbers, self._decimal = numbers, decimal
        self._ratios = {name: number.as_integer_ratio() for name, number in numbers.items()}
        self._written: dict[int, tuple[Sum, str]] = {}

    def write(self, form: Sum) -> str:
        """The formula; raises NotWritableError where a part of it vanishes, or is no number."""
        (term, *more) = form.terms
        if not more and not term.powers and term.coefficient == 0:
            return "0"
        return self._sum(form)

    def _sum(self, form: Sum) -> str:
        """Terms in order, but first one that is added, if there is one."""
        known = self._written.get(id(form))
        if known is not None:
            return known[1]
        terms = [self._product(term) for term in form.terms]
        first = next((i for i, term in enumerate(terms) if not term.startswith("-")), 0)
        start = terms.pop(first)
        text = start + "".join(f" - {term[1:]}" if term.startswith("-") else f" + {term}" for term in terms)
        self._written[id(form)] = form, text
        return text

    def _product(self, product: Product) -> str:
        """Powers over powers, the coefficient in front or, where that is shorter, as the last divisor."""
        coefficient = self._value(product.coefficient)
        opened = tuple([(name, self._ratios[name]) for name in product.open_in_powers])
        above, below = _powers(product, opened, self._decimal)
        if coefficient.numerator < 0:
            return f"-{self._scaled(-coefficient, above, below)}"
        return self._scaled(coefficient, above, below)

    def powers(self, product: Product) -> tuple[Sequence[str], Sequence[str]]:
        """A product's powers, those above the fraction bar and those below it."""
        above: list[str] = []
        below: list[str] = []
        for base, exponent in product.powers:
            power = self._value(exponent)
            if power.numerator > 0:
                above.append(self._power(base, power))
            else:
                below.append(self._power(base, -power))
        return above, below

    def _scaled(self, coefficient: Fraction, above: Sequence[str], below: Sequence[str]) -> str:
        text = self._as_decimal(coefficient)
        if not above and not below:
            return text or str(coefficient)
        tail = _over(above, below)
        if text is None and "/" not in tail and (inverse := self._as_decimal(1 / coefficient)) is not None:
            return f"{tail}/{inverse}"
        if text is None or coefficient.numerator == 1:
            over, under = coefficient.as_integer_ratio()
            return _over([*[str(over)] * (over != 1), *above], [*[str(under)] * (under != 1), *below])
        return text + (tail[1:] if tail.startswith("1/") else f"*{tail}")

    def _power(self, base: Base, exponent: Fraction) -> str:
        if exponent.denominator == 1 == exponent.numerator:
            return self._base(base, is_factor=True)
        if exponent.denominator == 2 and exponent.numerator == 1:
            return f"sqrt({self._base(base)})"
        power = self._as_decimal(exponent) or str(exponent)
        return f"{self._base(base, is_raised=True)}**{f'({power})' if '/' in power else power}"

    def _base(self, base: Base, *, is_factor: bool = False, is_raised: bool = False) -> str:
        """In parentheses where it stands beside something that binds more tightly."""
        if isinstance(base, Atom):
            return base.text
        if isinstance(base, Call):
            return f"{base.function}({self._sum(base.argument)})"
        if isinstance(base, Raised):
            below, above = self._wrapped(base.base), self._wrapped(base.exponent)
            text = f"{below}**{above}"
            return f"({text})" if is_raised else text
        if is_raised:
            return self._wrapped(base)
        return f"({self._sum(base)})" if is_factor and len(base.terms) > 1 else self._sum(base)

    def _wrapped(self, form: Sum) -> str:
        """In parentheses unless it is one name, number or function."""
        text = self._sum(form)
        (term, *more) = form.terms
        is_power = bool(term.powers) and self._value(term.powers[0][1]) != 1
        return text if not more and not is_power and not set(text) & set("*/ -") else f"({text})"

    def _value(self, number: Number) -> Fraction:
        """A number that is not 0."""
        if isinstance(number, Formula):
            try:
                value: Fraction = number.evaluate(RATIONALS, self._numbers)
            except (NotRationalError, ZeroDivisionError):
                raise NotWritableError from None
        else:
            value = number
        if not value:
            raise NotWritableError
        return value

    def _as_decimal(self, value: Fraction) -> str | None:
        return _decimal_text(*value.as_integer_ratio()) if self._decimal else None


@lru_cache(maxsize=8192)
def _powers(
    product: Product, opened: tuple[tuple[str, tuple[int, int]], ...], decimal: bool
) -> tuple[Sequence[str], Sequence[str]]:
    """A product's powers as `Writer.powers`: the same for firms that differ in their coefficients."""
    numbers = {name: Fraction(*ratio) for name, ratio in opened}
    return Writer(numbers, decimal=decimal).powers(product)


@lru_cache(maxsize=4096)
def _decimal_text(numerator: int, denominator: int) -> str | None:
    """A fraction that is neither whole nor a half as the decimal that it is, if that is short."""
    rest = denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if denominator == 1 or rest != 1 or (numerator, denominator) == (1, 2):
        return None
    text = format(Decimal(numerator) / Decimal(denominator), "f")
    return (
        text if len(text) < _LONGEST_DECIMAL and Fraction(text) == Fraction(numerator, denominator) else None
    )


def _over(above: Sequence[str], below: Sequence[str]) -> str:
    """A fraction bar between factors."""
    over, under = "*".join(above) or "1", "*".join(below)
    if not below:
        return over
    return f"{over}/{under}" if len(below) == 1 else f"{over}/({under})"
