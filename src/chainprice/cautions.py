"""Warnings: what a reader of the price table should know before trusting or using it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from chainprice.accounts import returns_to_scale
from chainprice.arithmetic import SMALLEST_DOUBLE
from chainprice.concavity import is_concave_at, is_concave_by_rules
from chainprice.network import Network, Use
from chainprice.prices import MarginalProducts, Prices
from chainprice.quantities import Quantities
from chainprice.solution import Warning
from chainprice.spec import Spec
from chainprice.technology import Technology
from chainprice.value import supply_prices

EQUAL = Decimal("1e-9")
"""Two values that differ by less, relatively, count as equal."""


def of_goods(network: Network, quantities: Quantities, prices: Prices) -> Iterator[Warning]:
    """The warnings that belong to a good, in chain order."""
    for good in network.goods:
        quantity, price = quantities.available[good], prices.of[good]
        if quantity >= 0 and price >= SMALLEST_DOUBLE:
            continue
        if quantity < 0:
            maker = next(iter(network.makers[good]), None)
            message = f"'{good}' has a negative quantity, {quantity:.6g}; its price is right all the same"
            yield Warning("negative-quantity", message, good, maker)
        if price < 0:
            yield Warning(
                "negative-price",
                f"'{good}' has a negative price, {price:.6g}: its user has more than it wants, and a "
                "buyer with free disposal would leave some unused",
                good,
            )
        if not network.uses[good] and not price:
            message = f"'{good}' is neither used by a firm nor demanded: its price is 0"
            yield Warning("unused-good", message, good)
        if 0 < abs(price) < SMALLEST_DOUBLE:
            message = f"the price of '{good}', {price:.6e}, is below the smallest double"
            yield Warning("underflow", message, good)


def of_given(spec: Spec, network: Network, quantities: Quantities, prices: Prices) -> Iterator[Warning]:
    """Where given quantities are not those that a market would choose, in chain order."""
    bought_at = supply_prices(spec, quantities)
    split = {good for good, note in spec.goods.items() if note.split}
    for good in filter((bought_at.keys() | split).__contains__, network.goods):
        price = prices.of[good]
        if good in bought_at and price < bought_at[good] - EQUAL * abs(bought_at[good]):
            yield Warning(
                "unprofitable-supply",
                f"'{good}' is bought at {bought_at[good]:.6g} and worth {price or 0:.6g}: a market would "
                "buy less of it",
                good,
            )
        if good in split:
            yield from _unequal_split(network.uses[good], prices, good)


def _unequal_split(uses: Sequence[Use], prices: Prices, good: str) -> Iterator[Warning]:
    values = [prices.marginal_value(use.key) for use in uses]
    if max(values) - min(values) > EQUAL * max(abs(value) for value in values):
        each = ", ".join(f"{value or 0:.6g} to {use.user}" for use, value in zip(uses, values, strict=True))
        message = f"the split of '{good}' is not an equilibrium: one more unit is worth {each}"
        yield Warning("unequal-split", message, good)


def of_market(
    network: Network,
    disposed: Mapping[str, Decimal],
    ranges: Mapping[str, tuple[Decimal, Decimal | None]],
) -> Iterator[Warning]:
    """What a market leaves: goods thrown away, and prices that are not unique."""
    for good, amount in disposed.items():
        if amount > 0 and network.uses[good]:
            message = f"{amount:.6g} of '{good}' is thrown away, so its price is 0"
            yield Warning("thrown-away", message, good)
    for good, (low, high) in ranges.items():
        end = "anything" if high is None else f"{high:.6g}"
        message = f"the price of '{good}' is not unique: one more unit adds {low:.6g}, one fewer takes {end}"
        yield Warning("price-not-unique", message, good)


def of_firms(
    technology: Technology, quantities: Quantities, prices: Prices, products: MarginalProducts
) -> Iterator[Warning]:
    """The warnings that belong to a firm, in topological order."""
    for firm, functions in technology.items():
        used = quantities.used[firm]
        if len(functions) == 1 and is_concave_by_rules(functions[0], used):
            continue  # what the rules know is positive, too: its returns to scale are 1 at most
        returns = returns_to_scale(quantities.made[firm], used, prices, products[firm])
        if returns is not None and returns > 1 + EQUAL:
            yield Warning(
                "increasing-returns",
                f"firm '{firm}' has increasing returns to scale ({returns:.6g}): no price-taking firm "
                "would stop growing here",
                None,
                firm,
            )
        for function in functions:
            if function.formula.shape.kinked and function.settled(used).on_kink:
                yield Warning(
                    "kink",
                    f"the production of '{function.output}' by firm '{firm}' has a kink exactly here: "
                    "prices upstream are not unique",
                    function.output,
                    firm,
                )
            if is_concave_at(function, used) is False:
                yield Warning(
                    "not-concave",
                    f"the production of '{function.output}' by firm '{firm}' is not concave here: these "
                    "quantities are no maximum of its profit",
                    function.output,
                    firm,
                )
