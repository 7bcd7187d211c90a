"""What is wrong with the market of each good, in a word and in a sentence.

The first of these that holds is a good's verdict:

1. short: its uses have more than there is; in surplus: some of it is left, and it is not free.
2. misallocated: it is rival, and what one more unit is worth differs between the uses that have some.
3. overpriced, underpriced: its price is above or below that in equilibrium, or below or above all prices in
   the equilibrium's range. So is a good with several uses, each of which has its own price (it is non-rival,
   or its split is stated), whose price is not the sum, or mean by shares, of what one more is worth to them.
4. misallocated: its price is right, and so are those of what a user makes of it, which still would use more
   or less.
5. not known: its price, or what there is and is used of it, or the equilibrium is not known.
6. in equilibrium.

Where the spec has no equilibrium, a price is judged by what the uses would do: overpriced where they would
use less, underpriced where they would use more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from chainprice import quantities
from chainprice.arithmetic import evaluate, rounded, written
from chainprice.diagnosis.gaps import NOISE, Position, Worth
from chainprice.diagnosis.inference import ZERO, Scene, has_one_price
from chainprice.diagnosis.result import Ruling

_DIGITS = 6
"""Significant digits in sentences."""

PriceRange = tuple[Decimal, Decimal | None]


class Benchmark(NamedTuple):
    """The equilibrium that the observed market is compared with, in money."""

    prices: Mapping[str, Decimal]
    ranges: Mapping[str, PriceRange]
    total_value: Decimal
    cheap: Mapping[str, Decimal]
    """Of each good that is free in equilibrium the price at which it would take all the money."""


class Judged(NamedTuple):
    """A good's numbers, None for what is not known, and its verdict."""

    good: str
    price: Decimal | None
    right: Decimal | None
    worth: Decimal | None
    available: Decimal | None
    used: Decimal | None
    excess: Decimal | None
    spread: Decimal | None
    verdict: Ruling
    reason: str


def judge(
    scene: Scene,
    positions: Sequence[Position],
    benchmark: Benchmark | None,
    tolerance: Decimal,
    unit: Decimal = Decimal(1),
) -> list[Judged]:
    """A verdict for each good, in chain order; sentences have prices in a `unit` of money."""
    return _Judge(scene, positions, benchmark, tolerance, unit).all()


class _Judge:
    def __init__(
        self,
        scene: Scene,
        positions: Sequence[Position],
        benchmark: Benchmark | None,
        tolerance: Decimal,
        unit: Decimal,
    ) -> None:
        self._scene, self._benchmark, self._tolerance, self._unit = scene, benchmark, tolerance, unit
        self._network = scene.network
        self._shares = quantities.shares(scene.network)
        self._by_good: dict[str, list[Position]] = {good: [] for good in scene.network.goods}
        for position in positions:
            self._by_good[position.good].append(position)

    def all(self) -> list[Judged]:
        return [self._judged(good) for good in self._network.goods]

    def _judged(self, good: str) -> Judged:
        users = [position for position in self._by_good[good] if position.kind != "supply"]
        price, available = self._scene.prices.get(good), self._scene.available.get(good)
        used, excess = self._used(good), self._excess(good)
        spread, worth = self._spread(users), self._worth(good, users)
        verdict, reason = (
            self._by_amounts(good, excess, price)
            or self._by_spread(good, users, spread)
            or self._by_price(good, price)
            or self._by_worth(good, price, worth)
            or self._by_moves(good)
            or self._unless_unknown(good, price, excess)
            or self._fine(good, price)
        )
        right = None if self._benchmark is None else self._benchmark.prices[good]
        value = worth.nearest(price) if worth is not None and price is not None else worth and worth.low
        return Judged(good, price, right, value, available, used, excess, spread, verdict, reason)

    # How much there is.

    def _amounts(self, good: str) -> list[tuple[Decimal, Decimal]] | None:
        """What each use has, or must have, and its share of what there is; None where one is not known."""
        amounts = []
        for use in self._network.uses[good]:
            quantity = self._scene.uses.get(use.key)
            if quantity is None:
                return None
            demand = self._scene.spec.demand[good] if use.is_demand else None
            if demand is not None and demand.price is None and demand.quantity is not None:
                quantity = max(quantity, evaluate(demand.quantity))
            amounts.append((quantity, self._shares.get(use.key, quantities.WHOLE)))
        return amounts

    def _used(self, good: str) -> Decimal | None:
        amounts = self._amounts(good)
        if amounts is None:
            return None
        each = [quantity for quantity, _ in amounts]
        return max(each, default=ZERO) if good in self._network.non_rival else sum(each, ZERO)

    def _excess(self, good: str) -> Decimal | None:
        """What the uses have beyond what there is; with a stated split, beyond their shares of it.

        What a market leaves over of a share is in surplus only where its user could do with more.
        """
        there, amounts, used = self._scene.available.get(good), self._amounts(good), self._used(good)
        if there is None or amounts is None or used is None:
            return None
        excess = used - there
        if self._is_split(good):
            needy = {user.name for user in self._by_good[good] if user.worth is None or user.worth.low > 0}
            beyond = [
                quantity - share * there
                for use, (quantity, share) in zip(self._network.uses[good], amounts, strict=True)
                if self._scene.is_given or quantity > share * there or use.user in needy
            ]
            short = sum((part for part in beyond if part > 0), ZERO)
            excess = short if short > self._tolerance * self._size(good) else sum(beyond, ZERO)
        return ZERO if abs(excess) <= NOISE * self._size(good) else excess

    def _size(self, good: str) -> Decimal:
        """How much of a good is moved about in all: what it is measured against."""
        made = (self._scene.made.get((firm, good), ZERO) for firm in self._network.makers[good])
        used = (self._scene.uses.get(use.key, ZERO) for use in self._network.uses[good])
        parts: Iterable[Decimal] = (*made, *used, self._scene.bought.get(good, ZERO))
        return sum(map(abs, parts), ZERO)

    def _is_split(self, good: str) -> bool:
        uses = self._network.uses[good]
        return bool(uses) and uses[0].share is not None

    # What it is worth.

    def _spread(self, users: Sequence[Position]) -> Decimal | None:
        """By how much what the last unit is worth to one use is below what one more is to another."""
        if any(user.quantity is None for user in users):
            return None
        some = [user.worth for user in users if user.has_some]
        known = [worth for worth in some if worth is not None]
        if len(known) < max(2, len(some)):
            return None
        spread = max(worth.low for worth in known) - min(worth.high for worth in known)
        return spread if spread > NOISE * max(worth.size for worth in known) else ZERO

    def _worth(self, good: str, users: Sequence[Position]) -> Worth | None:
        """What one more unit is worth to all uses of a good; None where that is not known."""
        known = [(user, user.worth) for user in users if user.worth is not None]
        if not users or len(known) < len(users):
            return None
        if has_one_price(self._network, good):
            return Worth(*(max(worth[part] for _, worth in known) for part in range(3)))
        low = high = size = ZERO
        for user, worth in known:
            share = self._shares.get((good, user.name if user.kind == "firm" else ""), quantities.WHOLE)
            if self._scene.is_given or self._takes_all(good, user, share):
                floor = worth.low if self._scene.is_given else max(ZERO, worth.low)
                low, high = low + share * floor, high + share * max(floor, worth.high)
            size += share * worth.size
        return Worth(low, high, size)

    def _takes_all(self, good: str, user: Position, share: Decimal) -> bool:
        """Whether one more unit would go to this use: it has all that it may."""
        there = self._scene.available.get(good, ZERO) * share
        return user.quantity is not None and user.quantity >= there * (1 - self._tolerance)

    # The verdicts, each None where it does not apply.

    def _by_amounts(
        self, good: str, excess: Decimal | None, price: Decimal | None
    ) -> tuple[Ruling, str] | None:
        size = self._size(good)
        used, there = self._used(good), self._scene.available.get(good)
        if excess is None or used is None or there is None or abs(excess) <= self._tolerance * size:
            return None
        if excess > 0:
            return (
                "short",
                f"its uses have {_shown(used)} and there is {_shown(there)}: {_shown(excess)} too much",
            )
        if not self._costs(good, price):
            return None
        return (
            "in surplus",
            f"there is {_shown(there)} and its uses have {_shown(used)}: {_shown(-excess)} is left",
        )

    def _costs(self, good: str, price: Decimal | None) -> bool:
        """Whether a good is known not to be free; next to the equilibrium price a price may be nothing."""
        return price is not None and abs(price) > self._tolerance * self._usual(good)

    def _usual(self, good: str) -> Decimal:
        """What a good costs in equilibrium, or would if it were not next to nothing."""
        if self._benchmark is None:
            return ZERO
        return abs(self._benchmark.prices[good]) or self._benchmark.cheap.get(good, ZERO)

    def _by_spread(
        self, good: str, users: Sequence[Position], spread: Decimal | None
    ) -> tuple[Ruling, str] | None:
        if spread is None or not has_one_price(self._network, good):
            return None
        some = [(user.name, user.worth) for user in users if user.has_some and user.worth is not None]
        if spread <= self._tolerance * max(worth.size for _, worth in some):
            return None
        most = max(some, key=lambda item: item[1].low)
        least = min(some, key=lambda item: item[1].high)
        return "misallocated", (
            f"one more unit is worth {self._money(most[1].low)} to {most[0]}, and the last one "
            f"{self._money(least[1].high)} to {least[0]}"
        )

    def _by_price(self, good: str, price: Decimal | None) -> tuple[Ruling, str] | None:
        """Against the equilibrium's price, or the range of its prices."""
        if price is None or self._benchmark is None:
            return None
        low, high = self._range(self._benchmark, good)
        if abs(price) <= self._tolerance * self._usual(good) and low <= 0:
            return None
        if self._is_above(price, high):
            return (
                "overpriced",
                f"its price {self._money(price)} is above {self._bound(low, high)} in equilibrium",
            )
        if self._is_above(low, price):
            return (
                "underpriced",
                f"its price {self._money(price)} is below {self._bound(low, high)} in equilibrium",
            )
        return None

    def _range(self, benchmark: Benchmark, good: str) -> PriceRange:
        """The prices that a good may have in equilibrium."""
        price = benchmark.prices[good]
        low, high = benchmark.ranges.get(good, (price, price))
        return min(low, price), None if high is None else max(high, price)

    def _is_above(self, a: Decimal, b: Decimal | None) -> bool:
        return b is not None and a - b > self._tolerance * max(abs(a), abs(b))

    def _by_worth(self, good: str, price: Decimal | None, worth: Worth | None) -> tuple[Ruling, str] | None:
        """Where each use has a price of its own: against the sum, or the mean by shares."""
        if price is None or worth is None or has_one_price(self._network, good) or self._is_left_open(good):
            return None
        gap = worth.nearest(price) - price
        if abs(gap) <= self._tolerance * max(abs(price), worth.size):
            return None
        how = "by shares" if self._is_split(good) else "in sum"
        verdict: Ruling = "underpriced" if gap > 0 else "overpriced"
        worths = f"one more is worth {self._money(price + gap)} to its uses {how}"
        return verdict, f"its price is {self._money(price)}, and {worths}"

    def _is_left_open(self, good: str) -> bool:
        """Whether the equilibrium leaves the price open: then that of the uses does not tell."""
        return self._benchmark is not None and good in self._benchmark.ranges

    def _by_moves(self, good: str) -> tuple[Ruling, str] | None:
        """Of a price that is right, or that there is no right one of: what its users would do."""
        movers = [position for position in self._by_good[good] if position.is_open]
        if self._benchmark is not None:
            movers = [mover for mover in movers if self._sells_at_right_prices(mover)]
        if not movers:
            return None
        first = max(movers, key=lambda mover: abs(mover.gap or ZERO))
        gap, price = first.gap or ZERO, first.price or ZERO
        reason = (
            f"at a price of {self._money(price)} {first.name} would {'gain' if gap > 0 else 'lose'} "
            f"{self._money(abs(gap))} by one more unit"
        )
        if self._benchmark is not None:
            return "misallocated", reason
        return ("underpriced" if (gap > 0) != (first.kind == "supply") else "overpriced"), reason

    def _sells_at_right_prices(self, mover: Position) -> bool:
        if mover.kind != "firm":
            return True
        outputs = (f.output for f in self._scene.technology[mover.name] if mover.good in f.inputs)
        return all(self._by_price(good, self._scene.prices.get(good)) is None for good in outputs)

    def _unless_unknown(
        self, good: str, price: Decimal | None, excess: Decimal | None
    ) -> tuple[Ruling, str] | None:
        unknown = []
        if price is None:
            unknown.append("its price")
        if excess is None:
            unknown.append("how much there is and is used of it")
        if self._benchmark is None and not any(p.gap is not None for p in self._by_good[good]):
            unknown.append("its price in equilibrium")
        return ("not known", f"{' and '.join(unknown)} is not known") if unknown else None

    def _fine(self, good: str, price: Decimal | None) -> tuple[Ruling, str]:
        there = self._scene.available.get(good, ZERO)
        what = "what there is is used"
        excess = self._excess(good)
        if excess is not None and abs(excess) > self._tolerance * self._size(good):
            what = (
                "what is left over of it is free"
                if not self._costs(good, price)
                else "its split leaves some over"
            )
        moves = any(position.is_open for position in self._by_good[good])
        also = "; its users' gaps come from the prices of what they make" if moves else ""
        right = "at the price of an equilibrium" if self._benchmark is not None else "no user would move"
        return "in equilibrium", f"{_shown(there)} at {self._money(price or ZERO)}: {right}, and {what}{also}"

    def _money(self, value: Decimal) -> str:
        return _shown(value / self._unit)

    def _bound(self, low: Decimal, high: Decimal | None) -> str:
        if high is None:
            return f"{self._money(low)} and more"
        return self._money(low) if high == low else f"{self._money(low)} to {self._money(high)}"


def _shown(value: Decimal) -> str:
    return written(rounded(value, _DIGITS))
