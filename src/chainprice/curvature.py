"""The second derivatives of a shape as a shape of their own, by the rules of calculus, without sympy.

Forward, step by step: each step of the shape carries its first and second derivatives, and what is zero
everywhere is left out (Griewank and Walther, Evaluating Derivatives, 2nd edition, chapters 3 and 7). They are
not simplified: they are for computing, not for reading.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple, TypeVar

from chainprice.formula import Shape, ShapeBuilder
from chainprice.programs import LONGEST

Pair = tuple[int, int]
"""Two inputs, the first no later than the second."""


class Curvature(NamedTuple):
    """A shape's value and its second derivatives in one program.

    `literals` fill the number slots that the program has beyond those of the shape; `value` is the step of
    the value, and `second` has that of each second derivative that is not zero everywhere. Derivatives are by
    relative steps: d2F/dx dy times x and y.
    """

    program: Shape
    literals: tuple[Decimal, ...]
    value: int
    second: Mapping[Pair, int]


def curvature(shape: Shape, inputs: Sequence[int]) -> Curvature | None:
    """The second derivatives by the inputs, given by their name slots.

    None where an operation has no rule here, or where they would be too long to compute with.
    """
    forward = _Forward(shape.numbers)
    jets: list[_Jet] = []
    for operation, operands in shape.steps:
        if operation in ("name", "number"):
            jet = forward.leaf(operation, operands[0], inputs)
        else:
            made = forward.step(operation, [jets[operand] for operand in operands])
            if made is None or made.value > LONGEST:
                return None
            jet = made
        jets.append(jet)
    return forward.finished(shape, jets[-1])


class _Jet(NamedTuple):
    """A step with its first and second derivatives, all as steps of the program."""

    value: int
    first: Mapping[int, int]
    second: Mapping[Pair, int]


_Key = TypeVar("_Key", int, Pair)


class _Forward:
    """Makes the program."""

    def __init__(self, numbers: int) -> None:
        self._builder = ShapeBuilder()
        self._numbers = numbers
        self._literals: dict[int, int] = {}

    def finished(self, shape: Shape, last: _Jet) -> Curvature:
        """The program, when all steps have been made."""
        program = self._builder.build(shape.names, self._numbers + len(self._literals))
        return Curvature(program, tuple(map(Decimal, self._literals)), last.value, last.second)

    def leaf(self, operation: str, slot: int, inputs: Sequence[int]) -> _Jet:
        """A name or a number; an input moves by as much as there is of it."""
        value = self._builder.step(operation, slot)
        moves = operation == "name" and slot in inputs
        return _Jet(value, {inputs.index(slot): value} if moves else {}, {})

    def step(self, operation: str, jets: Sequence[_Jet]) -> _Jet | None:
        """An operation on earlier steps; None if there is no rule for it."""
        value = self._builder.step(operation, *(jet.value for jet in jets))
        jet: _Jet | None = None
        match operation, jets:
            case "add", [a, b]:
                jet = _Jet(value, self._sum(a.first, b.first), self._sum(a.second, b.second))
            case "sub", [a, b]:
                first = self._sum(a.first, self._negative(b.first))
                jet = _Jet(value, first, self._sum(a.second, self._negative(b.second)))
            case "neg", [a]:
                jet = _Jet(value, self._negative(a.first), self._negative(a.second))
            case "mul", [a, b]:
                jet = self._product(value, a, b)
            case "div", [a, b]:
                jet = self._quotient(value, a, b)
            case "pow", [a, b] if not b.first:
                slope = self._div(self._mul(b.value, value), a.value)
                lower = self._builder.step("sub", b.value, self._literal(1))
                jet = self._chain(value, slope, self._div(self._mul(lower, slope), a.value), a)
            case "sqrt", [a]:
                twice = self._mul(self._literal(2), a.value)
                slope = self._div(value, twice)
                jet = self._chain(value, slope, self._neg(self._div(slope, twice)), a)
            case "exp", [a]:
                jet = self._chain(value, value, value, a)
            case "ln", [a]:
                slope = self._div(self._literal(1), a.value)
                jet = self._chain(value, slope, self._neg(self._mul(slope, slope)), a)
        return jet

    def _product(self, value: int, a: _Jet, b: _Jet) -> _Jet:
        first = self._sum(self._times(b.value, a.first), self._times(a.value, b.first))
        parts = self._times(b.value, a.second), self._times(a.value, b.second)
        return _Jet(value, first, self._sum(*parts, self._crossed(a.first, b.first)))

    def _quotient(self, value: int, a: _Jet, b: _Jet) -> _Jet:
        """By v*b = a: v'*b = a' - v*b', and v''*b is a'' less the rest of the product's second derivative."""
        first = self._over(self._sum(a.first, self._negative(self._times(value, b.first))), b.value)
        rest = self._sum(self._times(value, b.second), self._crossed(first, b.first))
        return _Jet(value, first, self._over(self._sum(a.second, self._negative(rest)), b.value))

    def _chain(self, value: int, slope: int, bend: int, a: _Jet) -> _Jet:
        """A function of a step, with its own first and second derivative there."""
        bent = {
            (one, other): self._mul(self._mul(bend, step), a.first[other])
            for one, step in a.first.items()
            for other in a.first
            if one <= other
        }
        return _Jet(value, self._times(slope, a.first), self._sum(self._times(slope, a.second), bent))

    def _crossed(self, a: Mapping[int, int], b: Mapping[int, int]) -> dict[Pair, int]:
        """What the slopes of two factors add to the second derivatives of their product."""
        terms = [
            {(min(one, other), max(one, other)): self._mul(a[one], b[other])}
            for one in a
            for other in b
            for _ in range(2 if one == other else 1)
        ]
        return self._sum(*terms)

    def _sum(self, *parts: Mapping[_Key, int]) -> dict[_Key, int]:
        total: dict[_Key, int] = {}
        for part in parts:
            for key, step in part.items():
                total[key] = self._builder.step("add", total[key], step) if key in total else step
        return total

    def _times(self, factor: int, part: Mapping[_Key, int]) -> dict[_Key, int]:
        return {key: self._mul(factor, step) for key, step in part.items()}

    def _over(self, part: Mapping[_Key, int], divisor: int) -> dict[_Key, int]:
        return {key: self._div(step, divisor) for key, step in part.items()}

    def _negative(self, part: Mapping[_Key, int]) -> dict[_Key, int]:
        return {key: self._neg(step) for key, step in part.items()}

    def _mul(self, a: int, b: int) -> int:
        return self._builder.step("mul", a, b)

    def _div(self, a: int, b: int) -> int:
        return self._builder.step("div", a, b)

    def _neg(self, a: int) -> int:
        return self._builder.step("neg", a)

    def _literal(self, number: int) -> int:
        return self._builder.step(
            "number", self._numbers + self._literals.setdefault(number, len(self._literals))
        )
