"""Whether everybody does as well as the prices allow: what makes an optimum an equilibrium.

Where all functions are concave this holds by itself. Where one is not, the point may be a maximum
only nearby, or only because a limit stops a firm that would rather grow: then no price-taking firm
would stay there. Each firm's other plans are sampled: more and less of everything, of each input,
nothing at all, and mixes over many orders of magnitude.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

import numpy as np

from chainprice.arithmetic import digits
from chainprice.equilibrium.clearing import Clearing
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
    for firm in network.firms:
        found = _Firm(firm, technology[firm], clearing).best()
        if found is not None and found.gain > least:
            yield found
    yield from _traders(spec, clearing)


class _Firm:
    """A firm at market prices, in doubles."""

    def __init__(self, name: str, functions: tuple[ProductionFunction, ...], clearing: Clearing) -> None:
        self._name, self._functions = name, functions
        self._used = {good: float(z) for good, z in clearing.quantities.used[name].items()}
        self._paid = {good: float(clearing.paid[good, name]) for good in self._used}
        self._prices = {f.output: float(clearing.prices[f.output]) for f in functions}
        self._sizes = {
            good: amount or float(clearing.quantities.available[good]) or 1.0
            for good, amount in self._used.items()
        }
        with digits(_CURVE_DIGITS):
            zero = dict.fromkeys(self._used, Decimal(1))
            self._constants = [
                {
                    n: float(v)
                    for n, v in zip(f.formula.names, f.values(zero), strict=True)
                    if n not in f.inputs
                }
                for f in functions
            ]

    def best(self) -> Better | None:
        if not self._used:
            return None
        here = {good: np.array([amount]) for good, amount in self._used.items()}
        (profit,), (turnover,) = self._profits(here)
        if not np.isfinite(profit):
            return None
        plans, words = self._plans()
        profits, volumes = self._profits(plans)
        gains = np.where(np.isfinite(profits), profits - profit, 0.0)
        clear = gains > TOLERANCE * np.maximum(max(turnover, abs(profit)), volumes)
        if not clear.any():
            return None
        best = int(np.argmax(np.where(clear, gains, 0.0)))
        return Better(self._name, words(best), float(gains[best]), ("firms", self._name, "production"))

    def _profits(self, plans: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Profits, and revenue and cost together; not finite where a plan cannot be made."""
        count = len(next(iter(plans.values())))
        revenue = np.zeros(count)
        for function, constants in zip(self._functions, self._constants, strict=True):
            names = [plans[n] if n in plans else constants[n] for n in function.formula.names]
            numbers = [float(number) for number in function.formula.numbers]
            with np.errstate(all="ignore"):
                revenue = revenue + self._prices[function.output] * function.formula.shape.run(
                    ARRAYS, names, numbers
                )
        cost = sum(self._paid[good] * amount for good, amount in plans.items())
        return revenue - cost, np.abs(revenue) + np.abs(cost)

    def _plans(self) -> tuple[dict[str, np.ndarray], Callable[[int], str]]:
        """Inputs of many plans, and what the plans are called."""
        goods = list(self._sizes)
        sizes = np.array(list(self._sizes.values()))
        used = np.array(list(self._used.values()))
        rows = [np.zeros((1, len(goods))), _FACTORS[:, None] * sizes]
        if len(goods) > 1:
            for i in range(len(goods)):
                one = np.tile(used, (len(_FACTORS), 1))
                one[:, i] = _FACTORS * sizes[i]
                rows.append(one)
            rows.append(np.exp(_mixes(len(goods))) * sizes)
        plans = np.concatenate(rows)

        def words(row: int) -> str:
            group, factor = divmod(row - 1, len(_FACTORS))
            if row == 0:
                return "by making nothing"
            if group == 0:
                return f"with {_FACTORS[factor]:.3g} times its inputs"
            if group <= len(goods):
                return f"with {_FACTORS[factor]:.3g} times its '{goods[group - 1]}'"
            return "with another mix of inputs"

        return {good: plans[:, i] for i, good in enumerate(goods)}, words


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
