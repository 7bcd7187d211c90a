"""The composed function: total value W, with everything substituted in, cut open at any good.

Built from the spec's formulas alone and evaluated with mpmath. A *gift* of h units of a good enters
at the cut; what W gains by it is the good's price (MODEL.md sections 1 and 5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from graphlib import TopologicalSorter
from types import MappingProxyType
from typing import Any

import mpmath
from mpmath import mpf

from chainprice.errors import Problem, UndefinedError
from chainprice.formula import Formula, Functions
from chainprice.spec import DEMAND, Spec

NO_GIFT: Mapping[str, mpf] = MappingProxyType({})

MPMATH: Functions = {
    "number": lambda number: mpf(str(number)),
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "pow": mpmath.power,
    "neg": lambda a: -a,
    "abs": abs,
    "min": lambda *values: reduce(lambda a, b: a if a <= b else b, values),
    "max": lambda *values: reduce(lambda a, b: a if a >= b else b, values),
    "ln": mpmath.log,
    "log": mpmath.log,
    "exp": mpmath.exp,
    "sqrt": mpmath.sqrt,
    "erf": mpmath.erf,
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "tan": mpmath.tan,
    "asin": mpmath.asin,
    "acos": mpmath.acos,
    "atan": mpmath.atan,
    "sinh": mpmath.sinh,
    "cosh": mpmath.cosh,
    "tanh": mpmath.tanh,
}
"""The arithmetic of formulas in mpmath, at the digits of its context."""

CONSTANTS: Mapping[str, Callable[[], mpf]] = {"pi": lambda: +mpmath.pi, "e": lambda: +mpmath.e}


@dataclass(frozen=True, slots=True)
class Production:
    """One output of one firm, with the share that the firm has of each of its inputs."""

    firm: str
    output: str
    formula: Formula
    shares: Mapping[str, Formula | None]
    parameters: Mapping[str, Formula]


@dataclass(frozen=True, slots=True)
class Composition:
    """The chain as one function of gifts; `productions` in an order in which they can be evaluated."""

    spec: Spec
    goods: tuple[str, ...]
    productions: tuple[Production, ...]
    readers: Mapping[str, tuple[int, ...]] = field(repr=False)

    def downstream(self, good: str) -> tuple[int, ...]:
        """The indices of the productions that a good goes into, near or far, in order."""
        found: set[int] = set()
        waiting = list(self.readers[good])
        while waiting:
            index = waiting.pop()
            if index not in found:
                found.add(index)
                waiting.extend(self.readers[self.productions[index].output])
        return tuple(sorted(found))

    def evaluate(self, gift: Mapping[str, mpf] = NO_GIFT) -> dict[str, mpf]:
        """The quantity of every good, with a gift of some."""
        quantities = {good: endowment(self.spec, good) + gift.get(good, 0) for good in self.goods}
        for production in self.productions:
            quantities[production.output] += self.produced(production, quantities)
        return quantities

    def evaluate_from(
        self, base: Mapping[str, mpf], made: Mapping[int, mpf], good: str, gift: mpf
    ) -> dict[str, mpf]:
        """The quantities that change when a gift of one good enters; the rest are as in `base`."""
        moved = {good: base[good] + gift}
        for index in self.downstream(good):
            production = self.productions[index]
            inputs = {name: moved.get(name, base[name]) for name in production.shares}
            output = production.output
            change = self.produced(production, inputs) - made[index]
            moved[output] = moved.get(output, base[output]) + change
        return moved

    def produced(self, production: Production, quantities: Mapping[str, mpf]) -> mpf:
        """What a firm makes of an output where these quantities are available."""
        return real(production.formula, self.values(production, quantities), self.spec, production)

    def values(self, production: Production, quantities: Mapping[str, mpf]) -> dict[str, mpf]:
        """What a formula's names are worth where these quantities are available."""
        return {
            name: self.used(production, name, quantities)
            if name in production.shares
            else constant(production.parameters.get(name), name)
            for name in production.formula.names
        }

    def used(self, production: Production, good: str, quantities: Mapping[str, mpf]) -> mpf:
        """What a firm has of an input."""
        share = production.shares[good]
        return quantities[good] if share is None else quantities[good] * constant(share)

    def sold(self, good: str, quantities: Mapping[str, mpf]) -> mpf:
        """How much of a demanded good leaves."""
        split = self.spec.note(good).split
        return quantities[good] * (constant(split[DEMAND]) if split else 1)

    def demand_price(self, good: str, quantity: mpf) -> mpf:
        """The demand price at a quantity sold."""
        price = self.spec.demand[good].price
        if price is None:
            return mpf(0)
        values = {
            name: quantity if name == "q" else constant(self.spec.parameters.get(name), name)
            for name in price.names
        }
        return real(price, values, self.spec, None)

    def upstream_of_kinks(self, quantities: Mapping[str, mpf]) -> frozenset[str]:
        """The goods that reach a formula which stands exactly on a kink, near or far."""
        bent: set[str] = set()
        for production in reversed(self.productions):
            if production.output in bent or self._on_kink(production, quantities):
                bent.update(production.shares)
        return frozenset(bent)

    def _on_kink(self, production: Production, quantities: Mapping[str, mpf]) -> bool:
        shape = production.formula.shape
        if not shape.kinked:
            return False
        values = self.values(production, quantities)
        numbers = [MPMATH["number"](number) for number in production.formula.numbers]
        trace = shape.trace(MPMATH, [values[name] for name in production.formula.names], numbers)
        nearly = mpf(10) ** (10 - mpmath.mp.dps) * max(abs(value) for value in trace)
        for (operation, operands), value in zip(shape.steps, trace, strict=True):
            if operation in ("min", "max"):
                if sum(abs(trace[operand] - value) <= nearly for operand in operands) > 1:
                    return True
            elif operation == "abs" and abs(value) <= nearly:
                return True
        return False

    def gain(self, before: Mapping[str, mpf], after: Mapping[str, mpf]) -> mpf:
        """What W gains from quantities `before` to `after`, which are very near to each other.

        Along a demand curve by Simpson's rule, whose error is the fifth power of the distance.
        """
        total = mpf(0)
        for good in after:
            if good in self.spec.demand:
                low, high = self.sold(good, before), self.sold(good, after)
                ends = self.demand_price(good, low) + self.demand_price(good, high)
                total += (high - low) * (ends + 4 * self.demand_price(good, (low + high) / 2)) / 6
        return total


def compose(spec: Spec) -> Composition:
    """The composed function of a spec whose quantities follow from it (MODEL.md section 2)."""
    goods = set(spec.supply) | {good for firm in spec.firms.values() for good in firm.production}
    unordered = [
        _production(spec, name, output, formula, goods)
        for name, firm in spec.firms.items()
        for output, formula in firm.production.items()
    ]
    before: dict[str, set[str]] = {good: set() for good in goods}
    for production in unordered:
        before[production.output].update(production.shares)
    rank = {good: index for index, good in enumerate(TopologicalSorter(before).static_order())}
    productions = tuple(sorted(unordered, key=lambda p: (rank[p.output], p.firm)))
    readers: dict[str, list[int]] = {good: [] for good in goods}
    for index, production in enumerate(productions):
        for good in production.shares:
            readers[good].append(index)
    return Composition(
        spec,
        tuple(sorted(goods, key=lambda good: (rank[good], good))),
        productions,
        MappingProxyType({good: tuple(indices) for good, indices in readers.items()}),
    )


def _production(
    spec: Spec, firm: str, output: str, formula: Formula, goods: Iterable[str]
) -> Production:
    shares: dict[str, Formula | None] = {}
    parameters = {}
    for name in formula.names:
        if name in goods:
            split = spec.note(name).split
            shares[name] = split[firm] if split else None
        elif name in spec.firms[firm].parameters:
            parameters[name] = spec.firms[firm].parameters[name]
        elif name in spec.parameters:
            parameters[name] = spec.parameters[name]
    return Production(firm, output, formula, shares, parameters)


def constant(formula: Formula | None, name: str = "") -> mpf:
    """The value of a constant formula, or of pi and e."""
    if formula is None:
        return CONSTANTS[name]()
    return mpf(formula.evaluate(MPMATH, {name: CONSTANTS[name]() for name in formula.names}))


def endowment(spec: Spec, good: str) -> mpf:
    """What is supplied of a good."""
    supply = spec.supply.get(good)
    return mpf(0) if supply is None or supply.quantity is None else constant(supply.quantity)


def real(formula: Formula, values: Mapping[str, Any], spec: Spec, production: Production | None) -> mpf:
    """A formula's value; raises UndefinedError where it is not a finite real number."""
    try:
        value = mpmath.mpmathify(formula.evaluate(MPMATH, values))
    except (ArithmeticError, ValueError, TypeError):
        value = mpmath.nan
    if isinstance(value, mpf) and mpmath.isfinite(value):
        return value
    where = ", ".join(f"{name} = {mpmath.nstr(number, 6)}" for name, number in values.items())
    place = spec.place("firms", production.firm, "production", production.output) if production else None
    raise UndefinedError(Problem(f"'{formula}' has no finite real value at {where}", place))
