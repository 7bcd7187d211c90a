"""Whether rounding has done harm on its way through a chain: a running error analysis.

The passes are followed in doubles, and with every number goes a bound of the relative error that it has
in the decimals, in units of their last digit. What cancels or drowns has a bound as large as what it lost,
wherever in a formula it is; so one run in decimals is enough where all bounds are small.

Doubles are rounded as decimals are, only in other units: while the bounds are small beside the digits of a
double, its values are good enough to weigh errors with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache

from chainprice import differentiation
from chainprice.arithmetic import CONSTANTS, evaluate
from chainprice.formula import Formula, Shape
from chainprice.network import Network, Use
from chainprice.prices import Prices
from chainprice.programs import Bounds, bounds
from chainprice.quantities import Quantities, share
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
        _fail_if_large(_backward(spec, network, forward, products, prices))
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
    """Of each good its quantity with the bound, and the bounds of each firm's marginal products."""

    values: dict[str, float] = field(default_factory=dict)
    errors: dict[str, float] = field(default_factory=dict)
    slopes: dict[str, list[float]] = field(default_factory=dict)

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
        slopes: list[float] = []
        for function in technology[firm]:
            value, (error, *of_slopes) = _produced(function, forward, parts)
            forward.add(function.output, value, error)
            slopes += of_slopes
        forward.slopes[firm] = slopes
    return forward


def _produced(
    function: ProductionFunction, forward: _Forward, parts: Mapping[tuple[str, str], Formula]
) -> tuple[float, Sequence[float]]:
    """A firm's output, and the bounds of it and of its marginal products."""
    formula, inputs = function.formula, function.inputs
    program = _program(formula.shape, formula.numbers)
    if not parts and len(inputs) == len(formula.names):
        values, errors = forward.values, forward.errors
        return program.run([values[name] for name in inputs], [errors[name] for name in inputs])
    names = [
        forward.used(name, parts.get((name, function.firm)))
        if name in inputs
        else _constant(function.parameters[name])
        if name in function.parameters
        else (_double(CONSTANTS[name]()), _AS_READ)
        for name in formula.names
    ]
    value, (error, *slopes) = program.run([value for value, _ in names], [error for _, error in names])
    of_inputs = [slope for slope, name in zip(slopes, formula.names, strict=True) if name in inputs]
    return value, (error, *of_inputs)


@dataclass(frozen=True, slots=True)
class _Program:
    """A function and its slopes with the numbers of a formula filled in."""

    function: Bounds
    numbers: list[float]
    as_read: list[float]
    literals: list[float]

    def run(self, names: Sequence[float], errors: Sequence[float]) -> tuple[float, Sequence[float]]:
        return self.function([*names, *self.numbers], [*errors, *self.as_read], self.literals)


@lru_cache(maxsize=65_536)
def _program(shape: Shape, numbers: tuple[Decimal, ...]) -> _Program:
    """Raises NoBoundError where an operation is not followed."""
    gradient = differentiation.gradient(shape)
    function = bounds(gradient.program, (gradient.value, *gradient.results.values()))
    if function is None:
        raise NoBoundError
    filled = [_double(number) for number in (*numbers, *(CONSTANTS[name]() for name in gradient.constants))]
    literals = [_double(number) for number in gradient.literals]
    return _Program(function, filled, [_AS_READ] * len(filled), literals)


@lru_cache(maxsize=4096)
def _constant(formula: Formula) -> _Bounded:
    """A number of the spec, or a formula of numbers."""
    function = bounds(formula.shape, (len(formula.shape.steps) - 1,))
    if function is None:
        raise NoBoundError
    names = [_double(CONSTANTS[name]()) for name in formula.names]
    value, (error,) = function(names, [_AS_READ] * len(names), [_double(n) for n in formula.numbers])
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


def _backward(
    spec: Spec,
    network: Network,
    forward: _Forward,
    products: Mapping[str, Sequence[MarginalProduct]],
    prices: Prices,
) -> Iterable[float]:
    """The bounds of all prices; raises NoBoundError where that of a marginal value is not small."""
    worth: dict[str, float] = {good: _of_number(demand.price) for good, demand in spec.demand.items()}
    errors: dict[str, float] = {}

    def price(good: str) -> None:
        errors[good] = _of_price(network.uses[good], worth.get(good, 0.0), prices)

    for firm in reversed(network.firms):
        outputs = network.outputs[firm]
        for good in outputs:
            if good not in errors:
                price(good)
        of_firm = products[firm]
        terms = [
            errors[product.output] + slope + 1
            for product, slope in zip(of_firm, forward.slopes[firm], strict=True)
        ]
        if len(outputs) > 1:
            of_inputs = _of_joint_production(of_firm, terms, prices)
        else:
            of_inputs = zip((product.input for product in of_firm), terms, strict=True)
        for good, error in of_inputs:
            if not error <= _MOST:
                raise NoBoundError
            worth[good] = max(error, worth.get(good, 0.0))
    for good in network.goods:
        if good not in errors:
            price(good)
    return errors.values()


def _of_joint_production(
    products: Sequence[MarginalProduct], errors: Sequence[float], prices: Prices
) -> Iterable[tuple[str, float]]:
    """The bound of each input's marginal value, which is a sum over outputs."""
    by_input: dict[str, list[tuple[Decimal, float]]] = {}
    for product, error in zip(products, errors, strict=True):
        by_input.setdefault(product.input, []).append((prices.of[product.output] * product.value, error))
    return [(good, _of_sum(of_good)) for good, of_good in by_input.items()]


def _of_price(uses: Sequence[Use], worth: float, prices: Prices) -> float:
    """The bound of a price, a sum over the uses of the good; `worth` bounds the marginal value of each."""
    if len(uses) == 1 and uses[0].share is None:
        return worth
    return _of_sum(
        [
            (prices.marginal_values[use.key], worth)
            if use.share is None
            else (share(use) * prices.marginal_values[use.key], worth + _constant(use.share)[1] + 1)
            for use in uses
        ]
    )


def _of_sum(terms: Sequence[tuple[Decimal, float]]) -> float:
    """The bound of a sum of terms with these bounds."""
    gross = sum((abs(value) for value, _ in terms), Decimal(0))
    if not gross:
        return 0.0
    net = abs(sum((value for value, _ in terms), Decimal(0)))
    return (max(error for _, error in terms) + len(terms)) * float(gross / net)


def _of_total_value(spec: Spec, flow: Quantities, forward: _Forward, prices: Prices) -> float:
    """The bound of total value, a sum over what is sold and what is bought at a price."""
    terms = [
        (
            prices.marginal_values[good, ""] * sold,
            forward.errors[good] + _of_number(spec.demand[good].price) + 2,
        )
        for good, sold in flow.sold.items()
    ]
    for good, bought in flow.bought.items():
        supply = spec.supply[good]
        if supply.price is not None:
            error = _of_number(supply.quantity) + _of_number(supply.price) + 1
            terms.append((-evaluate(supply.price) * bought, error))
    return _of_sum(terms)
