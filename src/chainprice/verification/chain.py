"""A chain at its operating point, in decimals: quantities, and where one more unit of each good goes.

Every production function is evaluated once, and its slopes are measured by exact differences. With them a
gift goes through the whole chain, from the firms that it reaches first to the demands, by products and sums
alone: work and memory grow with the number of formulas, however deep the chain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, partial

from chainprice.spec import DEMAND, Spec
from chainprice.spec.model import Trade
from chainprice.verification.composition import Composition, Production, integral
from chainprice.verification.marginal import Marginal, at_point, undefined
from chainprice.verification.numbers import Arithmetic, as_decimal, as_mpf, constant

_SHRUNK = Decimal("1e-40")
"""What is left of a zero that rounding hid, when it is computed with many more digits."""

_ZERO = Decimal(0)
_ONE = Decimal(1)


@dataclass(frozen=True)
class Chain:
    """A composed chain at its operating point.

    `quantities` by good; by production `made`, and `slopes` by input, per unit that the firm has of it.
    `bent` are the productions that stand on a kink. Where it `is_settled`, zeros that rounding hid are zeros.
    """

    composition: Composition
    arithmetic: Arithmetic
    quantities: Mapping[str, Decimal]
    made: Sequence[Decimal]
    slopes: Sequence[Mapping[str, Decimal]]
    bent: frozenset[int]
    is_settled: bool = False

    def marginal(self, index: int) -> Marginal:
        """A production function at the operating point, evaluated again."""
        production = self.composition.productions[index]
        return _marginal(self.composition, production, self.quantities, self.arithmetic)

    def gain(self, gifts: Mapping[str, Decimal]) -> Decimal:
        """What W gains by gifts of goods that are small enough for slopes to be all that matters."""
        changes = [_ZERO] * len(self._index)
        for good, gift in gifts.items():
            changes[self._index[good]] = gift
        for output, inputs in self._flow:
            for index, slope in inputs:
                if changes[index]:
                    changes[output] += slope * changes[index]
        return sum((worth * changes[index] for index, worth in self._worth), _ZERO)

    @cached_property
    def _index(self) -> dict[str, int]:
        return {good: index for index, good in enumerate(self.composition.goods)}

    @cached_property
    def _flow(self) -> list[tuple[int, tuple[tuple[int, Decimal], ...]]]:
        """By production its output, and its inputs with what one more unit of the good makes of it."""
        index = self._index
        return [
            (
                index[production.output],
                tuple(
                    (index[good], slope * share(production, good)) for good, slope in slopes.items() if slope
                ),
            )
            for production, slopes in zip(self.composition.productions, self.slopes, strict=True)
        ]

    @cached_property
    def _worth(self) -> list[tuple[int, Decimal]]:
        """What is paid for one more unit of each demanded good."""
        return [
            (self._index[good], self.trade_price("demand", good, self.sold(good)) * self.share_sold(good))
            for good in self.composition.spec.demand
        ]

    @cached_property
    def upstream_of_kinks(self) -> frozenset[str]:
        """The goods that reach a formula which stands exactly on a kink, near or far."""
        reaching: set[str] = set()
        for index, production in reversed(list(enumerate(self.composition.productions))):
            if index in self.bent or production.output in reaching:
                reaching.update(production.shares)
        return frozenset(reaching)

    def used(self, production: Production, good: str) -> Decimal:
        """What a firm has of an input."""
        return self.quantities[good] * share(production, good)

    def share_sold(self, good: str) -> Decimal:
        """The part of a good that leaves."""
        split = self.composition.spec.note(good).split
        return _ONE if split is None else constant(split[DEMAND])

    def sold(self, good: str) -> Decimal:
        """How much of a demanded good leaves."""
        return self.quantities[good] * self.share_sold(good)

    def trade_price(self, section: str, good: str, quantity: Decimal) -> Decimal:
        """The price of a supply or a demand at a quantity; raises UndefinedError where it has none."""
        spec = self.composition.spec
        trades: Mapping[str, Trade] = spec.supply if section == "supply" else spec.demand
        price = trades[good].price
        if price is None:
            return _ZERO
        if not price.names:
            return constant(price)
        names = [
            quantity if name == "q" else constant(spec.parameters.get(name), name) for name in price.names
        ]
        return at_point(price, names, self.arithmetic, partial(spec.place, section, good, "price")).value

    def total_value(self) -> tuple[Decimal, Decimal] | None:
        """W, and the size of the sums that it is the difference of.

        None where the integral of some demand curve cannot be had by quadrature (it diverges at 0,
        or bends): then W is only defined up to a constant, or not known well enough to be compared.
        """
        spec = self.composition.spec
        earned: list[Decimal] = []
        for good in spec.demand:
            value = self._earned(good)
            if value is None:
                return None
            earned.append(value)
        paid = [
            endowment(spec, good) * self.trade_price("supply", good, _ZERO)
            for good, supply in spec.supply.items()
            if supply.price is not None
        ]
        return sum(earned, _ZERO) - sum(paid, _ZERO), sum(map(abs, [*earned, *paid]), _ZERO)

    def _earned(self, good: str) -> Decimal | None:
        """The integral of a demand price over the quantity sold."""
        price, quantity = self.composition.spec.demand[good].price, self.sold(good)
        if price is None or "q" not in price.names:
            return self.trade_price("demand", good, quantity) * quantity
        area = integral(lambda q: as_mpf(self.trade_price("demand", good, as_decimal(q))), as_mpf(quantity))
        return None if area is None else as_decimal(area)


def measure(composition: Composition, arithmetic: Arithmetic, coarse: Chain | None = None) -> Chain:
    """A chain with all its slopes; raises UndefinedError where a formula has no value or no slope.

    What shrinks as digits grow, beside the same chain in fewer digits (`coarse`), is a zero.
    """
    quantities = {good: endowment(composition.spec, good) for good in composition.goods}
    made: list[Decimal] = []
    slopes: list[dict[str, Decimal]] = []
    bent: set[int] = set()
    for index, production in enumerate(composition.productions):
        marginal = _marginal(composition, production, quantities, arithmetic)
        of_inputs, amount = _slopes(composition, production, marginal), marginal.value
        if coarse is not None:
            before, amount = coarse.slopes[index], _unless_it_shrank(amount, coarse.made[index])
            of_inputs = {good: _unless_it_shrank(slope, before[good]) for good, slope in of_inputs.items()}
        quantities[production.output] += amount
        made.append(amount)
        slopes.append(of_inputs)
        if production.formula.shape.kinked and marginal.on_kink():
            bent.add(index)
    is_settled = coarse is not None
    return Chain(composition, arithmetic, quantities, made, slopes, frozenset(bent), is_settled)


def _unless_it_shrank(fine: Decimal, coarse: Decimal) -> Decimal:
    return fine if abs(fine) > abs(coarse) * _SHRUNK or not coarse else _ZERO


def _marginal(
    composition: Composition,
    production: Production,
    quantities: Mapping[str, Decimal],
    arithmetic: Arithmetic,
) -> Marginal:
    names = [
        quantities[name] * share(production, name)
        if name in production.shares
        else constant(production.parameters.get(name), name)
        for name in production.formula.names
    ]
    return at_point(production.formula, names, arithmetic, partial(composition.place, production))


def _slopes(composition: Composition, production: Production, marginal: Marginal) -> dict[str, Decimal]:
    slopes = {}
    for slot, name in enumerate(production.formula.names):
        if name in production.shares:
            slope = marginal.slope(slot)
            if slope is None:
                place = partial(composition.place, production)
                raise undefined(production.formula, marginal.names, f"finite slope in '{name}'", place)
            slopes[name] = slope
    return slopes


def share(production: Production, good: str) -> Decimal:
    """The part of an input that a firm has."""
    part = production.shares[good]
    return _ONE if part is None else constant(part)


def endowment(spec: Spec, good: str) -> Decimal:
    """What is supplied of a good."""
    supply = spec.supply.get(good)
    return _ZERO if supply is None or supply.quantity is None else constant(supply.quantity)
