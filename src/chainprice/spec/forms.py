"""Forms of production functions that economists know by name, as formulas of the language.

A form means exactly the formula that is written here, and nothing after the reader knows that there are
forms. docs/forms.md has the table of them, with sources.

The limits of the constant elasticity of substitution are the functions that they are in the form of Arrow,
Chenery, Minhas and Solow: Cobb-Douglas at 1, the scarcest input at 0 (where shares have no weight), and a
weighted sum without end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import NamedTuple


class Number(NamedTuple):
    """A number of a form: as it was written, what it comes to, and whether that is exact and never changes.

    `value` is None for an elasticity without end; it is rounded for a number like sqrt(2).
    """

    text: str
    value: Fraction | None
    is_exact: bool = True

    @property
    def exact(self) -> Fraction | None:
        """What it comes to, where that may stand in a formula in its place."""
        return self.value if self.is_exact else None


ONE = Number("1", Fraction(1))

Numbers = Mapping[str, Number]
"""A number for each input good."""

NO_NUMBERS: Numbers = MappingProxyType({})


class Record(NamedTuple):
    """What stands under a form's keys, checked: numbers are in their ranges, and shares sum to 1."""

    inputs: Numbers
    scale: Number = ONE
    returns: Number = ONE
    elasticity: Number = ONE
    pairs: Mapping[tuple[str, str], Number] = MappingProxyType({})


def ces(record: Record) -> str:
    """scale*(share*good^rho + ...)^(returns/rho), with rho = (elasticity - 1)/elasticity."""
    elasticity, inputs = record.elasticity, _taken(record.inputs)
    if elasticity.value is None:
        return linear(record)
    if elasticity.value == 1 or (len(inputs) == 1 and inputs[0][1].exact == 1):
        return cobb_douglas(record)
    if elasticity.value == 0:
        return leontief(record._replace(inputs={good: ONE for good, _ in inputs}))
    inner, outer = _substitution(elasticity, record.returns)
    total = " + ".join(f"{_factor(share)}{good}^{inner}" for good, share in inputs)
    return f"{_factor(record.scale)}({total})^{outer}"


def _substitution(elasticity: Number, returns: Number) -> tuple[str, str]:
    """rho, and returns/rho, as they stand in an exponent."""
    if elasticity.exact is not None:
        rho = (elasticity.exact - 1) / elasticity.exact
        return _exponent(rho), _product(1 / rho, returns)
    sigma = _atom(elasticity.text)
    above = sigma if returns.exact == 1 else f"{_atom(returns.text)}*{sigma}"
    return f"(({sigma} - 1)/{sigma})", f"({above}/({sigma} - 1))"


def cobb_douglas(record: Record) -> str:
    """scale*good^(share*returns)*..."""
    powers = [f"{good}{_raised(share, record.returns)}" for good, share in _taken(record.inputs)]
    return _factor(record.scale) + "*".join(powers)


def _raised(share: Number, returns: Number) -> str:
    if share.exact is not None:
        return "" if share.exact == returns.exact == 1 else f"^{_product(share.exact, returns)}"
    if returns.exact is not None:
        return f"^{_product(returns.exact, share)}"
    return f"^({_atom(share.text)}*{_atom(returns.text)})"


def leontief(record: Record) -> str:
    """scale*min(good/requirement, ...)^returns."""
    parts = [
        good if need.exact == 1 else f"{good}/{_atom(need.text)}" for good, need in _taken(record.inputs)
    ]
    scarcest = f"min({', '.join(parts)})" if len(parts) > 1 else parts[0]
    if record.returns.exact == 1:
        return _factor(record.scale) + scarcest
    base = scarcest if len(parts) > 1 or "/" not in scarcest else f"({scarcest})"
    return f"{_factor(record.scale)}{base}^{_product(Fraction(1), record.returns)}"


def linear(record: Record) -> str:
    """scale*(coefficient*good + ...)^returns."""
    total = _sum((coefficient, good) for good, coefficient in _taken(record.inputs))
    if record.returns.exact != 1:
        return f"{_factor(record.scale)}({total})^{_product(Fraction(1), record.returns)}"
    return total if record.scale.exact == 1 else f"{_factor(record.scale)}({total})"


def translog(record: Record) -> str:
    """scale*exp(first*ln(good) + ... + second/2*ln(good)^2 + ... + second*ln(good)*ln(other) + ...)."""
    terms = [(first, f"ln({good})") for good, first in _taken(record.inputs)]
    for (good, other), second in sorted(record.pairs.items()):
        if second.value == 0:
            continue
        if good == other:
            terms.append((_half(second), f"ln({good})^2"))
        else:
            terms.append((second, f"ln({good})*ln({other})"))
    return f"{_factor(record.scale)}exp({_sum(terms)})"


WRITERS: Mapping[str, Callable[[Record], str]] = {
    "ces": ces,
    "cobb_douglas": cobb_douglas,
    "leontief": leontief,
    "linear": linear,
    "translog": translog,
}
"""The formula of each form."""


# How numbers stand in a formula.


def _taken(inputs: Numbers) -> list[tuple[str, Number]]:
    """The inputs that count, by name, so that the order of keys changes nothing: 0 leaves a good out."""
    return [(good, number) for good, number in sorted(inputs.items()) if number.value != 0]


_ATOM = re.compile(r"[\w.]+")
"""A number without sign, or a name."""


def _atom(text: str) -> str:
    return text if _ATOM.fullmatch(text) else f"({text})"


def _factor(number: Number) -> str:
    """As it stands before what it multiplies; nothing for 1."""
    return "" if number.exact == 1 else f"{_atom(number.text)}*"


def _sum(terms: Iterable[tuple[Number, str]]) -> str:
    """Numbers times what they stand before, added up; a minus of a constant becomes that of the sum."""
    text = ""
    for number, rest in terms:
        size, is_less = number, False
        if number.exact is not None and number.text.startswith("-") and _ATOM.fullmatch(number.text[1:]):
            size, is_less = Number(number.text[1:], -number.exact), True
        sign = ("-" if is_less else "") if not text else (" - " if is_less else " + ")
        text += f"{sign}{_factor(size)}{rest}"
    return text


def _half(number: Number) -> Number:
    half = (number.value or Fraction(0)) / 2
    text = _decimal(half) if number.is_exact else None
    return number._replace(text=text or f"{_atom(number.text)}/2", value=half)


def _product(known: Fraction, number: Number) -> str:
    """An exponent that is the product of a constant and a number."""
    if number.exact is not None:
        return _exponent(known * number.exact)
    if known == 1:
        return _atom(number.text)
    sign, size = ("-" if known < 0 else ""), abs(known)
    factor = "" if size == 1 else f"{_decimal(size) or size}*"
    return f"({sign}{factor}{_atom(number.text)})"


def _exponent(value: Fraction) -> str:
    """A constant as it stands after ^."""
    return _decimal(value) or f"({value})"


_PLACES = 15
"""Places after the point up to which a fraction is written as a decimal, if that is exact."""


def _decimal(value: Fraction) -> str | None:
    """A fraction as a decimal, None where that does not end soon."""
    scaled = value * 10**_PLACES
    if scaled.denominator != 1:
        return None
    whole, rest = divmod(abs(scaled.numerator), 10**_PLACES)
    places = f".{rest:0{_PLACES}}".rstrip("0") if rest else ""
    return f"{'-' if value < 0 else ''}{whole}{places}"
