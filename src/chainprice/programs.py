"""Shapes that are run again and again, as straight-line Python functions.

`Shape.trace` looks every step up; for a shape that many firms share, a function that has the steps as its
lines takes half the time. Its text is made of step numbers and the names of our own operations: nothing
that a user wrote is in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from chainprice.arithmetic import DECIMALS
from chainprice.formula import Shape

_OPERATORS = {"add": "+", "sub": "-", "mul": "*", "div": "/"}

_OFTEN = 20
"""Runs after which a shape is worth a function."""

_LONGEST = 2_000
"""Steps beyond which a function would take too long to make."""

Run = Callable[[Sequence[Any], Sequence[Any]], Sequence[Any]]
"""From what fills a shape's name slots and its number slots to the values of the chosen steps."""


class Program:
    """Some steps of a shape, in decimals."""

    __slots__ = ("_function", "_results", "_runs", "_shape")

    def __init__(self, shape: Shape, results: tuple[int, ...]) -> None:
        self._shape, self._results = shape, results
        self._runs = 0
        self._function: Run = self._interpreted

    def __call__(self, names: Sequence[Any], numbers: Sequence[Any]) -> Sequence[Any]:
        """The values of the chosen steps; raises ArithmeticError where one has none."""
        return self._function(names, numbers)

    def _interpreted(self, names: Sequence[Any], numbers: Sequence[Any]) -> Sequence[Any]:
        self._runs += 1
        if self._runs > _OFTEN and len(self._shape.steps) <= _LONGEST:
            self._function = _function(self._shape, self._results)
            return self._function(names, numbers)
        values = self._shape.trace(DECIMALS, names, numbers)
        return [+values[result] for result in self._results]


@lru_cache(maxsize=8192)
def program(shape: Shape, results: tuple[int, ...] | None = None) -> Program:
    """The program for these steps of a shape, or for its last one."""
    return Program(shape, (len(shape.steps) - 1,) if results is None else results)


def text_of(shape: Shape, results: tuple[int, ...]) -> str:
    """The function `run` for these steps of a shape, as Python."""
    lines = [f"v{index} = {_line(*step)}" for index, step in enumerate(shape.steps)]
    values = "".join(f"+v{result}, " for result in results)
    return "\n ".join(["def run(names, numbers):", *lines, f"return ({values})"])


def _function(shape: Shape, results: tuple[int, ...]) -> Run:
    namespace: dict[str, Any] = {f"{name}_": function for name, function in DECIMALS.items()}
    exec(text_of(shape, results), namespace)  # noqa: S102 - see the module's head
    run: Run = namespace["run"]
    return run


def _line(operation: str, operands: tuple[int, ...]) -> str:
    if operation in ("name", "number"):
        return f"{operation}s[{operands[0]}]"
    parts = [f"v{operand}" for operand in operands]
    if operation in _OPERATORS:
        return f" {_OPERATORS[operation]} ".join(parts)
    return f"-{parts[0]}" if operation == "neg" else f"{operation}_({', '.join(parts)})"
