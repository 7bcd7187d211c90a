"""A chain priced: the forward and the backward pass, with as many digits as it takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

from chainprice import limits, progress, quantities, rounding, technology
from chainprice.arithmetic import digits, working_digits
from chainprice.errors import NoAnswerError, PrecisionError, Problem, UndefinedError, short
from chainprice.network import Network
from chainprice.prices import Cleared, Prices, at_equilibrium, backpropagate
from chainprice.quantities import Quantities
from chainprice.spec import Spec
from chainprice.technology import MarginalProduct, Point, ProductionFunction, Technology
from chainprice.value import demand_prices, total_value

if TYPE_CHECKING:
    from chainprice.equilibrium import Clearing, Market

_Key = TypeVar("_Key")

GUARD_DIGITS = 13
"""Digits that are computed beyond those asked for, to begin with."""

FOLLOWED_GUARD_DIGITS = rounding.DIGITS_LOST + 9
"""The same where rounding is followed: those that it may take, and as many as differences of prices need."""

_SPECK = 12
"""Digits by which a marginal value is smaller than the good's price if it is next to nothing."""


@dataclass(frozen=True, slots=True)
class Chain:
    """A spec with what follows from it without numbers; a `market` where it chooses the quantities."""

    spec: Spec
    network: Network
    technology: Technology
    market: Market | None


@dataclass(frozen=True, slots=True)
class Priced:
    """A chain priced with some number of `digits`; `clearing` and `cleared` where a market chose."""

    digits: int
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


def price(chain: Chain, count: int) -> Priced:
    """The chain priced so that `count` significant digits of every price and quantity are right.

    Once, where rounding is shown to do no harm. Else with more and more digits, until half as many again
    change nothing in those that count. A number that goes on shrinking as digits grow is a zero that
    rounding hides. A 0 that depends on a number that drowned is not believed, nor are two branches of a
    bend that are equal but for a little. What two rounds cannot see is a number of any other size that
    drowns in both, beside another 1e45 times its own.

    Raises PrecisionError where the digits cannot be had, and what the passes raise.
    """
    try:
        return _price(chain, count)
    except UndefinedError as undefined:
        if chain.market is not None:
            raise
        try:  # perhaps only rounding made an erf(20) 1, and a slope infinite
            return _in_rounds(chain, count, _MOST * (count + GUARD_DIGITS), 1)
        except NoAnswerError:
            raise undefined from None


_MOST = 2 ** (limits.ROUNDS - 1)
"""The factor by which digits have grown in the last round."""


def _price(chain: Chain, count: int) -> Priced:
    if chain.market is None and rounding.can_be_followed(chain.spec, chain.technology):
        priced = _price_with(chain, count + FOLLOWED_GUARD_DIGITS)
        with digits(priced.digits):
            if _is_sure(chain, priced):
                return priced
    return _in_rounds(chain, count, count + GUARD_DIGITS, limits.ROUNDS)


def _in_rounds(chain: Chain, count: int, working: int, rounds: int) -> Priced:
    """With `working` digits to begin with, and twice as many in each round."""
    coarse = _price_with(chain, working)
    if chain.market is not None and _is_sure_of_market(chain.market, coarse):
        return coarse
    for rounds_left in reversed(range(rounds)):
        fine = _price_with(chain, working + working // 2)
        with digits(fine.digits):
            if all(
                _same(a, b, count) or (rounds_left == 0 and _vanishes(a, b, working))
                for a, b in zip(coarse.results(), fine.results(), strict=True)
            ) and (chain.market is not None or not _is_open(chain, fine, rounds_left)):
                _fail_if_a_use_is_open(chain, coarse, fine, count)
                priced = _without_noise(coarse, fine, count)
                _fail_if_market_hides_a_price(chain, priced)
                return priced
        if rounds_left:
            working = 2 * working
            coarse = _price_with(chain, working)
    with digits(fine.digits):
        raise PrecisionError(_unsteady(chain, coarse, fine, count))


def _is_open(chain: Chain, priced: Priced, rounds_left: int) -> bool:
    """Whether more digits may say something else: that a 0 is none, or that a bend is not exactly here."""
    is_near = any(product.settled.is_near for products in priced.products.values() for product in products)
    return (is_near and rounds_left > 0) or bool(_blurred(chain, priced) or _hidden(chain, priced))


def _unsteady(chain: Chain, coarse: Priced, fine: Priced, count: int) -> Problem:
    """Where digits are lost: in the first quantity along the chain, or else in the last price."""
    hint = "look for a difference of nearly equal quantities in the formulas"
    for function in _blurred(chain, fine):
        return _perhaps_on_kink(chain, function)
    hidden = _hidden(chain, fine)
    for good in chain.network.goods:
        before, after = coarse.quantities.available[good], fine.quantities.available[good]
        if not _same(before, after, count) or ("quantity", good) in hidden:
            for function in _functions(chain, chain.network.makers[good], good):
                return _unsteady_in(chain, function, f"the quantity of '{good}'", count, hint)
    for good in reversed(chain.network.goods):
        is_steady = _same(coarse.prices.of[good], fine.prices.of[good], count)
        if not is_steady or ("price", good) in hidden:
            for function in _functions(chain, [use.user for use in chain.network.uses[good]]):
                return _unsteady_in(chain, function, f"the price of '{good}'", count, hint)
    message = f"{count} digits could not be reached with {fine.digits}: almost everything cancels somewhere"
    return Problem(message, chain.spec.place(), hint)


def _functions(chain: Chain, firms: Iterable[str], output: str | None = None) -> Iterator[ProductionFunction]:
    for firm in filter(None, firms):
        for function in chain.technology[firm]:
            if output in (None, function.output):
                yield function


def _unsteady_in(chain: Chain, function: ProductionFunction, what: str, count: int, hint: str) -> Problem:
    formula = short(function.formula.text)
    return Problem(
        f"{count} digits of {what} could not be reached with {working_digits()}: almost everything cancels "
        f"in '{formula}' (production of '{function.output}' by firm '{function.firm}')",
        chain.spec.place("firms", function.firm, "production", function.output),
        hint,
    )


def _perhaps_on_kink(chain: Chain, function: ProductionFunction) -> Problem:
    return Problem(
        f"whether '{short(function.formula.text)}' stands on a kink cannot be told with {working_digits()} "
        f"digits (production of '{function.output}' by firm '{function.firm}')",
        chain.spec.place("firms", function.firm, "production", function.output),
        "change the quantities supplied, or leave out a branch",
    )


def _hidden(chain: Chain, priced: Priced) -> set[tuple[str, str]]:
    """The goods whose quantity or price may be 0 only because a number drowned beside another."""
    available, prices = priced.quantities.available, priced.prices
    if all(available.values()) and all(prices.of.values()):
        return set()
    unsure = _unsure(chain, priced)
    hidden = {
        ("price", product.input)
        for firm, products in priced.products.items()
        for product in products
        if not prices.of[product.input]
        and not product.value
        and prices.of[product.output]
        and product.is_unsure(priced.quantities.used[firm], unsure)
    }
    return hidden | {("quantity", good) for good in unsure if not available[good]}


def _blurred(chain: Chain, priced: Priced) -> list[ProductionFunction]:
    """The functions that stand on a kink only as far as can be told: a number drowned in what meets there."""
    on_kinks = [p for products in priced.products.values() for p in products if p.settled.on_kink]
    functions = {(p.function.firm, p.output): p.function for p in on_kinks}.values()
    if not functions:
        return []
    used, unsure = priced.quantities.used, _unsure(chain, priced)
    return [function for function in functions if function.is_unsure(used[function.firm], unsure)]


def _unsure(chain: Chain, priced: Priced) -> set[str]:
    """The goods whose quantities depend on a number that drowned beside another."""
    unsure: set[str] = set()
    for firm, functions in chain.technology.items():
        used = priced.quantities.used[firm]
        unsure |= {function.output for function in functions if function.is_unsure(used, unsure)}
    return unsure


def _fail_if_a_use_is_open(chain: Chain, coarse: Priced, fine: Priced, count: int) -> None:
    """Raise PrecisionError where what a firm uses depends on the digits though no price does."""
    available = fine.quantities.available
    problems = [
        _indifferent(chain, firm, good)
        for firm, used in fine.quantities.used.items()
        for good, amount in used.items()
        if abs(amount - coarse.quantities.used[firm][good]) > abs(available[good]).scaleb(-count)
    ]
    if problems:
        _fail_if_market_hides_a_price(chain, fine)
        raise PrecisionError(problems)


def _indifferent(chain: Chain, firm: str, good: str) -> Problem:
    return Problem(
        f"how much of '{good}' firm '{firm}' uses cannot be told: no price depends on it",
        chain.spec.place("firms", firm, "production"),
        f"give '{good}' a price, or limit it",
    )


def _fail_if_market_hides_a_price(chain: Chain, priced: Priced) -> None:
    """Raise PrecisionError where a good is free to a firm that would gain by more of it.

    Its price is next to nothing, and so the solver threw some of it away: 1 - exp(-5000) is level to it.
    """
    if chain.market is None:
        return
    problems = [
        _next_to_nothing(chain, priced, good, firm, value)
        for (good, firm), value in priced.prices.values.items()
        if firm and value > 0 and not priced.prices.paid((good, firm))
    ]
    if problems:
        raise PrecisionError(problems)


def _next_to_nothing(chain: Chain, priced: Priced, good: str, firm: str, value: Decimal) -> Problem:
    products = (product for product in priced.products[firm] if product.input == good)
    formula = short(next(products).function.formula.text)
    return Problem(
        f"the price of '{good}' cannot be told from 0: one more unit would be worth {value:.6g} to firm "
        f"'{firm}', whose '{formula}' is level but for that where the market stops "
        f"({good} = {priced.quantities.used[firm][good]:.6g})",
        chain.spec.place("firms", firm, "production"),
        f"supply less of '{good}', or let the spec fix the quantities (a split, allocation: given)",
    )


def _is_sure_of_market(market: Market, priced: Priced) -> bool:
    """Whether doubles show that rounding took no more than the guard digits, and nothing is next to 0."""
    if _has_specks(priced):
        return False
    return market.lost_digits(priced.quantities, priced.total_value) < GUARD_DIGITS


def _has_specks(priced: Priced) -> bool:
    """Whether a marginal value may be nothing but rounding: it is next to nothing, or its good is free."""
    prices, values = priced.prices.of, priced.prices.values.items()
    return any(
        value and (not prices[good] or abs(value) < abs(prices[good]).scaleb(-_SPECK))
        for (good, _), value in values
    )


def _is_sure(chain: Chain, priced: Priced) -> bool:
    return rounding.is_harmless(
        chain.spec,
        chain.network,
        chain.technology,
        flow=priced.quantities,
        products=priced.products,
        prices=priced.prices,
    )


def _same(coarse: Decimal, fine: Decimal, count: int) -> bool:
    """Whether two values agree to `count` digits."""
    return abs(coarse - fine) <= abs(fine).scaleb(-count - 2)


def _vanishes(coarse: Decimal, fine: Decimal, working: int) -> bool:
    """Whether a value shrank about as much as the digits grew, or was nothing by all digits before."""
    return not coarse or abs(fine) <= abs(coarse).scaleb(-working // 4)


def _without_noise(coarse: Priced, fine: Priced, count: int) -> Priced:
    """The finer of the two, with 0 for what is nothing but rounding."""

    def clean(a: Decimal, b: Decimal) -> Decimal:
        return b if _same(a, b, count) else Decimal(0)

    def cleaned(a: Mapping[_Key, Decimal], b: Mapping[_Key, Decimal]) -> dict[_Key, Decimal]:
        return {key: clean(a[key], b[key]) for key in b}

    def by_firm(
        a: Mapping[str, Mapping[str, Decimal]], b: Mapping[str, Mapping[str, Decimal]]
    ) -> dict[str, dict[str, Decimal]]:
        return {firm: cleaned(a[firm], b[firm]) for firm in b}

    before, flow = coarse.quantities, fine.quantities
    return replace(
        fine,
        quantities=replace(
            flow,
            available=cleaned(before.available, flow.available),
            bought=cleaned(before.bought, flow.bought),
            used=by_firm(before.used, flow.used),
            made=by_firm(before.made, flow.made),
            sold=cleaned(before.sold, flow.sold),
        ),
        products={
            firm: tuple(
                [
                    product._replace(value=clean(other.value, product.value))
                    for other, product in zip(coarse.products[firm], products, strict=True)
                ]
            )
            for firm, products in fine.products.items()
        },
        prices=replace(
            fine.prices,
            of=cleaned(coarse.prices.of, fine.prices.of),
            values=cleaned(coarse.prices.values, fine.prices.values),
            payments=cleaned(coarse.prices.payments, fine.prices.payments),
        ),
        total_value=clean(coarse.total_value, fine.total_value),
    )


def _price_with(chain: Chain, working: int) -> Priced:
    """Both passes, in so many digits."""
    progress.report(f"pricing {len(chain.network.goods):,} goods with {working} digits")
    with digits(working):
        if chain.market is not None:
            return _clear(chain, chain.market)
        evaluation = _Evaluation()
        flow = quantities.flow(chain.spec, chain.network, chain.technology, evaluate=evaluation)
        products = evaluation.products(chain, flow)
        shares = quantities.shares(chain.network)
        prices = backpropagate(chain.network, demand_prices(chain.spec, flow), products, shares)
        return Priced(working, flow, products, prices, total_value(chain.spec, flow))


class _Evaluation:
    """Evaluates production functions, and keeps the marginal products that come with the quantities."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[MarginalProduct, ...]] = {}

    def __call__(self, spec: Spec, function: ProductionFunction, point: Point) -> Decimal:
        """The quantity of output; raises UndefinedError where there is none."""
        produced = technology.produce(function, point)
        if produced is None:
            return technology.amount(spec, function, point)
        value, self._known[function.firm, function.output] = produced
        return value

    def products(self, chain: Chain, flow: Quantities) -> dict[str, tuple[MarginalProduct, ...]]:
        """All marginal products of each firm, at the quantities that the firms use."""
        products: dict[str, tuple[MarginalProduct, ...]] = {}
        for firm, functions in chain.technology.items():
            of_firm: tuple[MarginalProduct, ...] = ()
            for function in functions:
                of_firm += self._known.get((firm, function.output)) or technology.marginal_products(
                    chain.spec, function, flow.used[firm]
                )
            products[firm] = of_firm
        return products


def _clear(chain: Chain, market: Market) -> Priced:
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
    value = total_value(chain.spec, flow)
    traded = sum((abs(clearing.prices[good] * amount) for good, amount in flow.available.items()), abs(value))
    cleared = Cleared(
        multipliers=clearing.prices,
        available=flow.available,
        paid=clearing.paid,
        shares=shares,
        open_uses=clearing.open_uses,
        full_uses=clearing.full_uses,
        open_purchases=clearing.open_purchases,
        scale=traded,
    )
    prices = at_equilibrium(chain.network, demand_prices(chain.spec, flow), products, cleared)
    return Priced(working_digits(), flow, products, prices, value, clearing, cleared)


def _marginal_products(
    spec: Spec, function: ProductionFunction, clearing: Clearing
) -> tuple[MarginalProduct, ...]:
    """The slopes at the quantities used; those that do not exist at 0, along the mix of inputs there."""
    used = clearing.quantities.used[function.firm]
    weights = clearing.weights.get((function.firm, function.output), {})
    products = technology.marginal_products(spec, function, used, weights, clearing.mixes.get(function.firm))
    if weights:
        return products
    return tuple(
        [
            technology.of_first_unit(product, used)
            if product.settled.on_kink and not used[product.input]
            else product
            for product in products
        ]
    )
