"""Who makes and who uses each good, in which order, and where the chain bites its tail: no numbers.

The order is the same however the spec's keys are ordered: by depth (the longest way from the
primary goods), then by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from types import MappingProxyType
from typing import Literal

from chainprice.formula import Formula
from chainprice.spec import DEMAND, Spec

UseKey = tuple[str, str]

Role = Literal["primary", "intermediate", "final"]


@dataclass(frozen=True, slots=True)
class Use:
    """A use of a good: a firm that reads it, or its demand (whose `user` is "demand").

    `share` is the part of the good that the use has, where the spec states a split.
    """

    good: str
    user: str
    is_demand: bool
    share: Formula | None = None

    @property
    def key(self) -> UseKey:
        """What a use is looked up by: its good and its firm; "" for the demand, as a firm may be "demand"."""
        return (self.good, "" if self.is_demand else self.user)


@dataclass(frozen=True, slots=True)
class Network:
    """The chain as a graph.

    `goods` in chain order, primaries first; `firms` in topological order; `loop` the goods of one
    cycle, empty if there is none (with a loop the orders are by depth as far as depth goes).
    """

    goods: tuple[str, ...]
    firms: tuple[str, ...]
    roles: Mapping[str, Role]
    makers: Mapping[str, tuple[str, ...]]
    uses: Mapping[str, tuple[Use, ...]]
    inputs: Mapping[str, tuple[str, ...]]
    outputs: Mapping[str, tuple[str, ...]]
    non_rival: frozenset[str]
    loop: tuple[str, ...]


def build(spec: Spec) -> Network:
    """The network of a spec."""
    outputs = {name: tuple(sorted(firm.production)) for name, firm in spec.firms.items()}
    makers: dict[str, list[str]] = {good: [] for good in spec.supply}
    for name in sorted(spec.firms):
        for good in outputs[name]:
            makers.setdefault(good, []).append(name)
    inputs = {
        name: _inputs([firm.production[good] for good in outputs[name]], makers)
        for name, firm in spec.firms.items()
    }
    uses = _uses(spec, makers, inputs)
    depths, loop = _depths(makers, inputs)
    firm_depths = {name: 1 + max((depths[g] for g in inputs[name]), default=-1) for name in spec.firms}
    roles = {good: _role(good, spec, makers, uses) for good in makers}
    return Network(
        goods=tuple(sorted(makers, key=lambda good: (roles[good] != "primary", depths[good], good))),
        firms=tuple(sorted(spec.firms, key=lambda name: (firm_depths[name], name))),
        roles=MappingProxyType(roles),
        makers=MappingProxyType({good: tuple(names) for good, names in makers.items()}),
        uses=MappingProxyType(uses),
        inputs=MappingProxyType(inputs),
        outputs=MappingProxyType(outputs),
        non_rival=frozenset(good for good in makers if not spec.note(good).rival),
        loop=loop,
    )


def _inputs(formulas: list[Formula], goods: Mapping[str, object]) -> tuple[str, ...]:
    """The goods that the formulas name, in order of appearance."""
    return tuple({name: None for formula in formulas for name in formula.names if name in goods})


def _uses(
    spec: Spec, goods: Mapping[str, object], inputs: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[Use, ...]]:
    """Each good's uses: firms by name, then its demand."""
    users: dict[str, list[tuple[str, bool]]] = {good: [] for good in goods}
    for name in sorted(inputs):
        for good in inputs[name]:
            users[good].append((name, False))
    for good in spec.demand:
        users[good].append((DEMAND, True))
    return {good: tuple(_use(spec, good, *user) for user in users[good]) for good in goods}


def _use(spec: Spec, good: str, user: str, is_demand: bool) -> Use:
    split = spec.note(good).split
    return Use(good, user, is_demand, split[user] if split else None)


def _role(
    good: str, spec: Spec, makers: Mapping[str, list[str]], uses: Mapping[str, tuple[Use, ...]]
) -> Role:
    if good in spec.supply and not makers[good]:
        return "primary"
    if good in spec.demand and all(use.is_demand for use in uses[good]):
        return "final"
    return "intermediate"


def _depths(
    makers: Mapping[str, list[str]], inputs: Mapping[str, tuple[str, ...]]
) -> tuple[dict[str, int], tuple[str, ...]]:
    """The longest way from the primary goods to each good, and the goods of a loop if there is one."""
    before = {good: {g for name in names for g in inputs[name]} for good, names in makers.items()}
    sorter = TopologicalSorter({good: sorted(before[good]) for good in sorted(before)})
    depths = dict.fromkeys(before, 0)
    try:
        for good in sorter.static_order():
            depths[good] = 1 + max((depths[g] for g in before[good]), default=-1)
    except CycleError as error:
        # graphlib gives the cycle from user to maker's input; read it the way that goods flow.
        return depths, _from_first(tuple(error.args[1][1:]))
    return depths, ()


def _from_first(loop: tuple[str, ...]) -> tuple[str, ...]:
    """The loop turned so that the first name in the alphabet leads."""
    start = loop.index(min(loop))
    return loop[start:] + loop[:start]
