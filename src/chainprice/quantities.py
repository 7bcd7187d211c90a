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
    """`available` of each good; what each firm `used` of its inputs and `made` of its outputs."""

    available: Mapping[str, Decimal]
    used: Mapping[str, Mapping[str, Decimal]]
    made: Mapping[str, Mapping[str, Decimal]]

    def of_use(self, use: Use) -> Decimal:
        """How much of the good a use has: its share, or all of it."""
        return self.available[use.good] * share(use)


def share(use: Use) -> Decimal:
    """The part of a good that a use has: 1 where no split is stated."""
    return Decimal(1) if use.share is None else evaluate(use.share)


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
    available = {good: endowment(spec, good) + gift.get(good, 0) for good in network.goods}
    shares = {(use.good, use.user): share(use) for uses in network.uses.values() for use in uses}
    used: dict[str, Mapping[str, Decimal]] = {}
    made: dict[str, Mapping[str, Decimal]] = {}
    for firm in network.firms:
        used[firm] = {good: available[good] * shares[good, firm] for good in network.inputs[firm]}
        made[firm] = {f.output: amount(spec, f, used[firm]) for f in technology[firm]}
        for good, quantity in made[firm].items():
            available[good] += quantity
    return Quantities(available, used, made)


def endowment(spec: Spec, good: str) -> Decimal:
    """What enters from outside, free or bought."""
    supply = spec.supply.get(good)
    return Decimal(0) if supply is None or supply.quantity is None else evaluate(supply.quantity)
