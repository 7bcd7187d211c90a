"""Whether everybody does as well as the prices allow: what makes an optimum an equilibrium.

Where all functions are concave this holds by itself. Where one is not, the point may be a maximum
only nearby, or only because a limit stops a firm that would rather grow: then no price-taking firm
would stay there. Each firm's other plans are sampled: more and less of everything, of each input,
nothing at all, and mixes over many orders of magnitude.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

import numpy as np

from chainprice.arithmetic import digits, evaluate
from chainprice.equilibrium.clearing import Clearing
from chainprice.equilibrium.monotone import direction
from chainprice.equilibrium.start import ARRAYS
from chainprice.errors import UndefinedError
from chainprice.network import Network
from chainprice.spec import Spec
from chainprice.technology import ProductionFunction, Technology
from chainprice.value import Section, total_value, trade_value

TOLERANCE = 1e-7
"""A gain that is smaller than this part of what a firm turns over is rounding."""

_NOTHING = 1e-14
"""A gain that is smaller than this part of all that changes hands, or of total value, is rounding, too."""

_FACTORS = 10.0 ** (np.array([exponent for exponent in range(-24, 25) if exponent]) / 4)
_MIXES = 200
_CURVE_DIGITS = 20

_GROUP = 500
"""Firms whose plans are looked at together: more at once take memory and gain nothing."""


@dataclass(frozen=True, slots=True)
class Better:
    """A plan that somebody prefers at these prices: who, what they would do, and what they would gain."""

    agent: str
    plan: str
    gain: float
    place: tuple[str, ...]


def better_plans(
    spec: Spec, network: Network, technology: Technology, clearing: Clearing
) -> Iterator[Better]:
    """For each firm, buyer and seller who could do better, the best plan found."""
    there = clearing.quantities.available
    traded = sum((abs(clearing.prices[good] * amount) for good, amount in there.items()), Decimal(0))
    least = _NOTHING * float(max(traded, abs(total_value(spec, clearing.quantities))))
    alike: dict[Hashable, list[str]] = {}
    for firm in network.firms:
        alike.setdefault(_kind(technology[firm], clearing.quantities.used[firm]), []).append(firm)
    found: dict[str, Better] = {}
    for firms in alike.values():
        for first in range(0, len(firms), _GROUP):
            group = _Firms(firms[first : first + _GROUP], technology, clearing)
            found |= {better.agent: better for better in group.better()}
    yield from (found[firm] for firm in network.firms if firm in found and found[firm].gain > least)
    yield from _traders(spec, clearing)


def _kind(functions: tuple[ProductionFunction, ...], used: Mapping[str, Decimal]) -> Hashable:
    """What firms have in common that only differ in numbers and names."""
    places = {good: place for place, good in enumerate(used)}
    return tuple((f.formula.shape, tuple(places.get(name) for name in f.formula.names)) for f in functions)


class _Firms:
    """Firms of one kind at market prices, in doubles: arrays have a row for each, then one for each plan."""

    def __init__(self, names: Sequence[str], technology: Technology, clearing: Clearing) -> None:
        self._names, self._functions = names, [technology[name] for name in names]
        used = [clearing.quantities.used[name] for name in names]
        self._goods = [tuple(amounts) for amounts in used]
        available = clearing.quantities.available
        self._used = _array([[float(z) for z in amounts.values()] for amounts in used])
        self._paid = _array(
            [
                [float(clearing.paid[g, name]) for g in goods]
                for name, goods in zip(names, self._goods, strict=True)
            ]
        )
        self._prices = _array([[float(clearing.prices[f.output]) for f in fs] for fs in self._functions])
        there = _array([[float(available[g]) or 1.0 for g in goods] for goods in self._goods])
        self._sizes = np.where(self._used != 0, self._used, there)
        with digits(_CURVE_DIGITS):
            self._values = [self._constants(position) for position in range(len(self._functions[0]))]

    def _constants(self, position: int) -> tuple[np.ndarray, np.ndarray]:
        """What fills the name slots of one function of each firm (inputs as 1) and its number slots."""
        functions = [functions[position] for functions in self._functions]
        one = Decimal(1)
        names = [f.values(dict.fromkeys(f.inputs, one)) for f in functions]
        numbers = [f.formula.numbers for f in functions]
        return (
            _array([[float(v) for v in row] for row in names]),
            _array([[float(v) for v in row] for row in numbers]),
        )

    def better(self) -> Iterator[Better]:
        """The best plan of each firm that has a better one."""
        if not self._used.size:
            return
        (profit,), (turnover,) = (side.T for side in self._profits(self._used[:, None, :]))
        profits, volumes = self._profits(self._plans())
        with np.errstate(invalid="ignore"):
            gains = np.where(np.isfinite(profits), profits - profit[:, None], 0.0)
        least = TOLERANCE * np.maximum(np.maximum(turnover, np.abs(profit))[:, None], volumes)
        gains = np.where(np.isfinite(profit)[:, None] & (gains > least), gains, 0.0)
        for row in np.flatnonzero(gains.any(axis=1)).tolist():
            best = int(np.argmax(gains[row]))
            name = self._names[row]
            yield Better(name, self._words(row, best), float(gains[row, best]), ("firms", name, "production"))

    def _profits(self, plans: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Profits, and revenue and cost together; not finite where a plan cannot be made."""
        revenue = np.zeros(plans.shape[:2])
        with np.errstate(all="ignore"):
            for position, (names, numbers) in enumerate(self._values):
                function = self._functions[0][position]
                slots = [
                    plans[:, :, self._goods[0].index(name)] if name in function.inputs else names[:, [slot]]
                    for slot, name in enumerate(function.formula.names)
                ]
                literals = [numbers[:, [slot]] for slot in range(numbers.shape[1])]
                made = function.formula.shape.run(ARRAYS, slots, literals)
                revenue = revenue + self._prices[:, [position]] * made
            cost = np.einsum("fpg,fg->fp", plans, self._paid)
            return revenue - cost, np.abs(revenue) + np.abs(cost)

    def _plans(self) -> np.ndarray:
        """Inputs of many plans of each firm: by firm, plan and good."""
        firms, goods = self._sizes.shape
        sizes = self._sizes[:, None, :]
        rows = [np.zeros((firms, 1, goods)), _FACTORS[:, None] * sizes]
        if goods > 1:
            for i in range(goods):
                one = np.repeat(self._used[:, None, :], len(_FACTORS), axis=1)
                one[:, :, i] = _FACTORS * self._sizes[:, [i]]
                rows.append(one)
            rows.append(np.exp(_mixes(goods)) * sizes)
        return np.concatenate(rows, axis=1)

    def _words(self, firm: int, plan: int) -> str:
        """What a plan is called."""
        group, factor = divmod(plan - 1, len(_FACTORS))
        if plan == 0:
            return "by making nothing"
        if group == 0:
            return f"with {_FACTORS[factor]:.3g} times its inputs"
        if group <= len(self._goods[firm]):
            return f"with {_FACTORS[factor]:.3g} times its '{self._goods[firm][group - 1]}'"
        return "with another mix of inputs"


def _array(rows: Sequence[Sequence[float]]) -> np.ndarray:
    """A row for each firm, even where rows are empty."""
    return np.array(rows, dtype=float).reshape(len(rows), -1)


@cache
def _mixes(count: int) -> np.ndarray:
    """Logarithms of the factors of random mixes, near and far; always the same ones."""
    random = np.random.default_rng(0)
    spreads = random.choice((0.01, 0.3, 3.0), size=(_MIXES, 1))
    mixes: np.ndarray = random.standard_normal((_MIXES, count)) * spreads
    return mixes


def _traders(spec: Spec, clearing: Clearing) -> Iterator[Better]:
    """Buyers and sellers along a curve: what they gain is the area between curve and price."""
    quantities = clearing.quantities
    with digits(_CURVE_DIGITS):
        for good, amount in quantities.sold.items():
            paid = clearing.paid[good, ""]
            plan = _trader(spec, "demand", good, amount, paid)
            if plan:
                yield Better(good, f"its buyers with {plan}", 0.0, ("demand", good, "price"))
        for good, amount in quantities.bought.items():
            plan = _trader(spec, "supply", good, amount, clearing.prices[good])
            if plan:
                yield Better(good, f"its sellers with {plan}", 0.0, ("supply", good, "price"))


def _trader(spec: Spec, section: Section, good: str, amount: Decimal, price: Decimal) -> str | None:
    trade = spec.demand[good] if section == "demand" else spec.supply[good]
    if trade.price is None or "q" not in trade.price.names or not amount:
        return None
    sign = 1 if section == "demand" else -1
    constants = {
        name: evaluate(spec.parameters[name]) for name in trade.price.names if name in spec.parameters
    }
    if direction(trade.price, trade.price.names.index("q"), constants) in (0, -sign):
        return None  # the surplus is concave, so that where it is greatest nearby it is so everywhere

    def surplus(quantity: Decimal) -> Decimal:
        return sign * (trade_value(spec, section, good, quantity) - price * quantity)

    here = surplus(amount)
    most = None if trade.quantity is None else amount
    for factor in ("0.1", "0.5", "0.9", "1.1", "2", "10"):
        quantity = amount * Decimal(factor)
        if most is not None and quantity > most:
            break
        try:
            gain = surplus(quantity) - here
        except (ArithmeticError, UndefinedError):
            continue
        if gain > Decimal(TOLERANCE) * abs(price * amount):
            return f"{factor} times as much"
    return None
