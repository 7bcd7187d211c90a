"""How much of a market's numbers rounding may have eaten, told by doubles and decimals together.

Whatever cancels in a formula, or is amplified by the market, costs doubles as many digits as it costs
decimals. So if doubles, with derivatives of CasADi's, keep k of their 16 digits, then decimals of sympy's
lose no more than 16 - k.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal

from chainprice.equilibrium.ipopt import Nlp
from chainprice.equilibrium.optimum import Optimum
from chainprice.equilibrium.programme import Programme
from chainprice.equilibrium.start import run
from chainprice.quantities import Quantities

DIGITS = 16
"""Digits of a double."""


def lost_digits(optimum: Optimum, programme: Programme, nlp: Nlp, flow: Quantities, value: Decimal) -> float:
    """The most digits that doubles lose in a quantity, a multiplier, an output or total value.

    Infinite where an output vanishes though something goes in: it may have drowned in both.
    """
    pairs = _pairs(optimum, programme, nlp, flow, value)
    return DIGITS + max((_apart(rough, exact) for rough, exact in pairs), default=-DIGITS)


def _pairs(
    optimum: Optimum, programme: Programme, nlp: Nlp, flow: Quantities, value: Decimal
) -> Iterator[tuple[float, Decimal]]:
    """Numbers as doubles have them beside the same ones in decimals, those that are on a bound left out."""
    x, multipliers = (numbers.tolist() for numbers in optimum.doubles)
    yield nlp.value(optimum.doubles[0], optimum.point.scales), value
    for rough, exact in zip((*x, *multipliers), (*optimum.x, *optimum.multipliers), strict=True):
        if exact:
            yield rough, exact
    for production in programme.productions:
        made = flow.made[production.firm][production.output]
        if made or any(optimum.x[i] for i in production.piece.variables):
            yield run(production.piece, x), made


def _apart(rough: float, exact: Decimal) -> float:
    """The power of ten of the difference, relative to the exact one."""
    size = float(exact)
    if not size or not math.isfinite(rough):
        return math.inf
    return math.log10(max(abs(rough - size) / abs(size), 10.0**-DIGITS))
