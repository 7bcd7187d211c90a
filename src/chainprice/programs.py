"""Shapes that are run again and again, as straight-line Python functions.

`Shape.trace` looks every step up; for a shape that many firms share, a function that has the steps as its
lines takes half the time. Its text is made of step numbers and the names of our own operations: nothing
that a user wrote is in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from math import exp, log, sqrt
from typing import Any, NamedTuple

from chainprice.arithmetic import DECIMALS
from chainprice.formula import Functions, Shape, Step

_SLOTS = ("name", "number")

_COMMUTATIVE = ("add", "mul")

_OPERATORS = {"add": "+", "sub": "-", "mul": "*", "div": "/"}

_OFTEN = 20
"""Runs after which a shape is worth a function."""

LONGEST = 2_000
"""Steps beyond which a function would take too long to make."""

Run = Callable[[Sequence[Any], Sequence[Any]], Sequence[Any]]
"""From what fills a shape's name slots and its number slots to the values of the chosen steps."""


class Program:
    """Some steps of a shape, in an arithmetic of decimals.

    `run` gives the values of the chosen steps, and raises ArithmeticError where one has none. After some runs
    it is a function made for them.
    """

    __slots__ = ("_functions", "_results", "_runs", "_shape", "run")

    def __init__(self, shape: Shape, results: tuple[int, ...], functions: Functions = DECIMALS) -> None:
        self._shape, self._results, self._functions = shape, results, functions
        self._runs = 0
        self.run: Run = self._interpreted

    def _interpreted(self, names: Sequence[Any], numbers: Sequence[Any]) -> Sequence[Any]:
        self._runs += 1
        if self._runs > _OFTEN and len(self._shape.steps) <= LONGEST:
            self.run = compiled(self._shape, self._results, self._functions)
            return self.run(names, numbers)
        values = self._shape.trace(self._functions, names, numbers)
        return [+values[result] for result in self._results]


@lru_cache(maxsize=8192)
def program(shape: Shape, results: tuple[int, ...] | None = None) -> Program:
    """The program for these steps of a shape, or for its last one."""
    return Program(shape, (len(shape.steps) - 1,) if results is None else results)


def text_of(shape: Shape, results: tuple[int, ...]) -> str:
    """The function `run` for these steps of a shape, as Python."""
    once = _once(shape)
    lines = [f"v{index} = {_line(*step)}" for index, step in once.steps.items()]
    values = "".join(f"+v{once.same[result]}, " for result in results)
    return "\n ".join(["def run(names, numbers):", *lines, f"return ({values})"])


class _Once(NamedTuple):
    """A shape's steps without repetitions, and for each step of the shape the one that does the same."""

    steps: Mapping[int, Step]
    same: Sequence[int]


def _once(shape: Shape) -> _Once:
    """Each thing is done once, also where a derivative has swapped its factors."""
    steps: dict[int, Step] = {}
    same: list[int] = []
    known: dict[Step, int] = {}
    for index, (operation, operands) in enumerate(shape.steps):
        on = operands if operation in _SLOTS else tuple([same[operand] for operand in operands])
        key = operation, tuple(sorted(on)) if operation in _COMMUTATIVE else on
        first = known.setdefault(key, index)
        if first == index:
            steps[index] = operation, on
        same.append(first)
    return _Once(steps, same)


def _made(text: str, namespace: dict[str, Any]) -> Any:
    """The function `run` that a text defines."""
    exec(text, namespace)  # noqa: S102 - see the module's head
    return namespace["run"]


def _line(operation: str, operands: tuple[int, ...]) -> str:
    if operation in _SLOTS:
        return f"{operation}s[{operands[0]}]"
    parts = [f"v{operand}" for operand in operands]
    if operation in _OPERATORS:
        return f" {_OPERATORS[operation]} ".join(parts)
    return f"-{parts[0]}" if operation == "neg" else f"{operation}_({', '.join(parts)})"


Bounds = Callable[[Sequence[float], Sequence[float], Sequence[float]], tuple[float, Sequence[float]]]
"""From the doubles in the first of a shape's name slots, the bounds of their relative errors, and the doubles
in its other name slots and its number slots, which are rounded once: the first result as a double, and a
bound for each of the results."""

_BOUNDS: dict[str, tuple[str, str]] = {
    "add": ("v{0} + v{1}", "(abs(v{0})*e{0} + abs(v{1})*e{1})/abs({v}) + 1.0"),
    "sub": ("v{0} - v{1}", "(abs(v{0})*e{0} + abs(v{1})*e{1})/abs({v}) + 1.0"),
    "mul": ("v{0} * v{1}", "e{0} + e{1} + 1.0"),
    "div": ("v{0} / v{1}", "e{0} + e{1} + 1.0"),
    "pow": ("v{0} ** v{1}", "abs(v{1})*(e{0} + abs(log_(v{0}))*e{1}) + 1.0"),
    "sqrt": ("sqrt_(v{0})", "0.5*e{0} + 1.0"),
    "exp": ("exp_(v{0})", "abs(v{0})*e{0} + 1.0"),
    "ln": ("log_(v{0})", "e{0}/abs({v}) + 1.0"),
}
"""Of each operation its double, and the bound of its relative error `e` by those of its operands.

The unit is the last digit that is computed with. An operand's error counts as often as the operation's
elasticity says, and rounding adds one (Higham, Accuracy and Stability of Numerical Algorithms, 3.3)."""

_FUNCTIONS = {"log_": log, "sqrt_": sqrt, "exp_": exp}

_NORMAL = "1e-290 < abs({v}) < 1e290"
"""Beyond it a double may have lost digits itself."""


@lru_cache(maxsize=8192)
def bounds(shape: Shape, results: tuple[int, ...], variables: int) -> Bounds | None:
    """The function that bounds the rounding errors of these steps; None where an operation has no bound.

    The first `variables` names have errors of their own. It raises ArithmeticError or ValueError where the
    doubles do not hold.
    """
    if not _is_bounded(shape):
        return None
    made: Bounds = _made(bounds_text_of(shape, results, variables), {**_FUNCTIONS})
    return made


Sure = Callable[[Sequence[float]], Sequence[tuple[float, float]]]
"""From doubles in all name slots and then all number slots, which are rounded once, to the chosen steps: each
as a double, with a bound of its relative error in units of a double's last digit."""

_SURE = "{e} < 1e6"
"""While errors are so small, the products of two of them that bounds leave out are nothing beside them."""


@lru_cache(maxsize=8192)
def sure(shape: Shape, results: tuple[int, ...]) -> Sure | None:
    """The function for these steps in doubles, as far as doubles hold; None where an operation has no bound.

    It raises ArithmeticError or ValueError where a step is beyond a double or has lost more than six digits.
    """
    if not _is_bounded(shape):
        return None
    made: Sure = _made(sure_text_of(shape, results), {**_FUNCTIONS})
    return made


def _is_bounded(shape: Shape) -> bool:
    operations = {operation for operation, _ in shape.steps}
    return len(shape.steps) <= LONGEST and operations <= _BOUNDS.keys() | {*_SLOTS, "neg"}


def sure_text_of(shape: Shape, results: tuple[int, ...]) -> str:
    """The function `run` of `sure`, as Python."""
    lines = []
    once = _once(shape)
    for index, (operation, operands) in once.steps.items():
        value, error = f"v{index}", f"e{index}"
        if operation in _SLOTS:
            place = operands[0] + (shape.names if operation == "number" else 0)
            lines += [f"{value} = numbers[{place}]", f"{error} = 1.0", _unless(_NORMAL.format(v=value))]
        else:
            lines += [*_bounded_lines(index, operation, operands), _unless(_SURE.format(e=error))]
    pairs = "".join(f"(v{result}, e{result}), " for result in map(once.same.__getitem__, results))
    return "\n ".join(["def run(numbers):", *lines, f"return ({pairs})"])


def bounds_text_of(shape: Shape, results: tuple[int, ...], variables: int) -> str:
    """The function `run` of `bounds`, as Python."""
    fixed = shape.names - variables
    lines = []
    once = _once(shape)
    for index, (operation, operands) in once.steps.items():
        if operation == "number" or (operation == "name" and operands[0] >= variables):
            place = operands[0] + fixed if operation == "number" else operands[0] - variables
            value = f"v{index}"
            lines += [f"{value} = numbers[{place}]", _unless(_NORMAL.format(v=value)), f"e{index} = 1.0"]
        else:
            lines += _bounded_lines(index, operation, operands)
    errors = "".join(f"e{once.same[result]}, " for result in results)
    value = f"v{once.same[results[0]]}"
    return "\n ".join(["def run(names, errors, numbers):", *lines, f"return {value}, ({errors})"])


def _bounded_lines(index: int, operation: str, operands: tuple[int, ...]) -> list[str]:
    value, error = f"v{index}", f"e{index}"
    match operation:
        case "name":
            return [f"{value} = names[{operands[0]}]", f"{error} = errors[{operands[0]}]"]
        case "neg":
            return [f"{value} = -v{operands[0]}", f"{error} = e{operands[0]}"]
    double, bound = (text.format(*operands, v=value) for text in _BOUNDS[operation])
    return [f"{value} = {double}", _unless(_NORMAL.format(v=value)), f"{error} = {bound}"]


def _unless(condition: str) -> str:
    return f"if not {condition}: raise OverflowError"


def compiled(shape: Shape, results: tuple[int, ...], functions: Functions) -> Run:
    """The function for these steps of a shape, in an arithmetic of decimals, doubles or arrays of them."""
    run: Run = _made(text_of(shape, results), {f"{name}_": f for name, f in functions.items()})
    return run
