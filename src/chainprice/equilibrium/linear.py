"""Linear systems that may be singular, small ones dense, large ones sparse."""

from __future__ import annotations

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
_PROBES = 2
_ACCURATE = 1e-3

_DAMPING = 1e-11
"""What is put on the diagonal for quantities or multipliers that are not determined."""

_WEIGHT = 1e-6
_REFINEMENTS = 6


class LinearSolver:
    """Solves one system, with rows and columns brought to one size first: none drowns beside another.

    Where it is singular, or has not as many rows as columns, the answer is a short one of those that
    come nearest. Its first `primal` unknowns are quantities, the others multipliers; `is_regular` says
    that there are no other multipliers.
    """

    def __init__(self, matrix: Any, primal: int) -> None:
        rows, columns = (np.array(places, dtype=int) for places in matrix.sparsity().get_triplet())
        values = np.array(matrix.nonzeros())
        self._rows, self._columns = _balance(matrix.shape, rows, columns, np.abs(values))
        values = values * self._rows[rows] * self._columns[columns]
        balanced = casadi.DM(matrix.sparsity(), values)
        self._inner: _Dense | _Sparse | _Damped
        if max(matrix.shape) <= _DENSE:
            self._inner = _Dense(np.array(balanced))
        else:
            self._inner = _sparse(balanced, primal)
        self.is_regular = self._inner.is_regular

    def solve(self, right: np.ndarray) -> np.ndarray:
        """The vector that the matrix takes to `right`."""
        solution: np.ndarray = self._columns * self._inner.solve(self._rows * right)
        return solution


def _balance(
    shape: tuple[int, int], rows: np.ndarray, columns: np.ndarray, sizes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Factors that bring the greatest of every row and column near 1."""
    of_rows, of_columns = np.ones(shape[0]), np.ones(shape[1])
    for _ in range(_BALANCING):
        balanced = sizes * of_rows[rows] * of_columns[columns]
        greatest = np.zeros(shape[0])
        np.maximum.at(greatest, rows, balanced)
        of_rows /= np.sqrt(np.where(greatest > 0, greatest, 1.0))
        greatest = np.zeros(shape[1])
        np.maximum.at(greatest, columns, balanced)
        of_columns /= np.sqrt(np.where(greatest > 0, greatest, 1.0))
    return of_rows, of_columns


class _Dense:
    def __init__(self, matrix: np.ndarray) -> None:
        inverse = None
        if matrix.shape[0] == matrix.shape[1]:
            try:
                inverse = np.linalg.inv(matrix)
            except np.linalg.LinAlgError:
                inverse = None
        self.is_regular = inverse is not None and bool(np.max(np.abs(inverse), initial=0.0) < _INVERTED)
        self._inverse = inverse if self.is_regular else np.linalg.pinv(matrix, rcond=_RANK)

    def solve(self, right: np.ndarray) -> np.ndarray:
        solution: np.ndarray = self._inverse @ right
        return solution


def _sparse(matrix: Any, primal: int) -> _Sparse | _Damped:
    """A factorisation; damped no more than it takes."""
    rows, columns = matrix.shape
    if rows != columns:
        return _Damped(matrix)
    is_primal = np.arange(rows) < primal
    is_empty = np.array(casadi.sum2(casadi.fabs(matrix))).ravel() == 0
    alone = np.where(is_primal & is_empty, 1.0, 0.0)  # a quantity that nothing moves stays where it is
    damping = np.where(is_primal, -_DAMPING, _DAMPING)
    random = np.random.default_rng(0)
    probes = [random.standard_normal(rows) for _ in range(_PROBES)]
    for damped in (0.0, np.where(is_primal, damping, 0.0)):
        solver = _Sparse(matrix + casadi.diag(alone + damped), is_regular=True)
        if all(solver.solves(probe, ~is_primal if np.any(damped) else slice(None)) for probe in probes):
            return solver
    return _Sparse(matrix + casadi.diag(alone + damping), is_regular=False)


class _Sparse:
    """MUMPS, which does not say when it fails."""

    def __init__(self, matrix: Any, *, is_regular: bool) -> None:
        self._matrix, self.is_regular = matrix, is_regular
        self._factors = casadi.Linsol("newton", "mumps", matrix.sparsity())
        self._factors.sfact(matrix)
        self._factors.nfact(matrix)

    def solve(self, right: np.ndarray) -> np.ndarray:
        solution: np.ndarray = np.array(self._factors.solve(self._matrix, right)).ravel()
        return solution

    def solves(self, right: np.ndarray, part: Any) -> bool:
        """Whether it has a solution whose part is not beyond bounds."""
        solution = self.solve(right)
        error = np.array(casadi.mtimes(self._matrix, solution)).ravel() - right
        is_right = np.linalg.norm(error) < _ACCURATE * np.linalg.norm(right)
        return bool(is_right and np.linalg.norm(solution[part]) < _LARGEST * np.linalg.norm(right))


class _Damped:
    """Least squares with a little weight on the solution's length, refined until that is gone."""

    is_regular = False

    def __init__(self, matrix: Any) -> None:
        rows, columns = matrix.shape
        eye = casadi.DM.eye
        self._matrix = matrix
        self._system = _Sparse(
            casadi.blockcat([[_WEIGHT * eye(rows), matrix], [matrix.T, -_WEIGHT * eye(columns)]]),
            is_regular=False,
        )

    def solve(self, right: np.ndarray) -> np.ndarray:
        rows, columns = self._matrix.shape
        solution = np.zeros(columns)
        for _ in range(_REFINEMENTS):
            left = right - np.array(casadi.mtimes(self._matrix, solution)).ravel()
            solution += self._system.solve(np.concatenate([left, np.zeros(columns)]))[rows:]
        return solution
