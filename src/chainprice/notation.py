"""Forms as a person would write them, with their open numbers filled in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from chainprice.figures import Figure, figure
from chainprice.formula import Formula
from chainprice.terms import Atom, Base, Call, Number, Product, Raised, Sum


class Writer:
    """Writes forms with these figures for their open numbers; what several have in common, once.

    Fractions are written as decimals if the formula has `decimal` ones.
    """

    def __init__(
        self, figures: Mapping[Formula, Figure] = MappingProxyType({}), *, decimal: bool = False
    ) -> None:
        self._figures, self._decimal = figures, decimal
        self._written: dict[int, tuple[Sum, str]] = {}

    def write(self, form: Sum) -> str:
        """The formula; raises NotWritableError where a part of it vanishes."""
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
        coefficient = self._figure(product.coefficient)
        text = self._scaled(coefficient, *self._powers(product))
        return f"-{text}" if coefficient.look.is_negative else text

    def _powers(self, product: Product) -> tuple[Sequence[str], Sequence[str]]:
        """A product's powers, those above the fraction bar and those below it."""
        above: list[str] = []
        below: list[str] = []
        for base, exponent in product.powers:
            power = self._figure(exponent)
            side = below if power.look.is_negative else above
            side.append(self._power(base, power))
        return above, below

    def _scaled(self, coefficient: Figure, above: Sequence[str], below: Sequence[str]) -> str:
        if not above and not below:
            return coefficient.text
        tail = _over(above, below)
        if coefficient.inverse is not None and "/" not in tail:
            return f"{tail}/{coefficient.inverse}"
        over, under = coefficient.over, coefficient.under
        if coefficient.decimal is None or over == "1":
            return _over([*[over] * (over != "1"), *above], [*[under] * (under != "1"), *below])
        return coefficient.decimal + (tail[1:] if tail.startswith("1/") else f"*{tail}")

    def _power(self, base: Base, exponent: Figure) -> str:
        if exponent.is_one:
            return self._base(base, is_factor=True)
        if exponent.is_half:
            return f"sqrt({self._base(base)})"
        power = exponent.text
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
        return self._wrapped(base) if is_factor or is_raised else self._sum(base)

    def _wrapped(self, form: Sum) -> str:
        """In parentheses unless it is one name, number or function."""
        text = self._sum(form)
        (term, *more) = form.terms
        is_power = bool(term.powers) and not self._is_plain(term.powers[0][1])
        return text if not more and not is_power and not set(text) & set("*/ -") else f"({text})"

    def _is_plain(self, exponent: Number) -> bool:
        power = self._figure(exponent)
        return power.is_one and not power.look.is_negative

    def _figure(self, number: Number) -> Figure:
        return self._figures[number] if isinstance(number, Formula) else figure(number, self._decimal)


def _over(above: Sequence[str], below: Sequence[str]) -> str:
    """A fraction bar between factors."""
    over, under = "*".join(above) or "1", "*".join(below)
    if not below:
        return over
    return f"{over}/{under}" if len(below) == 1 else f"{over}/({under})"
