"""The backward pass: from the demand prices to a price for every good, by the chain rule.

    P_g = sum over outputs o of user u of P_o * dF_uo/dz_g        (MODEL.md section 2)

What happens where a good has several uses is a rule of its own, chosen by the kind of good.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from chainprice.errors import NoConvergenceError
from chainprice.network import Network, Use, UseKey
from chainprice.technology import MarginalProduct

MarginalProducts = Mapping[str, Sequence[MarginalProduct]]
"""The marginal products of each firm."""


AGREEMENT = Decimal("1e-9")
"""How near, relatively, the backward pass and the multipliers must be at an equilibrium."""

_NOTHING = Decimal("1e-20")
"""Prices are rounding where, by either, all there is of the good is worth less than this part of what is
at stake."""


@dataclass(frozen=True, slots=True)
class Cleared:
    """What the backward pass takes from a market that has cleared.

    `multipliers` of the goods' balances; by a use's key what it `paid` for a unit and its share;
    `open_uses` use some of their good and could take more, `full_uses` could not; of `open_purchases`
    some is bought and more could be. `scale` is what is at stake in the whole market, in money.
    """

    multipliers: Mapping[str, Decimal]
    available: Mapping[str, Decimal]
    paid: Mapping[UseKey, Decimal]
    shares: Mapping[UseKey, Decimal]
    open_uses: Container[UseKey]
    full_uses: Container[UseKey]
    open_purchases: Container[str]
    scale: Decimal


@dataclass(frozen=True, slots=True)
class Prices:
    """`of` each good its price; by a use's key, what one more unit is worth to the user, and what it pays.

    A user pays the good's price. Of a non-rival good every user has the whole, and each pays what it
    is worth to itself (its Lindahl price); together they pay the price. `values` and `payments` need not
    have what is the good's price.
    """

    of: Mapping[str, Decimal]
    values: Mapping[UseKey, Decimal]
    payments: Mapping[UseKey, Decimal]

    def marginal_value(self, key: UseKey) -> Decimal:
        """What one more unit is worth to a use."""
        value = self.values.get(key)
        return self.of[key[0]] if value is None else value

    def paid(self, key: UseKey) -> Decimal:
        """What a use pays for a unit."""
        payment = self.payments.get(key)
        return self.of[key[0]] if payment is None else payment


def backpropagate(
    network: Network,
    demand_prices: Mapping[str, Decimal],
    products: MarginalProducts,
    shares: Mapping[UseKey, Decimal],
) -> Prices:
    """Price every good, last goods first."""
    prices: dict[str, Decimal] = {}
    values: dict[UseKey, Decimal] = {}
    paid: dict[UseKey, Decimal] = {}
    slopes = Slopes(products)

    def worth(use: Use) -> Decimal:
        if use.is_demand:
            return demand_prices[use.good]
        return marginal_value(slopes.by(use.user, use.good), prices)

    for good in reversed(network.goods):
        uses = network.uses[good]
        if len(uses) == 1 and uses[0].share is None:
            prices[good] = worth(uses[0])
            continue
        of_uses = {use.key: worth(use) for use in uses}
        values |= of_uses
        prices[good] = fan_out(of_uses, None if not uses or uses[0].share is None else shares)
        if good in network.non_rival:
            paid |= of_uses
    return Prices(prices, values, paid)


def at_equilibrium(
    network: Network,
    demand_prices: Mapping[str, Decimal],
    products: MarginalProducts,
    cleared: Cleared,
) -> Prices:
    """Price every good of a market that has cleared (MODEL.md section 3), last goods first.

    At a rival fan-out the price is the greatest marginal value among the uses that could take one
    more unit, and all of them are equal; what is priced from its source (a purchase, the firm that
    makes it for a fixed delivery) has no such use, and keeps the multiplier of its balance. A good
    that nobody trades is worth what its first unit would be; one that nobody uses, and that firms use
    up together, keeps its multiplier.

    Raises NoConvergenceError where this pass and the multipliers disagree.
    """
    prices, paid = dict(cleared.multipliers), dict(cleared.paid)
    values: dict[UseKey, Decimal] = {}
    slopes = Slopes(products)
    for good in reversed(network.goods):
        uses = network.uses[good]
        for use in uses:
            own = () if use.is_demand else slopes.by(use.user, good)
            values[use.key] = demand_prices[good] if use.is_demand else marginal_value(own, prices)
        if uses and not cleared.available[good]:
            for use in uses:
                is_closed = use.key in cleared.full_uses
                paid[use.key] = Decimal(0) if is_closed else max(Decimal(0), values[use.key])
            prices[good] = _greatest_or_sum(uses, paid, cleared.shares, good in network.non_rival)
            if good not in network.non_rival and uses and uses[0].share is None:
                paid |= {use.key: prices[good] for use in uses}
            continue
        backward = _cleared(uses, values, cleared, good in network.non_rival)
        if backward is None:
            continue
        larger = max(abs(backward), abs(cleared.multipliers[good]))
        if larger * abs(cleared.available[good]) > _NOTHING * cleared.scale:
            _fail_if_apart(good, backward, cleared.multipliers[good])
            prices[good] = backward
    return Prices(prices, values, paid)


def _cleared(
    uses: Sequence[Use], values: Mapping[UseKey, Decimal], cleared: Cleared, non_rival: bool
) -> Decimal | None:
    """The price of a traded good from its uses; None where no use of it could take one more."""
    if not uses or not any(use.key in cleared.open_uses for use in uses):
        return None
    worth = {
        use.key: values[use.key] if use.key in cleared.open_uses else cleared.paid[use.key] for use in uses
    }
    if non_rival or uses[0].share is not None:
        return _greatest_or_sum(uses, worth, cleared.shares, non_rival)
    return max(worth[use.key] for use in uses if use.key in cleared.open_uses)


def _greatest_or_sum(
    uses: Sequence[Use], worth: Mapping[UseKey, Decimal], shares: Mapping[UseKey, Decimal], non_rival: bool
) -> Decimal:
    """Over the uses of a good: the sum if it is non-rival, by share if it is split, else the greatest."""
    if non_rival or (uses and uses[0].share is not None):
        return sum((shares[use.key] * worth[use.key] for use in uses), Decimal(0))
    return max((worth[use.key] for use in uses), default=Decimal(0))


def _fail_if_apart(good: str, backward: Decimal, multiplier: Decimal) -> None:
    if abs(backward - multiplier) > AGREEMENT * max(abs(backward), abs(multiplier)):
        raise NoConvergenceError(
            f"the price of '{good}' is {backward:.10g} by the backward pass and {multiplier:.10g} as the "
            "multiplier of its balance: neither is to be trusted"
        )


def marginal_value(products: Sequence[MarginalProduct], prices: Mapping[str, Decimal]) -> Decimal:
    """The value of an input's marginal product, over all outputs of a firm."""
    if len(products) == 1:
        return prices[products[0].output] * products[0].value
    return sum((prices[p.output] * p.value for p in products), Decimal(0))


def fan_out(values: Mapping[UseKey, Decimal], shares: Mapping[UseKey, Decimal] | None) -> Decimal:
    """What one more unit of a good is worth, over the marginal values of all its uses.

    A use has the share of it that its split states; the whole of it where it is the only one, or
    where the good is non-rival. So one formula prices a chain (one use), a public good (marginal
    values add) and a stated split (their weighted mean); no use makes 0.
    """
    if shares is None:
        return sum(values.values(), Decimal(0))
    return sum((shares[key] * value for key, value in values.items()), Decimal(0))


_FEW = 8
"""Marginal products up to which they are looked through."""


class Slopes:
    """The marginal products of each firm by its inputs; sorted only where there are many."""

    def __init__(self, products: MarginalProducts) -> None:
        self._products = products
        self._sorted: dict[str, dict[str, list[MarginalProduct]]] = {}

    def of(self, firm: str) -> Sequence[MarginalProduct]:
        """All marginal products of a firm."""
        return self._products[firm]

    def by(self, firm: str, good: str) -> Sequence[MarginalProduct]:
        """A firm's marginal products by one of its inputs: one for each output that takes it."""
        products = self._products[firm]
        if len(products) == 1:
            return products
        if len(products) <= _FEW:
            return [product for product in products if product.input == good]
        if firm not in self._sorted:
            by_input: dict[str, list[MarginalProduct]] = {}
            for product in products:
                by_input.setdefault(product.input, []).append(product)
            self._sorted[firm] = by_input
        return self._sorted[firm].get(good, ())
