"""Linear systems that may be singular, small ones dense, large ones sparse."""

from __future__ import annotations

from functools import lru_cache
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

_SYMMETRIC = 1e-13
_BALANCING = 6
_ACCURATE = 1e-3

_DAMPING = 1e-11
"""What is put on the diagonal for quantities or multipliers that are not determined."""

_WEIGHT = 1e-6
_REFINEMENTS = 6


class LinearSolver:
    """Solves one system, with rows and columns brought to one size first: none drowns beside another.

    Where it is singular, or has not as many rows as columns, the answer is a short one of those that
    come nearest. Its first `primal` unknowns are quantities, the others multipliers.
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
        elif matrix.shape[0] == matrix.shape[1]:
            self._inner = _Sparse(balanced, primal)
        else:
            self._inner = _Damped(balanced)

    @property
    def is_regular(self) -> bool:
        """Whether there is one solution only."""
        return self._inner.is_regular

    def solve(self, right: np.ndarray) -> np.ndarray:
        """The vector that the matrix takes to `right`."""
        solution: np.ndarray = self._columns * self._inner.solve(self._rows * right)
        return solution


def _balance(
    shape: tuple[int, int], rows: np.ndarray, columns: np.ndarray, sizes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Factors that bring the greatest of every row and column near 1 (Ruiz 2001).

    Rows and columns together: what is symmetric stays so.
    """
    of_rows, of_columns = np.ones(shape[0]), np.ones(shape[1])
    for _ in range(_BALANCING):
        balanced = sizes * of_rows[rows] * of_columns[columns]
        for factors, places in ((of_rows, rows), (of_columns, columns)):
            greatest = np.zeros(len(factors))
            np.maximum.at(greatest, places, balanced)
            factors[:] /= np.sqrt(np.where(greatest > 0, greatest, 1.0))
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


class _Sparse:
    """MUMPS, which does not say when it fails; damped no more than it takes.

    A random right side goes with each: its solution is beyond bounds where the matrix is singular.
    """

    def __init__(self, matrix: Any, primal: int) -> None:
        rows = matrix.shape[0]
        is_primal = np.arange(rows) < primal
        is_empty = np.array(casadi.sum2(casadi.fabs(matrix))).ravel() == 0
        alone = np.where(is_primal & is_empty, 1.0, 0.0)  # a quantity that nothing moves stays where it is
        of_primal = np.where(is_primal, -_DAMPING, 0.0)
        of_all = np.where(is_primal, -_DAMPING, _DAMPING)
        self._attempts = [
            (alone, slice(None), True),
            (alone + of_primal, ~is_primal, True),
            (alone + of_all, None, False),
        ]
        self._matrix = matrix
        self._is_settled = False
        self._is_symmetric = bool(np.max(np.abs((matrix - matrix.T).nonzeros()), initial=0.0) < _SYMMETRIC)
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
            matrix = self._matrix + casadi.diag(damping)
            solution: np.ndarray
            solution, probe = _solve(matrix, both, self._is_symmetric).T
            if self._is_symmetric and not self._is_right(matrix, probe):
                self._is_symmetric = False
                continue
            self._is_settled = self._is_settled or part is None or self._is_sound(matrix, probe, part)
            if self._is_settled:
                return solution
            self._attempts.pop(0)

    def _is_sound(self, matrix: Any, solution: np.ndarray, part: Any) -> bool:
        """Whether the probe is solved, by a vector whose part is not beyond bounds."""
        is_short = np.linalg.norm(solution[part]) < _LARGEST * np.linalg.norm(self._probe)
        return bool(is_short and self._is_right(matrix, solution))

    def _is_right(self, matrix: Any, solution: np.ndarray) -> bool:
        error = np.array(casadi.mtimes(matrix, solution)).ravel() - self._probe
        return bool(np.linalg.norm(error) < _ACCURATE * np.linalg.norm(self._probe))


def _solve(matrix: Any, right: np.ndarray, is_symmetric: bool = False) -> np.ndarray:
    solver = _mumps(matrix.shape[0], tuple(matrix.colind()), tuple(matrix.row()), is_symmetric)
    solution: np.ndarray = np.array(solver.solve(matrix, right))
    return solution


@lru_cache(maxsize=4)
def _mumps(size: int, columns: tuple[int, ...], rows: tuple[int, ...], is_symmetric: bool) -> Any:
    """A solver for one pattern; MUMPS talks when one goes that was never used by itself.

    CasADi 3.8 takes `posdef` for its opposite, so that what comes back has to be looked at.
    """
    pattern = casadi.Sparsity(size, size, columns, rows)
    options = {"symmetric": True, "posdef": True} if is_symmetric else {}
    factors = casadi.Linsol("newton", "mumps", pattern, options)
    factors.nfact(casadi.DM(pattern, np.random.default_rng(0).standard_normal(len(rows))))
    return factors


class _Damped:
    """Least squares with a little weight on the solution's length, refined until that is gone."""

    is_regular = False

    def __init__(self, matrix: Any) -> None:
        rows, columns = matrix.shape
        eye = casadi.DM.eye
        self._matrix = matrix
        self._system = casadi.blockcat([[_WEIGHT * eye(rows), matrix], [matrix.T, -_WEIGHT * eye(columns)]])

    def solve(self, right: np.ndarray) -> np.ndarray:
        rows, columns = self._matrix.shape
        solution = np.zeros(columns)
        for _ in range(_REFINEMENTS):
            left = right - np.array(casadi.mtimes(self._matrix, solution)).ravel()
            solution += _solve(self._system, np.concatenate([left, np.zeros(columns)])).ravel()[rows:]
        return solution
