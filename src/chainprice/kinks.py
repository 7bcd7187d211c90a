"""Prices that are not unique: how far they reach, where the chain stands exactly on a kink."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from chainprice import limits
from chainprice.arithmetic import digits, working_digits
from chainprice.errors import Problem, UndefinedError
from chainprice.network import Network
from chainprice.quantities import Quantities, flow
from chainprice.spec import Spec
from chainprice.technology import Technology
from chainprice.value import total_value


def price_ranges(
    spec: Spec,
    network: Network,
    technology: Technology,
    quantities: Quantities,
    prices: Mapping[str, Decimal],
) -> dict[str, tuple[Decimal, Decimal | None]]:
    """For each good with a price that is not unique: what one more unit adds, what one fewer takes.

    The smaller first. By one-sided differences of total value, in many times the digits; a good
    whose loss cannot be told (none of it is there, or with less of it something has no value) has no
    range. Beyond `limits.KINK_WORK` nothing is computed; the kink's warning stands.

    Raises UndefinedError where one of the `prices` is outside of its range.
    """
    affected = _upstream_of_kinks(network, technology, quantities)
    steps = sum(len(function.formula.shape.steps) for of_firm in technology.values() for function in of_firm)
    if not affected or len(affected) * steps > limits.KINK_WORK:
        return {}
    ranges: dict[str, tuple[Decimal, Decimal | None]] = {}
    problems = []
    count = working_digits()
    with digits(_DIGITS * count):
        base = total_value(spec, flow(spec, network, technology))

        def slope(good: str, side: int) -> Decimal:
            """To one side; what shrinks with the step is 0, like the slope of x^1.01 at 0."""
            there = abs(quantities.available[good]) or Decimal(1)
            coarse, fine = (
                (_value(spec, network, technology, good, step) - base) / step
                for step in (there.scaleb(-part * count) * side for part in (1, _DIGITS // 2))
            )
            return fine if abs(fine) > abs(coarse) * _SHRUNK else Decimal(0)

        for good in affected:
            try:
                gain, loss = slope(good, 1), slope(good, -1)
            except (ArithmeticError, UndefinedError):
                continue
            low, high = min(gain, loss), max(gain, loss)
            rounding = max(abs(gain), abs(loss), abs(prices[good])).scaleb(-count // 2)
            if not low - rounding <= prices[good] <= high + rounding:
                problems.append(_outside(spec, good, prices[good], gain, loss))
            elif high - low > rounding:
                ranges[good] = low, high
    if problems:
        raise UndefinedError(problems)
    return ranges


def _outside(spec: Spec, good: str, price: Decimal, gain: Decimal, loss: Decimal) -> Problem:
    """Kinks of several firms that know of each other: each takes a mean of branches that never meet."""
    return Problem(
        f"the price of '{good}' is {price:.6g} by the chain rule, but one more unit adds {gain:.6g} and one "
        f"fewer takes {loss:.6g}: several firms stand on kinks, whose branches do not meet",
        spec.place(),
        "change the quantities supplied, or make one firm of them",
    )


_DIGITS = 8
"""Times the working digits in which differences are taken."""

_SHRUNK = Decimal("0.5")
"""A slope is 0 of which so little is left when the step is that much smaller."""


def _value(spec: Spec, network: Network, technology: Technology, good: str, gift: Decimal) -> Decimal:
    return total_value(spec, flow(spec, network, technology, {good: gift}))


def _upstream_of_kinks(network: Network, technology: Technology, quantities: Quantities) -> list[str]:
    """The goods that a kinked firm uses, and all that goes into them."""
    kinked = {
        firm
        for firm, functions in technology.items()
        for function in functions
        if function.formula.shape.kinked and function.settled(quantities.used[firm]).on_kink
    }
    if not kinked:
        return []
    upstream: set[str] = set()
    for firm in reversed(network.firms):
        if firm in kinked or any(good in upstream for good in network.outputs[firm]):
            upstream.update(network.inputs[firm])
    return [good for good in network.goods if good in upstream]
