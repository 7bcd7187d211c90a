"""How long a formula's derivatives are when they are written out: counted before anybody writes them.

Counted by the sum, product, quotient and chain rules over the shape, all partial derivatives together. What
cancels or is collected is counted all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from chainprice.formula.shape import Shape


class _Size(NamedTuple):
    """Of a step, written out: its size, how many variables it has at most, the size of its derivatives."""

    whole: int
    variables: int
    derivatives: int


@lru_cache(maxsize=65_536)
def derivative_operations(shape: Shape) -> int:
    """About how many operations, names and numbers have all partial derivatives of a shape, written out."""
    return _derivatives(shape, [1] * shape.names, [1] * shape.numbers, 1)


def derivative_length(shape: Shape, names: Sequence[str], numbers: Sequence[Decimal]) -> int:
    """About how many characters have all partial derivatives of a formula, written out."""
    return _derivatives(shape, [*map(len, names)], [len(str(number)) for number in numbers], 2)


def _derivatives(shape: Shape, names: Sequence[int], numbers: Sequence[int], operation: int) -> int:
    """By the size of each name, of each number, and of an operation."""
    sizes: list[_Size] = []
    for kind, operands in shape.steps:
        if kind == "name":
            sizes.append(_Size(names[operands[0]], 1, operation))
        elif kind == "number":
            sizes.append(_Size(numbers[operands[0]], 0, 0))
        else:
            sizes.append(_of(kind, [sizes[operand] for operand in operands], shape.names, operation))
    return sizes[-1].derivatives


def _of(kind: str, parts: list[_Size], names: int, operation: int) -> _Size:
    whole = sum(part.whole for part in parts) + operation
    variables = min(names, sum(part.variables for part in parts))
    inner = sum(part.derivatives for part in parts)
    if kind in ("add", "sub", "neg", "mean", "min", "max", "abs"):
        return _Size(whole, variables, inner)
    if kind in ("mul", "div"):
        first, second = parts
        beside = first.whole + (2 * second.whole if kind == "div" else 0)
        crossed = first.variables * second.whole + second.variables * beside
        return _Size(whole, variables, inner + crossed)
    outer = whole + 2 * operation
    if kind != "pow" or parts[1].variables:
        outer *= 2 * len(parts) - 1
    return _Size(whole, variables, inner + variables * outer)
