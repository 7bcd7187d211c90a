"""The sequence from a spec to its priced chain; the only module that knows it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from chainprice import allocation, limits, network, tabulation, technology
from chainprice.arithmetic import DOUBLE_DIGITS, digits
from chainprice.errors import NoAnswerError, Problem, UsageError
from chainprice.formula import suggestion
from chainprice.network import Network
from chainprice.pricing import Chain, price
from chainprice.solution import Solution
from chainprice.spec import Firm, Spec
from chainprice.tabulation import Numbers
from chainprice.technology import Technology
from chainprice.value import fail_if_a_price_is_undefined, total_value

if TYPE_CHECKING:
    from chainprice.equilibrium import Market

VALUE_DIGITS = 40
"""Digits of total value when a market is solved again: enough for the differences of a relative 1e-10."""


def solve(
    spec: Spec, *, numeraire: str | None = None, count: int = DOUBLE_DIGITS, details: bool = True
) -> Solution:
    """Price every good of a spec (MODEL.md sections 2 and 3).

    `numeraire`, or else the spec's own, is the good that all money is counted in. `count` is the
    number of significant digits that are right in every price and quantity; up to 17, numbers are
    doubles. Without `details` the result has no firms, and its goods no uses: in a large chain they
    take half the time.

    Raises UndefinedError where a function has no value or slope, NumeraireError for a worthless
    numeraire, PrecisionError where the digits cannot be had. With allocation `given`,
    MarketMustChooseError where the spec leaves a quantity open. Where the market chooses,
    IncreasingReturnsError, UnboundedError or InfeasibleError where it has no equilibrium,
    NoConvergenceError where none was found, MissingExtraError where CasADi is not installed.
    """
    if not 1 <= count <= limits.DIGITS:
        raise UsageError(f"digits must be from 1 to {limits.DIGITS:,}, not {count}")
    numeraire = numeraire or spec.numeraire
    chain = _chain(spec, numeraire)
    priced = price(chain, max(count, DOUBLE_DIGITS))
    with digits(priced.digits):
        return tabulation.tabulate(chain, priced, numeraire, count, details=details)


class Neighbours:
    """Solves specs that differ in numbers only, each from where the last one ended.

    A market's search begins at the last market's optimum; what comes back is what `solve` finds.
    """

    def __init__(self, numeraire: str | None = None) -> None:
        self._numeraire = numeraire
        self._last: Market | None = None
        self._firms: Mapping[str, Firm] = {}

    def _are_the_same(self, spec: Spec) -> bool:
        """Whether firms produce as the last ones did: a form is another formula for some of its numbers."""
        return self._firms.keys() == spec.firms.keys() and all(
            formula.text == self._firms[name].production[output].text
            for name, firm in spec.firms.items()
            for output, formula in firm.production.items()
        )

    def solve(self, spec: Spec) -> Numbers:
        """The numbers of the price table; raises what `solve` raises."""
        numeraire = self._numeraire or spec.numeraire
        chain = _chain(spec, numeraire, self._last if self._are_the_same(spec) else None)
        self._last, self._firms = chain.market, spec.firms
        return _numbers(chain, numeraire, DOUBLE_DIGITS)


def numbers(spec: Spec, count: int) -> Numbers:
    """The numbers of the price table of `solve`, in money; raises what it raises."""
    return _numbers(_chain(spec, None), None, count)


def _chain(spec: Spec, numeraire: str | None, last: Market | None = None) -> Chain:
    graph = network.build(spec)
    _fail_if_unknown_numeraire(numeraire, graph)
    functions = technology.build(spec, graph)
    return Chain(spec, graph, functions, market_of(spec, graph, functions, last))


def _numbers(chain: Chain, numeraire: str | None, count: int) -> Numbers:
    priced = price(chain, max(count, DOUBLE_DIGITS))
    with digits(priced.digits):
        return tabulation.numbers(chain, priced, numeraire, count)


def market_of(spec: Spec, graph: Network, firms: Technology, last: Market | None = None) -> Market | None:
    """The market's equilibrium where it chooses the quantities; None where they are given."""
    if allocation.is_given(spec, graph):
        return None
    allocation.fail_if_no_equilibrium_solver(spec, graph)
    with digits(DOUBLE_DIGITS):
        fail_if_a_price_is_undefined(spec)
    from chainprice import equilibrium

    return equilibrium.find(spec, graph, firms, last=last)


class MarketValue:
    """Total value of a spec's market, solved anew for each set of gifts of goods."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._network = network.build(spec)
        self._technology = technology.build(spec, self._network)
        self._market: Market | None = None

    def __call__(self, gifts: Mapping[str, str]) -> str | None:
        """In 40 digits; None if there is no equilibrium with these gifts."""
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
