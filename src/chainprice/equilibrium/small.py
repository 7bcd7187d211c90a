"""Firms too small to matter to anybody else, each brought to its best plan at the prices of the moment.

Newton's method for the whole market takes such a firm down by powers of ten a step, and not all its
inputs alike: it may never find its way back to the right mix. By itself a firm is soon there, for the
logarithms of its marginal values are next to linear in those of its inputs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from chainprice.equilibrium.ipopt import Nlp, Scales
from chainprice.equilibrium.programme import Programme

_SMALL = 1e-6
"""A firm is small while it uses and makes less than this part of the trade in each good."""

_LEAST = 1e-30
"""What would shrink below this part of the trade waits for better prices: it is Newton's to take to 0."""

_ROUNDS = 40
_FARTHEST = 50.0
"""Logarithms that one round moves an input at most."""

_THERE = 1e-8


@dataclass(frozen=True, slots=True)
class _Moment:
    """Quantities and multipliers, and the derivatives there, each quantity measured by itself."""

    x: np.ndarray
    weights: np.ndarray
    value: float
    pulls: np.ndarray
    curvatures: np.ndarray


class SmallFirms:
    """The firms of a programme that have no bends; `sizes` of variables are those of their goods."""

    def __init__(self, programme: Programme, nlp: Nlp, sizes: np.ndarray) -> None:
        self._nlp, self._sizes = nlp, sizes
        count = len(programme.variables)
        bent = {argument.firm for argument in programme.arguments}
        self._uses = [np.array(uses, dtype=int) for firm, uses in programme.uses.items() if firm not in bent]
        self._firm_of = np.full(count, -1)
        for number, uses in enumerate(self._uses):
            self._firm_of[uses] = number
        self._balance_of = np.full(count, -1)
        of_good: dict[str, list[int]] = {}
        size_of: dict[str, float] = {}
        for j, balance in enumerate(programme.balances):
            self._balance_of[list(balance.uses)] = j
            of_good.setdefault(balance.good, []).append(j)
        for variable, size in zip(programme.variables, sizes.tolist(), strict=True):
            if variable.kind != "bend":
                size_of[variable.good] = max(size, size_of.get(variable.good, 0.0))
        outputs = programme.network.outputs
        self._markets = [
            [(of_good[good], size_of[good]) for good in outputs[firm] if good in of_good and good in size_of]
            for firm in programme.uses
            if firm not in bent
        ]
        rows, columns = nlp.curvature_places
        within = np.flatnonzero((self._firm_of[rows] >= 0) & (self._firm_of[rows] == self._firm_of[columns]))
        self._entries = within[np.argsort(self._firm_of[rows[within]], kind="stable")]
        self._starts = np.searchsorted(self._firm_of[rows[self._entries]], np.arange(len(self._uses) + 1))

    def settle(self, x: np.ndarray, weights: np.ndarray, scales: Scales, moved: np.ndarray) -> None:
        """Put the firms that use a variable that was `moved` where they do best, if they are small there.

        Only what they use changes, in place, and only inputs of which they use some.
        """
        waiting = {firm for firm in self._firm_of[moved].tolist() if firm >= 0}
        before = x.copy()
        for _ in range(_ROUNDS):
            if not waiting:
                return
            own = Scales(np.where(x > 0, x, scales.variables), scales.constraints, scales.value)
            pulls, curvatures = self._nlp.pulls(x, weights, own), self._nlp.curvatures(x, weights, own)
            moment = _Moment(x, weights, scales.value, pulls, curvatures)
            for firm in sorted(waiting):
                used = self._uses[firm][x[self._uses[firm]] > 0]
                step = self._step(firm, used, moment)
                best = None if step is None else x[used] * np.exp(step) / self._sizes[used]
                if step is None or best is None or not np.all((best > _LEAST) & (best < _SMALL)):
                    x[used] = before[used]
                    waiting.discard(firm)
                    continue
                x[used] = best * self._sizes[used]
                if np.max(np.abs(step), initial=0.0) < _THERE:
                    waiting.discard(firm)
        for firm in waiting:
            x[self._uses[firm]] = before[self._uses[firm]]

    def _step(self, firm: int, used: np.ndarray, moment: _Moment) -> np.ndarray | None:
        """How far its inputs' logarithms are from the best; None where that has no meaning."""
        weights, value = moment.weights, moment.value
        cost = weights[self._balance_of[used]] * moment.x[used] / value
        worth = moment.pulls[used] + cost
        sales = sum(float(weights[balances].sum()) * size for balances, size in self._markets[firm])
        is_sound = np.all(cost > 0) and np.all(worth > 0) and np.all(np.isfinite(worth))
        if not len(used) or not is_sound or worth.sum() * value > _SMALL * sales:
            return None
        matrix = np.zeros((len(used), len(used)))
        for i, j, entry in self._block(firm, used, moment.curvatures):
            matrix[i, j] = matrix[j, i] = entry
        try:
            step = np.linalg.solve(matrix / worth[:, None], np.log(cost / worth))
        except np.linalg.LinAlgError:
            return None
        farthest = np.max(np.abs(step))
        return step * min(1.0, _FARTHEST / farthest) if 0 < farthest < np.inf else None

    def _block(self, firm: int, used: np.ndarray, curvatures: np.ndarray) -> Iterator[tuple[int, int, float]]:
        """The firm's own second derivatives, by positions among what it uses."""
        position = {int(variable): place for place, variable in enumerate(used)}
        rows, columns = self._nlp.curvature_places
        for entry in self._entries[self._starts[firm] : self._starts[firm + 1]]:
            i, j = position.get(int(rows[entry])), position.get(int(columns[entry]))
            if i is not None and j is not None:
                yield i, j, float(curvatures[entry])
