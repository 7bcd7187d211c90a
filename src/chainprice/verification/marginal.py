"""One formula at its operating point: its value, and what a little more of an input changes.

The value is computed once. A slope is an exact difference over a step that is as small as the last digit:
only the steps that the input moves are done again, and no derivative rule is used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from chainprice.errors import Place, Problem, UndefinedError
from chainprice.formula import Formula, Functions, Shape
from chainprice.verification.difference import Moving
from chainprice.verification.numbers import Arithmetic

_LEVEL = Decimal("1e-15")
"""Where one percent more of an input makes less than so many percent more, all of it may be rounding."""

_AGREEMENT = Decimal("1e-9")

_GUARD = 10
"""Digits at the end that rounding may have spoilt."""

_ZERO = Decimal(0)
_ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Marginal:
    """A formula where its names have these values, with every step of it."""

    formula: Formula
    names: Sequence[Decimal]
    steps: Sequence[Moving]
    arithmetic: Arithmetic

    @property
    def value(self) -> Decimal:
        """The formula's value."""
        value: Decimal = self.steps[-1].value
        return value

    def slope(self, slot: int) -> Decimal | None:
        """What one more unit of an input makes; None where there is no slope.

        One difference shows it where the function is smooth, neither level nor upright. Elsewhere it is the
        mean of both sides, taken again with a much smaller step: what shrinks with the step is a zero, what
        grows is no slope.
        """
        functions, digits, at = self.arithmetic.differences, self.arithmetic.digits, self.names[slot]
        if at and not self.formula.shape.kinked:
            slope = self._quotient(slot, at.scaleb(-digits), functions)
            if slope is not None and _LEVEL * abs(self.value) < abs(slope * at) < abs(self.value) / _LEVEL:
                return slope
        coarse, fine = (_mean(self.ends(slot, functions, step)) for step in (digits, 2 * digits))
        if coarse is None or fine is None or abs(coarse - fine) <= _AGREEMENT * abs(fine):
            return fine
        is_level = abs(fine * (at or _ONE)) <= _LEVEL * abs(self.value)
        return None if 0 < 2 * abs(coarse) < abs(fine) and not is_level else _ZERO

    def ends(self, slot: int, functions: Functions, step: int) -> list[Decimal]:
        """The slopes to the right and to the left, as far as they exist; the relative step is 10^-step."""
        by = (self.names[slot] or _ONE).scaleb(-step)
        slopes = (self._quotient(slot, side, functions) for side in (by, -by))
        return [slope for slope in slopes if slope is not None]

    def on_kink(self) -> bool:
        """Whether it stands exactly on a kink."""
        values = [step.value for step in self.steps]
        nearly = max(map(abs, values)).scaleb(_GUARD - self.arithmetic.digits)
        for (operation, operands), value in zip(self.formula.shape.steps, values, strict=True):
            if operation in ("min", "max"):
                if sum(abs(values[operand] - value) <= nearly for operand in operands) > 1:
                    return True
            elif operation == "abs" and abs(value) <= nearly:
                return True
        return False

    def _quotient(self, slot: int, by: Decimal, functions: Functions) -> Decimal | None:
        shape, moved = self.formula.shape, list(self.steps)
        try:
            for index in _moving(shape, slot):
                operation, operands = shape.steps[index]
                if operation == "name":
                    moved[index] = Moving(self.names[slot], by)
                else:
                    moved[index] = functions[operation](*[moved[operand] for operand in operands])
            slope: Decimal = moved[-1].change / by
        except (ArithmeticError, ValueError, TypeError):
            return None
        return slope


def at_point(
    formula: Formula, names: Sequence[Decimal], arithmetic: Arithmetic, place: Callable[[], Place]
) -> Marginal:
    """A formula where its names have these values; raises UndefinedError where it has no value."""
    number = arithmetic.differences["number"]
    try:
        steps = formula.shape.trace(
            arithmetic.differences,
            [number(value) for value in names],
            [number(literal) for literal in formula.numbers],
        )
    except (ArithmeticError, ValueError, TypeError):
        raise undefined(formula, names, "finite real value", place) from None
    return Marginal(formula, names, steps, arithmetic)


def undefined(
    formula: Formula, names: Sequence[Decimal], what: str, place: Callable[[], Place]
) -> UndefinedError:
    """What is said where a formula has no value or slope."""
    at = ", ".join(f"{name} = {value:.6g}" for name, value in zip(formula.names, names, strict=True))
    return UndefinedError(Problem(f"'{formula}' has no {what} at {at}", place()))


def _mean(slopes: Sequence[Decimal]) -> Decimal | None:
    return sum(slopes, _ZERO) / len(slopes) if slopes else None


@lru_cache(maxsize=65_536)
def _moving(shape: Shape, slot: int) -> tuple[int, ...]:
    """The steps of a formula that depend on the name in a slot."""
    moving: dict[int, None] = {}
    for index, (operation, operands) in enumerate(shape.steps):
        is_name = operation == "name"
        if (is_name and operands[0] == slot) or (
            not is_name and operation != "number" and any(operand in moving for operand in operands)
        ):
            moving[index] = None
    return tuple(moving)
