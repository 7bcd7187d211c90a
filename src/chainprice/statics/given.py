"""Positions of a chain whose quantities follow from the spec: both passes, in numbers that carry a slope."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from chainprice import quantities
from chainprice.duals import Dual, Real, value_and_slopes, value_of
from chainprice.prices import backpropagate
from chainprice.pricing import Chain
from chainprice.spec import Spec
from chainprice.statics.curves import curves, price_at, pulls
from chainprice.statics.position import ZERO, Position
from chainprice.technology import MarginalProduct, ProductionFunction, Technology, amount
from chainprice.value import Section


def position(chain: Chain, good: str | None = None) -> Position:
    """Where the chain stands; with slopes along one more unit of a good, if one is named.

    Raises UndefinedError where a function has no value or slope, and NoSlopeError where one has no second
    derivative that is needed.
    """
    spec, network = chain.spec, chain.network
    evaluation = _Evaluation()
    gift: dict[str, Any] = {} if good is None else {good: Dual(ZERO, Decimal(1))}
    flow: Any = quantities.flow(spec, network, chain.technology, gift, evaluation)
    products = evaluation.products(chain.technology)
    demand_prices: dict[str, Any] = {
        g: price_at(demand.price, spec, flow.sold[g]) for g, demand in spec.demand.items() if demand.price
    }
    shares = quantities.shares(network)
    prices = backpropagate(network, demand_prices, products, shares)
    trade_prices: dict[tuple[Section, str], Real] = {("demand", g): p for g, p in demand_prices.items()}
    trade_prices |= {
        ("supply", g): price_at(s.price, spec, flow.bought[g]) for g, s in spec.supply.items() if s.price
    }
    return Position(
        prices=prices.of,
        worth={use.key: prices.marginal_value(use.key) for uses in network.uses.values() for use in uses},
        made={(firm, output): made for firm, row in flow.made.items() for output, made in row.items()},
        available=flow.available,
        sold=flow.sold,
        bought=flow.bought,
        trade_prices=trade_prices,
        rents=None,
        pulls=evaluation.pulls(chain.technology, prices.of),
        curve_pulls={
            (section, g, name): pull
            for section, g, price in curves(spec)
            for name, pull in pulls(
                section, price, spec, (flow.sold if section == "demand" else flow.bought)[g]
            )
        },
    )


class NoSlopeError(Exception):
    """A function has no second derivative where it is needed."""


class _Evaluation:
    """Evaluates production functions, and keeps their slopes by goods and by parameters."""

    def __init__(self) -> None:
        self._slopes: dict[tuple[str, str], Mapping[int, Real | None]] = {}

    def __call__(self, spec: Spec, function: ProductionFunction, point: Mapping[str, Any]) -> Any:
        """The quantity of output; raises UndefinedError where there is none."""
        try:
            value, slopes = value_and_slopes(function.formula, function.values(point))
        except ArithmeticError:
            plain = {name: value_of(number) for name, number in point.items()}
            return amount(spec, function, plain)
        self._slopes[function.firm, function.output] = slopes
        return value

    def products(self, technology: Technology) -> dict[str, tuple[MarginalProduct, ...]]:
        """The marginal products of each firm."""
        return {
            firm: tuple(product for function in functions for product in self._products(function))
            for firm, functions in technology.items()
        }

    def _products(self, function: ProductionFunction) -> list[MarginalProduct]:
        slopes = self._slopes[function.firm, function.output]
        found = []
        for slot, name in enumerate(function.formula.names):
            if name in function.inputs:
                slope: Any = slopes.get(slot, ZERO)
                if slope is None:
                    raise NoSlopeError(
                        f"'{function.formula.text}' of firm '{function.firm}' has no second derivative here"
                    )
                settled: Any = None
                found.append(MarginalProduct(function.output, name, slope, function, settled, slot))
        return found

    def pulls(self, technology: Technology, prices: Mapping[str, Any]) -> dict[tuple[str, str], Real | None]:
        """The value of a little more of each parameter in each firm's formulas."""
        found: dict[tuple[str, str], Real | None] = {}
        for firm, functions in technology.items():
            for function in functions:
                slopes = self._slopes[firm, function.output]
                for slot, name in enumerate(function.formula.names):
                    if name in function.parameters:
                        known, slope = found.get((firm, name), ZERO), slopes.get(slot, ZERO)
                        is_known = known is not None and slope is not None
                        found[firm, name] = known + prices[function.output] * slope if is_known else None
        return found
