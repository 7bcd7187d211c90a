"""Numbers as they stand in a formula: their texts, and what decides how the text around them is written."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

_LONGEST_DECIMAL = 16
"""Letters from which on a decimal is written as the fraction that it is."""


class NotWritableError(Exception):
    """With these numbers the form has another look: a part of it vanishes or is no number."""


class Look(NamedTuple):
    """All of a number that the text around it depends on.

    `over` and `under` are its numerator and denominator where these are 1 or 2, else empty.
    """

    is_negative: bool
    over: str
    under: str
    has_decimal: bool
    has_inverse: bool

    def placed(self, place: int) -> Figure:
        """A figure that looks like this, with places for its texts, as `str.format` fills them."""
        return Figure(
            self,
            self.over or f"{{{place}.over}}",
            self.under or f"{{{place}.under}}",
            f"{{{place}.decimal}}" if self.has_decimal else None,
            f"{{{place}.inverse}}" if self.has_inverse else None,
        )


class Figure(NamedTuple):
    """The texts of a number without its sign.

    `decimal` is there if the number is neither whole nor a half, and its decimal is short; else `inverse` is,
    if that holds for 1 divided by it.
    """

    look: Look
    over: str
    under: str
    decimal: str | None
    inverse: str | None

    @property
    def is_one(self) -> bool:
        """Whether it is 1 or -1."""
        return self.over == self.under == "1"

    @property
    def is_half(self) -> bool:
        """Whether it is 1/2 or -1/2."""
        return (self.over, self.under) == ("1", "2")

    @property
    def text(self) -> str:
        """The decimal, if there is one."""
        return self.decimal or (self.over if self.under == "1" else f"{self.over}/{self.under}")


@lru_cache(maxsize=65_536)
def figure(value: Decimal | Fraction, decimal: bool) -> Figure:
    """What is written for a number, with decimals or without.

    Raises NotWritableError for 0, and ValueError for more digits than Python writes.
    """
    numerator, under = value.as_integer_ratio()
    if not numerator:
        raise NotWritableError
    over = abs(numerator)
    text = _decimal_text(over, under) if decimal else None
    inverse = _decimal_text(under, over) if decimal and text is None else None
    look = Look(numerator < 0, _kept(over), _kept(under), text is not None, inverse is not None)
    return Figure(look, str(over), str(under), text, inverse)


def _kept(number: int) -> str:
    return str(number) if number <= 2 else ""


def _decimal_text(numerator: int, denominator: int) -> str | None:
    """A fraction that is neither whole nor a half as the decimal that it is, if that is short."""
    if denominator == 1 or (numerator, denominator) == (1, 2):
        return None
    quotient = Decimal(numerator) / Decimal(denominator)
    text = format(quotient, "f")
    is_short = len(text) < _LONGEST_DECIMAL
    return text if is_short and quotient.as_integer_ratio() == (numerator, denominator) else None
