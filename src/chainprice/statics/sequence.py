"""From a spec to how everything in it depends on everything that stands in it: the sequence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from chainprice import network, technology
from chainprice.arithmetic import DOUBLE_DIGITS, digits, number
from chainprice.errors import Problem, UsageError
from chainprice.formula import suggestion
from chainprice.pricing import Chain, Priced, price
from chainprice.solver import market_of
from chainprice.spec import Spec
from chainprice.statics.chain import ChainStatics
from chainprice.statics.derivatives import Derivatives, steady
from chainprice.statics.levers import levers
from chainprice.statics.result import PriceSensitivity, Sensitivities
from chainprice.statics.taxation import Tax, incidence, read_tax

_DIGITS = 34


def sensitivity(spec: Spec, *, of: Sequence[str] = (), taxes: Sequence[str] = ()) -> Sensitivities:
    """How total value depends on every number of a spec, and on the productivity of every firm.

    One backward pass gives all of it (MODEL.md sections 2 to 4; the envelope theorem). `of` names goods whose
    prices are looked at too, by second derivatives: forward over reverse where quantities are given, the
    implicit function theorem on the active KKT system where the market chooses. `taxes` are written
    "GOOD=0.1" (money a unit) or "GOOD=10%" (of the sellers' price); the result tells who bears them.

    On a corner or a kink, or where prices or quantities are not unique, a number has a slope to each side.
    All is in money: a numeraire is not looked at, for its own price moves too.

    Raises UsageError for unknown goods, and for taxes where quantities are given; and what `solve` raises.
    """
    graph = network.build(spec)
    _fail_if_unknown(of, graph.goods)
    asked = [read_tax(text, graph.goods) for text in taxes]
    spec = replace(spec, numeraire=None)
    functions = technology.build(spec, graph)
    chain = Chain(spec, graph, functions, market_of(spec, graph, functions))
    if asked:
        _fail_if_given(chain)
    priced = price(chain, DOUBLE_DIGITS)
    count = max(priced.digits, _DIGITS)
    goods = tuple(dict.fromkeys(of))
    with digits(count):
        statics = _statics(chain, priced)
        found = steady(chain, priced, statics, tuple(levers(spec)), goods, count)
        return _result(chain, priced, statics, found, goods, asked)


def _result(  # noqa: PLR0917 - what was found, each once
    chain: Chain,
    priced: Priced,
    statics: ChainStatics,
    found: Derivatives,
    goods: Sequence[str],
    asked: Sequence[Tax],
) -> Sensitivities:
    spec, prices = chain.spec, priced.prices.of
    return Sensitivities(
        path=spec.source.path,
        title=spec.title,
        sha256=spec.sha256,
        allocation="given" if chain.market is None else "competitive",
        money=spec.money,
        total_value=number(priced.total_value),
        rows=tuple(row.sensitivity(priced.total_value) for row in found[None]),
        prices=tuple(
            PriceSensitivity(
                g,
                number(prices[g]),
                statics.note_on(g),
                tuple(row.sensitivity(prices[g]) for row in found[g]),
            )
            for g in goods
        ),
        ranges=tuple(statics.ranges(priced)),
        taxes=tuple(incidence(chain, priced, statics, tax) for tax in asked),
    )


def _statics(chain: Chain, priced: Priced) -> ChainStatics:
    """The chain as it stands, ready to be moved."""
    if chain.market is None:
        from chainprice.statics.fixed import FixedStatics

        return FixedStatics(chain, priced)
    from chainprice.statics.clearing import MarketStatics

    return MarketStatics(chain, chain.market)


def _fail_if_unknown(goods: Iterable[str], known: Sequence[str]) -> None:
    problems = [
        Problem(
            f"--of: unknown good '{good}'",
            None,
            suggestion(good, known) or f"the goods are {', '.join(known[:20])}",
        )
        for good in goods
        if good not in known
    ]
    if problems:
        raise UsageError(problems)


def _fail_if_given(chain: Chain) -> None:
    if chain.market is None:
        raise UsageError(
            Problem(
                "a tax changes nothing where quantities are given: no seller and no buyer can turn away",
                None,
                "let the market choose: --allocation competitive",
            )
        )
