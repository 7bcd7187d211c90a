"""What goods are worth at the chain's ends: demand prices, and total value W (MODEL.md section 1)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from chainprice import differentiation
from chainprice.arithmetic import CONSTANTS, digits, evaluate, rational, working_digits
from chainprice.differentiation import Bound
from chainprice.errors import Problem, UndefinedError
from chainprice.formula import Formula
from chainprice.network import Network
from chainprice.quantities import Quantities
from chainprice.spec import Spec

CURVE_VARIABLE = "q"


def sold(network: Network, quantities: Quantities) -> dict[str, Decimal]:
    """How much of each demanded good leaves the chain."""
    return {
        good: quantities.of_use(use) for good in network.goods for use in network.uses[good] if use.is_demand
    }


def demand_prices(spec: Spec, sales: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """The price at which each demanded good is sold, on its curve at the quantity sold."""
    return {good: trade_price(spec, "demand", good, quantity) for good, quantity in sales.items()}


def supply_prices(spec: Spec) -> dict[str, Decimal]:
    """The price at which each supplied good is bought; 0 if none is given."""
    return {good: trade_price(spec, "supply", good, Decimal(0)) for good in spec.supply}


def total_value(spec: Spec, sales: Mapping[str, Decimal]) -> Decimal:
    """W: the integral of each demand price over the quantity sold, less what is paid for supplies."""
    earned = sum((_integral(spec, good, quantity) for good, quantity in sales.items()), Decimal(0))
    paid = sum(
        (
            evaluate(supply.quantity) * trade_price(spec, "supply", good, Decimal(0))
            for good, supply in spec.supply.items()
            if supply.quantity is not None and supply.price is not None
        ),
        Decimal(0),
    )
    return earned - paid


def trade_price(spec: Spec, section: str, good: str, quantity: Decimal) -> Decimal:
    """The price of a supply or a demand at a quantity; raises UndefinedError where it has none."""
    price = (spec.supply if section == "supply" else spec.demand)[good].price
    if price is None:
        return Decimal(0)
    try:
        return evaluate(price, {**_parameters(spec, price), CURVE_VARIABLE: quantity})
    except ArithmeticError:
        raise UndefinedError(
            Problem(
                f"the price '{price}' of '{good}' has no finite real value at q = {quantity:.6g}",
                spec.place(section, good, "price"),
            )
        ) from None


def _parameters(spec: Spec, price: Formula) -> dict[str, Decimal]:
    return {name: evaluate(spec.parameters[name]) for name in price.names if name in spec.parameters}


def _integral(spec: Spec, good: str, quantity: Decimal) -> Decimal:
    """The integral of a demand price from 0 to the quantity sold.

    Where that diverges (100/q) it starts at 1: only differences of W matter.
    """
    price = spec.demand[good].price
    if price is None or CURVE_VARIABLE not in price.names:
        return quantity * trade_price(spec, "demand", good, quantity)
    values = {**_parameters(spec, price), CURVE_VARIABLE: quantity}
    antiderivative = None if price.shape.kinked else _antiderivative(spec, price)
    if antiderivative is None:
        return _quadrature(price, values)
    slots = {differentiation.slot_name(i): values.get(name, Decimal(0)) for i, name in enumerate(price.names)}
    curve_slot = differentiation.slot_name(price.names.index(CURVE_VARIABLE))
    try:
        upper = evaluate(antiderivative, slots)
    except ArithmeticError:
        return _quadrature(price, values)
    try:
        return upper - evaluate(antiderivative, {**slots, curve_slot: Decimal(0)})
    except ArithmeticError:
        return upper - evaluate(antiderivative, {**slots, curve_slot: Decimal(1)})


def _antiderivative(spec: Spec, price: Formula) -> Formula | None:
    constants: list[tuple[int, Fraction | str]] = []
    for slot, name in enumerate(price.names):
        if name in spec.parameters:
            exact = rational(spec.parameters[name])
            if exact is not None:
                constants.append((slot, exact))
        elif name in CONSTANTS:
            constants.append((slot, name))
    bound = Bound(price.shape, price.numbers, tuple(constants))
    return differentiation.antiderivative(bound, price.names.index(CURVE_VARIABLE))


def _quadrature(price: Formula, values: Mapping[str, Decimal]) -> Decimal:
    """The integral by mpmath's tanh-sinh rule, for curves without a written antiderivative."""
    import mpmath

    count = working_digits()

    def curve(q: mpmath.mpf) -> mpmath.mpf:
        with digits(count + 10):
            at = {**values, CURVE_VARIABLE: Decimal(mpmath.nstr(q, count + 10))}
            return mpmath.mpf(str(evaluate(price, at)))

    with mpmath.workdps(count + 10):
        end = mpmath.mpf(str(values[CURVE_VARIABLE]))
        try:
            result = mpmath.quad(curve, [0, end])
        except ArithmeticError:
            result = mpmath.quad(curve, [1, end])
        return +Decimal(mpmath.nstr(result, count + 5))
