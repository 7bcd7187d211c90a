"""The backward pass: from the demand prices to a price for every good, by the chain rule.

    P_g = sum over outputs o of user u of P_o * dF_uo/dz_g        (MODEL.md section 2)

What happens where a good has several uses is a rule of its own, chosen by the kind of good.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from chainprice.network import Network, Use, UseKey
from chainprice.technology import MarginalProduct

MarginalProducts = Mapping[str, Sequence[MarginalProduct]]
"""The marginal products of each firm."""


@dataclass(frozen=True, slots=True)
class Prices:
    """`of` each good its price; by a use's key, what one more unit is worth to the user, and what it pays.

    A user pays the good's price. Of a non-rival good every user has the whole, and each pays what it
    is worth to itself (its Lindahl price); together they pay the price.
    """

    of: Mapping[str, Decimal]
    marginal_values: Mapping[UseKey, Decimal]
    paid: Mapping[UseKey, Decimal]


def backpropagate(
    network: Network,
    demand_prices: Mapping[str, Decimal],
    products: MarginalProducts,
    shares: Mapping[UseKey, Decimal],
) -> Prices:
    """Price every good, last goods first."""
    prices: dict[str, Decimal] = {}
    paid: dict[UseKey, Decimal] = {}
    values: dict[UseKey, Decimal] = {}
    slopes = _by_input(products)
    for good in reversed(network.goods):
        for use in network.uses[good]:
            values[use.key] = (
                demand_prices[good]
                if use.is_demand
                else marginal_value(slopes.get((use.user, good), ()), prices)
            )
        prices[good] = fan_out(network.uses[good], values, shares)
        for use in network.uses[good]:
            is_lindahl = good in network.non_rival
            paid[use.key] = values[use.key] if is_lindahl else prices[good]
    return Prices(prices, values, paid)


def marginal_value(products: Sequence[MarginalProduct], prices: Mapping[str, Decimal]) -> Decimal:
    """The value of an input's marginal product, over all outputs of a firm."""
    return sum((prices[p.output] * p.value for p in products), Decimal(0))


def fan_out(
    uses: Sequence[Use],
    values: Mapping[UseKey, Decimal],
    shares: Mapping[UseKey, Decimal],
) -> Decimal:
    """What one more unit of a good is worth, over all its uses.

    A use has the share of it that its split states; the whole of it where it is the only one, or
    where the good is non-rival. So one formula prices a chain (one use), a public good (marginal
    values add) and a stated split (their weighted mean); no use makes 0.
    """
    return sum((shares[u.key] * values[u.key] for u in uses), Decimal(0))


def _by_input(products: MarginalProducts) -> dict[tuple[str, str], list[MarginalProduct]]:
    slopes: dict[tuple[str, str], list[MarginalProduct]] = {}
    for firm, of_firm in products.items():
        for product in of_firm:
            slopes.setdefault((firm, product.input), []).append(product)
    return slopes
