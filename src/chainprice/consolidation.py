"""The books of a firm that is a chain: those of its firms together, less what they pay each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

from chainprice.prices import Prices
from chainprice.quantities import Quantities
from chainprice.spec import NestedChain, Spec

_NOTHING = Decimal(0)


class Consolidated(NamedTuple):
    """What a chain earns and pays outside, and what its firms pay each other, in the unit of prices."""

    revenue: Decimal
    cost: Decimal
    internal: Decimal

    @property
    def profit(self) -> Decimal:
        """Revenue less cost: the sum of its firms' profits."""
        return self.revenue - self.cost


class _Trade(NamedTuple):
    """What the firms of a chain earn by a good and pay for it, None where none makes or none uses it."""

    earned: Decimal | None = None
    paid: Decimal | None = None


def consolidate(spec: Spec, name: str, quantities: Quantities, prices: Prices) -> Consolidated:
    """The books of a chain.

    A good that stays inside cancels whole, at its transfer price; of one that is also the outside's, what
    counts is the difference of what the chain earns by it and pays for it.
    """
    inside = {good for _, chain in _down(spec.chains, name) for good in chain.goods}
    revenue = cost = internal = _NOTHING
    for good, (earned, paid) in _trades(_firms(spec, name), quantities, prices).items():
        if good in inside:
            internal += earned or _NOTHING
        elif earned is None:
            cost += paid or _NOTHING
        elif paid is None:
            revenue += earned
        elif earned >= paid:
            revenue, internal = revenue + earned - paid, internal + paid
        else:
            cost, internal = cost + paid - earned, internal + earned
    return Consolidated(revenue, cost, internal)


def _trades(firms: Iterable[str], quantities: Quantities, prices: Prices) -> Mapping[str, _Trade]:
    trades: dict[str, _Trade] = {}
    for firm in firms:
        for good, amount in quantities.made[firm].items():
            trade = trades.get(good, _Trade())
            trades[good] = trade._replace(earned=(trade.earned or _NOTHING) + prices.of[good] * amount)
        for good, amount in quantities.used[firm].items():
            trade = trades.get(good, _Trade())
            trades[good] = trade._replace(paid=(trade.paid or _NOTHING) + prices.paid((good, firm)) * amount)
    return trades


def _down(chains: Mapping[str, NestedChain], name: str) -> Iterator[tuple[str, NestedChain]]:
    """A chain and all that are inside it."""
    yield name, chains[name]
    for firm in chains[name].firms:
        if firm in chains:
            yield from _down(chains, firm)


def _firms(spec: Spec, name: str) -> Iterator[str]:
    """The firms that are inside a chain, however deep, and are no chains themselves."""
    for _, chain in _down(spec.chains, name):
        yield from (firm for firm in chain.firms if firm in spec.firms)
