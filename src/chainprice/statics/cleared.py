"""Positions of a market that chooses its quantities: at its optimum, and as that moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from chainprice.arithmetic import evaluate
from chainprice.duals import Dual, Real
from chainprice.equilibrium.programme import Piece, Programme
from chainprice.equilibrium.response import Response
from chainprice.formula import Formula
from chainprice.network import UseKey
from chainprice.pricing import Chain
from chainprice.statics.curves import curves, price_at, pulls
from chainprice.statics.position import ZERO, Position
from chainprice.value import Section


def position(
    chain: Chain, response: Response, x: Sequence[Any], multipliers: Sequence[Any], gift: str | None = None
) -> Position:
    """What levers are worth at these quantities and multipliers; 0 where the chain leads to no demand.

    Numbers may carry slopes: along one more unit of the good `gift`, if that is named.
    """
    at = _Reader(chain, response, x, multipliers).position()
    if gift is None:
        return at
    return replace(at, available={**at.available, gift: at.available[gift] + Dual(ZERO, Decimal(1))})


class _Reader:
    def __init__(
        self, chain: Chain, response: Response, x: Sequence[Any], multipliers: Sequence[Any]
    ) -> None:
        self._spec, self._network, self._response = chain.spec, chain.network, response
        self._programme: Programme = response.programme
        self._x, self._multipliers = x, multipliers
        self._conditions: Any = response.duals
        self._prices: Mapping[str, Any] = self._conditions.prices(multipliers)
        self._trades: dict[tuple[str, str], int] = {
            (curve.section, curve.good): curve.variable for curve in self._programme.curves
        }

    def position(self) -> Position:
        spec = self._spec
        outputs = self._conditions.outputs(self._x)
        traded = {key: self._traded(*key) for key in self._all_trades()}
        trade_prices = {
            (section, good): price_at(price, spec, traded[section, good])
            for section, good, price in curves(spec)
            if (section, good) in self._trades
        }
        network = self._network
        return Position(
            prices={**dict.fromkeys(network.goods, ZERO), **self._prices},
            worth=self._worth(),
            made={
                **{(firm, output): ZERO for firm in network.firms for output in network.outputs[firm]},
                **{
                    (production.firm, production.output): made
                    for production, made in zip(self._programme.productions, outputs, strict=True)
                },
            },
            available={
                **dict.fromkeys(network.goods, ZERO),
                **self._conditions.available(self._x, outputs),
            },
            sold={good: traded["demand", good] for good in spec.demand},
            bought={good: traded["supply", good] for good in spec.supply},
            trade_prices=trade_prices,
            rents=self._rents(trade_prices),
            pulls=self._pulls(),
            curve_pulls={
                (section, good, name): pull
                for section, good, price in curves(spec)
                for name, pull in pulls(section, price, spec, traded[section, good])
            },
        )

    def _all_trades(self) -> list[tuple[Section, str]]:
        return [*(("demand", g) for g in self._spec.demand), *(("supply", g) for g in self._spec.supply)]

    def _traded(self, section: Section, good: str) -> Real:
        if (section, good) in self._trades:
            traded: Real = self._x[self._trades[section, good]]
            return traded
        trade = (self._spec.demand if section == "demand" else self._spec.supply)[good]
        is_fixed = trade.price is None and trade.quantity is not None
        return evaluate(trade.quantity) if is_fixed and trade.quantity is not None else ZERO

    def _worth(self) -> dict[UseKey, Real]:
        worth: dict[UseKey, Real] = {}
        for multiplier, balance in zip(self._multipliers, self._programme.balances, strict=False):
            uses = self._programme.network.uses[balance.good] if balance.use is None else (balance.use,)
            worth |= dict.fromkeys([use.key for use in uses], multiplier)
        every = [use.key for uses in self._network.uses.values() for use in uses]
        return {**dict.fromkeys(every, ZERO), **worth}

    def _rents(self, trade_prices: Mapping[tuple[Section, str], Any]) -> dict[tuple[Section, str], Real]:
        """What a unit more of each limit that binds would add."""
        rents: dict[tuple[Section, str], Real] = {}
        worth = self._worth()
        for key, variable in self._trades.items():
            if variable in self._response.optimum.active.at_upper:
                section, good = key
                if section == "supply":
                    rents["supply", good] = self._prices[good] - trade_prices["supply", good]
                else:
                    rents["demand", good] = trade_prices["demand", good] - worth[good, ""]
        return rents

    def _pulls(self) -> dict[tuple[str, str], Real | None]:
        found: dict[tuple[str, str], Real | None] = {}
        for production in self._programme.productions:
            self._add(found, production.firm, production.piece, self._prices[production.output])
        first = len(self._programme.balances)
        for j, argument in enumerate(self._programme.arguments, first):
            self._add(found, argument.firm, argument.piece, self._multipliers[j] * Decimal(argument.side))
        return found

    def _add(self, found: dict[tuple[str, str], Real | None], firm: str, piece: Piece, weight: Any) -> None:
        named = [slot for slot, constant in enumerate(piece.slots) if isinstance(constant, Formula)]
        if not named:
            return
        slopes = self._slopes(piece) if weight else {}
        for slot in named:
            key = (firm, piece.formula.names[slot])
            known, slope = found.get(key, ZERO), slopes.get(slot, ZERO)
            found[key] = None if known is None or slope is None else known + weight * slope

    def _slopes(self, piece: Piece) -> dict[int, Real | None]:
        try:
            found: dict[int, Real | None] = self._conditions.by_slot(piece, self._x)[1]
        except ArithmeticError:
            found = dict.fromkeys(range(len(piece.slots)))
        return found
