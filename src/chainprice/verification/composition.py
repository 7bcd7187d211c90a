"""The composed function: total value W, with everything substituted in, cut open at any good.

Built from the spec's formulas alone and evaluated with mpmath. A *gift* of h units of a good enters
at the cut; what W gains by it is the good's price (MODEL.md sections 1 and 5).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial, reduce
from itertools import chain
from typing import Any, NamedTuple

import mpmath
from mpmath import mpf

from chainprice.errors import Place, Problem, UndefinedError
from chainprice.formula import Formula, Functions
from chainprice.spec import DEMAND, Spec
from chainprice.spec.model import NOTHING
from chainprice.verification.difference import DIFFERENCES, Moving

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

STEADY = 20
"""Digits to which a quadrature must be sure of itself."""

CONSTANTS: Mapping[str, Callable[[], mpf]] = {"pi": lambda: +mpmath.pi, "e": lambda: +mpmath.e}


class Production(NamedTuple):
    """One output of one firm, with the share that the firm has of each of its inputs."""

    firm: str
    output: str
    formula: Formula
    shares: Mapping[str, Formula | None]
    parameters: Mapping[str, Formula]


@dataclass(frozen=True)
class Composition:
    """The chain as one function of gifts; `goods` and `productions` in an order that can be evaluated."""

    spec: Spec
    goods: tuple[str, ...]
    productions: tuple[Production, ...]

    @cached_property
    def readers(self) -> Mapping[str, Sequence[int]]:
        """The indices of the productions that each good goes into."""
        readers: dict[str, list[int]] = {good: [] for good in self.goods}
        for index, production in enumerate(self.productions):
            for good in production.shares:
                readers[good].append(index)
        return readers

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

    def evaluate(self) -> dict[str, mpf]:
        """The quantity of every good at the operating point."""
        quantities = {good: endowment(self.spec, good) for good in self.goods}
        for production in self.productions:
            quantities[production.output] += self.produced(production, quantities)
        return quantities

    def changes(
        self,
        base: Mapping[str, mpf],
        gifts: Mapping[str, mpf],
        productions: Iterable[int] | None = None,
    ) -> dict[str, mpf]:
        """How much the quantities change when gifts enter; a good that is left out does not change.

        `productions` are the indices of those downstream of the gifts, if that is known: all others
        are left out.
        """
        changes = dict(gifts)
        indices = range(len(self.productions)) if productions is None else productions
        for index in indices:
            production = self.productions[index]
            if any(good in changes for good in production.shares):
                change = self.change(production, base, changes)
                changes[production.output] = changes.get(production.output, mpf(0)) + change
        return changes

    def change(self, production: Production, base: Mapping[str, mpf], changes: Mapping[str, mpf]) -> mpf:
        """How much more of an output a firm makes when the quantities change."""
        values = {
            name: Moving(value, self.used(production, name, changes) if name in changes else mpf(0))
            for name, value in self.values(production, base).items()
        }
        try:
            change = production.formula.evaluate(DIFFERENCES, values).change
        except (ArithmeticError, ValueError, TypeError):
            change = mpmath.nan
        return finite(change, production.formula, values, partial(self.place, production))

    def place(self, production: Production) -> Place:
        """Where the formula of an output stands in the file."""
        return self.spec.place("firms", production.firm, "production", production.output)

    def produced(self, production: Production, quantities: Mapping[str, mpf]) -> mpf:
        """What a firm makes of an output where these quantities are available."""
        values = self.values(production, quantities)
        return real(production.formula, values, partial(self.place, production))

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
        return real(price, values, partial(self.spec.place, "demand", good, "price"))

    def gain(self, base: Mapping[str, mpf], changes: Mapping[str, mpf]) -> mpf:
        """What W gains by small changes of quantities.

        Along a demand curve by Simpson's rule, whose error is the fifth power of the change.
        """
        total = mpf(0)
        for good in changes:
            if good in self.spec.demand:
                start, move = self.sold(good, base), self.sold(good, changes)
                prices = [self.demand_price(good, start + move * part / 2) for part in range(3)]
                total += move * (prices[0] + 4 * prices[1] + prices[2]) / 6
        return total


def integral(price_at: Callable[[mpf], mpf], quantity: mpf) -> mpf | None:
    """The integral of a price from 0 to a quantity by quadrature, None where that is not sure of itself."""
    if not quantity:
        return mpf(0)
    try:
        first = quantity * mpf(10) ** -30
        if abs(first * price_at(first)) > mpf(10) ** -6 * abs(quantity * price_at(quantity)):
            return None  # near 0 the price grows so fast that the area under it has no end
        value, error = mpmath.quad(price_at, [0, quantity], error=True)
    except UndefinedError:
        return None
    return value if abs(error) <= abs(value) * mpf(10) ** -STEADY else None


def compose(spec: Spec) -> Composition:
    """The composed function of a spec whose quantities follow from it (MODEL.md section 2).

    A good comes after all that goes into it, and its makers with it.
    """
    makers: dict[str, list[Production]] = {good: [] for good in spec.supply}
    for firm in spec.firms.values():
        for output in firm.production:
            makers.setdefault(output, [])
    for name, firm in spec.firms.items():
        for output, formula in firm.production.items():
            makers[output].append(_production(spec, name, output, formula, makers))
    next_goods: dict[str, list[str]] = {good: [] for good in makers}
    missing = dict.fromkeys(makers, 0)
    for output, productions in makers.items():
        for production in productions:
            missing[output] += len(production.shares)
            for good in production.shares:
                next_goods[good].append(output)
    order = [good for good, count in missing.items() if not count]
    for good in order:  # it grows on the way
        for output in next_goods[good]:
            missing[output] -= 1
            if not missing[output]:
                order.append(output)
    return Composition(spec, tuple(order), tuple(chain.from_iterable(makers[good] for good in order)))


def _production(spec: Spec, firm: str, output: str, formula: Formula, goods: Container[str]) -> Production:
    shares: dict[str, Formula | None] = {}
    parameters = {}
    for name in formula.names:
        if name in goods:
            split = spec.note(name).split
            shares[name] = split[firm] if split else None
        else:
            parameter = spec.parameter(firm, name)
            if parameter is not None:
                parameters[name] = parameter
    return Production(firm, output, formula, shares, parameters or NOTHING)


def constant(formula: Formula | None, name: str = "") -> mpf:
    """The value of a constant formula, or of pi and e."""
    if formula is None:
        return CONSTANTS[name]()
    return mpf(formula.evaluate(MPMATH, {name: CONSTANTS[name]() for name in formula.names}))


def endowment(spec: Spec, good: str) -> mpf:
    """What is supplied of a good."""
    supply = spec.supply.get(good)
    return mpf(0) if supply is None or supply.quantity is None else constant(supply.quantity)


def real(formula: Formula, values: Mapping[str, Any], place: Callable[[], Place]) -> mpf:
    """A formula's value; raises UndefinedError where it is not a finite real number."""
    try:
        value = mpmath.mpmathify(formula.evaluate(MPMATH, values))
    except (ArithmeticError, ValueError, TypeError):
        value = mpmath.nan
    return finite(value, formula, values, place)


def finite(value: Any, formula: Formula, values: Mapping[str, Any], place: Callable[[], Place]) -> mpf:
    """The value itself if it is a finite real number; else raises UndefinedError."""
    if isinstance(value, mpf) and mpmath.isfinite(value):
        return value
    starts = {name: getattr(number, "value", number) for name, number in values.items()}
    where = ", ".join(f"{name} = {mpmath.nstr(number, 6)}" for name, number in starts.items())
    raise UndefinedError(Problem(f"'{formula}' has no finite real value at {where}", place()))
