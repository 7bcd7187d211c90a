"""What is kept of shapes between runs: under which key, and whether what comes back may be used."""

from __future__ import annotations

from typing import Any

from chainprice.arithmetic import CONSTANTS
from chainprice.formula import Formula, FormulaError, Shape
from chainprice.terms import SLOT


def key_of(shape: Shape) -> tuple[object, ...]:
    """What tells a shape from all others."""
    return shape.names, shape.numbers, shape.steps


def fail_if_foreign(shape: Shape, data: Any) -> None:
    """Raise ValueError where formulas have slots that the shape has not."""
    if any(int(slot) >= shape.names + shape.numbers for slot in SLOT.findall(str(data))):
        raise ValueError


def slots_of(formula: Formula) -> list[int]:
    """The slots that a formula names."""
    return [int(match.group(1)) for name in formula.names if (match := SLOT.fullmatch(name))]


def checked(formula: Formula) -> Formula:
    """The same formula; raises FormulaError where it names more than slots and constants."""
    for name in formula.names:
        if name not in CONSTANTS and not SLOT.fullmatch(name):
            raise FormulaError(f"'{name}' is no number")  # sympy's I, zoo or nan
    return formula
