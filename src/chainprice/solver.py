"""The sequence from a spec to its priced chain; the only module that knows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

from chainprice import (
    accounts,
    allocation,
    cautions,
    kinks,
    limits,
    network,
    progress,
    quantities,
    technology,
)
from chainprice.accounts import Account
from chainprice.arithmetic import DOUBLE_DIGITS, Number, digits, number
from chainprice.errors import (
    NoAnswerError,
    NumeraireError,
    PrecisionError,
    Problem,
    UsageError,
)
from chainprice.formula import suggestion
from chainprice.network import Network, Use
from chainprice.prices import Cleared, Prices, at_equilibrium, backpropagate
from chainprice.quantities import Quantities
from chainprice.rules import market_rule, price_rule
from chainprice.solution import (
    Derivative,
    Incomes,
    Input,
    Limit,
    Output,
    PricedFirm,
    PricedGood,
    PricedUse,
    Solution,
    Warning,
)
from chainprice.spec import Spec
from chainprice.technology import MarginalProduct, ProductionFunction, Technology
from chainprice.value import demand_prices, total_value

if TYPE_CHECKING:
    from chainprice.equilibrium import Clearing, Market

PriceRange = tuple[Decimal, Decimal | None]

_Key = TypeVar("_Key")

NOISE_DIGITS = 5
"""A difference is rounding where so many digits more than those asked for cancel."""

VALUE_DIGITS = 60
"""Digits of total value when a market is solved again."""

GUARD_DIGITS = 13
"""Digits that are computed beyond those asked for, to begin with."""


@dataclass(frozen=True, slots=True)
class _Chain:
    """A spec with what follows from it without numbers."""

    spec: Spec
    network: Network
    technology: Technology
    market: Market | None


@dataclass(frozen=True, slots=True)
class _Priced:
    """A chain priced at some number of digits."""

    quantities: Quantities
    products: Mapping[str, Sequence[MarginalProduct]]
    prices: Prices
    total_value: Decimal
    clearing: Clearing | None = None
    cleared: Cleared | None = None

    def results(self) -> Iterator[Decimal]:
        """The numbers whose digits are promised, always in the same order."""
        yield self.total_value
        yield from self.quantities.available.values()
        yield from self.prices.of.values()


def solve(spec: Spec, *, numeraire: str | None = None, count: int = DOUBLE_DIGITS) -> Solution:
    """Price every good of a spec (MODEL.md sections 2 and 3).

    `numeraire`, or else the spec's own, is the good that all money is counted in. `count` is the
    number of significant digits that are right in every price and quantity; up to 17, numbers are
    doubles.

    Raises UndefinedError where a function has no value or slope, NumeraireError for a worthless
    numeraire, PrecisionError where the digits cannot be had. With allocation `given`,
    MarketMustChooseError where the spec leaves a quantity open. Where the market chooses,
    IncreasingReturnsError, UnboundedError or InfeasibleError where it has no equilibrium,
    NoConvergenceError where none was found, MissingExtraError where CasADi is not installed.
    """
    if not 1 <= count <= limits.DIGITS:
        raise UsageError(f"digits must be from 1 to {limits.DIGITS:,}, not {count}")
    graph = network.build(spec)
    numeraire = numeraire or spec.numeraire
    _fail_if_unknown_numeraire(numeraire, graph)
    firms = technology.build(spec, graph)
    chain = _Chain(spec, graph, firms, _market(spec, graph, firms))
    wanted = max(count, DOUBLE_DIGITS)
    priced, used_digits = _price_to(chain, wanted)
    with digits(used_digits):
        return _solution(chain, priced, numeraire, count)


def _market(spec: Spec, graph: Network, firms: Technology) -> Market | None:
    """The market's equilibrium where it chooses the quantities; None where they are given."""
    if allocation.allocation_of(spec, graph) == "given":
        allocation.fail_if_market_must_choose(spec, graph)
        return None
    allocation.fail_if_no_equilibrium_solver(spec, graph)
    from chainprice import equilibrium

    return equilibrium.find(spec, graph, firms)


class MarketValue:
    """Total value of a spec's market, solved anew for each set of gifts of goods."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._network = network.build(spec)
        self._technology = technology.build(spec, self._network)
        self._market: Market | None = None

    def __call__(self, gifts: Mapping[str, str]) -> str | None:
        """In 60 digits; None if there is no equilibrium with these gifts."""
        from chainprice import equilibrium

        amounts = {good: Decimal(gift) for good, gift in gifts.items()}
        try:
            with digits(VALUE_DIGITS):
                market = equilibrium.find(self._spec, self._network, self._technology, amounts, self._market)
                self._market = self._market or market
                return str(total_value(self._spec, market.clear().quantities))
        except NoAnswerError:
            return None


def _fail_if_unknown_numeraire(numeraire: str | None, graph: Network) -> None:
    if numeraire is not None and numeraire not in graph.roles:
        hint = suggestion(numeraire, graph.goods) or f"the goods are {', '.join(graph.goods[:20])}"
        raise UsageError(Problem(f"unknown good '{numeraire}' as numeraire", None, hint))


def _price_to(chain: _Chain, count: int) -> tuple[_Priced, int]:
    """The chain priced so that `count` digits are right, and the digits that it took.

    Priced with more and more digits, until half as many again change nothing in those that count. A
    number that goes on shrinking as digits grow is a zero that rounding hides. What two rounds
    cannot see is a number that drowns in both, beside another 1e45 times its size.
    """
    working = count + GUARD_DIGITS
    coarse = _price(chain, working)
    for rounds_left in reversed(range(limits.ROUNDS)):
        more = working + working // 2
        fine = _price(chain, more)
        with digits(more):
            if all(
                _same(a, b, count) or (rounds_left == 0 and _vanishes(a, b, working))
                for a, b in zip(coarse.results(), fine.results(), strict=True)
            ):
                return _without_noise(coarse, fine, count), more
        working = 2 * working
        coarse = _price(chain, working)
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
    """Whether a value shrank about as much as the digits grew."""
    return abs(fine) <= abs(coarse).scaleb(-working // 4)


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
    progress.report(f"pricing {len(chain.network.goods):,} goods with {working} digits")
    with digits(working):
        if chain.market is not None:
            return _clear(chain, chain.market)
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


def _clear(chain: _Chain, market: Market) -> _Priced:
    """The market's quantities, and the backward pass at them."""
    clearing = market.clear()
    flow = clearing.quantities
    products = {
        firm: tuple(
            product
            for function in functions
            for product in _marginal_products(chain.spec, function, clearing)
        )
        for firm, functions in chain.technology.items()
    }
    shares = {u.key: quantities.share(u) for us in chain.network.uses.values() for u in us}
    cleared = Cleared(
        multipliers=clearing.prices,
        available=flow.available,
        paid=clearing.paid,
        shares=shares,
        open_uses=clearing.open_uses,
        full_uses=clearing.full_uses,
        open_purchases=clearing.open_purchases,
    )
    prices = at_equilibrium(chain.network, demand_prices(chain.spec, flow), products, cleared)
    return _Priced(flow, products, prices, total_value(chain.spec, flow), clearing, cleared)


def _marginal_products(
    spec: Spec, function: ProductionFunction, clearing: Clearing
) -> tuple[MarginalProduct, ...]:
    """The slopes at the quantities used; those that do not exist at 0, along the mix of inputs there."""
    used = clearing.quantities.used[function.firm]
    weights = clearing.weights.get((function.firm, function.output), {})
    return technology.marginal_products(spec, function, used, weights, clearing.mixes.get(function.firm))


def _solution(chain: _Chain, priced: _Priced, numeraire: str | None, count: int) -> Solution:
    """The priced chain as a result, in units of the numeraire."""
    books = {
        firm: accounts.account(firm, priced.quantities, priced.prices, priced.products[firm])
        for firm in chain.network.firms
    }
    report = _Report(_unit_of_account(chain, priced.prices, numeraire), count)
    ranges = _ranges(chain, priced)
    incomes = (
        None
        if chain.market is None
        else accounts.incomes(chain.spec, priced.quantities, priced.prices, books)
    )
    if incomes is not None:
        accounts.fail_unless_they_add_up(incomes, priced.total_value, books)
    return Solution(
        path=chain.spec.source.path,
        title=chain.spec.title,
        sha256=chain.spec.source.sha256,
        allocation="given" if chain.market is None else "competitive",
        numeraire=numeraire,
        money=numeraire or chain.spec.money,
        total_value=report.money(priced.total_value),
        goods=tuple(report.good(chain, priced, good, ranges.get(good)) for good in chain.network.goods),
        firms=tuple(report.firm(chain, priced, firm, books[firm]) for firm in chain.network.firms),
        warnings=tuple(_warnings(chain, priced, books, ranges)),
        limits=report.limits(priced.clearing),
        incomes=None if incomes is None else report.incomes(incomes),
    )


def _ranges(chain: _Chain, priced: _Priced) -> Mapping[str, PriceRange]:
    """The intervals of the prices that are not unique."""
    if chain.market is not None:
        return chain.market.ranges()
    return kinks.price_ranges(chain.spec, chain.network, chain.technology, priced.quantities)


def _warnings(
    chain: _Chain, priced: _Priced, books: Mapping[str, Account], ranges: Mapping[str, PriceRange]
) -> Iterator[Warning]:
    yield from cautions.of_goods(chain.network, priced.quantities, priced.prices)
    if priced.clearing is None:
        yield from cautions.of_given(chain.spec, chain.network, priced.quantities, priced.prices)
        yield from cautions.of_firms(chain.technology, priced.quantities, books)
    else:
        yield from cautions.of_market(chain.network, priced.clearing.disposed, ranges)


def _unit_of_account(chain: _Chain, prices: Prices, numeraire: str | None) -> Decimal:
    if numeraire is None:
        return Decimal(1)
    if prices.of[numeraire] == 0:
        place = chain.spec.place("numeraire") if numeraire == chain.spec.numeraire else None
        message = f"the price of the numeraire '{numeraire}' is 0, so nothing can be priced in it"
        raise NumeraireError(Problem(message, place, "choose a good that has a price"))
    return prices.of[numeraire]


def _rule(chain: _Chain, priced: _Priced, good: str) -> str:
    if priced.cleared is None:
        return price_rule(chain.spec, chain.network, priced.products, good)
    return market_rule(chain.spec, chain.network, priced.products, good, priced.cleared)


@dataclass(frozen=True, slots=True)
class _Report:
    """Turns decimals into results: money in units of account, everything to so many digits."""

    unit_of_account: Decimal
    count: int

    def plain(self, value: Decimal) -> Number:
        return number(value, self.count)

    def money(self, value: Decimal) -> Number:
        return number(value / self.unit_of_account, self.count)

    def net(self, a: Decimal, b: Decimal) -> Number:
        """A difference of money; 0 where nothing but rounding is left of it."""
        noise = max(abs(a), abs(b)).scaleb(-max(self.count, DOUBLE_DIGITS) - NOISE_DIGITS)
        return self.money(a - b if abs(a - b) > noise else Decimal(0))

    def good(self, chain: _Chain, priced: _Priced, good: str, price_range: PriceRange | None) -> PricedGood:
        quantity, price = priced.quantities.available[good], priced.prices.of[good]
        bounds = None
        if price_range is not None:
            low, high = price_range
            if high is not None and self.unit_of_account < 0:
                low, high = high, low
            bounds = (self.money(low), None if high is None else self.money(high))
        return PricedGood(
            good=good,
            role=chain.network.roles[good],
            unit=chain.spec.unit(good),
            quantity=self.plain(quantity),
            price=self.money(price),
            value=self.money(price * quantity),
            rule=_rule(chain, priced, good),
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
            gap=self.net(worth, paid),
            corner=priced.clearing is not None and priced.quantities.of_use(use) == 0,
        )

    def limits(self, clearing: Clearing | None) -> tuple[Limit, ...]:
        if clearing is None:
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
            for bound in clearing.limits
        )

    def incomes(self, incomes: accounts.Incomes) -> Incomes:
        return Incomes(
            self.money(incomes.profits), self.money(incomes.factor_incomes), self.money(incomes.buyer_surplus)
        )

    def firm(self, chain: _Chain, priced: _Priced, firm: str, book: accounts.Account) -> PricedFirm:
        made, used, prices = priced.quantities.made[firm], priced.quantities.used[firm], priced.prices
        returns = book.returns_to_scale
        return PricedFirm(
            firm=firm,
            revenue=self.money(book.revenue),
            cost=self.money(book.cost),
            profit=self.net(book.revenue, book.cost),
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
        gap = self.net(marginal_value, price)
        return Input(good, self.plain(quantity), self.money(price), self.money(marginal_value), gap)
