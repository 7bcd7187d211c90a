"""The forward pass: from the supplies to the quantity of every good (MODEL.md section 2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from chainprice.arithmetic import evaluate
from chainprice.network import Network, Use
from chainprice.spec import Spec
from chainprice.technology import Technology, amount


@dataclass(frozen=True, slots=True)
class Quantities:
    """What there is of each good, and where it comes from and goes.

    `available` and `bought` by good, `sold` by demanded good; `used` and `made` by firm, then good.
    """

    available: Mapping[str, Decimal]
    bought: Mapping[str, Decimal]
    used: Mapping[str, Mapping[str, Decimal]]
    made: Mapping[str, Mapping[str, Decimal]]
    sold: Mapping[str, Decimal]

    def of_use(self, use: Use) -> Decimal:
        """How much of the good a use has."""
        return self.sold[use.good] if use.is_demand else self.used[use.user][use.good]


WHOLE = Decimal(1)


def share(use: Use) -> Decimal:
    """The part of a good that a use has: `WHOLE` where no split is stated."""
    return WHOLE if use.share is None else evaluate(use.share)


def part(amount: Decimal, share: Decimal) -> Decimal:
    """A share of an amount; the whole is the amount itself."""
    return amount if share is WHOLE else amount * share


def flow(
    spec: Spec,
    network: Network,
    technology: Technology,
    gift: Mapping[str, Decimal] = MappingProxyType({}),
) -> Quantities:
    """Evaluate the firms in topological order.

    `gift` is handed to the chain for free, on top of what is supplied and made.
    Raises UndefinedError where a production function has no value.
    """
    bought = {good: endowment(spec, good) for good in spec.supply}
    available = {good: bought.get(good, Decimal(0)) + gift.get(good, 0) for good in network.goods}
    shares = {use.key: share(use) for uses in network.uses.values() for use in uses}
    used: dict[str, Mapping[str, Decimal]] = {}
    made: dict[str, Mapping[str, Decimal]] = {}
    for firm in network.firms:
        used[firm] = {good: part(available[good], shares[good, firm]) for good in network.inputs[firm]}
        made[firm] = {f.output: amount(spec, f, used[firm]) for f in technology[firm]}
        for good, quantity in made[firm].items():
            available[good] = available[good] + quantity if available[good] else quantity
    sold = {good: part(available[good], shares[good, ""]) for good in spec.demand}
    return Quantities(available, bought, used, made, sold)


def endowment(spec: Spec, good: str) -> Decimal:
    """What enters from outside, free or bought."""
    supply = spec.supply.get(good)
    return Decimal(0) if supply is None or supply.quantity is None else evaluate(supply.quantity)
