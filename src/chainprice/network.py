"""Who makes and who uses each good, in which order, and where the chain bites its tail: no numbers.

The order is the same however the spec's keys are ordered: by depth (the longest way from the
primary goods), then by name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from operator import attrgetter
from types import MappingProxyType
from typing import Literal, NamedTuple

from chainprice.formula import Formula
from chainprice.spec import DEMAND, Spec

UseKey = tuple[str, str]

Role = Literal["primary", "intermediate", "final"]


class Use(NamedTuple):
    """A use of a good: a firm that reads it, or its demand (whose `user` is "demand").

    `share` is the part of the good that the use has, where the spec states a split.
    """

    good: str
    user: str
    is_demand: bool = False
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
    outputs = {name: _by_name(firm.production) for name, firm in spec.firms.items()}
    makers = _makers(spec, outputs)
    inputs = {name: _inputs(firm.production, makers) for name, firm in spec.firms.items()}
    uses = _uses(spec, makers, inputs)
    goods, firms = _order(makers, uses, inputs, outputs)
    loop: tuple[str, ...] = ()
    if len(goods) < len(makers):
        loop = _loop(makers, inputs)
        goods, firms = _by_need(makers), _by_need(inputs)
    return Network(
        goods=tuple(goods),
        firms=tuple(firms),
        roles=MappingProxyType({good: _role(names, uses[good]) for good, names in makers.items()}),
        makers=MappingProxyType(makers),
        uses=MappingProxyType(uses),
        inputs=MappingProxyType(inputs),
        outputs=MappingProxyType(outputs),
        non_rival=frozenset(good for good, note in spec.goods.items() if not note.rival),
        loop=loop,
    )


def _by_name(names: Collection[str]) -> tuple[str, ...]:
    return tuple(names) if len(names) < 2 else tuple(sorted(names))


def _inputs(production: Mapping[str, Formula], goods: Mapping[str, object]) -> tuple[str, ...]:
    """The goods that a firm's formulas name, in order of appearance, outputs by name."""
    if len(production) == 1:
        (formula,) = production.values()
        names = formula.names
    else:
        names = tuple({name: None for output in sorted(production) for name in production[output].names})
    inputs = tuple(filter(goods.__contains__, names))
    return names if len(inputs) == len(names) else inputs


def _makers(spec: Spec, outputs: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Each good's makers by name; none of a good that is only supplied."""
    made: dict[str, list[str]] = {}
    for name, goods in outputs.items():
        for good in goods:
            if good in made:
                made[good].append(name)
            else:
                made[good] = [name]
    nobody: dict[str, tuple[str, ...]] = dict.fromkeys(spec.supply, ())
    return nobody | {good: _by_name(names) for good, names in made.items()}


def _uses(
    spec: Spec, goods: Iterable[str], inputs: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[Use, ...]]:
    """Each good's uses: firms by name, then its demand."""
    uses: dict[str, list[Use]] = {good: [] for good in goods}
    for name, of_firm in inputs.items():
        for good in of_firm:
            uses[good].append(Use(good, name))
    for of_good in uses.values():
        if len(of_good) > 1:
            of_good.sort(key=_user)
    for good in spec.demand:
        uses[good].append(Use(good, DEMAND, is_demand=True))
    for good, note in spec.goods.items():
        if note.split:
            uses[good] = [use._replace(share=note.split[use.user]) for use in uses[good]]
    return {good: tuple(of_good) for good, of_good in uses.items()}


_user = attrgetter("user")


def _role(makers: tuple[str, ...], uses: tuple[Use, ...]) -> Role:
    if not makers:
        return "primary"
    return "final" if len(uses) == 1 and uses[0].is_demand else "intermediate"


def _order(
    makers: Mapping[str, tuple[str, ...]],
    uses: Mapping[str, tuple[Use, ...]],
    inputs: Mapping[str, tuple[str, ...]],
    outputs: Mapping[str, tuple[str, ...]],
) -> tuple[list[str], list[str]]:
    """Goods and firms in chain order, as far as no loop comes before them.

    In waves, each sorted by name: a firm's turn comes with the last of its inputs, a good's with the last
    of its makers, so that what is equally deep comes in one wave (Kahn's algorithm).
    """
    goods = sorted(good for good, names in makers.items() if not names)
    firms: list[str] = []
    makers_left, inputs_left = _Left(makers), _Left(inputs)
    wave = [name for name, needed in inputs.items() if not needed]
    following = inputs_left.complete(_users(uses, goods))
    while wave or following:
        wave.sort()
        made = sorted(makers_left.complete([good for name in wave for good in outputs[name]]))
        firms += wave
        goods += made
        wave, following = following + inputs_left.complete(_users(uses, made)), []
    return goods, firms


def _users(uses: Mapping[str, tuple[Use, ...]], goods: Iterable[str]) -> list[str]:
    """The firms that use these goods, once for each use."""
    return [use.user for good in goods for use in uses[good] if not use.is_demand]


class _Left:
    """How many of its inputs each firm still waits for; or of its makers, each good."""

    def __init__(self, needs: Mapping[str, tuple[str, ...]]) -> None:
        # What waits for one thing only needs no count.
        self._counts = {name: len(needed) for name, needed in needs.items() if len(needed) > 1}

    def complete(self, arrived: list[str]) -> list[str]:
        """Those that wait no more, after one thing arrived for each name in `arrived`."""
        counts = self._counts
        if not counts:
            return arrived
        complete = []
        for name in arrived:
            left = counts.get(name, 1) - 1
            if left:
                counts[name] = left
            else:
                complete.append(name)
        return complete


def _by_need(needs: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Where there is a loop: by name, first those that need nothing."""
    return sorted(needs, key=lambda name: (bool(needs[name]), name))


def _loop(makers: Mapping[str, tuple[str, ...]], inputs: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The goods of a loop, the way that they flow; the same loop however the spec's keys are ordered."""
    before = {good: {g for name in names for g in inputs[name]} for good, names in makers.items()}
    try:
        TopologicalSorter({good: sorted(before[good]) for good in sorted(before)}).prepare()
    except CycleError as error:
        # graphlib gives the cycle from user to maker's input; read it the way that goods flow.
        return _from_first(tuple(error.args[1][1:]))
    return ()


def _from_first(loop: tuple[str, ...]) -> tuple[str, ...]:
    """The loop turned so that the first name in the alphabet leads."""
    start = loop.index(min(loop))
    return loop[start:] + loop[:start]
