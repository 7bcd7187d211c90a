"""Shapes with their constants filled in."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from chainprice.formula import Shape
from chainprice.templates import Exact


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


Settled = tuple[tuple[int, Exact | str], ...]
"""Slots with what stands in them."""


def settled_slots(shape: Shape, known: Mapping[int, Exact | str], opened: Collection[int]) -> Settled:
    """All that is known and matters, but the slots that are left open."""
    if len(opened) == len(known):
        return ()
    used = shape.used
    return tuple([each for each in known.items() if each[0] in used and each[0] not in opened])


def in_fractions(settled: Settled) -> tuple[tuple[int, Fraction | str], ...]:
    """The same slots with fractions in the place of decimals."""
    return tuple([(slot, Fraction(it) if isinstance(it, Decimal) else it) for slot, it in settled])
