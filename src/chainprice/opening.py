"""Which numbers of a formula can be left open while it is differentiated.

`3*ore^0.4` and `7*ore^0.3` have derivatives of one form. A coefficient may be any positive number, and
an exponent any that is neither whole nor a half: these simplify. What stands right under a root, like the
15 in `(ore/15)^0.4`, is settled first, for whether it can be drawn out depends on it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Literal

from chainprice.formula import Shape

Kind = Literal["coefficient", "exponent"]

_Part = Literal["coefficient", "exponent", "radicand", "settled"]
"""What a step is to the formula; a number that is a radicand or settled is not left open."""


def left_open(
    shape: Shape, known: Mapping[int, Decimal | Fraction], named: Iterable[int] = ()
) -> tuple[int, ...]:
    """The slots, of names and then of numbers, whose known values can be left open.

    `named` are the slots of constants like pi.
    """
    kinds = _kinds(shape, tuple(known), tuple(named))
    return tuple(
        [
            slot
            for slot, kind in kinds
            if known[slot] > 0 and (kind == "coefficient" or known[slot].as_integer_ratio()[1] > 2)
        ]
    )


@lru_cache(maxsize=4096)
def _kinds(shape: Shape, known: tuple[int, ...], named: tuple[int, ...]) -> tuple[tuple[int, Kind], ...]:
    """What each known slot is, where it is the same in all its places."""
    irrational = _irrational_constants(shape, known, named)
    parts: list[set[_Part]] = [set() for _ in shape.steps]
    parts[-1].add("coefficient")
    kinds: dict[int, set[_Part]] = {}
    for index in reversed(range(len(parts))):
        (operation, operands), of_step = shape.steps[index], parts[index]
        if operation in ("name", "number"):
            kinds.setdefault(_slot(shape, index), set()).update(of_step)
            continue
        if index in irrational:
            of_step = {"settled"}
        for position, operand in enumerate(operands):
            if operation == "mean" and len(operands) == 1:  # a bend's branch, which stands for itself
                parts[operand].update(of_step)
            else:
                parts[operand].update(_part(operation, position, part) for part in of_step)
    return tuple(
        [
            (slot, kind)
            for slot, of_slot in kinds.items()
            for kind in of_slot
            if slot in known and len(of_slot) == 1 and kind in ("coefficient", "exponent")
        ]
    )


def _part(operation: str, position: int, whole: _Part) -> _Part:
    """What an operand is if the operation's result is `whole`."""
    if whole == "settled" or (whole == "exponent" and operation != "neg"):
        return "settled"
    if operation in ("pow", "sqrt"):
        return "exponent" if position else "radicand"
    return whole if operation in ("mul", "div", "neg") else "coefficient"


def _slot(shape: Shape, index: int) -> int:
    operation, operands = shape.steps[index]
    return operands[0] + shape.names * (operation == "number")


def _irrational_constants(shape: Shape, known: Collection[int], named: Collection[int]) -> set[int]:
    """The steps like 3*pi or exp(-0.05), which are worked out with the numbers in them."""
    constant: set[int] = set()
    irrational: set[int] = set()
    for index, (operation, operands) in enumerate(shape.steps):
        if operation in ("name", "number"):
            slot = _slot(shape, index)
            if slot in known or slot in named:
                constant.add(index)
            if slot in named:
                irrational.add(index)
        elif constant.issuperset(operands):
            constant.add(index)
            if operation not in ("add", "sub", "mul", "div", "neg") or irrational.intersection(operands):
                irrational.add(index)
    return irrational
