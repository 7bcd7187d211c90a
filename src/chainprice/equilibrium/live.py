"""The part of a chain that leads to a demand; the rest earns nothing, so a market leaves it idle."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType

from chainprice.arithmetic import evaluate
from chainprice.equilibrium.clearing import Clearing, Limit
from chainprice.network import Network
from chainprice.spec import Spec
from chainprice.technology import Technology, amount

ZERO, ONE = Decimal(0), Decimal(1)


def prune(network: Network, wanted: Collection[str] = ()) -> Network:
    """The network of the firms whose outputs lead to a demand, near or far, or to a good that is `wanted`."""
    goods: set[str] = set()
    firms: set[str] = set()
    waiting = [good for good, uses in network.uses.items() if any(use.is_demand for use in uses)]
    waiting += [good for good in network.goods if good in wanted]
    while waiting:
        good = waiting.pop()
        if good not in goods:
            goods.add(good)
            for firm in network.makers[good]:
                firms.add(firm)
                waiting.extend(network.inputs[firm])
    made = {good for firm in firms for good in network.outputs[firm]}
    kept = goods | made
    return replace(
        network,
        goods=tuple(good for good in network.goods if good in kept),
        firms=tuple(firm for firm in network.firms if firm in firms),
        makers=_kept(network.makers, kept, firms),
        uses=MappingProxyType(
            {
                good: tuple(use for use in uses if use.is_demand or use.user in firms)
                for good, uses in network.uses.items()
                if good in kept
            }
        ),
    )


def goods_owed(network: Network, technology: Technology, live: Network) -> set[str]:
    """The goods of which firms outside the `live` network make less than nothing when they stand idle."""
    owed: set[str] = set()
    for firm in set(network.firms).difference(live.firms):
        nothing = dict.fromkeys(network.inputs[firm], ZERO)
        for function in technology[firm]:
            try:
                if function.amount(nothing) < 0:
                    owed.add(function.output)
            except ArithmeticError:
                continue
    return owed


def _kept(
    makers: Mapping[str, tuple[str, ...]], goods: set[str], firms: set[str]
) -> Mapping[str, tuple[str, ...]]:
    return MappingProxyType(
        {good: tuple(f for f in makers[good] if f in firms) for good in makers if good in goods}
    )


def restore(clearing: Clearing, spec: Spec, network: Network, technology: Technology) -> Clearing:
    """The cleared market with the idle firms and the worthless goods back in it.

    Raises UndefinedError where an idle firm has no output at 0.
    """
    quantities = clearing.quantities
    dead = [firm for firm in network.firms if firm not in quantities.used]
    if not dead and len(clearing.prices) == len(network.goods):
        return clearing
    none = {firm: dict.fromkeys(network.inputs[firm], ZERO) for firm in dead}
    made = {firm: {f.output: amount(spec, f, none[firm]) for f in technology[firm]} for firm in dead}
    available = {}
    for good in network.goods:
        supply = spec.supply.get(good)
        free = supply.quantity if supply is not None and supply.price is None else None
        start = quantities.available.get(good, ZERO if free is None else evaluate(free))
        available[good] = start + sum((row.get(good, ZERO) for row in made.values()), ZERO)
    idle_uses = {(good, firm): clearing.prices.get(good, ZERO) for firm in dead for good in none[firm]}
    worthless = {good: available[good] for good in network.goods if good not in clearing.prices}
    return replace(
        clearing,
        quantities=replace(
            quantities,
            available=available,
            used={**quantities.used, **none},
            made={**quantities.made, **made},
        ),
        prices={**dict.fromkeys(network.goods, ZERO), **clearing.prices},
        paid={**idle_uses, **clearing.paid},
        disposed={**clearing.disposed, **worthless},
        limits=_with_idle_supplies(clearing.limits, spec, network),
        mixes={**clearing.mixes, **{firm: dict.fromkeys(none[firm], ONE) for firm in dead}},
    )


def _with_idle_supplies(limits: tuple[Limit, ...], spec: Spec, network: Network) -> tuple[Limit, ...]:
    """The limits, and those of the supplies that only idle firms use."""
    known = {limit.good for limit in limits if limit.kind == "supply"}
    idle = [
        Limit("supply", good, None, evaluate(supply.quantity), binding=False, rent=ZERO)
        for good, supply in spec.supply.items()
        if supply.quantity is not None and good not in known and network.uses[good]
    ]
    supplies = sorted([limit for limit in limits if limit.kind == "supply"] + idle, key=lambda row: row.good)
    return (*supplies, *(limit for limit in limits if limit.kind != "supply"))
