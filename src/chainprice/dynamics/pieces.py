"""Values and slopes of all production functions and price curves at once, in doubles.

Formulas of one shape are one program over columns of numbers; where a shape has few firms, the program
runs on plain floats, which are quicker than short columns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainprice import gradients
from chainprice.arithmetic import CONSTANTS, digits
from chainprice.equilibrium.programme import Piece
from chainprice.equilibrium.start import ARRAYS, FLOATS, constant
from chainprice.formula import Functions, Shape
from chainprice.programs import compiled

FEW = 6
"""Members of a family up to which floats are quicker than columns."""

_NEAR = 1e-6
"""How far, relatively, the points lie between which a slope of a formula with bends is taken."""


class Pieces:
    """Functions of the variables x, side by side.

    `rows` and `columns` are the piece and the variable of each slope, in the order in which they come.
    """

    def __init__(self, pieces: Sequence[Piece]) -> None:
        alike: dict[tuple[Shape, tuple[bool, ...]], list[int]] = {}
        for index, piece in enumerate(pieces):
            kinds = tuple(isinstance(slot, int) for slot in piece.slots)
            alike.setdefault((piece.formula.shape, kinds), []).append(index)
        self._families = [_Family(shape, members, pieces) for (shape, _), members in alike.items()]
        self._has_few = any(family.is_few for family in self._families)
        self._count = len(pieces)
        none = np.zeros(0, dtype=int)
        self.rows = np.concatenate([none, *(rows for f in self._families for rows, _ in f.places)])
        self.columns = np.concatenate([none, *(columns for f in self._families for _, columns in f.places)])

    def __call__(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The value of each piece, and all slopes; nan where there is none."""
        values = np.empty(self._count)
        slopes: list[Any] = []
        plain = x.tolist() if self._has_few else ()
        for family in self._families:
            values[family.members], of_family = family.run(x, plain)
            slopes += of_family
        return values, np.concatenate(slopes) if slopes else np.zeros(0)

    def curvatures(
        self, x: np.ndarray, sizes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Second derivatives that are not 0: pieces, first and second variables, values.

        By differences of slopes, over small parts of the variables' sizes.
        """
        parts = [part for family in self._families for part in family.curvatures(x, sizes)]
        if not parts:
            none = np.zeros(0, dtype=int)
            return none, none, none, np.zeros(0)
        pieces, first, second, values = (np.concatenate(side) for side in zip(*parts, strict=True))
        is_some = np.isfinite(values) & (values != 0)
        return pieces[is_some], first[is_some], second[is_some], values[is_some]


class _Family:
    """Pieces of one shape, with variables in the same slots."""

    def __init__(self, shape: Shape, members: Sequence[int], pieces: Sequence[Piece]) -> None:
        self.members = np.array(members)
        own = [pieces[index] for index in members]
        self.is_few = len(members) <= FEW
        self._slots = [slot for slot, filled in enumerate(own[0].slots) if isinstance(filled, int)]
        self._columns = {slot: np.array([piece.slots[slot] for piece in own]) for slot in self._slots}
        self._fixed = {
            slot: np.array([constant(piece.slots[slot]) for piece in own])
            for slot in range(shape.names)
            if slot not in self._columns
        }
        self._numbers = [
            np.array([float(piece.formula.numbers[k]) for piece in own]) for k in range(shape.numbers)
        ]
        self._run, self._floats, extra, literals, slots = _programs(shape)
        self._literals = literals
        self._extra = list(extra)
        self._chosen = [place for place, slot in enumerate(slots) if slot in self._columns]
        used = [slots[place] for place in self._chosen]
        self.places = [(self.members, self._columns[slot]) for slot in used]
        self._rows = [self._floats_of(k) for k in range(len(own))] if self.is_few else []

    def _floats_of(self, member: int) -> tuple[list[float], list[tuple[int, int]]]:
        """What fills the slots of one member, and which of them are variables."""
        count = len(self._columns) + len(self._fixed)
        names = [float(self._fixed[slot][member]) if slot in self._fixed else 0.0 for slot in range(count)]
        filled = [*names, *(float(number[member]) for number in self._numbers), *self._extra]
        return filled, [(slot, int(column[member])) for slot, column in self._columns.items()]

    def run(self, x: np.ndarray, plain: Sequence[float]) -> tuple[Any, list[Any]]:
        """Values of the members, and a column of slopes for each slot with a variable."""
        if not self.is_few:
            return self._at({slot: x.take(column) for slot, column in self._columns.items()})
        rows = []
        for filled, places in self._rows:
            for slot, variable in places:
                filled[slot] = plain[variable]
            try:
                rows.append(self._floats(filled, self._literals))
            except (ArithmeticError, ValueError, TypeError):
                rows.append((math.nan,) * (1 + len(self.places)))
        sides = list(zip(*rows, strict=True))
        return sides[0], [sides[1 + place] for place in self._chosen]

    def _at(self, at: dict[int, Any]) -> tuple[Any, list[Any]]:
        names = [at[slot] if slot in at else self._fixed[slot] for slot in range(len(at) + len(self._fixed))]
        value, *slopes = self._run([*names, *self._numbers, *self._extra], self._literals)
        return value, [_column(slopes[place], self.members) for place in self._chosen]

    def curvatures(self, x: np.ndarray, sizes: np.ndarray) -> Sequence[tuple[np.ndarray, ...]]:
        """Pieces, first and second variables, second derivatives; one part for each pair of slots."""
        at = {slot: x.take(column) for slot, column in self._columns.items()}
        parts = []
        for slot, column in self._columns.items():
            step = _NEAR * sizes[column]
            more = self._at({**at, slot: at[slot] + step})[1]
            fewer = self._at({**at, slot: at[slot] - step})[1]
            for (members, other), high, low in zip(self.places, more, fewer, strict=True):
                parts.append((members, other, column, (high - low) / (2 * step)))
        return parts


def _column(values: Any, members: np.ndarray) -> np.ndarray:
    """A number for each member: a slope may be the same for all."""
    if isinstance(values, np.ndarray) and values.shape == members.shape:
        return values
    return np.full(members.shape, values)


def _programs(shape: Shape) -> tuple[Any, Any, list[float], list[float], list[int]]:
    """The value and the slopes in columns and in floats, the constants and literals they need, and the
    slots that the slopes are by."""
    if shape.kinked:
        slots = sorted(shape.used & set(range(shape.names)))
        return _bent(shape, ARRAYS, slots), _bent(shape, FLOATS, slots), [], [], slots
    gradient = gradients.gradient(shape)
    results = (gradient.value, *gradient.results.values())
    with digits(20):
        extra = [float(CONSTANTS[name]()) for name in gradient.constants]
    literals = [float(number) for number in gradient.literals]
    arrays, floats = (compiled(gradient.program, results, kind) for kind in (ARRAYS, FLOATS))
    return arrays, floats, extra, literals, list(gradient.results)


def _bent(shape: Shape, functions: Functions, slots: Sequence[int]) -> Any:
    """The same for a formula with bends that are not concave; its slopes by differences."""

    def run(filled: Sequence[Any], _: Sequence[float]) -> tuple[Any, ...]:
        names, numbers = list(filled[: shape.names]), filled[shape.names :]
        slopes = []
        for slot in slots:
            step = _NEAR * (abs(names[slot]) + _NEAR)
            ends = [
                shape.run(functions, [*names[:slot], names[slot] + way, *names[slot + 1 :]], numbers)
                for way in (step, -step)
            ]
            slopes.append((ends[0] - ends[1]) / (2 * step))
        return (shape.run(functions, names, numbers), *slopes)

    return run
