"""What the prices mean for each firm: its books, and returns to scale (MODEL.md section 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from chainprice.arithmetic import working_digits
from chainprice.errors import NoConvergenceError
from chainprice.prices import Prices
from chainprice.quantities import Quantities
from chainprice.spec import Spec
from chainprice.technology import MarginalProduct
from chainprice.value import trade_value

_NOTHING = Decimal(0)

ADD_UP = Decimal("1e-12")
"""How near incomes must come to total value, relatively."""

_ROUNDING = 12
"""Digits at the end of the working digits that a sum of incomes may have lost."""


class Account(NamedTuple):
    """A firm's books: money in the unit of prices; `returns_to_scale` None where output is 0."""

    revenue: Decimal
    cost: Decimal
    returns_to_scale: Decimal | None

    @property
    def profit(self) -> Decimal:
        """Revenue less cost."""
        return self.revenue - self.cost


def account(
    firm: str, quantities: Quantities, prices: Prices, products: Sequence[MarginalProduct]
) -> Account:
    """The books of a firm."""
    made, used = quantities.made[firm], quantities.used[firm]
    revenue = cost = _NOTHING
    for good, amount in made.items():
        revenue += prices.of[good] * amount
    for good, amount in used.items():
        cost += prices.paid((good, firm)) * amount
    return Account(revenue, cost, returns_to_scale(made, used, prices, products))


class Incomes(NamedTuple):
    """Where total value goes: firms' profits, what suppliers earn beyond their supply price (all of it
    for what is free of charge), and what buyers would have paid beyond the price."""

    profits: Decimal
    factor_incomes: Decimal
    buyer_surplus: Decimal

    @property
    def total(self) -> Decimal:
        """All of it."""
        return self.profits + self.factor_incomes + self.buyer_surplus


def incomes(spec: Spec, quantities: Quantities, prices: Prices, books: Mapping[str, Account]) -> Incomes:
    """Total value as the incomes that it is made of (MODEL.md sections 3 and 4)."""
    factors = (
        prices.of[good] * bought - trade_value(spec, "supply", good, bought)
        for good, bought in quantities.bought.items()
    )
    buyers = (
        trade_value(spec, "demand", good, sold) - prices.paid((good, "")) * sold
        for good, sold in quantities.sold.items()
    )
    profits = (book.profit for book in books.values())
    turnover = sum((abs(book.revenue) + abs(book.cost) for book in books.values()), Decimal(0))
    rounding = turnover.scaleb(_ROUNDING - working_digits())
    totals = [sum(parts, Decimal(0)) for parts in (profits, factors, buyers)]
    return Incomes(*[total if abs(total) > rounding else Decimal(0) for total in totals])


def fail_unless_they_add_up(incomes: Incomes, total_value: Decimal, books: Mapping[str, Account]) -> None:
    """Raise NoConvergenceError unless incomes are total value: they are, where every market clears."""
    turnover = (abs(book.revenue) + abs(book.cost) for book in books.values())
    size = sum(turnover, abs(total_value) + abs(incomes.factor_incomes) + abs(incomes.buyer_surplus))
    if abs(incomes.total - total_value) > ADD_UP * size:
        raise NoConvergenceError(
            f"incomes sum to {incomes.total:.12g}, total value is {total_value:.12g}: a market does not clear"
        )


def returns_to_scale(
    made: Mapping[str, Decimal],
    used: Mapping[str, Decimal],
    prices: Prices,
    products: Sequence[MarginalProduct],
) -> Decimal | None:
    """The elasticity of output when all inputs grow in step; joint outputs weighted by their value."""
    growth = output = _NOTHING
    if len(made) == 1:
        (output,) = made.values()
        for product in products:
            growth += product.value * used[product.input]
    else:
        for good, amount in made.items():
            output += prices.of[good] * amount
        for product in products:
            growth += prices.of[product.output] * product.value * used[product.input]
    return growth / output if output else None
