"""The sequence from a spec to its priced chain; the only module that knows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeVar

from chainprice import accounts, allocation, cautions, kinks, limits, network, quantities, technology
from chainprice.arithmetic import DOUBLE_DIGITS, Number, digits, number
from chainprice.errors import NumeraireError, PrecisionError, Problem, UsageError
from chainprice.formula import suggestion
from chainprice.network import Network, Use
from chainprice.prices import Prices, backpropagate
from chainprice.quantities import Quantities
from chainprice.rules import price_rule
from chainprice.solution import Derivative, Input, Output, PricedFirm, PricedGood, PricedUse, Solution
from chainprice.spec import Spec
from chainprice.technology import MarginalProduct, Technology
from chainprice.value import demand_prices, total_value

_Key = TypeVar("_Key")

GUARD_DIGITS = 13
"""Digits that are computed beyond those asked for, to begin with."""


@dataclass(frozen=True, slots=True)
class _Chain:
    """A spec with what follows from it without numbers."""

    spec: Spec
    network: Network
    technology: Technology


@dataclass(frozen=True, slots=True)
class _Priced:
    """A chain priced at some number of digits."""

    quantities: Quantities
    products: Mapping[str, Sequence[MarginalProduct]]
    prices: Prices
    total_value: Decimal

    def results(self) -> Iterator[Decimal]:
        """The numbers whose digits are promised, always in the same order."""
        yield self.total_value
        yield from self.quantities.available.values()
        yield from self.prices.of.values()


def solve(spec: Spec, *, numeraire: str | None = None, count: int = DOUBLE_DIGITS) -> Solution:
    """Price every good of a spec (MODEL.md section 2).

    `numeraire`, or else the spec's own, is the good that all money is counted in. `count` is the
    number of significant digits that are right in every price and quantity; up to 17, numbers are
    doubles.

    Raises MarketMustChooseError where the spec leaves a quantity open, UndefinedError where a
    function has no value or slope, NumeraireError for a worthless numeraire, PrecisionError where
    the digits cannot be had.
    """
    if not 1 <= count <= limits.DIGITS:
        raise UsageError(f"digits must be from 1 to {limits.DIGITS:,}, not {count}")
    graph = network.build(spec)
    allocation.fail_if_market_must_choose(spec, graph)
    numeraire = numeraire or spec.numeraire
    _fail_if_unknown_numeraire(numeraire, graph)
    chain = _Chain(spec, graph, technology.build(spec, graph))
    wanted = max(count, DOUBLE_DIGITS)
    priced, used_digits = _price_to(chain, wanted)
    with digits(used_digits):
        return _solution(chain, priced, numeraire, count)


def _fail_if_unknown_numeraire(numeraire: str | None, graph: Network) -> None:
    if numeraire is not None and numeraire not in graph.roles:
        hint = suggestion(numeraire, graph.goods) or f"the goods are {', '.join(graph.goods[:20])}"
        raise UsageError(Problem(f"unknown good '{numeraire}' as numeraire", None, hint))


def _price_to(chain: _Chain, count: int) -> tuple[_Priced, int]:
    """The chain priced so that `count` digits are right, and the digits that it took.

    Priced with more and more digits, until twice the digits change nothing in those that count. A
    number that goes on shrinking as digits grow is a zero that rounding hides. What two rounds
    cannot see is a number that drowns in both, beside another 1e60 times its size.
    """
    working = count + GUARD_DIGITS
    coarse = _price(chain, working)
    for rounds_left in reversed(range(limits.ROUNDS)):
        fine = _price(chain, 2 * working)
        with digits(2 * working):
            if all(
                _same(a, b, count) or (rounds_left == 0 and _vanishes(a, b, working))
                for a, b in zip(coarse.results(), fine.results(), strict=True)
            ):
                return _without_noise(coarse, fine, count), 2 * working
        coarse, working = fine, 2 * working
    raise PrecisionError(
        Problem(
            f"{count} digits could not be reached with {working}: almost everything cancels somewhere",
            chain.spec.place(),
            "look for a difference of nearly equal quantities in the formulas",
        )
    )


def _same(coarse: Decimal, fine: Decimal, count: int) -> bool:
    """Whether two values agree to `count` digits."""
    return abs(coarse - fine) <= abs(fine).scaleb(-count - 2)


def _vanishes(coarse: Decimal, fine: Decimal, working: int) -> bool:
    """Whether a value shrank as much as the digits grew."""
    return abs(fine) <= abs(coarse).scaleb(-working // 2)


def _without_noise(coarse: _Priced, fine: _Priced, count: int) -> _Priced:
    """The finer of the two, with 0 for what is nothing but rounding."""

    def cleaned(a: Mapping[_Key, Decimal], b: Mapping[_Key, Decimal]) -> dict[_Key, Decimal]:
        return {key: b[key] if _same(a[key], b[key], count) else Decimal(0) for key in b}

    flow = replace(fine.quantities, available=cleaned(coarse.quantities.available, fine.quantities.available))
    prices = replace(
        fine.prices,
        of=cleaned(coarse.prices.of, fine.prices.of),
        marginal_values=cleaned(coarse.prices.marginal_values, fine.prices.marginal_values),
        paid=cleaned(coarse.prices.paid, fine.prices.paid),
    )
    return replace(fine, quantities=flow, prices=prices)


def _price(chain: _Chain, working: int) -> _Priced:
    """Both passes, in so many digits."""
    with digits(working):
        flow = quantities.flow(chain.spec, chain.network, chain.technology)
        products = {
            firm: tuple(
                product
                for function in functions
                for product in technology.marginal_products(chain.spec, function, flow.used[firm])
            )
            for firm, functions in chain.technology.items()
        }
        shares = {u.key: quantities.share(u) for us in chain.network.uses.values() for u in us}
        prices = backpropagate(chain.network, demand_prices(chain.spec, flow), products, shares)
        return _Priced(flow, products, prices, total_value(chain.spec, flow))


def _solution(chain: _Chain, priced: _Priced, numeraire: str | None, count: int) -> Solution:
    """The priced chain as a result, in units of the numeraire."""
    books = {
        firm: accounts.account(firm, priced.quantities, priced.prices, priced.products[firm])
        for firm in chain.network.firms
    }
    report = _Report(_unit_of_account(chain, priced.prices, numeraire), count)
    ranges = kinks.price_ranges(chain.spec, chain.network, chain.technology, priced.quantities)
    return Solution(
        path=chain.spec.source.path,
        title=chain.spec.title,
        sha256=chain.spec.source.sha256,
        allocation="given",
        numeraire=numeraire,
        money=numeraire or chain.spec.money,
        total_value=report.money(priced.total_value),
        goods=tuple(report.good(chain, priced, good, ranges.get(good)) for good in chain.network.goods),
        firms=tuple(report.firm(chain, priced, firm, books[firm]) for firm in chain.network.firms),
        warnings=(
            *cautions.of_goods(chain.spec, chain.network, priced.quantities, priced.prices),
            *cautions.of_firms(chain.technology, priced.quantities, books),
        ),
    )


def _unit_of_account(chain: _Chain, prices: Prices, numeraire: str | None) -> Decimal:
    if numeraire is None:
        return Decimal(1)
    if prices.of[numeraire] == 0:
        place = chain.spec.place("numeraire") if numeraire == chain.spec.numeraire else None
        message = f"the price of the numeraire '{numeraire}' is 0, so nothing can be priced in it"
        raise NumeraireError(Problem(message, place, "choose a good that has a price"))
    return prices.of[numeraire]


@dataclass(frozen=True, slots=True)
class _Report:
    """Turns decimals into results: money in units of account, everything to so many digits."""

    unit_of_account: Decimal
    count: int

    def plain(self, value: Decimal) -> Number:
        return number(value, self.count)

    def money(self, value: Decimal) -> Number:
        return number(value / self.unit_of_account, self.count)

    def good(
        self, chain: _Chain, priced: _Priced, good: str, price_range: tuple[Decimal, Decimal] | None
    ) -> PricedGood:
        quantity, price = priced.quantities.available[good], priced.prices.of[good]
        bounds = None
        if price_range is not None:
            low, high = sorted(bound / self.unit_of_account for bound in price_range)
            bounds = (self.plain(low), self.plain(high))
        return PricedGood(
            good=good,
            role=chain.network.roles[good],
            unit=chain.spec.unit(good),
            quantity=self.plain(quantity),
            price=self.money(price),
            value=self.money(price * quantity),
            rule=price_rule(chain.spec, chain.network, priced.products, good),
            uses=tuple(self.use(priced, use) for use in chain.network.uses[good]),
            price_range=bounds,
        )

    def use(self, priced: _Priced, use: Use) -> PricedUse:
        paid = priced.prices.paid[use.key]
        worth = priced.prices.marginal_values[use.key]
        return PricedUse(
            user=use.user,
            kind="demand" if use.is_demand else "firm",
            share=None if use.share is None else self.plain(quantities.share(use)),
            quantity=self.plain(priced.quantities.of_use(use)),
            price=self.money(paid),
            marginal_value=self.money(worth),
            gap=self.money(worth - paid),
        )

    def firm(self, chain: _Chain, priced: _Priced, firm: str, book: accounts.Account) -> PricedFirm:
        made, used, prices = priced.quantities.made[firm], priced.quantities.used[firm], priced.prices
        returns = book.returns_to_scale
        return PricedFirm(
            firm=firm,
            revenue=self.money(book.revenue),
            cost=self.money(book.cost),
            profit=self.money(book.profit),
            returns_to_scale=None if returns is None else self.plain(returns),
            outputs=tuple(
                Output(good, self.plain(made[good]), self.money(prices.of[good]))
                for good in chain.network.outputs[firm]
            ),
            inputs=tuple(
                self.input(good, used[good], prices.paid[good, firm], prices.marginal_values[good, firm])
                for good in chain.network.inputs[firm]
            ),
            derivatives=tuple(
                Derivative(p.output, p.input, p.formula, self.plain(p.value)) for p in priced.products[firm]
            ),
        )

    def input(self, good: str, quantity: Decimal, price: Decimal, marginal_value: Decimal) -> Input:
        gap = self.money(marginal_value - price)
        return Input(good, self.plain(quantity), self.money(price), self.money(marginal_value), gap)
