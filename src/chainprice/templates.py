"""Texts that many formulas share: written once for all numbers that look alike, then filled in.

How a number looks decides the text around it; what it is only fills it. So firms whose derivatives are of one
form, with numbers of one look, share the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from chainprice.arithmetic import EXACT, RATIONALS, NotRationalError, exactly
from chainprice.figures import Figure, Look, NotWritableError, figure
from chainprice.formula import ShapeBuilder
from chainprice.notation import Writer
from chainprice.programs import Program
from chainprice.terms import SLOT, Sum

Exact = Decimal | Fraction
"""A number as it was written."""


class Template(NamedTuple):
    """A text with places for figures and then for the names of slots, and the figures."""

    pattern: str
    figures: Sequence[Figure] = ()

    def filled(self, names: Sequence[str]) -> str:
        """With the name of each slot."""
        return self.pattern.format(*self.figures, *names)


class OpenForm:
    """A form whose open numbers depend on those that `opened` names."""

    def __init__(self, form: Sum, opened: Sequence[str]) -> None:
        self._form = form
        self._numbers = form.open_numbers()
        builder = ShapeBuilder()
        places = {name: place for place, name in enumerate(opened)}
        literals: dict[Decimal, int] = {}
        results = [
            builder.include(
                number.shape,
                [places[name] for name in number.names],
                [literals.setdefault(literal, len(literals)) for literal in number.numbers],
            )
            for number in self._numbers
        ]
        self._shape, self._literals = builder.build(len(places), len(literals)), tuple(literals)
        self._results = tuple(results)
        self._program = Program(self._shape, self._results, EXACT)

    def template(self, opened: Sequence[Exact], *, decimal: bool) -> Template:
        """The form's text with these numbers; raises what `Writer.write` and `figure` raise."""
        figures = [figure(value, decimal) for value in self._values(opened)]
        return Template(_pattern(self, tuple([each.look for each in figures]), decimal), figures)

    def _values(self, opened: Sequence[Exact]) -> Sequence[Exact]:
        """The open numbers; raises NotWritableError where one of them is no short fraction."""
        if not self._numbers:
            return ()
        try:
            with exactly():
                return self._program.run([_as_decimal(value) for value in opened], self._literals)
        except ArithmeticError:
            return self._fractions(opened)

    def _fractions(self, opened: Sequence[Exact]) -> Sequence[Fraction]:
        names, numbers = ([Fraction(value) for value in values] for values in (opened, self._literals))
        try:
            values = self._shape.trace(RATIONALS, names, numbers)
        except (NotRationalError, ZeroDivisionError):
            raise NotWritableError from None
        return [values[result] for result in self._results]

    def written(self, looks: Sequence[Look], *, decimal: bool) -> str:
        """The pattern of the form's text with numbers that look like this."""
        places = [look.placed(place) for place, look in enumerate(looks)]
        text = Writer(dict(zip(self._numbers, places, strict=True)), decimal=decimal).write(self._form)
        return SLOT.sub(lambda slot: f"{{{len(places) + int(slot[1])}}}", text)


@lru_cache(maxsize=8192)
def _pattern(form: OpenForm, looks: tuple[Look, ...], decimal: bool) -> str:
    return form.written(looks, decimal=decimal)


def _as_decimal(value: Exact) -> Decimal:
    """The same number; raises ArithmeticError where it is no decimal, if that is asked `exactly`."""
    return value if isinstance(value, Decimal) else Decimal(value.numerator) / value.denominator
