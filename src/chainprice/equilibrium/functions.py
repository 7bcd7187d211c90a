"""The programme and its derivatives as CasADi functions, put together from blocks of one shape.

Everything is relative: variables, constraints and total value are measured by their sizes, which are
parameters. Sums over firms are products with sparse matrices; nothing is written out firm by firm.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import casadi
import numpy as np

from chainprice.equilibrium.blocks import blocks
from chainprice.equilibrium.expressions import TotalValue
from chainprice.equilibrium.incidence import Entries, fixed, made, taken
from chainprice.equilibrium.programme import Programme

_NO_PLACES = np.zeros(0, dtype=int)


class Relative:
    """-W(u) + tie * u'u and c(u), with their derivatives.

    `u` are the variables over their sizes; the parameters `p` are the sizes of variables, of constraints and
    of total value, and `tie`. `curved` are the variables by which there are second derivatives.
    """

    def __init__(self, programme: Programme) -> None:
        self._shape = len(programme.constraints), len(programme.variables)
        constraints, variables = self._shape
        self._u, self._p = casadi.MX.sym("u", variables), casadi.MX.sym("p", constraints + variables + 2)
        self._sizes, self._of_constraints = self._p[:variables], self._p[variables:-2]
        self._of_value, self._tie = self._p[-2], self._p[-1]
        self._x = self._u * self._sizes
        pieces = [production.piece for production in programme.productions]
        self._blocks = blocks([*pieces, *(argument.piece for argument in programme.arguments)])
        self._column_of = np.argsort(_joined(block.rows for block in self._blocks))
        self._made, self._taken = made(programme), taken(programme)
        self._trades = np.array([curve.variable for curve in programme.curves], dtype=int)
        self._integrals, self._bent = _integrals(programme, self._trades)
        self._fixed = casadi.DM(fixed(programme))
        self.curved = frozenset(np.concatenate([*self._curvature_places()[1:], self._bent]).tolist())

    @property
    def problem(self) -> dict[str, Any]:
        """As CasADi takes it."""
        return {"x": self._u, "p": self._p, "f": self._objective(), "g": self._slacks()}

    def value(self) -> Any:
        """The function (u, p) -> objective."""
        return casadi.Function("nlp_f", [self._u, self._p], [self._objective()])

    def slacks(self) -> Any:
        """The function (u, p) -> c."""
        return casadi.Function("nlp_g", [self._u, self._p], [self._slacks()])

    def gradient(self) -> Any:
        """The function (u, p) -> objective, its gradient."""
        prices = self._integrals(self._traded())[1]
        chosen = _matrix((self._shape[1], len(self._trades)), _one_each(self._trades))
        gradient = 2 * self._tie * self._u - casadi.mtimes(chosen, prices) * self._sizes / self._of_value
        return _function("nlp_grad_f", (self._u, self._p), f=self._objective(), grad_f_x=gradient)

    def jacobian(self) -> Any:
        """The function (u, p) -> c, its Jacobian."""
        rows, columns, constants = self._taken
        pieces, variables = self._slope_places()
        entries, constraints, factors = _spread(pieces, self._made)
        slopes = casadi.vertcat(*(block.slopes(self._x) for block in self._blocks))
        sums = _Sums(
            self._shape,
            np.concatenate([constraints, rows]),
            np.concatenate([variables[entries], columns]),
        )
        slopes = casadi.vertcat(factors * _picked(slopes, entries), constants)
        relative = _picked(self._sizes, sums.columns) / _picked(self._of_constraints, sums.rows)
        jacobian = casadi.MX(sums.sparsity, sums.of(slopes) * relative)
        return _function("nlp_jac_g", (self._u, self._p), g=self._slacks(), jac_g_x=jacobian)

    def hessian(self) -> Any:
        """The function (u, p, multipliers of objective and c) -> second derivatives, the upper triangle."""
        of_objective, of_slacks = casadi.MX.sym("lam_f"), casadi.MX.sym("lam_g", self._shape[0])
        _, first, second = self._curvature_places()
        pieces, constraints, factors = self._made
        weights = casadi.mtimes(
            _matrix((len(self._column_of), self._shape[0]), (pieces, constraints, factors)),
            of_slacks / self._of_constraints,
        )
        curvatures = [block.curvatures(self._x, _picked(weights, block.rows)) for block in self._blocks]
        every = np.arange(self._shape[1])
        sums = _Sums(
            (self._shape[1], self._shape[1]),
            np.concatenate([np.minimum(first, second), self._trades, every]),
            np.concatenate([np.maximum(first, second), self._trades, every]),
        )
        of_trades = -self._integrals(self._traded())[2] * of_objective / self._of_value
        of_tie = 2 * self._tie * of_objective / self._sizes**2
        total = sums.of(casadi.vertcat(*curvatures, of_trades, of_tie))
        relative = _picked(self._sizes, sums.rows) * _picked(self._sizes, sums.columns)
        return _function(
            "nlp_hess_l",
            (self._u, self._p, of_objective, of_slacks),
            triu_hess_gamma_x_x=casadi.MX(sums.sparsity, total * relative),
        )

    def _slacks(self) -> Any:
        values = casadi.vertcat(*(block.values(self._x) for block in self._blocks))
        pieces, constraints, factors = self._made
        shape = self._shape[0], len(self._column_of)
        made = _matrix(shape, (constraints, self._column_of[pieces], factors))
        taken = _matrix(self._shape, self._taken)
        slacks = self._fixed + casadi.mtimes(made, values) + casadi.mtimes(taken, self._x)
        return slacks / self._of_constraints

    def _objective(self) -> Any:
        value = self._integrals(self._traded())[0]
        return self._tie * casadi.sumsqr(self._u) - value / self._of_value

    def _traded(self) -> Any:
        return _picked(self._x, self._trades)

    def _slope_places(self) -> tuple[np.ndarray, ...]:
        places = [block.slope_places for block in self._blocks]
        return tuple(_joined(side) for side in zip(*places, strict=True)) or (_NO_PLACES,) * 2

    def _curvature_places(self) -> tuple[np.ndarray, ...]:
        places = [block.curvature_places for block in self._blocks]
        return tuple(_joined(side) for side in zip(*places, strict=True)) or (_NO_PLACES,) * 3


class _Sums:
    """A sparse matrix whose entries are sums of what falls in one place; entries in CasADi's order."""

    def __init__(self, shape: tuple[int, int], rows: np.ndarray, columns: np.ndarray) -> None:
        places, self._place = np.unique(columns * shape[0] + rows, return_inverse=True)
        columns, rows = np.divmod(places, shape[0])
        starts = np.searchsorted(columns, np.arange(shape[1] + 1))
        self.rows, self.columns = rows, columns
        self.sparsity = casadi.Sparsity(*shape, starts.tolist(), rows.tolist())

    def of(self, terms: Any) -> Any:
        """The entries, of a column with a term for each row and column that was given."""
        count = len(self._place)
        summing = _matrix((len(self.rows), count), (self._place, np.arange(count), np.ones(count)))
        return casadi.mtimes(summing, terms)


def _function(name: str, inputs: Sequence[Any], **outputs: Any) -> Any:
    names = ["x", "p", "lam_f", "lam_g"][: len(inputs)]
    return casadi.Function(name, list(inputs), list(outputs.values()), names, list(outputs))


def _matrix(shape: tuple[int, int], entries: Entries) -> Any:
    rows, columns, values = (side.tolist() for side in entries)
    return casadi.DM.triplet(rows, columns, casadi.DM(values), *shape)


def _picked(column: Any, places: np.ndarray) -> Any:
    """The chosen entries of a column, as a column: CasADi makes a row of those of a single number."""
    return casadi.reshape(column[places.tolist()], len(places), 1)


def _one_each(rows: np.ndarray) -> Entries:
    return rows, np.arange(len(rows)), np.ones(len(rows))


def _joined(parts: Iterable[np.ndarray]) -> np.ndarray:
    return np.concatenate([_NO_PLACES, *parts])


def _spread(pieces: np.ndarray, made: Entries) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each derivative of a piece, once per constraint that the piece is in: which one, where, by what."""
    of_piece, constraints, factors = made
    first = np.searchsorted(of_piece, pieces)
    counts = np.searchsorted(of_piece, pieces, side="right") - first
    entries = np.repeat(np.arange(len(pieces)), counts)
    offsets = np.arange(len(entries)) - np.repeat(np.cumsum(counts) - counts, counts)
    places = first[entries] + offsets
    return entries, constraints[places], factors[places]


def _integrals(programme: Programme, trades: np.ndarray) -> tuple[Any, np.ndarray]:
    """The function of the quantities traded -> W, its first and its second derivatives.

    And the trades that have second ones: each trade has a price curve of its own.
    """
    q = casadi.SX.sym("q", len(trades))
    at = {variable: q[position] for position, variable in enumerate(trades.tolist())}
    value = casadi.SX(TotalValue(programme, at).expression)
    prices = casadi.gradient(value, q)
    slopes = casadi.diag(casadi.jacobian(prices, q))
    function = casadi.Function("total_value", [q], [value, prices, casadi.densify(slopes)])
    return function, trades[np.array(slopes.sparsity().row(), dtype=int)]
