"""The cleared market in the terms of the chain: quantities, prices, rents and the weights at bends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Literal

from chainprice.arithmetic import evaluate
from chainprice.equilibrium.conditions import ZERO, Conditions
from chainprice.equilibrium.optimum import Optimum
from chainprice.equilibrium.programme import Variable, is_nothing
from chainprice.network import UseKey
from chainprice.quantities import Quantities
from chainprice.technology import Weights
from chainprice.value import Section, trade_price


@dataclass(frozen=True, slots=True)
class Limit:
    """Something that the market cannot go beyond, and what one more unit of it would add (its rent).

    A supply's or a demand's quantity of a good; or a capacity of a firm, the constant in a `min` that
    bounds its output of the good.
    """

    kind: Literal["supply", "demand", "capacity"]
    good: str
    firm: str | None
    quantity: Decimal
    binding: bool
    rent: Decimal


@dataclass(frozen=True, slots=True)
class Clearing:
    """Quantities and multipliers at the optimum, in the digits of the context.

    `prices` by good; `paid` is what a unit costs a user, by the use's key. `open_uses` use some of
    their good and could take more, `full_uses` could not; of `open_purchases` more could be bought;
    `disposed` is what is thrown away. `weights` at bends by (firm, output); `mixes` are the inputs
    of firms that use none of some, along which slopes are taken that do not exist at 0.
    """

    quantities: Quantities
    prices: Mapping[str, Decimal]
    paid: Mapping[UseKey, Decimal]
    open_uses: frozenset[UseKey]
    full_uses: frozenset[UseKey]
    open_purchases: frozenset[str]
    disposed: Mapping[str, Decimal]
    weights: Mapping[tuple[str, str], Weights]
    mixes: Mapping[str, Mapping[str, Decimal]]
    limits: tuple[Limit, ...]


def read(optimum: Optimum, conditions: Conditions) -> Clearing:
    """What an optimum means."""
    return _Reader(optimum, conditions).read()


class _Reader:
    def __init__(self, optimum: Optimum, conditions: Conditions) -> None:
        self._optimum, self._conditions = optimum, conditions
        self._programme = conditions.programme
        self._spec, self._network = self._programme.spec, self._programme.network
        self._index: dict[Variable, int] = {v: i for i, v in enumerate(self._programme.variables)}
        self._uses = {(v.good, v.user): i for i, v in enumerate(self._programme.variables) if v.kind == "use"}
        self._paid = self._paid_by_use()
        self._trades = {(curve.section, curve.good): curve.variable for curve in self._programme.curves}

    def read(self) -> Clearing:
        x = self._conditions.tightened(self._optimum.x)
        outputs = self._conditions.outputs(x)
        available = self._conditions.available(x, outputs)
        made: dict[str, dict[str, Decimal]] = {firm: {} for firm in self._network.firms}
        for production, amount in zip(self._programme.productions, outputs, strict=True):
            made[production.firm][production.output] = amount
        quantities = Quantities(
            available=available,
            bought={good: self._bought(good) for good in self._spec.supply},
            used={
                firm: {good: x[self._uses[good, firm]] for good in self._network.inputs[firm]}
                for firm in self._network.firms
            },
            made=made,
            sold={good: self._sold(good, available) for good in self._spec.demand},
        )
        prices = self._conditions.prices(self._optimum.multipliers)
        return Clearing(
            quantities=quantities,
            prices=prices,
            paid=self._paid,
            open_uses=frozenset(self._open()),
            full_uses=frozenset(self._full()),
            open_purchases=frozenset(
                good for good, i in self._programme.purchases.items() if i not in self._bound()
            ),
            disposed=self._disposed(self._conditions.leftovers(x, available)),
            weights=self._weights(),
            mixes=self._mixes(),
            limits=(*self._trade_limits(prices), *self._capacities()),
        )

    def _bought(self, good: str) -> Decimal:
        if ("supply", good) in self._trades:
            return self._optimum.x[self._trades["supply", good]]
        supply = self._spec.supply[good]
        return evaluate(supply.quantity) if supply.price is None and supply.quantity is not None else ZERO

    def _sold(self, good: str, available: Mapping[str, Decimal]) -> Decimal:
        if ("demand", good) in self._trades:
            index = self._trades["demand", good]
            return available[good] if index in self._all_sold else self._optimum.x[index]
        quantity = self._spec.demand[good].quantity
        return ZERO if quantity is None else evaluate(quantity)

    @cached_property
    def _all_sold(self) -> set[int]:
        """The sales of all there is of a good, which beside itself has more digits where it is little."""
        held, bound = self._optimum.active.constraints, self._bound()
        alone = (
            balance.uses[0]
            for j, balance in enumerate(self._programme.balances)
            if j in held and len(balance.uses) == 1 and balance.coefficient is None and not balance.delivered
        )
        return {index for index in alone if index not in bound}

    def _paid_by_use(self) -> dict[UseKey, Decimal]:
        """The multiplier of the balance that a use is in."""
        paid: dict[UseKey, Decimal] = {}
        for j, balance in enumerate(self._programme.balances):
            uses = self._network.uses[balance.good] if balance.use is None else (balance.use,)
            for use in uses:
                paid[use.key] = self._optimum.multipliers[j]
        return paid

    def _open(self) -> list[UseKey]:
        """The uses on no bound: they take some and could take more."""
        bound = self._bound()
        keys: list[UseKey] = [key for key, index in self._uses.items() if index not in bound]
        keys += [
            (g, "") for (section, g), i in self._trades.items() if section == "demand" and i not in bound
        ]
        return keys

    def _bound(self) -> frozenset[int]:
        return self._optimum.active.at_zero | self._optimum.active.at_upper

    def _full(self) -> list[UseKey]:
        """Demands at their limit (be it 0), and deliveries."""
        full = self._optimum.active.at_upper
        limited = [(g, "") for (section, g), i in self._trades.items() if section == "demand" and i in full]
        fixed = [(g, "") for g in self._spec.demand if ("demand", g) not in self._trades]
        return [*limited, *fixed]

    def _disposed(self, leftovers: Sequence[Decimal]) -> dict[str, Decimal]:
        """What is left over of each good that is thrown away, where no use has it."""
        return {
            balance.good: leftovers[j]
            for j, balance in enumerate(self._programme.balances)
            if balance.use is None and j not in self._optimum.active.constraints
        }

    def _weights(self) -> dict[tuple[str, str], dict[int, tuple[Decimal, ...]]]:
        """Each argument's part of the multipliers of its bend."""
        multipliers: dict[tuple[str, str], dict[int, list[Decimal]]] = {}
        first = len(self._programme.balances)
        for j, argument in enumerate(self._programme.arguments):
            of_step = multipliers.setdefault((argument.firm, argument.output), {})
            of_step.setdefault(argument.step, []).append(self._optimum.multipliers[first + j])
        return {
            key: {step: _shares(values) for step, values in by_step.items() if sum(values)}
            for key, by_step in multipliers.items()
        }

    def _mixes(self) -> dict[str, dict[str, Decimal]]:
        """For each firm that uses none of some input, its inputs with those as they came to rest."""
        x, near = self._optimum.x, self._optimum.near
        mixes = {}
        for firm in self._network.firms:
            indices = {good: self._uses[good, firm] for good in self._network.inputs[firm]}
            if not all(x[index] for index in indices.values()):
                mixes[firm] = {good: x[index] or near[index] for good, index in indices.items()}
        return mixes

    def _trade_limits(self, prices: Mapping[str, Decimal]) -> list[Limit]:
        limits = []
        for curve_index, curve in enumerate(self._programme.curves):
            upper = self._conditions.upper[curve.variable]
            if upper is not None:
                binding = curve.variable in self._optimum.active.at_upper
                paid = self._paid_at(curve.section, curve.good, prices)
                edge = self._conditions.trade_price(curve_index, self._optimum.x)
                rent = curve.sign * (edge - paid) if binding else ZERO
                limits.append(Limit(curve.section, curve.good, None, upper, binding, rent))
        for good, quantity in self._programme.endowments.items():
            price = prices[good]
            limits.append(Limit("supply", good, None, evaluate(quantity), bool(price), price))
        limits += self._closed_trades(prices)
        return sorted(limits, key=lambda limit: (limit.kind != "supply", limit.good))

    def _closed_trades(self, prices: Mapping[str, Decimal]) -> list[Limit]:
        """Trades at a price whose limit is 0: what the first unit would earn."""
        sections: tuple[tuple[Section, int], ...] = (("demand", 1), ("supply", -1))
        limits = []
        for section, sign in sections:
            for good, trade in getattr(self._spec, section).items():
                if trade.price is not None and is_nothing(trade.quantity) and good in self._network.uses:
                    edge = trade_price(self._spec, section, good, ZERO)
                    rent = max(ZERO, sign * (edge - self._paid_at(section, good, prices)))
                    limits.append(Limit(section, good, None, ZERO, bool(rent), rent))
        return limits

    def _paid_at(self, section: str, good: str, prices: Mapping[str, Decimal]) -> Decimal:
        return prices[good] if section == "supply" else self._paid[good, ""]

    def _capacities(self) -> list[Limit]:
        """The arguments of a `min` that name no input: what a plant can do at most."""
        limits = []
        first = len(self._programme.balances)
        for j, argument in enumerate(self._programme.arguments):
            if argument.side > 0 and not argument.piece.variables:
                quantity = self._conditions.value(argument.piece, self._optimum.x)
                rent = self._optimum.multipliers[first + j]
                limits.append(Limit("capacity", argument.output, argument.firm, quantity, bool(rent), rent))
        return limits


def _shares(values: list[Decimal]) -> tuple[Decimal, ...]:
    total = sum(values, ZERO)
    return tuple(value / total for value in values)
