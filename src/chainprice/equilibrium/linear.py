"""Linear systems that may be singular, small ones dense, large ones sparse."""

from __future__ import annotations

from functools import cache, cached_property
from typing import Any

import casadi
import numpy as np

_DENSE = 300
"""Rows up to which a dense inverse is cheaper than a sparse factorisation."""

_RANK = 1e-11
"""The part of the greatest singular value below which one counts as 0."""

_LARGEST = 1e10
"""What grows by more when a system is solved is next to singular."""

_INVERTED = 1e5
"""The growth up to which a dense inverse is as good as one by singular values."""

_BALANCING = 6
_ACCURATE = 1e-3

_DAMPING = 1e-11
"""What is put on the diagonal for quantities or multipliers that are not determined."""

_WEIGHT = 1e-6
_REFINEMENTS = 6


class Pattern:
    """Where a sparse matrix has entries; those named twice are added up, and a diagonal is whole."""

    def __init__(
        self, shape: tuple[int, int], rows: np.ndarray, columns: np.ndarray, *, is_symmetric: bool = False
    ) -> None:
        self.shape, self.is_symmetric = shape, is_symmetric
        self.is_square = shape[0] == shape[1]
        diagonal = np.arange(shape[0] if self.is_square else 0)
        keys = np.concatenate([columns, diagonal]) * shape[0] + np.concatenate([rows, diagonal])
        unique, self._places = np.unique(keys, return_inverse=True)
        self.columns, self.rows = np.divmod(unique, max(1, shape[0]))
        self.diagonal = self._places[len(rows) :]

    def values(self, entries: np.ndarray) -> np.ndarray:
        """The matrix's values, column by column."""
        weights = np.concatenate([entries, np.zeros(len(self._places) - len(entries))])
        return np.bincount(self._places, weights, len(self.rows))

    def product(self, values: np.ndarray, vector: np.ndarray) -> np.ndarray:
        """The matrix times a vector."""
        return np.bincount(self.rows, values * vector[self.columns], self.shape[0])

    def matrix(self, values: np.ndarray) -> Any:
        """In CasADi."""
        return casadi.DM(self._sparsity, values)

    @cached_property
    def _sparsity(self) -> Any:
        starts = np.searchsorted(self.columns, np.arange(self.shape[1] + 1))
        return casadi.Sparsity(*self.shape, starts.tolist(), self.rows.tolist())

    @cache  # noqa: B019 - as many as there are ways
    def mumps(self, is_symmetric: bool) -> Any:
        """A solver for matrices of this pattern; MUMPS talks when one goes that was never used by itself.

        CasADi 3.8 takes `posdef` for its opposite, so that what comes back has to be looked at.
        """
        options = {"symmetric": True, "posdef": True} if is_symmetric else {}
        factors = casadi.Linsol("newton", "mumps", self._sparsity, options)
        factors.nfact(self.matrix(np.random.default_rng(0).standard_normal(len(self.rows))))
        return factors


class LinearSolver:
    """Solves one system, with rows and columns brought to one size first: none drowns beside another.

    Where it is singular, or has not as many rows as columns, the answer is a short one of those that
    come nearest. Its first `primal` unknowns are quantities, the others multipliers.
    """

    def __init__(self, pattern: Pattern, entries: np.ndarray, primal: int) -> None:
        values = pattern.values(entries)
        self._rows, self._columns = balance((pattern.rows, pattern.columns), pattern.shape, np.abs(values))
        values = values * self._rows[pattern.rows] * self._columns[pattern.columns]
        self._inner: _Dense | _Sparse | _Damped
        if max(pattern.shape) <= _DENSE:
            self._inner = _Dense(pattern, values)
        elif pattern.is_square:
            self._inner = _Sparse(pattern, values, primal)
        else:
            self._inner = _Damped(pattern.matrix(values))

    @property
    def is_regular(self) -> bool:
        """Whether there is one solution only."""
        return self._inner.is_regular

    def solve(self, right: np.ndarray) -> np.ndarray:
        """The vector that the matrix takes to `right`."""
        solution: np.ndarray = self._columns * self._inner.solve(self._rows * right)
        return solution


def balance(
    places: tuple[np.ndarray, np.ndarray], shape: tuple[int, int], sizes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Factors that bring the greatest of every row and column near 1 (Ruiz 2001).

    Rows and columns together: what is symmetric stays so. `sizes` are those of the entries at `places`.
    """
    rows, columns = places
    of_rows, of_columns = np.ones(shape[0]), np.ones(shape[1])
    for _ in range(_BALANCING):
        balanced = sizes * of_rows[rows] * of_columns[columns]
        for factors, indices in ((of_rows, rows), (of_columns, columns)):
            greatest = np.zeros(len(factors))
            np.maximum.at(greatest, indices, balanced)
            factors[:] /= np.sqrt(np.where(greatest > 0, greatest, 1.0))
    return of_rows, of_columns


class _Dense:
    def __init__(self, pattern: Pattern, values: np.ndarray) -> None:
        matrix = np.zeros(pattern.shape)
        matrix[pattern.rows, pattern.columns] = values
        inverse = None
        if pattern.is_square:
            try:
                inverse = np.linalg.inv(matrix)
            except np.linalg.LinAlgError:
                inverse = None
        self.is_regular = inverse is not None and bool(np.max(np.abs(inverse), initial=0.0) < _INVERTED)
        self._inverse = inverse if self.is_regular else np.linalg.pinv(matrix, rcond=_RANK)

    def solve(self, right: np.ndarray) -> np.ndarray:
        solution: np.ndarray = self._inverse @ right
        return solution


class _Sparse:
    """MUMPS, which does not say when it fails; damped no more than it takes.

    A random right side goes with each: its solution is beyond bounds where the matrix is singular.
    """

    def __init__(self, pattern: Pattern, values: np.ndarray, primal: int) -> None:
        rows = pattern.shape[0]
        is_primal = np.arange(rows) < primal
        is_empty = np.bincount(pattern.rows, np.abs(values), rows) == 0
        alone = np.where(is_primal & is_empty, 1.0, 0.0)  # a quantity that nothing moves stays where it is
        of_primal = np.where(is_primal, -_DAMPING, 0.0)
        of_all = np.where(is_primal, -_DAMPING, _DAMPING)
        self._attempts = [
            (alone, slice(None), True),
            (alone + of_primal, ~is_primal, True),
            (alone + of_all, None, False),
        ]
        self._pattern, self._values = pattern, values
        self._is_settled = False
        self._is_symmetric = pattern.is_symmetric
        self._probe = np.random.default_rng(0).standard_normal(rows)

    @property
    def is_regular(self) -> bool:
        """Whether there is one solution only."""
        if not self._is_settled:
            self.solve(np.zeros(len(self._probe)))
        return self._attempts[0][2]

    def solve(self, right: np.ndarray) -> np.ndarray:
        both = np.column_stack([right, self._probe])
        while True:
            damping, part, _ = self._attempts[0]
            values = self._values.copy()
            values[self._pattern.diagonal] += damping
            solution: np.ndarray
            solution, probe = self._solved(values, both).T
            if self._is_symmetric and not self._is_right(values, probe):
                self._is_symmetric = False
                continue
            self._is_settled = self._is_settled or part is None or self._is_sound(values, probe, part)
            if self._is_settled:
                return solution
            self._attempts.pop(0)

    def _solved(self, values: np.ndarray, right: np.ndarray) -> np.ndarray:
        mumps = self._pattern.mumps(self._is_symmetric)
        return np.array(mumps.solve(self._pattern.matrix(values), right))

    def _is_sound(self, values: np.ndarray, solution: np.ndarray, part: Any) -> bool:
        """Whether the probe is solved, by a vector whose part is not beyond bounds."""
        is_short = np.linalg.norm(solution[part]) < _LARGEST * np.linalg.norm(self._probe)
        return bool(is_short and self._is_right(values, solution))

    def _is_right(self, values: np.ndarray, solution: np.ndarray) -> bool:
        error = self._pattern.product(values, solution) - self._probe
        return bool(np.linalg.norm(error) < _ACCURATE * np.linalg.norm(self._probe))


class _Damped:
    """Least squares with a little weight on the solution's length, refined until that is gone."""

    is_regular = False

    def __init__(self, matrix: Any) -> None:
        rows, columns = matrix.shape
        eye = casadi.DM.eye
        self._matrix = matrix
        self._system = casadi.blockcat([[_WEIGHT * eye(rows), matrix], [matrix.T, -_WEIGHT * eye(columns)]])
        self._factors = casadi.Linsol("damped", "mumps", self._system.sparsity())
        self._factors.nfact(self._system)  # see `Pattern.mumps`

    def solve(self, right: np.ndarray) -> np.ndarray:
        rows, columns = self._matrix.shape
        solution = np.zeros(columns)
        for _ in range(_REFINEMENTS):
            left = right - np.array(casadi.mtimes(self._matrix, solution)).ravel()
            both = self._factors.solve(self._system, np.concatenate([left, np.zeros(columns)]))
            solution += np.array(both).ravel()[rows:]
        return solution
