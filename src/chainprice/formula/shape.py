"""A formula's shape: what is left of it when its names and numbers are lifted out.

`3*sqrt(ore)` and `7*sqrt(coal)` have one shape. A shape is a straight-line program: each step
applies one operation to earlier steps, and equal steps are made once (common subexpressions). The
program says nothing of what the numbers are: `Shape.run` takes the arithmetic as an argument, so
that one program serves decimals, multi-precision floats, sympy expressions and LaTeX text alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

Functions = Mapping[str, Callable[..., Any]]
"""An arithmetic: for each operation's name, the function that does it."""

Step = tuple[str, tuple[int, ...]]
"""An operation and its operands: earlier steps, or the slot of a `name` or a `number`."""

OPERATORS = ("add", "sub", "mul", "div", "pow", "neg")

FUNCTIONS: Mapping[str, tuple[int, int]] = {
    **dict.fromkeys(("exp", "ln", "sqrt", "abs", "erf"), (1, 1)),
    **dict.fromkeys(("sin", "cos", "tan", "asin", "acos", "atan"), (1, 1)),
    **dict.fromkeys(("sinh", "cosh", "tanh"), (1, 1)),
    "log": (1, 2),
    "min": (1, 1_000_000),
    "max": (1, 1_000_000),
}
"""The functions of the language, each with the fewest and the most arguments that it takes."""

KINKED = frozenset({"min", "max", "abs"})
"""The functions that have no slope everywhere."""


@dataclass(frozen=True)
class Shape:
    """A straight-line program over `names` name slots and `numbers` number slots.

    Shapes are few, and looked up once for every firm: each remembers its hash.
    """

    steps: tuple[Step, ...]
    names: int
    numbers: int

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash((self.steps, self.names, self.numbers))

    @cached_property
    def bends(self) -> int:
        """How many of its steps are `min`, `max` or `abs`."""
        return sum(operation in KINKED for operation, _ in self.steps)

    @property
    def kinked(self) -> bool:
        """Whether it bends anywhere."""
        return self.bends > 0

    @cached_property
    def used(self) -> frozenset[int]:
        """The slots, of names and then of numbers, that the result depends on: without settled bends, all."""
        slots = set()
        steps = {len(self.steps) - 1}
        for index in reversed(range(len(self.steps))):
            if index in steps:
                operation, operands = self.steps[index]
                if operation in ("name", "number"):
                    slots.add(operands[0] + self.names * (operation == "number"))
                else:
                    steps.update(operands)
        return frozenset(slots)

    @cached_property
    def constant_steps(self) -> tuple[int, ...]:
        """The operations on numbers alone, like the 1/3 of x^(1/3)."""
        constant: set[int] = set()
        found = []
        for index, (operation, operands) in enumerate(self.steps):
            if operation == "number":
                constant.add(index)
            elif operation != "name" and constant.issuperset(operands):
                constant.add(index)
                found.append(index)
        return tuple(found)

    def trace(self, functions: Functions, names: Sequence[Any], numbers: Sequence[Any]) -> list[Any]:
        """The value of every step, in order; the last one is the formula's value."""
        values: list[Any] = []
        for operation, operands in self.steps:
            if operation == "name":
                values.append(names[operands[0]])
            elif operation == "number":
                values.append(numbers[operands[0]])
            elif len(operands) == 2:
                a, b = operands
                values.append(functions[operation](values[a], values[b]))
            else:
                values.append(functions[operation](*[values[index] for index in operands]))
        return values

    def run(self, functions: Functions, names: Sequence[Any], numbers: Sequence[Any]) -> Any:
        """The formula's value in the arithmetic of `functions`."""
        return self.trace(functions, names, numbers)[-1]


class ShapeBuilder:
    """Collects steps; a step that is there already is not made again."""

    def __init__(self) -> None:
        self._index: dict[Step, int] = {}

    def step(self, operation: str, *operands: int) -> int:
        """The index of this step, made now if it is new."""
        return self._index.setdefault((operation, operands), len(self._index))

    def include(self, shape: Shape, names: Sequence[int], numbers: Sequence[int]) -> int:
        """The last step of another shape, whose name slot i is `names[i]` here, and so its numbers."""
        made: list[int] = []
        for operation, operands in shape.steps:
            if operation == "name":
                made.append(self.step("name", names[operands[0]]))
            elif operation == "number":
                made.append(self.step("number", numbers[operands[0]]))
            else:
                made.append(self.step(operation, *(made[operand] for operand in operands)))
        return made[-1]

    def build(self, names: int, numbers: int, result: int | None = None) -> Shape:
        """The shape with all steps made so far; its result is the step made last, or `result`."""
        steps = tuple(self._index)
        return Shape(steps if result is None else steps[: result + 1], names, numbers)
