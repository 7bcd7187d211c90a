"""What every agent of a market sees: its own gain by one more unit, and what is left of each good.

    gain of a variable   dL/dx = marginal value less what a unit costs
    slack of a balance   c(x)  = what there is less what is used; its negative is excess demand

All in doubles; L is the Lagrangian of MODEL.md section 3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from chainprice.dynamics.pieces import Pieces
from chainprice.equilibrium.incidence import fixed, made, taken
from chainprice.equilibrium.programme import Programme
from chainprice.equilibrium.start import constant


class Sight(NamedTuple):
    """The gain of each variable, the slack of each constraint, the value of each piece."""

    gains: np.ndarray
    slacks: np.ndarray
    values: np.ndarray


class GoodsSeen(NamedTuple):
    """Of each good its price, what there is of it, and its excess demand."""

    prices: np.ndarray
    quantities: np.ndarray
    excess: np.ndarray


class Agents:
    """The agents of one programme. `goods` are in the order of every array by good."""

    def __init__(self, programme: Programme) -> None:
        self.programme = programme
        self.shape = len(programme.constraints), len(programme.variables)
        productions = [production.piece for production in programme.productions]
        arguments = [argument.piece for argument in programme.arguments]
        self._pieces = Pieces([*productions, *arguments, *(curve.piece for curve in programme.curves)])
        self._first_curve = len(productions) + len(arguments)
        self._made, self._taken = made(programme), taken(programme)
        self._fixed = np.array(fixed(programme))
        self._traded = np.array([curve.variable for curve in programme.curves], dtype=int)
        self._signs = np.array([float(curve.sign) for curve in programme.curves])
        self.goods = programme.network.goods
        self._read_goods(programme)

    def _read_goods(self, programme: Programme) -> None:
        place = {good: index for index, good in enumerate(self.goods)}
        balances = programme.balances
        self._good_of = np.array([place[balance.good] for balance in balances], dtype=int)
        self._coefficients = np.array(
            [1.0 if b.coefficient is None else constant(b.coefficient) for b in balances]
        )
        self._outputs = np.array([place[made.output] for made in programme.productions], dtype=int)
        self._bought = np.array([place[good] for good in programme.purchases], dtype=int)
        self._purchases = np.array(list(programme.purchases.values()), dtype=int)
        self._bends = np.array([argument.bend for argument in programme.arguments], dtype=int)
        self._sides = np.array([float(argument.side) for argument in programme.arguments])
        of_output = Counter((a.firm, a.output) for a in {a.bend: a for a in programme.arguments}.values())
        self._depth = max(of_output.values(), default=0)
        self._endowed = np.zeros(len(self.goods))
        for good, quantity in programme.endowments.items():
            self._endowed[place[good]] = constant(quantity)

    def look(self, x: np.ndarray, multipliers: np.ndarray) -> Sight:
        """Gains, slacks and values at a point; nan where a function has no value."""
        variables = self.shape[1]
        pieces, held, factors = self._made
        rows, columns, entries = self._taken
        values, slopes = self._pieces(x)
        worth = np.bincount(pieces, factors * multipliers.take(held), minlength=len(values))
        gains = np.bincount(self._pieces.columns, slopes * worth.take(self._pieces.rows), minlength=variables)
        gains += np.bincount(columns, entries * multipliers.take(rows), minlength=variables)
        gains[self._traded] += self._signs * values[self._first_curve :]
        return Sight(gains, self._slacks(x, values), values)

    def _slacks(self, x: np.ndarray, values: np.ndarray) -> np.ndarray:
        pieces, held, factors = self._made
        rows, columns, entries = self._taken
        slacks = self._fixed + np.bincount(held, factors * values.take(pieces), minlength=self.shape[0])
        slacks += np.bincount(rows, entries * x.take(columns), minlength=self.shape[0])
        return slacks

    def prices(self, multipliers: np.ndarray) -> np.ndarray:
        """The price of each good: what one more unit relaxes, over all its balances."""
        held = self._coefficients * multipliers[: len(self._good_of)]
        prices: np.ndarray = np.bincount(self._good_of, held, minlength=len(self.goods))
        return prices

    def goods_seen(self, x: np.ndarray, multipliers: np.ndarray, sight: Sight) -> GoodsSeen:
        """What a statistician of this market writes down: what firms make of what they use.

        With a bend that is not what they plan to make. What has no value is nan.
        """
        balances, values, slacks = len(self._good_of), sight.values, sight.slacks
        if len(self._bends):
            x, values = self._carried_out(x, values)
            slacks = self._slacks(x, values)
        excess = np.full(len(self.goods), -np.inf)
        np.maximum.at(excess, self._good_of, -slacks[:balances])
        excess = np.where(np.isneginf(excess), 0.0, excess)
        return GoodsSeen(self.prices(multipliers), self._quantities(x, values), excess)

    def made_of(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The point with its bends carried out, and what there is of each good if firms use that."""
        x, values = self._carried_out(x, self._pieces(x)[0])
        return x, self._quantities(x, values)

    def _quantities(self, x: np.ndarray, values: np.ndarray) -> np.ndarray:
        count = len(self.goods)
        quantities = self._endowed + np.bincount(self._outputs, values[: len(self._outputs)], minlength=count)
        quantities += np.bincount(self._bought, x[self._purchases], minlength=count)
        return quantities

    def _carried_out(self, x: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The point with every bend at the least (the greatest) of its arguments, inner bends first."""
        x = x.copy()
        arguments = slice(len(self._outputs), self._first_curve)
        for _ in range(self._depth):
            least = np.full(len(x), np.inf)
            np.minimum.at(least, self._bends, self._sides * values[arguments])
            x[self._bends] = self._sides * least[self._bends]
            values = self._pieces(x)[0]
        return x, values

    def slopes(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The slacks' first derivatives: constraints, variables, values, to be added up where they meet."""
        pieces, held, factors = self._made
        rows, columns, entries = self._taken
        _, slopes = self._pieces(x)
        by_piece: dict[int, list[tuple[int, float]]] = {}
        for piece, constraint, factor in zip(pieces.tolist(), held.tolist(), factors.tolist(), strict=True):
            by_piece.setdefault(piece, []).append((constraint, factor))
        found = [
            (constraint, column, factor * slope)
            for piece, column, slope in zip(
                self._pieces.rows.tolist(), self._pieces.columns.tolist(), slopes.tolist(), strict=True
            )
            for constraint, factor in by_piece.get(piece, ())
        ]
        if not found:
            return rows, columns, entries
        constraints, variables, values = zip(*found, strict=True)
        return (
            np.concatenate([np.array(constraints, dtype=int), rows]),
            np.concatenate([np.array(variables, dtype=int), columns]),
            np.concatenate([np.nan_to_num(np.array(values)), entries]),
        )

    def curvatures(
        self, x: np.ndarray, multipliers: np.ndarray, sizes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The Lagrangian's second derivatives by two variables: both variables, values."""
        pieces, first, second, values = self._pieces.curvatures(x, sizes)
        held_pieces, held, factors = self._made
        worth = np.bincount(held_pieces, factors * multipliers[held], minlength=self._first_curve)
        worth = np.concatenate([worth[: self._first_curve], np.zeros(len(self._signs))])
        of_curves = np.isin(pieces, np.arange(self._first_curve, len(worth)))
        is_held = ~of_curves
        return first[is_held], second[is_held], values[is_held] * worth[pieces[is_held]]

    def curve_slopes(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How each trade's gain moves with its own quantity: variables, values."""
        _, slopes = self._pieces(x)
        of_curves = self._pieces.rows >= self._first_curve
        signs = self._signs[self._pieces.rows[of_curves] - self._first_curve]
        return self._pieces.columns[of_curves], signs * np.nan_to_num(slopes[of_curves])

    def uses(self, x: np.ndarray) -> Mapping[str, Mapping[str, float]]:
        """How much each firm uses of each good; `demand` what is sold, `supply` what is bought."""
        found: dict[str, dict[str, float]] = {}
        users = {"sale": "demand", "purchase": "supply"}
        for variable, quantity in zip(self.programme.variables, x.tolist(), strict=True):
            if variable.kind != "bend":
                user = users.get(variable.kind, variable.user)
                found.setdefault(user, {})[variable.good] = quantity
        return found
