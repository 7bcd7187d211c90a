"""Forms as a person would write them, with their open numbers filled in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from types import MappingProxyType

from chainprice.arithmetic import RATIONALS, NotRationalError
from chainprice.formula import Formula
from chainprice.terms import Atom, Base, Call, Number, Product, Raised, Sum

_LONGEST_DECIMAL = 16
"""Letters from which on a decimal is written as the fraction that it is."""


class NotWritableError(Exception):
    """With these numbers the form has another look: a part of it vanishes or is no number."""


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
