"""Which way a formula moves with one of its names, by rules, where all names are positive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from chainprice.formula import Formula


class _Known(NamedTuple):
    """What is known of a step: whether it is positive, and its direction."""

    is_positive: bool
    direction: int | None


def direction(formula: Formula, slot: int, known: Mapping[str, Decimal]) -> int | None:
    """1 if the value never falls as the name in a slot grows, -1 if it never rises, 0 if it stays.

    None where the rules cannot tell. `known` are the names that are constants, and what they are worth.
    """
    steps: list[_Known] = []
    for operation, operands in formula.shape.steps:
        if operation == "number":
            steps.append(_Known(formula.numbers[operands[0]] > 0, 0))
        elif operation == "name":
            steps.append(_Known(known.get(formula.names[operands[0]], 1) > 0, int(operands[0] == slot)))
        else:
            parts = [steps[operand] for operand in operands]
            are_positive = all(part.is_positive for part in parts)
            is_positive = operation == "exp" or (operation in _POSITIVE and are_positive)
            ways = [part.direction for part in parts]
            steps.append(_Known(is_positive, _direction(operation, ways, are_positive=are_positive)))
    return steps[-1].direction


_POSITIVE = ("add", "mul", "div", "pow", "sqrt", "min", "max")
"""Operations on positive numbers whose result is positive."""


def _direction(operation: str, ways: Sequence[int | None], *, are_positive: bool) -> int | None:
    """The direction of an operation, from those of its operands."""
    way: int | None = None
    match operation:
        case "add" | "min" | "max" | "sqrt" | "exp" | "ln":
            way = _together(*ways)
        case "sub":
            way = _together(ways[0], _opposite(ways[1]))
        case "neg":
            way = _opposite(ways[0])
        case "mul" if are_positive:
            way = _together(*ways)
        case "div" if are_positive:
            way = _together(ways[0], _opposite(ways[1]))
        case "pow" if are_positive and ways[1] == 0:
            way = ways[0]
    return 0 if all(one == 0 for one in ways) else way


def _together(*ways: int | None) -> int | None:
    """The direction of what moves these ways at once."""
    if None in ways or (1 in ways and -1 in ways):
        return None
    return next((way for way in ways if way), 0)


def _opposite(way: int | None) -> int | None:
    return None if way is None else -way
