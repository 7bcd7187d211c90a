"""Pieces of one functional shape: written, and differentiated by CasADi, once for all of them.

A market has few shapes and many firms, so that its derivatives are a few small functions mapped over
columns of numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import casadi
import numpy as np

from chainprice.equilibrium.expressions import CASADI
from chainprice.equilibrium.programme import Piece
from chainprice.equilibrium.start import constant
from chainprice.formula import Shape


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Pieces whose formulas differ in numbers only; a column for each.

    `rows` are their places among all pieces, `variables` the variables in their slots and `constants` all
    that is known in them. `slope_slots` and `curvature_slots` say which slots the derivatives are by, that
    are not 0 everywhere.
    """

    rows: np.ndarray
    variables: np.ndarray
    constants: np.ndarray
    slope_slots: np.ndarray
    curvature_slots: tuple[np.ndarray, np.ndarray]
    _value: Any
    _slopes: Any
    _curvatures: Any

    def values(self, x: Any) -> Any:
        """The value of each piece, for a column x of all variables."""
        return self._value.map(len(self.rows))(self._at(x), self.constants).T

    def slopes(self, x: Any) -> Any:
        """The first derivatives, piece after piece."""
        return casadi.vec(self._slopes.map(len(self.rows))(self._at(x), self.constants))

    def curvatures(self, x: Any, weights: Any) -> Any:
        """The second derivatives of one triangle, piece after piece, each piece with its weight."""
        return casadi.vec(self._curvatures.map(len(self.rows))(self._at(x), self.constants, weights.T))

    def _at(self, x: Any) -> Any:
        return casadi.reshape(x[self.variables.ravel("F").tolist()], *self.variables.shape)

    @property
    def slope_places(self) -> tuple[np.ndarray, np.ndarray]:
        """The piece and the variable of each first derivative."""
        return np.repeat(self.rows, len(self.slope_slots)), self.variables[self.slope_slots].ravel("F")

    @property
    def curvature_places(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The piece and the two variables of each second derivative."""
        first, second = (self.variables[slots].ravel("F") for slots in self.curvature_slots)
        return np.repeat(self.rows, len(self.curvature_slots[0])), first, second


def blocks(pieces: Sequence[Piece]) -> list[Block]:
    """All pieces, those together whose slots and numbers differ in nothing but in what can be a parameter."""
    alike: dict[tuple[Shape, _Slots], list[int]] = {}
    for index, piece in enumerate(pieces):
        alike.setdefault((piece.formula.shape, _slots(piece)), []).append(index)
    return [_block(shape, slots, rows, pieces) for (shape, slots), rows in alike.items()]


_Slots = tuple[float | Literal["variable", "parameter"], ...]
"""What is in the slots of names and then of numbers; the number itself where it is written in."""

_WRITTEN_IN = (0.0, 1.0, 2.0)
"""Numbers that a function has written in: as exponents, CasADi has rules of their own for them."""


def _slots(piece: Piece) -> _Slots:
    return tuple(_kind(value) for value in _filled(piece))


def _filled(piece: Piece) -> list[int | float]:
    """What fills each slot of a piece: the index of a variable, or a number."""
    names = [slot if isinstance(slot, int) else constant(slot) for slot in piece.slots]
    return [*names, *(float(number) for number in piece.formula.numbers)]


def _kind(value: int | float) -> float | Literal["variable", "parameter"]:
    if isinstance(value, int):
        return "variable"
    return value if value in _WRITTEN_IN else "parameter"


def _block(shape: Shape, slots: _Slots, rows: Sequence[int], pieces: Sequence[Piece]) -> Block:
    free, fixed = ([i for i, kind in enumerate(slots) if kind == of] for of in ("variable", "parameter"))
    at, known, weight = (
        casadi.SX.sym(name, count)
        for name, count in (("at", len(free)), ("known", len(fixed)), ("weight", 1))
    )
    values: list[Any] = [casadi.SX(kind) if isinstance(kind, float) else None for kind in slots]
    for chosen, symbols in ((free, at), (fixed, known)):
        for position, slot in enumerate(chosen):
            values[slot] = symbols[position]
    value = shape.run(CASADI, values[: shape.names], values[shape.names :])
    slopes = casadi.jacobian(value, at)
    curvatures = casadi.triu(casadi.jacobian(weight * slopes, at))
    entries = list(zip(*(_filled(pieces[row]) for row in rows), strict=True))
    return Block(
        rows=np.array(rows, dtype=int),
        variables=np.array([entries[slot] for slot in free], dtype=int).reshape(len(free), len(rows)),
        constants=np.array([entries[slot] for slot in fixed], dtype=float).reshape(len(fixed), len(rows)),
        slope_slots=_places(slopes)[1],
        curvature_slots=_places(curvatures),
        _value=casadi.Function("value", [at, known], [value]),
        _slopes=casadi.Function("slopes", [at, known], [_column(slopes)]),
        _curvatures=casadi.Function("curvatures", [at, known, weight], [_column(curvatures)]),
    )


def _places(matrix: Any) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = matrix.sparsity().get_triplet()
    return np.array(rows, dtype=int), np.array(columns, dtype=int)


def _column(matrix: Any) -> Any:
    """The entries of a sparse matrix."""
    return casadi.vertcat(*matrix.nonzeros()) if matrix.nnz() else casadi.SX(0, 1)
