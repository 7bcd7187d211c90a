"""A priced chain, and by the envelope theorem what each lever is worth in it.

By the envelope theorem the derivative of total value W by anything that stands in the spec is that of the
Lagrangian with all quantities and prices held (MODEL.md sections 2 and 3; Milgrom and Segal, Envelope
theorems for arbitrary choice sets, Econometrica 70, 2002): what one backward pass has found is enough.

Numbers may carry a slope along a direction. The direction is one more unit of some good: the slope of dW/da
is then how the price of that good changes with a, for d2W/dadg = dP_g/da.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from chainprice.duals import Real
from chainprice.network import Network, UseKey
from chainprice.spec import Spec
from chainprice.statics.levers import Lever
from chainprice.value import Section

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Position:
    """The quantities and prices that the levers' worth is made of.

    By good: the price that its makers get, and how much of it is `available`, `sold` and `bought`. By a use's
    key what one more unit is `worth` to it; by firm and output what is made; by section and good the price
    on the spec's own curve, and the limits that `bind`, each with its rent. By firm and name the value of a
    little more of a parameter in its formulas (`pulls`), by section, good and name that in a curve: None
    where a formula has no slope by it.
    """

    prices: Mapping[str, Real]
    worth: Mapping[UseKey, Real]
    made: Mapping[tuple[str, str], Real]
    available: Mapping[str, Real]
    sold: Mapping[str, Real]
    bought: Mapping[str, Real]
    trade_prices: Mapping[tuple[Section, str], Real]
    rents: Mapping[tuple[Section, str], Real] | None
    pulls: Mapping[tuple[str, str], Real | None]
    curve_pulls: Mapping[tuple[Section, str, str], Real | None]


def worth(  # noqa: PLR0911 - one for each kind
    lever: Lever, spec: Spec, network: Network, at: Position
) -> Real | None:
    """dW by a lever, with all quantities and prices held; None where a formula has no slope by it."""
    good, firm = lever.good or "", lever.firm or ""
    match lever.kind:
        case "supply quantity":
            return _of_supply(good, spec, at)
        case "supply price":
            return -at.bought[good]
        case "demand price":
            return at.sold[good]
        case "demand quantity":
            if spec.demand[good].price is None:
                return -at.worth[good, ""]
            return ZERO if at.rents is None else at.rents.get(("demand", good), ZERO)
        case "split":
            return at.worth[good, firm] * at.available[good]
        case "productivity":
            return _sum(at.prices[output] * at.made[firm, output] for output in network.outputs[firm])
        case "firm parameter":
            return at.pulls.get((firm, lever.parameter or ""), ZERO)
        case "parameter":
            return _of_parameter(lever.parameter or "", spec, at)


def _of_supply(good: str, spec: Spec, at: Position) -> Real:
    """A unit more: its price where it is free; else its price less what it costs, where the limit binds."""
    if spec.supply[good].price is None:
        return at.prices.get(good, ZERO)
    if at.rents is None:
        return at.prices[good] - at.trade_prices["supply", good]
    return at.rents.get(("supply", good), ZERO)


def _of_parameter(name: str, spec: Spec, at: Position) -> Real | None:
    """Over all firms that have no parameter of their own by that name, and all curves."""
    parts = [
        pull
        for (firm, of), pull in at.pulls.items()
        if of == name and name not in spec.firms[firm].parameters
    ]
    parts += [pull for (_, _, of), pull in at.curve_pulls.items() if of == name]
    known = [part for part in parts if part is not None]
    return _sum(known) if len(known) == len(parts) else None


def _sum(parts: Iterable[Real]) -> Real:
    return sum(parts, ZERO)
