"""A priced chain as its result: rows of numbers to so many digits, money in the unit of account."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import repeat
from typing import Any, NamedTuple

from chainprice import accounts, cautions, kinks, quantities
from chainprice.accounts import Account
from chainprice.arithmetic import DOUBLE_DIGITS, Number, number
from chainprice.errors import NumeraireError, Problem
from chainprice.network import Use
from chainprice.prices import Slopes
from chainprice.pricing import Chain, Priced
from chainprice.rules import market_rule, price_rule
from chainprice.solution import (
    Derivative,
    Incomes,
    Input,
    Limit,
    Output,
    PricedChain,
    PricedFirm,
    PricedGood,
    PricedUse,
    Solution,
    Warning,
)

PriceRange = tuple[Decimal, Decimal | None]

NOISE_DIGITS = 5
"""A difference is rounding where so many digits more than those asked for cancel."""

_ONE = Decimal(1)


def tabulate(
    chain: Chain, priced: Priced, numeraire: str | None, count: int, *, details: bool = True
) -> Solution:
    """The result of `solve`: numbers to `count` digits, money in units of the numeraire if there is one.

    Without `details` goods have no uses, and there are no firms. Raises NumeraireError for a worthless
    numeraire, NoConvergenceError where the incomes of a market do not add up to total value.
    """
    spec, network = chain.spec, chain.network
    books = _books(chain, priced) if details or chain.market is not None else {}
    ranges = _ranges(chain, priced)
    rows = _Rows(chain, priced, _unit_of_account(chain, priced, numeraire), count, details=details)
    return Solution(
        path=spec.source.path,
        title=spec.title,
        sha256=spec.sha256,
        allocation="given" if chain.market is None else "competitive",
        numeraire=numeraire,
        money=numeraire or spec.money,
        total_value=rows.money(priced.total_value),
        goods=rows.goods(ranges),
        firms=tuple([rows.firm(firm, books[firm]) for firm in network.firms] if details else ()),
        warnings=tuple(_warnings(chain, priced, ranges)),
        limits=rows.limits(),
        chains=rows.chains() if spec.chains and details else (),
        incomes=None if chain.market is None else rows.incomes(_incomes(chain, priced, books)),
    )


class Numbers(NamedTuple):
    """The numbers of a price table: total value, and each good's quantity and price."""

    total_value: Number
    quantities: Mapping[str, Number]
    prices: Mapping[str, Number]


def numbers(chain: Chain, priced: Priced, numeraire: str | None, count: int) -> Numbers:
    """The numbers of the table that `tabulate` would make, and what it raises.

    Without the table's warnings nobody has to know how far a market's prices reach: that takes longest.
    """
    if chain.market is None:
        _ranges(chain, priced)
    else:
        _incomes(chain, priced, _books(chain, priced))
    rows = _Rows(chain, priced, _unit_of_account(chain, priced, numeraire), count, details=False)
    return Numbers(rows.money(priced.total_value), rows.amounts, rows.prices)


def _unit_of_account(chain: Chain, priced: Priced, numeraire: str | None) -> Decimal:
    if numeraire is None:
        return _ONE
    price = priced.prices.of[numeraire]
    if price == 0:
        place = chain.spec.place("numeraire") if numeraire == chain.spec.numeraire else None
        message = f"the price of the numeraire '{numeraire}' is 0, so nothing can be priced in it"
        raise NumeraireError(Problem(message, place, "choose a good that has a price"))
    return price


def _ranges(chain: Chain, priced: Priced) -> Mapping[str, PriceRange]:
    """The intervals of the prices that are not unique."""
    if chain.market is not None:
        return chain.market.ranges()
    quantities, prices = priced.quantities, priced.prices.of
    return kinks.price_ranges(chain.spec, chain.network, chain.technology, quantities, prices)


def _books(chain: Chain, priced: Priced) -> dict[str, Account]:
    return {
        firm: accounts.account(firm, priced.quantities, priced.prices, priced.products[firm])
        for firm in chain.network.firms
    }


def _incomes(chain: Chain, priced: Priced, books: Mapping[str, Account]) -> accounts.Incomes:
    incomes = accounts.incomes(chain.spec, priced.quantities, priced.prices, books)
    accounts.fail_unless_they_add_up(incomes, priced.total_value, books)
    return incomes


def _warnings(chain: Chain, priced: Priced, ranges: Mapping[str, PriceRange]) -> Iterator[Warning]:
    yield from cautions.of_goods(chain.network, priced.quantities, priced.prices)
    if priced.clearing is None:
        yield from cautions.of_given(chain.spec, chain.network, priced.quantities, priced.prices)
        yield from cautions.of_firms(chain.technology, priced.quantities, priced.prices, priced.products)
    else:
        yield from cautions.of_market(chain.network, priced.clearing.disposed, ranges)


class _Rows:
    """Turns decimals into rows; what a good's price and quantity become is worked out once."""

    def __init__(
        self, chain: Chain, priced: Priced, unit_of_account: Decimal, count: int, *, details: bool
    ) -> None:
        self._chain, self._priced, self._count, self._details = chain, priced, count, details
        self._available, self._price_of = priced.quantities.available, priced.prices.of
        self._paid, self._worth = priced.prices.paid, priced.prices.marginal_value
        self._unit = None if unit_of_account == 1 else unit_of_account
        self._nothing = number(Decimal(0), count)
        self._noise = -max(count, DOUBLE_DIGITS) - NOISE_DIGITS
        self.amounts = {good: number(amount, count) for good, amount in priced.quantities.available.items()}
        self.prices = {good: self.money(price) for good, price in priced.prices.of.items()}

    def plain(self, value: Decimal) -> Number:
        return number(value, self._count)

    def money(self, value: Decimal) -> Number:
        return number(value if self._unit is None else value / self._unit, self._count)

    def net(self, a: Decimal, b: Decimal) -> Number:
        """A difference of money; 0 where nothing but rounding is left of it."""
        if a is b:
            return self._nothing
        difference = a - b
        is_noise = abs(difference) <= max(abs(a), abs(b)).scaleb(self._noise)
        return self.money(Decimal(0) if is_noise else difference)

    def _amount(self, good: str, amount: Decimal) -> Number:
        """Of a good, which is often all that there is."""
        return self.amounts[good] if amount is self._available[good] else self.plain(amount)

    def _price(self, good: str, price: Decimal) -> Number:
        """Of a good, mostly its price."""
        return self.prices[good] if price is self._price_of[good] else self.money(price)

    def goods(self, ranges: Mapping[str, PriceRange]) -> tuple[PricedGood, ...]:
        """All goods, in chain order."""
        network = self._chain.network
        goods = network.goods
        columns: tuple[Iterable[Any], ...] = (
            goods,
            map(network.roles.__getitem__, goods),
            map(self._chain.spec.unit, goods),
            map(self.amounts.__getitem__, goods),
            map(self.prices.__getitem__, goods),
            [self.money(self._price_of[good] * self._available[good]) for good in goods],
            self._rules(goods),
            map(self._uses, goods) if self._details else repeat(()),
            [self._bounds(ranges.get(good)) for good in goods] if ranges else repeat(None),
        )
        return tuple(map(PricedGood, *columns))

    def _rules(self, goods: Iterable[str]) -> list[str]:
        spec, network, priced = self._chain.spec, self._chain.network, self._priced
        slopes = Slopes(priced.products)
        if priced.cleared is None:
            return [price_rule(spec, network, slopes, good) for good in goods]
        return [market_rule(spec, network, slopes, good, priced.cleared) for good in goods]

    def _bounds(self, price_range: PriceRange | None) -> tuple[Number, Number | None] | None:
        if price_range is None:
            return None
        low, high = price_range
        if high is None:
            return self.money(low), None
        low, high = (high, low) if self._unit is not None and self._unit < 0 else (low, high)
        return self.money(low), self.money(high)

    def _uses(self, good: str) -> tuple[PricedUse, ...]:
        return tuple([self._use(use) for use in self._chain.network.uses[good]])

    def _use(self, use: Use) -> PricedUse:
        good, key = use.good, use.key
        paid, worth = self._paid(key), self._worth(key)
        amount = self._priced.quantities.of_use(use)
        return PricedUse(
            use.user,
            "demand" if use.is_demand else "firm",
            None if use.share is None else self.plain(quantities.share(use)),
            self._amount(good, amount),
            self._price(good, paid),
            self._price(good, worth),
            self.net(worth, paid),
            self._priced.clearing is not None and amount == 0,
        )

    def firm(self, firm: str, book: Account) -> PricedFirm:
        network, priced = self._chain.network, self._priced
        made, used = priced.quantities.made[firm], priced.quantities.used[firm]
        returns = book.returns_to_scale
        return PricedFirm(
            firm,
            self.money(book.revenue),
            self.money(book.cost),
            self.net(book.revenue, book.cost),
            None if returns is None else self.plain(returns),
            tuple(
                [
                    Output(good, self._amount(good, made[good]), self.prices[good])
                    for good in network.outputs[firm]
                ]
            ),
            tuple([self._input(firm, good, used[good]) for good in network.inputs[firm]]),
            tuple(
                [
                    Derivative(product.output, product.input, product.formula, self.plain(product.value))
                    for product in priced.products[firm]
                ]
            ),
        )

    def _input(self, firm: str, good: str, amount: Decimal) -> Input:
        key = (good, firm)
        paid, worth = self._paid(key), self._worth(key)
        return Input(
            good,
            self._amount(good, amount),
            self._price(good, paid),
            self._price(good, worth),
            self.net(worth, paid),
        )

    def chains(self) -> tuple[PricedChain, ...]:
        """The firms that are chains, each before those that are inside it."""
        from chainprice.consolidation import consolidate

        spec, priced = self._chain.spec, self._priced
        rows = []
        for name, chain in spec.chains.items():
            book = consolidate(spec, name, priced.quantities, priced.prices)
            rows.append(
                PricedChain(
                    name,
                    chain.parent,
                    chain.title,
                    chain.path,
                    self.money(book.revenue),
                    self.money(book.cost),
                    self.net(book.revenue, book.cost),
                    self.money(book.internal),
                    chain.firms,
                    chain.goods,
                )
            )
        return tuple(rows)

    def limits(self) -> tuple[Limit, ...]:
        """What binds and what does not, where the market chose."""
        if self._priced.clearing is None:
            return ()
        return tuple(
            Limit(
                bound.kind,
                bound.good,
                bound.firm,
                self.plain(bound.quantity),
                bound.binding,
                self.money(bound.rent),
            )
            for bound in self._priced.clearing.limits
        )

    def incomes(self, incomes: accounts.Incomes) -> Incomes:
        """Total value as what it is made of."""
        return Incomes(
            self.money(incomes.profits), self.money(incomes.factor_incomes), self.money(incomes.buyer_surplus)
        )
