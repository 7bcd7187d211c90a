"""Why a formula has no value, or no slope, at a point: the part of it that fails, in words.

All of this happens on the way to an error message only.
"""

from __future__ import annotations

import decimal
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from chainprice import limits
from chainprice.arithmetic import DECIMALS, digits
from chainprice.formula import Formula


class Cause(NamedTuple):
    """What fails: in words, where it begins and ends in the formula's text, and a way out ("" if none).

    `is_beyond` where there is a number, but one too far from 1.
    """

    reason: str
    span: tuple[int, int]
    hint: str = ""
    is_beyond: bool = False


_HUGE = "10^(10^18)"
_ANGLE = f"10^{limits.ANGLE_EXPONENT}"


def of_value(formula: Formula, names: Sequence[Decimal]) -> Cause | None:
    """The first step that has no value where the names have these; None if all have one."""
    values: list[Any] = []
    for step, (operation, operands) in enumerate(formula.shape.steps):
        try:
            values.append(_value_of(formula, names, values, step))
        except ArithmeticError as error:
            arguments = [values[operand] for operand in operands]
            reason, hint = _in_words(operation, arguments, error)
            is_beyond = isinstance(error, (decimal.Overflow, decimal.Underflow))
            return Cause(reason, formula.span(step), hint, is_beyond)
    return None


def _value_of(
    formula: Formula, names: Sequence[Decimal], values: Sequence[Decimal | None], step: int
) -> Decimal:
    """A step's value by those of the steps before it; raises ArithmeticError where it has none."""
    operation, operands = formula.shape.steps[step]
    if operation == "name":
        return names[operands[0]]
    if operation == "number":
        return formula.numbers[operands[0]]
    arguments = [values[operand] for operand in operands]
    if None in arguments:
        raise decimal.InvalidOperation
    value: Decimal = DECIMALS[operation](*arguments)
    return value


def _in_words(operation: str, arguments: Sequence[Decimal], error: ArithmeticError) -> tuple[str, str]:
    """What an operation cannot do with its arguments, and the way out."""
    if isinstance(error, decimal.Overflow):
        return f"{_written(operation, arguments)} is beyond {_HUGE}", "use a nearer unit"
    if isinstance(error, decimal.Underflow):
        return f"{_written(operation, arguments)} is nearer to 0 than 1/{_HUGE}", "use a nearer unit"
    words = _WORDS.get(operation)
    return words(*arguments) if words else (f"{_written(operation, arguments)} is no real number", "")


def _of_division(above: Decimal, below: Decimal) -> tuple[str, str]:
    if above or below:
        return f"{_brief(above)} is divided by 0", ""
    return "0 is divided by 0", "write it without the division, if it has a value there"


def _of_power(base: Decimal, exponent: Decimal) -> tuple[str, str]:
    if base or exponent < 0:
        if not base:
            return f"0 to the power {_brief(exponent)} divides by 0", ""
        return (
            f"the negative number {_brief(base)} to the power {_brief(exponent)} is not real",
            "only whole powers of a negative number are",
        )
    return "0^0 is not defined", "write 1, or a base that is not 0"


def _of_logarithm(value: Decimal, base: Decimal | None = None) -> tuple[str, str]:
    if value <= 0:
        return f"the logarithm of {_brief(value)}, which is not above 0", ""
    if base == 1:
        return "a logarithm to the base 1", ""
    return f"a logarithm to the base {_brief(base or Decimal(0))}, which is not above 0", ""


def _of_root(value: Decimal) -> tuple[str, str]:
    return f"the square root of {_brief(value)}, which is negative", ""


def _of_arc(name: str) -> Callable[[Decimal], tuple[str, str]]:
    return lambda value: (f"{name} of {_brief(value)}, which is not between -1 and 1", "")


def _of_angle(name: str) -> Callable[[Decimal], tuple[str, str]]:
    return lambda _: (f"{name} of an angle beyond {_ANGLE}, which cannot be told", "use a nearer unit")


_WORDS: Mapping[str, Callable[..., tuple[str, str]]] = {
    "div": _of_division,
    "pow": _of_power,
    "ln": _of_logarithm,
    "log": _of_logarithm,
    "sqrt": _of_root,
    "asin": _of_arc("asin"),
    "acos": _of_arc("acos"),
    "sin": _of_angle("sin"),
    "cos": _of_angle("cos"),
    "tan": _of_angle("tan"),
}

_SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "^"}


def _written(operation: str, arguments: Sequence[Decimal]) -> str:
    texts = [_brief(argument) for argument in arguments]
    if operation in _SIGNS:
        texts[1:] = [f"({text})" if text.startswith("-") else text for text in texts[1:]]
        return f" {_SIGNS[operation]} ".join(texts)
    return f"{operation}({', '.join(texts)})"


def _brief(value: Decimal) -> str:
    return f"{value:.6g}" if value else "0"


_NEAR = (100, 300)
"""Digits at which a point lies beside another, when one-sided slopes are looked at."""

_DIGITS = 400

_GROWS = Decimal("1.01")
"""The factor by which a slope has grown from one of these to the next if it has no limit."""


def of_slope(formula: Formula, names: Sequence[Decimal], slot: int, derivative: Cause | None) -> Cause:
    """Why there is no slope by a name slot where the names have these values and the formula has one.

    `derivative` is what its derivative, as it is written, failed at.
    """
    if derivative is not None and derivative.is_beyond:
        return Cause(f"in its slope {derivative.reason}", (0, len(formula.text)), derivative.hint)
    with digits(_DIGITS):
        return _of_slope(formula, names, slot)


def _of_slope(formula: Formula, names: Sequence[Decimal], slot: int) -> Cause:
    steps = _Slopes(formula, names, slot)
    whole = (0, len(formula.text))
    part = steps.endless_part()
    if part is not None:
        return part
    below, above = steps.beside(-1), steps.beside(+1)
    if below is not None and above is not None and _differ(below, above):
        return Cause(
            f"it bends there: its slope is {_brief(below)} below, {_brief(above)} above",
            whole,
            "write the bend with abs, min or max",
        )
    known = below if above is None else above
    lost = steps.lost_to_both_sides()
    if known is None and lost is not None:
        return lost
    if known is not None:
        return Cause(
            f"nearby it is {_brief(known)}, but its formula has no value there",
            whole,
            "write the function in another way, or change the quantities",
        )
    return Cause("it grows without end there", whole)


def _differ(a: Decimal, b: Decimal) -> bool:
    return abs(a - b) > max(abs(a), abs(b)).scaleb(-4)


class _Slopes:
    """Differences of a formula and its steps beside a point."""

    def __init__(self, formula: Formula, names: Sequence[Decimal], slot: int) -> None:
        self._formula, self._names, self._slot = formula, names, slot
        self._base = self._trace(Decimal(0))

    def endless_part(self) -> Cause | None:
        """The first operation whose slope grows without end towards this point, if the formula's does."""
        for step, (operation, operands) in enumerate(self._formula.shape.steps):
            value = self._base[operands[0]] if operation in _ENDLESS else None
            if value is None or value not in _ENDLESS[operation]:
                continue
            if self.beside(-1, step) is None and self.beside(+1, step) is None:
                text = _NAMES.get(operation, operation)
                reason = f"the slope of {text} grows without end at {_brief(value)}"
                return Cause(reason, self._formula.span(step))
        return None

    def lost_to_both_sides(self) -> Cause | None:
        """The first part that has no value with a little more of the name, nor with a little less."""
        step = (abs(self._names[self._slot]) or Decimal(1)).scaleb(-_NEAR[0])
        below, above = self._trace(-step), self._trace(step)
        for index, (less, more) in enumerate(zip(below, above, strict=True)):
            if less is None and more is None:
                reason = "with a little more or less it has no value"
                if self._formula.shape.steps[index][0] == "pow":
                    reason += ", as only whole powers of a negative number are real"
                return Cause(reason, self._formula.span(index))
        return None

    def beside(self, side: int, step: int = -1) -> Decimal | None:
        """The one-sided slope of a step; None where there is no value or no limit."""
        slopes = []
        for near in _NEAR:
            change = (abs(self._names[self._slot]) or Decimal(1)).scaleb(-near) * side
            moved, base = self._trace(change)[step], self._base[step]
            if moved is None or base is None:
                return None
            slopes.append((moved - base) / change)
        first, second = slopes
        if abs(second) > abs(first) * _GROWS:
            return None
        return Decimal(0) if abs(second) * _GROWS < abs(first) else second

    def _trace(self, change: Decimal) -> list[Decimal | None]:
        """The value of each step when the name is changed; None where one has none."""
        names = list(self._names)
        names[self._slot] += change
        values: list[Decimal | None] = []
        for step in range(len(self._formula.shape.steps)):
            try:
                values.append(_value_of(self._formula, names, values, step))
            except ArithmeticError:
                values.append(None)
        return values


_ENDLESS: Mapping[str, Sequence[int]] = {"sqrt": (0,), "pow": (0,), "asin": (-1, 1), "acos": (-1, 1)}
"""Where the slope of an operation by its first argument may grow without end though it has a value."""

_NAMES = {"sqrt": "the square root", "pow": "the power"}
