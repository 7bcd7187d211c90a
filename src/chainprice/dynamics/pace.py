"""How fast each agent moves, and how long a step may be: from the market's own curvature.

Units are balanced (Ruiz, RAL-TR-2001-034) until what an agent does changes what another one sees by about
as much; then every agent moves at one pace. A step is safe that is below the inverse of the largest
singular value of the map from what is done to what is seen (Lipschitz constant; Popov 1980 for steps
with foresight).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from chainprice.dynamics.world import World

_SAFE = 0.45
_BLIND = 0.1
"""The part of a safe step that is taken without foresight: it turns away from the centre of a circle."""

_LEAST = 1e-6
"""The slowest that a use of next to nothing moves, as a part of its pace."""

_ROUNDS = 20
_POWERS = 60


class Pace(NamedTuple):
    """By how much a gain of 1 moves each variable, and a slack of 1 each multiplier, in a unit of time.

    `variables` and `multipliers` are the units after balancing; `step` is a time that is safe.
    """

    gains: np.ndarray
    slacks: np.ndarray
    variables: np.ndarray
    multipliers: np.ndarray
    step: float


def care(world: World, x: np.ndarray) -> np.ndarray:
    """How fast each variable moves, as a part of its pace.

    A use below its unit is slower in proportion, as its marginal value is the steeper; but not by more than
    so many times.
    """
    part = np.minimum(np.maximum(np.abs(x) / world.sizes, _LEAST), 1.0)
    careful: np.ndarray = np.where(np.isfinite(world.lower), part, 1.0)
    return careful


class _Sparse(NamedTuple):
    """A square matrix by its entries."""

    rows: np.ndarray
    columns: np.ndarray
    values: np.ndarray

    def times(self, vector: np.ndarray) -> np.ndarray:
        product: np.ndarray = np.bincount(
            self.rows, self.values * vector[self.columns], minlength=len(vector)
        )
        return product

    def transposed(self) -> _Sparse:
        return _Sparse(self.columns, self.rows, self.values)

    def scaled(self, factors: np.ndarray) -> _Sparse:
        return self._replace(values=self.values * factors[self.rows] * factors[self.columns])


def pace(world: World, liquidity: float, foresight: float = 1.0) -> Pace:
    """The pace of a world whose market makers are `liquidity` times as deep as balanced ones."""
    safe = _SAFE * max(foresight, _BLIND)
    variables = world.agents.shape[1]
    units = np.concatenate([world.sizes, world.levels])
    matrices = [seen.scaled(units / np.sqrt(world.value)) for seen in _seen(world)]
    balance = _balanced(matrices, len(units))
    balance[variables:] /= np.sqrt(liquidity)
    norm = max(_norm(matrix.scaled(balance)) for matrix in matrices)
    factors = units * balance
    pull = factors**2 / world.value
    return Pace(
        gains=pull[:variables],
        slacks=pull[variables:],
        variables=factors[:variables],
        multipliers=factors[variables:],
        step=safe / norm if norm > 0 else safe,
    )


def _seen(world: World) -> tuple[_Sparse, _Sparse]:
    """What each sees of what the others do: at equilibrium, and where all use their unit at the least.

    A use of next to nothing has a curvature that is steep and holds nowhere else. It moves with care, and so
    it is seen there.
    """
    carefully = np.sqrt(care(world, world.point))
    near = _derivatives(world, world.point)
    near = near.scaled(np.concatenate([carefully, np.ones(len(world.levels))]))
    is_free = ~np.isfinite(world.lower)
    return near, _derivatives(world, np.where(is_free, world.point, np.maximum(world.point, world.sizes)))


def _derivatives(world: World, x: np.ndarray) -> _Sparse:
    """The derivatives of all gains and slacks by all variables and multipliers."""
    agents = world.agents
    variables = agents.shape[1]
    held, columns, slopes = agents.slopes(x)
    sizes = np.where(x == 0, world.sizes, np.minimum(np.abs(x), world.sizes))
    first, second, curvatures = agents.curvatures(x, world.multipliers, sizes)
    traded, of_curves = agents.curve_slopes(x)
    held = held + variables
    return _Sparse(
        np.concatenate([columns, held, first, traded]),
        np.concatenate([held, columns, second, traded]),
        np.concatenate([slopes, -slopes, curvatures, of_curves]),
    )


def _balanced(matrices: Sequence[_Sparse], size: int) -> np.ndarray:
    """Factors of rows and columns after which no row's and no column's entries sum to more than about 1.

    First the largest entry of each is brought near 1, round by round; then each is divided by the root of
    its sum.
    """
    factors = np.ones(size)
    for _ in range(_ROUNDS):
        largest = np.zeros(size)
        for matrix in matrices:
            entries = np.abs(matrix.scaled(factors).values)
            np.maximum.at(largest, matrix.rows, entries)
            np.maximum.at(largest, matrix.columns, entries)
        factors /= np.where(largest > 0, np.sqrt(largest), 1.0) ** 0.5
    total = np.zeros(size)
    for matrix in matrices:
        entries = np.abs(matrix.scaled(factors).values)
        for side in (matrix.rows, matrix.columns):
            total = np.maximum(total, np.bincount(side, entries, minlength=size))
    balanced: np.ndarray = factors / np.sqrt(np.where(total > 0, total, 1.0))
    return balanced


def _norm(matrix: _Sparse) -> float:
    """The largest singular value, by the power method."""
    size = int(max(matrix.rows.max(initial=0), matrix.columns.max(initial=0))) + 1
    vector = np.random.default_rng(0).standard_normal(size)
    norm = 0.0
    for _ in range(_POWERS):
        vector = matrix.transposed().times(matrix.times(vector))
        length = float(np.linalg.norm(vector))
        if not length:
            return 0.0
        vector /= length
        norm = np.sqrt(length)
    return float(norm)
