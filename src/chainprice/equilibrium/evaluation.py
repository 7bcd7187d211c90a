"""CasADi's functions and sparse matrices for numpy: CasADi itself takes and gives arrays number by number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


class Evaluator:
    """A CasADi function of columns that is called with arrays, by way of memory that both know.

    What comes back are the entries of its result of this number: all of a column, those of a sparse matrix
    in CasADi's order.
    """

    def __init__(self, function: Any, result: int = 0) -> None:
        self._buffer, self._run = function.buffer()
        self._arguments = [np.zeros(function.nnz_in(i)) for i in range(function.n_in())]
        self._result = np.zeros(function.nnz_out(result))
        for i, argument in enumerate(self._arguments):
            self._buffer.set_arg(i, argument.data)
        self._buffer.set_res(result, self._result.data)

    def at(self, *arguments: np.ndarray | float) -> np.ndarray:
        """The result at these arguments, a new array."""
        for memory, argument in zip(self._arguments, arguments, strict=True):
            memory[:] = argument
        self._run()
        return self._result.copy()


@dataclass(frozen=True, slots=True, eq=False)
class Sparse:
    """A matrix by what stands in it: `entries` at `rows` and `columns`."""

    shape: tuple[int, int]
    rows: np.ndarray
    columns: np.ndarray
    entries: np.ndarray

    def times(self, vector: np.ndarray) -> np.ndarray:
        """The matrix times a vector; NaN where something endless meets nothing."""
        return self._summed(self.rows, vector[self.columns], self.shape[0])

    def transposed_times(self, vector: np.ndarray) -> np.ndarray:
        """The transposed matrix times a vector; NaN where something endless meets nothing."""
        return self._summed(self.columns, vector[self.rows], self.shape[1])

    def _summed(self, places: np.ndarray, factors: np.ndarray, count: int) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return np.bincount(places, self.entries * factors, count)

    def diagonal(self) -> np.ndarray:
        """What stands on the diagonal."""
        on = self.rows == self.columns
        return np.bincount(self.rows[on], self.entries[on], self.shape[0])

    def dense(self) -> np.ndarray:
        """The matrix with all its zeros."""
        matrix = np.zeros(self.shape)
        matrix[self.rows, self.columns] = self.entries
        return matrix
