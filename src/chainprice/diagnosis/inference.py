"""What follows from an observation: the numbers that were not seen, and that the spec determines.

- A fixed quantity that is supplied free of charge (with allocation `given`, any supply) is there.
- A firm makes of its inputs what its production function says.
- A good's only use takes all there is; a use with a stated share its share; of a non-rival good each use has
  all of it. A delivery that must be made in full is made.
- Of a good that is supplied at a price, so much was bought as its uses have beyond what firms make.
- A good that is sold at a price which the spec fixes, without a limit, has that price; so has one that is
  made by nobody and bought at a fixed price without a limit. What a good that money is counted in costs is 1.

Nothing else is: what does not follow is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from chainprice import quantities
from chainprice.arithmetic import evaluate
from chainprice.diagnosis.result import What
from chainprice.errors import Problem, UndefinedError
from chainprice.network import Network, Use, UseKey
from chainprice.observation import Observation
from chainprice.quantities import Quantities
from chainprice.spec import Spec
from chainprice.spec.model import Trade
from chainprice.technology import Technology, amount
from chainprice.value import CURVE_VARIABLE, Section, trade_price

ZERO = Decimal(0)

Fact = tuple[What, str, str | None]
"""A number of a market: what it is, of which good, and of which firm."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The observed market with all that follows from it; what is not known has no entry.

    Prices are in money; `uses` and `paid` by a use's key, `made` by firm and good. `inferred` has each number
    that follows with its reason, `missing` each that does not.
    """

    spec: Spec
    network: Network
    technology: Technology
    is_given: bool
    prices: Mapping[str, Decimal]
    paid: Mapping[UseKey, Decimal]
    uses: Mapping[UseKey, Decimal]
    bought: Mapping[str, Decimal]
    made: Mapping[tuple[str, str], Decimal]
    available: Mapping[str, Decimal]
    inferred: Mapping[Fact, tuple[Decimal, str]]
    missing: tuple[Fact, ...]

    def quantities(self) -> Quantities | None:
        """All quantities, where all are known of what is sold and bought."""
        if any((good, "") not in self.uses for good in self.spec.demand):
            return None
        if any(
            good not in self.bought for good, supply in self.spec.supply.items() if supply.price is not None
        ):
            return None
        sold = {good: self.uses[good, ""] for good in self.spec.demand}
        return Quantities(self.available, self.bought, {}, {}, sold)


def infer(
    observation: Observation, spec: Spec, network: Network, technology: Technology, *, is_given: bool
) -> Scene:
    """The observed market with what follows; prices of the observation must be in money.

    Raises UndefinedError, with every place, where a production function has no value at what its firm uses.
    """
    inference = _Inference(observation, spec, network, technology, is_given=is_given)
    inference.run()
    return inference.scene()


def has_one_price(network: Network, good: str) -> bool:
    """Whether all users of a good pay its price: it is rival, and no split is stated; or there is but one."""
    uses = network.uses[good]
    if uses and uses[0].share is not None:
        return False
    return good not in network.non_rival or len(uses) < 2


class _Inference:
    def __init__(
        self,
        observation: Observation,
        spec: Spec,
        network: Network,
        technology: Technology,
        *,
        is_given: bool,
    ) -> None:
        self._spec, self._network, self._technology = spec, network, technology
        self._observation, self._is_given = observation, is_given
        self._prices = dict(observation.prices)
        self._uses = dict(observation.uses)
        self._bought = dict(observation.bought)
        self._made: dict[tuple[str, str], Decimal] = {}
        self._available: dict[str, Decimal] = {}
        self._inferred: dict[Fact, tuple[Decimal, str]] = {}
        self._problems: list[Problem] = []
        self._failed: set[str] = set()
        self._shares = quantities.shares(network)

    def run(self) -> None:
        """In chain order, and again as long as something new follows: round a loop that takes two rounds."""
        known = -1
        while known < (known := self._count()):
            for firm in self._network.firms:
                for good in self._network.inputs[firm]:
                    self._look_at(good)
                self._make(firm)
            for good in self._network.goods:
                self._look_at(good)
        if self._problems:
            raise UndefinedError(self._problems)
        self._infer_prices()

    def _count(self) -> int:
        return len(self._inferred) + len(self._available)

    def scene(self) -> Scene:
        return Scene(
            self._spec,
            self._network,
            self._technology,
            self._is_given,
            self._prices,
            self._observation.paid,
            self._uses,
            self._bought,
            self._made,
            self._available,
            self._inferred,
            tuple(self._missing()),
        )

    def _look_at(self, good: str) -> None:
        """What follows for a good from what is known so far."""
        self._buy(good)
        if good not in self._available:
            parts = [self._made.get((firm, good)) for firm in self._network.makers[good]]
            if good in self._spec.supply:
                parts.append(self._bought.get(good))
            known = [part for part in parts if part is not None]
            if len(known) == len(parts):
                self._available[good] = sum(known, ZERO)
        for use in self._network.uses[good]:
            if use.key not in self._uses:
                self._use(use)

    def _buy(self, good: str) -> None:
        """What is bought, where it is fixed, or what the uses need beyond what is made."""
        supply = self._spec.supply.get(good)
        if supply is None or good in self._bought:
            return
        if supply.price is None or self._is_given:
            self._follows("bought", good, None, quantities.endowment(self._spec, good), "a fixed supply")
            return
        made = [self._made.get((firm, good)) for firm in self._network.makers[good]]
        used = [self._uses.get(use.key) for use in self._network.uses[good]]
        amounts = [part for part in (*made, *used) if part is not None]
        if len(amounts) < len(made) + len(used) or self._has_shares(good):
            return
        wanted = amounts[len(made) :]
        most = max(wanted, default=ZERO) if good in self._network.non_rival else sum(wanted, ZERO)
        needed = max(ZERO, most - sum(amounts[: len(made)], ZERO))
        limit = None if supply.quantity is None else evaluate(supply.quantity)
        value = needed if limit is None else min(needed, limit)
        self._follows("bought", good, None, value, "what its uses have beyond what firms make")

    def _has_shares(self, good: str) -> bool:
        uses = self._network.uses[good]
        return bool(uses) and uses[0].share is not None

    def _use(self, use: Use) -> None:
        """What a use has, where it is the only one, has a stated share, or has the whole."""
        what: What = "sold" if use.is_demand else "used"
        firm = None if use.is_demand else use.user
        demand = self._spec.demand[use.good] if use.is_demand else None
        if demand is not None and demand.price is None and demand.quantity is not None:
            self._follows(what, use.good, firm, evaluate(demand.quantity), "it must be delivered in full")
            return
        there = self._available.get(use.good)
        if there is None:
            return
        if not self._is_given:
            there = max(ZERO, there)
        most = None if demand is None or demand.quantity is None else evaluate(demand.quantity)
        if use.share is not None:
            value, reason = there * self._shares[use.key], "its stated share of what there is"
        elif use.good in self._network.non_rival:
            value, reason = there, "every use has all of it"
        elif len(self._network.uses[use.good]) == 1 and not self._may_be_left(use.good):
            value, reason = there, "its only use takes all there is"
        else:
            return
        if most is not None and value > most:
            value, reason = most, "its limit"
        self._follows(what, use.good, firm, value, reason)

    def _may_be_left(self, good: str) -> bool:
        """Whether some of a good may be thrown away: a market does that with what costs nothing."""
        return not self._is_given and good in self._prices and self._prices[good] <= 0

    def _make(self, firm: str) -> None:
        """What a firm makes, once all its inputs are known."""
        functions = self._technology[firm]
        if firm in self._failed or all((firm, f.output) in self._made for f in functions):
            return
        point = self._point(firm)
        if point is None:
            return
        try:
            made = {f.output: amount(self._spec, f, point) for f in functions}
        except UndefinedError as error:
            self._problems += error.problems
            self._failed.add(firm)
            return
        for good, value in made.items():
            self._follows("made", good, firm, value, "its production function at its inputs")

    def _point(self, firm: str) -> dict[str, Decimal] | None:
        point = {}
        for good in self._network.inputs[firm]:
            quantity = self._uses.get((good, firm))
            if quantity is None:
                return None
            point[good] = quantity
        return point

    def _follows(self, what: What, good: str, firm: str | None, value: Decimal, reason: str) -> None:
        if what == "made":
            self._made[firm or "", good] = value
        elif what == "bought":
            self._bought[good] = value
        else:
            self._uses[good, firm or ""] = value
        self._inferred[what, good, firm] = value, reason

    def _infer_prices(self) -> None:
        for good in self._network.goods:
            if good not in self._prices and (found := self._fixed_price(good)):
                section, reason = found
                value = trade_price(self._spec, section, good, ZERO)
                self._prices[good] = value
                self._inferred["price", good, None] = value, reason

    def _fixed_price(self, good: str) -> tuple[Section, str] | None:
        """Where the spec fixes a good's price, and how."""
        demand, supply = self._spec.demand.get(good), self._spec.supply.get(good)
        if _is_fixed(demand) and has_one_price(self._network, good):
            return "demand", "it is sold at a fixed price"
        if _is_fixed(supply) and not self._network.makers[good]:
            return "supply", "it is bought at a fixed price"
        return None

    def _missing(self) -> Iterator[Fact]:
        for good in self._network.goods:
            if good not in self._prices:
                yield "price", good, None
            if good in self._spec.supply and good not in self._bought:
                yield "bought", good, None
            for use in self._network.uses[good]:
                if use.key not in self._uses:
                    yield "sold" if use.is_demand else "used", good, None if use.is_demand else use.user


def _is_fixed(trade: Trade | None) -> bool:
    """Whether any amount is traded at a price that is no curve."""
    if trade is None or trade.price is None or trade.quantity is not None:
        return False
    return CURVE_VARIABLE not in trade.price.names
