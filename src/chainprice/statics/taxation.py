"""Who bears a tax: the market solved anew with a wedge between the sellers and the buyers of a good.

What sellers bring goes through a firm that pays the tax on each unit: sellers get the price before it, buyers
pay the price behind it. That market's equilibrium is the taxed one; its total value is net of the revenue.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from chainprice import network, progress
from chainprice.arithmetic import number, written
from chainprice.duals import ZERO, slope_of
from chainprice.errors import NoConvergenceError, Problem, UsageError
from chainprice.formula import DERIVED, read, suggestion
from chainprice.pricing import Chain, Priced
from chainprice.solver import solve
from chainprice.spec import Spec
from chainprice.spec.model import Demand, Firm, Good, Supply
from chainprice.statics.chain import ChainStatics, NoDerivativeError
from chainprice.statics.result import Incidence

_DIGITS = 30
"""Digits of the taxed market."""

_ROUNDS = 60
_SETTLED = Decimal("1e-20")

ONE = Decimal(1)


class Tax(NamedTuple):
    """A tax on a good: an amount of money a unit, or a `rate` of the sellers' price."""

    good: str
    amount: Decimal | None
    rate: Decimal | None


def read_tax(text: str, goods: Sequence[str]) -> Tax:
    """`GOOD=0.1` is an amount of money a unit, `GOOD=10%` a part of the sellers' price; below 0 a subsidy.

    Raises UsageError for anything else.
    """
    good, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not value:
        raise UsageError(Problem(f"--tax {text}: no tax", None, "write --tax GOOD=0.1, or GOOD=10%"))
    if good not in goods:
        hint = suggestion(good, goods) or f"the goods are {', '.join(goods[:20])}"
        raise UsageError(Problem(f"--tax {text}: unknown good '{good}'", None, hint))
    is_rate = value.endswith("%")
    plain = value.removesuffix("%").strip()
    if not re.fullmatch(
        r"[-+]?[0-9]{0,15}\.?[0-9]{0,15}(e[-+]?[0-9]{1,2})?", plain, re.ASCII | re.IGNORECASE
    ):
        raise UsageError(
            Problem(f"--tax {text}: '{value}' is no number", None, "write --tax GOOD=0.1, or GOOD=10%")
        )
    try:
        amount = Decimal(plain)
    except InvalidOperation:
        raise UsageError(
            Problem(f"--tax {text}: '{value}' is no number", None, "write --tax GOOD=0.1")
        ) from None
    if not amount:
        raise UsageError(
            Problem(f"--tax {text}: a tax of 0 is none", None, "write --tax GOOD=0.1, or GOOD=10%")
        )
    if is_rate and amount <= -100:
        raise UsageError(Problem(f"--tax {text}: a subsidy of the whole price", None, "keep it above -100%"))
    return Tax(good, None, amount / 100) if is_rate else Tax(good, amount, None)


def incidence(chain: Chain, priced: Priced, statics: ChainStatics, tax: Tax) -> Incidence:
    """The taxed market beside the untaxed one.

    Raises NoAnswerError where the taxed market has no equilibrium.
    """
    progress.report(f"solving the market with a tax on {tax.good}")
    good, price = tax.good, priced.prices.of[tax.good]
    taxed = (
        _by_rate(chain.spec, good, tax.rate) if tax.amount is None else _taxed(chain.spec, good, tax.amount)
    )
    before, reason = _traded(priced, good), None
    pass_through: Decimal | None = None
    buyers: Decimal | None = _clean(taxed.buyers_price - price, price) / taxed.tax
    sellers: Decimal | None = _clean(price - taxed.sellers_price, price) / taxed.tax
    market = chain.market
    if (market is not None and good in market.ranges()) or taxed.has_range:
        reason, buyers, sellers = "the price is not unique, without the tax or with it", None, None
    try:
        at = statics.with_more_of(good)
        sold = sum((slope_of(made) for (_, output), made in at.made.items() if output == good), ZERO)
        pass_through = -sold - slope_of(at.bought.get(good, ZERO))
    except NoDerivativeError as error:
        reason = reason or f"no pass-through: {error}"
    loss = priced.total_value - taxed.total_value - taxed.tax * taxed.quantity
    return Incidence(
        good=good,
        rate=None if tax.rate is None else number(tax.rate),
        tax=number(taxed.tax),
        price=number(price),
        buyers_price=number(taxed.buyers_price),
        sellers_price=number(taxed.sellers_price),
        quantity_before=number(before),
        quantity=number(taxed.quantity),
        buyers_share=None if buyers is None else number(buyers),
        sellers_share=None if sellers is None else number(sellers),
        revenue=number(taxed.tax * taxed.quantity),
        dead_weight_loss=number(_clean(loss, priced.total_value)),
        pass_through=None if pass_through is None else number(pass_through),
        reason=reason,
    )


def _clean(value: Decimal, beside: Decimal) -> Decimal:
    return value if abs(value) > abs(beside) * Decimal("1e-15") else ZERO


def _traded(priced: Priced, good: str) -> Decimal:
    """How much of a good goes to its buyers; what is thrown away is not sold."""
    flow = priced.quantities
    disposed = ZERO if priced.clearing is None else priced.clearing.disposed.get(good, ZERO)
    return flow.available[good] - disposed


class _Taxed(NamedTuple):
    tax: Decimal
    buyers_price: Decimal
    sellers_price: Decimal
    quantity: Decimal
    total_value: Decimal
    has_range: bool


def _taxed(spec: Spec, good: str, tax: Decimal) -> _Taxed:
    wedge = _Wedge(spec, good)
    solution = solve(wedge.spec_with(tax), count=_DIGITS)
    rows = {row.good: row for row in solution.goods}
    firm = next(row for row in solution.firms if row.firm == wedge.firm)
    quantity = next(_decimal(use.quantity) for use in firm.inputs if use.good == wedge.sold)
    return _Taxed(
        tax,
        _decimal(rows[good].price),
        _decimal(rows[wedge.sold].price),
        quantity,
        _decimal(solution.total_value),
        rows[good].price_range is not None,
    )


def _by_rate(spec: Spec, good: str, rate: Decimal | None) -> _Taxed:
    """The tax that is this part of the sellers' price: by the secant method on the tax."""
    assert rate is not None  # noqa: S101 - a tax is an amount or a rate

    def excess(tax: Decimal) -> tuple[Decimal, _Taxed]:
        taxed = _taxed(spec, good, tax)
        return taxed.sellers_price * rate - tax, taxed

    untaxed = _decimal(solve(spec, count=_DIGITS, details=False).prices[good])
    if not untaxed:
        raise NoConvergenceError(
            Problem(f"a part of the price of '{good}', which is 0, is no tax", spec.place())
        )
    low, high = ZERO, rate * untaxed
    f_low = high
    f_high, found = excess(high)
    for _ in range(_ROUNDS):
        if abs(f_high) <= _SETTLED * abs(high) or f_high == f_low:
            return found
        low, high, f_low = high, high - f_high * (high - low) / (f_high - f_low), f_high
        f_high, found = excess(high)
    raise NoConvergenceError(Problem(f"no tax on '{good}' is {rate:%} of its sellers' price", spec.place()))


def _decimal(value: object) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(repr(value))


class _Wedge:
    """A spec with a firm between the sellers and the buyers of a good, under names that it has not."""

    def __init__(self, spec: Spec, good: str) -> None:
        self._spec, self._good = spec, good
        taken = {*network.build(spec).goods, *spec.parameters, *spec.firms, *spec.goods, "q", "pi", "e"}
        taken |= {name for firm in spec.firms.values() for name in firm.parameters}
        self.sold = _free(f"{good}_before_tax", taken)
        self._burden = _free(f"{good}_tax", {*taken, self.sold})
        self.firm = _free("tax_office", {*taken, self.sold, self._burden})

    def spec_with(self, tax: Decimal) -> Spec:
        """A tax is a purchase of nothing for each unit, a subsidy a sale."""
        spec, good = self._spec, self._good
        firms = {
            name: firm._replace(
                production={self.sold if o == good else o: f for o, f in firm.production.items()}
            )
            for name, firm in spec.firms.items()
        }
        sign = "-" if tax > 0 else ""
        wedge = Firm({good: read(self.sold, DERIVED), self._burden: read(f"{sign}{self.sold}", DERIVED)})
        supply = {self.sold if name == good else name: trade for name, trade in spec.supply.items()}
        demand = dict(spec.demand)
        price = read(written(abs(tax)))
        if tax > 0:
            supply[self._burden] = Supply(None, price)
        else:
            demand[self._burden] = Demand(None, price)
        return replace(
            spec,
            firms={**firms, self.firm: wedge},
            supply=supply,
            demand=demand,
            goods={**spec.goods, self.sold: Good()},
            allocation="competitive",
        )


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name
