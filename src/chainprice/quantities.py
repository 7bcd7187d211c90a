"""The forward pass: from the supplies to the quantity of every good (MODEL.md section 2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from chainprice.arithmetic import evaluate
from chainprice.network import Network, Use, UseKey
from chainprice.spec import Spec
from chainprice.technology import Point, ProductionFunction, Technology, amount


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

Evaluate = Callable[[Spec, ProductionFunction, Point], Decimal]
"""How much a firm makes of its output; raises UndefinedError where that has no value."""


def share(use: Use) -> Decimal:
    """The part of a good that a use has: `WHOLE` where no split is stated."""
    return WHOLE if use.share is None else evaluate(use.share)


def part(amount: Decimal, share: Decimal) -> Decimal:
    """A share of an amount; the whole is the amount itself."""
    return amount if share is WHOLE else amount * share


def shares(network: Network) -> dict[UseKey, Decimal]:
    """The part that each use has of its good, of the goods whose split is stated; others have the whole."""
    return {
        use.key: share(use)
        for uses in network.uses.values()
        if uses and uses[0].share is not None
        for use in uses
    }


def flow(
    spec: Spec,
    network: Network,
    technology: Technology,
    gift: Mapping[str, Decimal] = MappingProxyType({}),
    evaluate: Evaluate = amount,
) -> Quantities:
    """Evaluate the firms in topological order.

    `gift` is handed to the chain for free, on top of what is supplied and made.
    Raises UndefinedError where a production function has no value.
    """
    bought = {good: endowment(spec, good) for good in spec.supply}
    available = dict.fromkeys(network.goods, Decimal(0)) | bought
    for good, given in gift.items():
        available[good] += given
    split = shares(network)
    used: dict[str, Mapping[str, Decimal]] = {}
    made: dict[str, Mapping[str, Decimal]] = {}
    for firm in network.firms:
        inputs = network.inputs[firm]
        point = {good: available[good] for good in inputs}
        if split:
            point = {good: part(point[good], split.get((good, firm), WHOLE)) for good in inputs}
        outputs: dict[str, Decimal] = {}
        for function in technology[firm]:
            output, quantity = function.output, evaluate(spec, function, point)
            outputs[output] = quantity
            before = available[output]
            available[output] = before + quantity if before else quantity
        used[firm], made[firm] = point, outputs
    sold = {good: part(available[good], split.get((good, ""), WHOLE)) for good in spec.demand}
    return Quantities(available, bought, used, made, sold)


def endowment(spec: Spec, good: str) -> Decimal:
    """What enters from outside, free or bought."""
    supply = spec.supply.get(good)
    return Decimal(0) if supply is None or supply.quantity is None else evaluate(supply.quantity)
