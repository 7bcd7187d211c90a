"""Concave bends taken out of a formula, so that what is left is smooth.

`2*min(a, b)` is the greatest `2*t` with t <= a and t <= b: the bend becomes a variable t, held by
one smooth constraint for each argument. That is right where more of t never makes the output
smaller; `max` and `abs` in a place where more never makes it greater are held from above. Any other
bend is convex, a firm that likes extremes, and is left in the formula as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from chainprice import differentiation, gradients
from chainprice.arithmetic import evaluate
from chainprice.bound import Bound
from chainprice.equilibrium.monotone import direction
from chainprice.errors import UndefinedError
from chainprice.formula import KINKED, Formula, Shape, ShapeBuilder
from chainprice.programs import program
from chainprice.technology import settle
from chainprice.terms import slot_name

_SAMPLES = 12


@dataclass(frozen=True, slots=True)
class Bend:
    """A bend that became a variable: `side` 1 for `min`, -1 for `max` and `abs`.

    `step` is its step in the formula's shape; `arguments` are formulas in the formula's own names
    and in the bends before it, each of which has a name.
    """

    step: int
    side: int
    arguments: tuple[Formula, ...]


def split_at_bends(formula: Formula, known: Mapping[str, Decimal]) -> tuple[Formula, tuple[Bend, ...]]:
    """A formula in its own names and one more for each concave bend, and these bends, inner first.

    `known` are the names that are constants, and what they are worth.
    """
    if not formula.shape.kinked:
        return formula, ()
    moving = _moving(formula, known)
    bent = [index for index in moving if formula.shape.steps[index][0] in KINKED]
    concave = [index for index in bent if _is_concave(formula, index, known)]
    cuts: dict[int, int] = {}
    bends = []
    for index in concave:
        operation, operands = formula.shape.steps[index]
        arguments = tuple(_part(formula, operand, cuts) for operand in operands)
        if operation == "abs":
            arguments = (arguments[0], _part(formula, operands[0], cuts, negative=True))
        bends.append(Bend(index, 1 if operation == "min" else -1, arguments))
        cuts[index] = len(formula.names) + len(cuts)
    return _part(formula, len(formula.shape.steps) - 1, cuts), tuple(bends)


def _moving(formula: Formula, known: Mapping[str, Decimal]) -> list[int]:
    """The steps that depend on a name that is no constant: a `min` of constants is no bend."""
    moving: list[int] = []
    for index, (operation, operands) in enumerate(formula.shape.steps):
        if operation == "name":
            is_moving = formula.names[operands[0]] not in known
        else:
            is_moving = operation != "number" and not set(moving).isdisjoint(operands)
        if is_moving:
            moving.append(index)
    return moving


def _part(formula: Formula, end: int, cuts: dict[int, int], *, negative: bool = False) -> Formula:
    """The formula of one step; the steps in `cuts` are names (their slots)."""
    shape = formula.shape
    needed: set[int] = set()
    waiting = [end]
    while waiting:
        index = waiting.pop()
        if index not in needed:
            needed.add(index)
            operation, operands = shape.steps[index]
            if operation not in ("name", "number") and index not in cuts:
                waiting.extend(operands)
    builder = ShapeBuilder()
    made: dict[int, int] = {}
    for index in sorted(needed):
        operation, operands = shape.steps[index]
        if index in cuts:
            made[index] = builder.step("name", cuts[index])
        elif operation in ("name", "number"):
            made[index] = builder.step(operation, *operands)
        else:
            made[index] = builder.step(operation, *(made[operand] for operand in operands))
    if negative:
        builder.step("neg", made[end])
    names = (*formula.names, *(f"bend{count}" for count in range(len(cuts))))
    return Formula(formula.text, builder.build(len(names), shape.numbers), names, formula.numbers)


def _is_concave(formula: Formula, index: int, known: Mapping[str, Decimal]) -> bool:
    """Whether the formula's value moves with a bend the way that its kind needs.

    By rules where they know, or else wherever it is sampled.
    """
    rest = _part(formula, len(formula.shape.steps) - 1, {index: len(formula.names)})
    needed = 1 if formula.shape.steps[index][0] == "min" else -1
    way = direction(rest, len(formula.names), known)
    if way is not None:
        return way in (0, needed)
    return all(needed * slope >= 0 for slope in _slopes(rest, len(formula.names), known))


def _slopes(formula: Formula, slot: int, known: Mapping[str, Decimal]) -> list[Decimal]:
    """Slopes by one name at sampled points, where there are any; other bends on their branches."""
    random = Random(0)  # noqa: S311 - a fixed sample, nothing secret
    slopes = []
    for _ in range(_SAMPLES):
        values = [
            known[name] if name in known else Decimal(10 ** random.uniform(-2, 2)) for name in formula.names
        ]
        slope = value_and_slopes(formula, values)[1].get(slot)
        if slope is not None:
            slopes.append(slope)
    return slopes


def value_and_slopes(
    formula: Formula, values: list[Decimal]
) -> tuple[Decimal | None, dict[int, Decimal | None]]:
    """The value and the derivative by each name slot at a point, None where there is none.

    A bend that is left in the formula stands on its branch there.
    """
    try:
        shape = settle(formula, values).shape if formula.shape.kinked else formula.shape
    except ArithmeticError:
        return None, dict.fromkeys(range(len(values)))
    gradient = gradients.gradient(shape)
    try:
        value, slopes = gradient.run(values, formula.numbers)
    except ArithmeticError:
        slots = gradient.results
        return _value(formula, values), {slot: _slope_at(formula, shape, slot, values) for slot in slots}
    return _value(formula, values) if formula.shape.kinked else value, dict(slopes)


def _value(formula: Formula, values: list[Decimal]) -> Decimal | None:
    try:
        value: Decimal = program(formula.shape).run(values, formula.numbers)[0]
    except ArithmeticError:
        return None
    return value


def _slope_at(formula: Formula, shape: Shape, slot: int, values: list[Decimal]) -> Decimal | None:
    """One derivative, simplified for the formula's own numbers."""
    try:
        slope = differentiation.derivative(Bound(shape, formula.numbers), slot)
        return evaluate(slope, {slot_name(i): value for i, value in enumerate(values)})
    except (ArithmeticError, UndefinedError):
        return None
