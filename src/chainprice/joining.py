"""Derivatives of long formulas: the slopes of their operations, joined by the chain rule.

sympy takes the square of a formula's length, or more, to differentiate it. Here all partial derivatives
together are a program of a few times the formula's own steps: the last step's slope by itself is 1, and
each step hands on to its operands what it has, times its slope by them (reverse accumulation: Griewank and
Walther, Evaluating Derivatives, 3.2). Nothing is simplified.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import NamedTuple

from chainprice.formula import Formula, Shape, ShapeBuilder, read

SLOPES: Mapping[str, tuple[str, ...]] = {
    "add": ("1", "1"),
    "sub": ("1", "-1"),
    "mul": ("y", "x"),
    "div": ("1/y", "-x/y^2"),
    "pow": ("y*x^(y - 1)", "x^y*ln(x)"),
    "neg": ("-1",),
    "exp": ("exp(x)",),
    "ln": ("1/x",),
    "log": ("1/(x*ln(y))", "-ln(x)/(y*ln(y)^2)"),
    "sqrt": ("1/(2*sqrt(x))",),
    "sin": ("cos(x)",),
    "cos": ("-sin(x)",),
    "tan": ("1/cos(x)^2",),
    "asin": ("1/sqrt(1 - x^2)",),
    "acos": ("-1/sqrt(1 - x^2)",),
    "atan": ("1/(1 + x^2)",),
    "sinh": ("cosh(x)",),
    "cosh": ("sinh(x)",),
    "tanh": ("1/cosh(x)^2",),
    "erf": ("2*exp(-x^2)/sqrt(pi)",),
}
"""The slope of each operation by its first operand x and its second y; the mean's is left out."""


@cache
def slope_of(operation: str, position: int, count: int) -> Formula:
    """The slope of an operation on `count` operands by one of them."""
    if operation == "mean":
        return read(f"1/{count}" if count > 1 else "1")
    if operation == "log" and count == 1:
        operation = "ln"
    return read(SLOPES[operation][position])


class Joined(NamedTuple):
    """A program over the names of a shape, and then `constants` like pi.

    `value` is the step of the shape's value, `results` has the step of each variable's derivative.
    """

    program: Shape
    constants: tuple[str, ...]
    literals: tuple[Decimal, ...]
    value: int
    results: Mapping[int, int]


def joined(shape: Shape, variables: Sequence[int]) -> Joined:
    """The value and the derivatives by these name slots of a shape without numbers and bends."""
    joiner = _Joiner(shape)
    results = joiner.derivatives(variables)
    constants, literals = tuple(joiner.constants), tuple(joiner.literals)
    program = joiner.builder.build(shape.names + len(constants), len(literals))
    return Joined(program, constants, literals, joiner.value, results)


class _Joiner:
    """Adds the steps of the derivatives to those of a shape."""

    def __init__(self, shape: Shape) -> None:
        self.builder = ShapeBuilder()
        self.constants: dict[str, int] = {}
        self.literals: dict[Decimal, int] = {}
        self._shape = shape
        # Equal steps are made once, so a step may stand elsewhere than in the shape.
        self._place: list[int] = []
        for operation, operands in shape.steps:
            of = operands if operation == "name" else tuple(self._place[operand] for operand in operands)
            self._place.append(self.builder.step(operation, *of))
        self.value = self._place[-1]

    def derivatives(self, variables: Sequence[int]) -> dict[int, int]:
        """The step of the derivative by each variable."""
        results = {slot: self._number(Decimal(0)) for slot in variables}
        shares: dict[int, list[int]] = {len(self._shape.steps) - 1: [self._number(Decimal(1))]}
        moving = self._moving(frozenset(variables))
        for index in reversed(range(len(self._shape.steps))):
            if index not in shares:
                continue
            own = self._sum(shares.pop(index))
            operation, operands = self._shape.steps[index]
            if operation == "name":
                results[operands[0]] = own
                continue
            for position, operand in enumerate(operands):
                if operand in moving:
                    slope = slope_of(operation, position, len(operands))
                    shares.setdefault(operand, []).append(self._times(own, slope, operands))
        return results

    def _moving(self, variables: frozenset[int]) -> set[int]:
        """The steps that depend on a variable."""
        moving: set[int] = set()
        for index, (operation, operands) in enumerate(self._shape.steps):
            if operation == "name":
                if operands[0] in variables:
                    moving.add(index)
            elif not moving.isdisjoint(operands):
                moving.add(index)
        return moving

    def _sum(self, steps: Sequence[int]) -> int:
        total = steps[0]
        for step in steps[1:]:
            total = self.builder.step("add", total, step)
        return total

    def _times(self, step: int, slope: Formula, operands: Sequence[int]) -> int:
        """A step times a slope at the operands."""
        if slope.text == "1":
            return step
        if slope.text == "-1":
            return self.builder.step("neg", step)
        other = self._step_of(slope, operands)
        return other if step == self._number(Decimal(1)) else self.builder.step("mul", step, other)

    def _step_of(self, slope: Formula, operands: Sequence[int]) -> int:
        names = [self._named(name, operands) for name in slope.names]
        made: list[int] = []
        for operation, of in slope.shape.steps:
            if operation == "name":
                made.append(names[of[0]])
            elif operation == "number":
                made.append(self._number(slope.numbers[of[0]]))
            else:
                made.append(self.builder.step(operation, *(made[step] for step in of)))
        return made[-1]

    def _named(self, name: str, operands: Sequence[int]) -> int:
        if name in ("x", "y"):
            return self._place[operands[name == "y"]]
        place = self.constants.setdefault(name, len(self.constants))
        return self.builder.step("name", self._shape.names + place)

    def _number(self, value: Decimal) -> int:
        return self.builder.step("number", self.literals.setdefault(value, len(self.literals)))
