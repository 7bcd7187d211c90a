"""Whether rounding has done harm on its way through a chain: a running error analysis.

The passes are followed in doubles, and with every number goes a bound of the relative error that it has
in the decimals, in units of their last digit. What cancels or drowns has a bound as large as what it lost,
wherever in a formula it is; so one run in decimals is enough where all bounds are small.

Doubles are rounded as decimals are, only in other units: while the bounds are small beside the digits of a
double, its values are good enough to weigh errors with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from chainprice import gradients
from chainprice.arithmetic import CONSTANTS, evaluate
from chainprice.formula import Formula, Shape
from chainprice.network import Network
from chainprice.prices import Prices
from chainprice.programs import Bounds, bounds
from chainprice.quantities import WHOLE, Quantities, share
from chainprice.spec import Spec, Trade
from chainprice.technology import MarginalProduct, ProductionFunction, Technology

DIGITS_LOST = 12
"""The digits that numbers may have lost by these bounds; doubles vouch for no more."""

_MOST = 10.0**DIGITS_LOST

_AS_READ = 1.0
"""The error of a number of the spec, which may have more digits than are computed with."""

_SMALLEST, _LARGEST = 1e-290, 1e290
"""Beyond these a double may have lost digits of its own."""

_Bounded = tuple[float, float]
"""A number as a double, and the bound of its relative error."""


class NoBoundError(ArithmeticError):
    """There is no bound: everything cancels, or an operation is not followed."""


def can_be_followed(spec: Spec, technology: Technology) -> bool:
    """Whether this analysis knows what is in a chain: no bends, and no prices but numbers."""
    trades: tuple[Trade, ...] = (*spec.supply.values(), *spec.demand.values())
    return not any(
        function.formula.shape.kinked for functions in technology.values() for function in functions
    ) and not any(trade.price is not None and trade.price.names for trade in trades)


def is_harmless(
    spec: Spec,
    network: Network,
    technology: Technology,
    *,
    flow: Quantities,
    products: Mapping[str, Sequence[MarginalProduct]],
    prices: Prices,
) -> bool:
    """Whether no quantity, price, marginal value or total value has lost more than `DIGITS_LOST` digits."""
    try:
        forward = _forward(spec, network, technology)
        _fail_if_large(forward.errors.values())
        _fail_if_large([_of_prices(spec, network, forward, products, prices)])
        _fail_if_large([_of_total_value(spec, flow, forward, prices)])
    except (ArithmeticError, ValueError):
        return False
    return True


def _fail_if_large(errors: Iterable[float]) -> None:
    """Raise NoBoundError unless all bounds are small; one that is no number is not."""
    if not all(error <= _MOST for error in errors):
        raise NoBoundError


@dataclass(frozen=True, slots=True)
class _Forward:
    """Of each good its quantity with the bound; the bounds of all marginal products of each firm, summed."""

    values: dict[str, float] = field(default_factory=dict)
    errors: dict[str, float] = field(default_factory=dict)
    slopes: list[float] = field(default_factory=list)

    def used(self, good: str, part: Formula | None) -> _Bounded:
        """What a use has of a good."""
        if part is None:
            return self.values[good], self.errors[good]
        value, error = _constant(part)
        return _normal(self.values[good] * value), self.errors[good] + error + 1

    def add(self, good: str, value: float, error: float) -> None:
        """A quantity of a good, of which there may be some already."""
        if good in self.values:
            before = self.values[good]
            gross = abs(before) * self.errors[good] + abs(value) * error
            value = _normal(value + before)
            error = gross / abs(value) + 1
        self.values[good], self.errors[good] = value, error


def _forward(spec: Spec, network: Network, technology: Technology) -> _Forward:
    forward = _Forward()
    parts = {use.key: use.share for uses in network.uses.values() for use in uses if use.share is not None}
    for good, supply in spec.supply.items():
        if supply.quantity is not None:
            forward.add(good, *_constant(supply.quantity))
    for firm in network.firms:
        for function in technology[firm]:
            value, errors = _produced(function, forward, parts)
            forward.add(function.output, value, errors[0])
            forward.slopes.append(sum(errors[1:]))
    return forward


def _produced(
    function: ProductionFunction, forward: _Forward, parts: Mapping[tuple[str, str], Formula]
) -> tuple[float, Sequence[float]]:
    """A firm's output, and the bounds of it and of its marginal products."""
    formula, inputs = function.formula, function.inputs
    follow, literals = _followed(formula.shape)
    numbers = [*map(float, formula.numbers), *literals]
    if not parts and len(inputs) == len(formula.names):
        values, errors = forward.values, forward.errors
        return follow([values[name] for name in inputs], [errors[name] for name in inputs], numbers)
    names = [
        forward.used(name, parts.get((name, function.firm)))
        if name in inputs
        else _constant(function.parameters[name])
        if name in function.parameters
        else (_double(CONSTANTS[name]()), _AS_READ)
        for name in formula.names
    ]
    value, (error, *slopes) = follow([value for value, _ in names], [error for _, error in names], numbers)
    of_inputs = [slope for slope, name in zip(slopes, formula.names, strict=True) if name in inputs]
    return value, (error, *of_inputs)


class _Followed(NamedTuple):
    """What follows the value and the slopes of a shape, and the doubles that it needs beside a formula's."""

    function: Bounds
    literals: Sequence[float]


@lru_cache(maxsize=8192)
def _followed(shape: Shape) -> _Followed:
    """Raises NoBoundError where an operation is not followed."""
    gradient = gradients.gradient(shape)
    function = bounds(gradient.program, (gradient.value, *gradient.results.values()), shape.names)
    if function is None:
        raise NoBoundError
    constants = [CONSTANTS[name]() for name in gradient.constants]
    return _Followed(function, [*map(float, (*constants, *gradient.literals))])


@lru_cache(maxsize=4096)
def _constant(formula: Formula) -> _Bounded:
    """A number of the spec, or a formula of numbers."""
    function = bounds(formula.shape, (len(formula.shape.steps) - 1,), len(formula.names))
    if function is None:
        raise NoBoundError
    names = [_double(CONSTANTS[name]()) for name in formula.names]
    value, (error,) = function(names, [_AS_READ] * len(names), [*map(float, formula.numbers)])
    return value, error


def _of_number(formula: Formula | None) -> float:
    """The bound of a number of the spec; none is 0, exactly."""
    return 0.0 if formula is None else _constant(formula)[1]


def _double(number: Decimal) -> float:
    return _normal(float(number))


def _normal(value: float) -> float:
    """A double that has all its digits; raises OverflowError for another."""
    if not _SMALLEST < abs(value) < _LARGEST:
        raise OverflowError
    return value


def _of_prices(
    spec: Spec,
    network: Network,
    forward: _Forward,
    products: Mapping[str, Sequence[MarginalProduct]],
    prices: Prices,
) -> float:
    """A bound for all prices and marginal values.

    A price is a demand price times the marginal products on the way to it, and the way passes each firm and
    each good once at most: it has no more errors than all of them have together. A sum magnifies those of
    its terms by how much of them cancels.
    """
    total = sum(forward.slopes) + len(forward.slopes)
    total += sum(_of_number(demand.price) for demand in spec.demand.values())
    magnified = 1.0
    for terms in (*_sums_over_uses(network, prices), *_sums_over_outputs(network, products, prices)):
        total += len(terms)
        magnified *= _magnified(terms)
    total += sum(
        _constant(use.share)[1] + 1 for uses in network.uses.values() for use in uses if use.share is not None
    )
    return total * magnified


def _sums_over_uses(network: Network, prices: Prices) -> Iterator[list[Decimal]]:
    """The terms of each price that is a sum."""
    for uses in network.uses.values():
        if len(uses) > 1 or (uses and uses[0].share is not None):
            yield [
                prices.marginal_value(use.key) * (WHOLE if use.share is None else share(use)) for use in uses
            ]


def _sums_over_outputs(
    network: Network, products: Mapping[str, Sequence[MarginalProduct]], prices: Prices
) -> Iterator[list[Decimal]]:
    """The terms of each marginal value that is a sum."""
    for firm, outputs in network.outputs.items():
        if len(outputs) > 1:
            by_input: dict[str, list[Decimal]] = {}
            for product in products[firm]:
                by_input.setdefault(product.input, []).append(prices.of[product.output] * product.value)
            yield from by_input.values()


def _magnified(terms: Sequence[Decimal]) -> float:
    """How much larger the terms of a sum are than the sum, together."""
    gross = sum(map(abs, terms), Decimal(0))
    return float(gross / abs(sum(terms, Decimal(0)))) if gross else 1.0


def _of_total_value(spec: Spec, flow: Quantities, forward: _Forward, prices: Prices) -> float:
    """The bound of total value, a sum over what is sold and what is bought at a price."""
    terms: list[Decimal] = []
    errors = 0.0
    for good, sold in flow.sold.items():
        terms.append(prices.marginal_value((good, "")) * sold)
        errors += forward.errors[good] + _of_number(spec.demand[good].price) + 3
    for good, supply in spec.supply.items():
        if supply.price is not None:
            terms.append(-evaluate(supply.price) * flow.bought[good])
            errors += _of_number(supply.quantity) + _of_number(supply.price) + 2
    return errors * _magnified(terms)
