"""Whether everybody does as well as the prices allow: what makes an optimum an equilibrium.

Where all functions are concave this holds by itself. Where one is not, the point may be a maximum
only nearby, or only because a limit stops a firm that would rather grow: then no price-taking firm
would stay there. Each firm's other plans are sampled: more and less of everything, of each input,
nothing at all, and mixes over many orders of magnitude.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from chainprice.arithmetic import digits
from chainprice.equilibrium.clearing import Clearing
from chainprice.equilibrium.start import FLOATS
from chainprice.errors import UndefinedError
from chainprice.network import Network
from chainprice.spec import Spec
from chainprice.technology import ProductionFunction, Technology
from chainprice.value import Section, trade_value

TOLERANCE = 1e-7
"""A gain that is smaller than this part of what a firm turns over is rounding."""

_FACTORS = tuple(10 ** (exponent / 4) for exponent in range(-24, 25) if exponent)
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
    for firm in network.firms:
        found = _Firm(firm, technology[firm], clearing).best()
        if found is not None:
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
        here, turnover = self._profit(self._used)
        if math.isnan(here):
            return None
        best, gain = "", TOLERANCE * max(turnover, abs(here))
        for words, plan in self._plans():
            profit, volume = self._profit(plan)
            if profit - here > max(gain, TOLERANCE * volume):
                best, gain = words, profit - here
        return Better(self._name, best, gain, ("firms", self._name, "production")) if best else None

    def _profit(self, plan: Mapping[str, float]) -> tuple[float, float]:
        """Profit, and revenue and cost together; nan where the plan cannot be made."""
        revenue = 0.0
        for function, constants in zip(self._functions, self._constants, strict=True):
            names = [constants.get(name, plan.get(name, 0.0)) for name in function.formula.names]
            numbers = [float(number) for number in function.formula.numbers]
            try:
                amount = function.formula.shape.run(FLOATS, names, numbers)
            except (ArithmeticError, ValueError):
                return math.nan, 0.0
            revenue += self._prices[function.output] * amount
        cost = sum(self._paid[good] * amount for good, amount in plan.items())
        return revenue - cost, abs(revenue) + abs(cost)

    def _plans(self) -> Iterator[tuple[str, dict[str, float]]]:
        if not self._used:
            return
        yield "by making nothing", dict.fromkeys(self._used, 0.0)
        sizes = self._sizes
        for factor in _FACTORS:
            yield f"with {factor:.3g} times its inputs", {g: z * factor for g, z in sizes.items()}
            for good in sizes if len(sizes) > 1 else ():
                plan = {**self._used, good: sizes[good] * factor}
                yield f"with {factor:.3g} times its '{good}'", plan
        random = Random(0)  # noqa: S311 - a fixed sample, nothing secret
        for _ in range(_MIXES if len(sizes) > 1 else 0):
            spread = random.choice((0.01, 0.3, 3.0))
            mix = {g: z * math.exp(random.gauss(0, spread)) for g, z in sizes.items()}
            yield "with another mix of inputs", mix


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
