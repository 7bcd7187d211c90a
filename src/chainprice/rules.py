"""The local price rule of a good, as text: where its price comes from, one step down the chain."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from chainprice.network import Network, Use
from chainprice.prices import Cleared, Slopes
from chainprice.spec import Spec
from chainprice.technology import MarginalProduct

_MARKS = re.compile(r"[(+-]")


def price_rule(spec: Spec, network: Network, slopes: Slopes, good: str) -> str:
    """`P_natgas = P_ethylene * 1/(2*sqrt(natgas))`: the chain rule at one good."""
    uses = network.uses[good]
    if len(uses) == 1 and uses[0].share is None:
        return f"P_{good} = {_term(spec, slopes, uses[0], alone=True)}"
    terms = [_share(use) + _term(spec, slopes, use, alone=use.share is None) for use in uses] or ["0"]
    return f"P_{good} = {' + '.join(terms)}"


def market_rule(spec: Spec, network: Network, slopes: Slopes, good: str, cleared: Cleared) -> str:
    """`P_ore = max(P_steel * 2, P_paint * 5)`: where a good's price comes from in a market that has cleared.

    From the uses that could take one more; if there is none, from its supply price, or from what its
    maker saves.
    """
    uses = network.uses[good]
    if uses and (good in network.non_rival or uses[0].share is not None):
        return price_rule(spec, network, slopes, good)
    is_open = [use for use in uses if use.key in cleared.open_uses]
    if is_open or (uses and not cleared.available[good]):
        able = [use for use in uses if use.key not in cleared.full_uses]
        return f"P_{good} = {_greatest([_term(spec, slopes, use, alone=True) for use in able])}"
    if not cleared.multipliers[good]:
        return f"P_{good} = 0"
    if good in cleared.open_purchases:
        return f"P_{good} = {spec.supply[good].price}"
    return f"P_{good} = {_saved(network, slopes, good, cleared)}"


def _greatest(terms: Sequence[str]) -> str:
    if not terms:
        return "0"
    return terms[0] if len(terms) == 1 else f"max({', '.join(terms)})"


def _saved(network: Network, slopes: Slopes, good: str, cleared: Cleared) -> str:
    """What one unit less to be made saves, by the input of a maker that it could use less of."""
    for maker in network.makers[good]:
        for product in slopes.of(maker):
            is_open = (product.input, maker) in cleared.open_uses and network.outputs[maker] == (good,)
            if is_open and product.value:
                return f"P_{product.input} / {divisor(product.formula)}"
    return "its shadow price"


def _share(use: Use) -> str:
    return "" if use.share is None else f"{factor(str(use.share))} * "


def _term(spec: Spec, slopes: Slopes, use: Use, *, alone: bool) -> str:
    """The marginal value of one use: `P_bread * 0.9/flour**0.1`."""
    if use.is_demand:
        price = spec.demand[use.good].price
        return str(price) if alone else factor(str(price))
    products = slopes.by(use.user, use.good)
    text = " + ".join([_of_output(product) for product in products])
    return text if alone or len(products) == 1 else f"({text})"


def _of_output(product: MarginalProduct) -> str:
    pattern, figures = product.template
    return f"P_{product.output} * {product.filled(factor(pattern), figures)}"


def divisor(formula: str) -> str:
    """A formula as a divisor: in parentheses unless it is one number or name."""
    return formula if formula.replace(".", "").replace("_", "").isalnum() else f"({formula})"


@lru_cache(maxsize=4096)
def factor(formula: str) -> str:
    """A formula, or the pattern of one, as a factor of a product: in parentheses if it is a sum."""
    if "+" not in formula and "-" not in formula:
        return formula
    place = 0
    while mark := _MARKS.search(formula, place):
        index, letter = mark.start(), mark.group()
        if letter == "(":
            place = _end(formula, index)
            continue
        after_exponent = formula[max(0, index - 1) : index] in ("e", "E", "*", "/", "(")
        if index > 0 and not after_exponent:
            return f"({formula})"
        place = index + 1
    return f"({formula})" if formula.startswith("-") else formula


def _end(formula: str, begin: int) -> int:
    """The place after the parenthesis that closes the one at `begin`."""
    depth, place = 0, begin
    while True:
        end = formula.index(")", place) + 1
        depth += formula.count("(", place, end) - 1
        place = end
        if depth == 0:
            return end
