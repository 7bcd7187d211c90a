"""The local price rule of a good, as text: where its price comes from, one step down the chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chainprice.network import Network, Use
from chainprice.spec import Spec
from chainprice.technology import MarginalProduct


def price_rule(
    spec: Spec, network: Network, products: Mapping[str, Sequence[MarginalProduct]], good: str
) -> str:
    """`P_natgas = P_ethylene * 1/(2*sqrt(natgas))`: the chain rule at one good."""
    uses = network.uses[good]
    if not uses:
        return f"P_{good} = 0"
    terms = [_share(use) + _term(spec, products, use, alone=use.share is None) for use in uses]
    return f"P_{good} = {' + '.join(terms)}"


def use_rule(spec: Spec, products: Mapping[str, Sequence[MarginalProduct]], use: Use) -> str:
    """The marginal value of one use as text: `P_bread * 0.9/flour**0.1`."""
    return _term(spec, products, use, alone=True)


def _share(use: Use) -> str:
    return "" if use.share is None else f"{factor(str(use.share))} * "


def _term(spec: Spec, products: Mapping[str, Sequence[MarginalProduct]], use: Use, *, alone: bool) -> str:
    if use.is_demand:
        price = spec.demand[use.good].price
        return str(price) if alone else factor(str(price))
    parts = [
        f"P_{product.output} * {factor(product.formula)}"
        for product in products[use.user]
        if product.input == use.good
    ]
    text = " + ".join(parts)
    return text if alone or len(parts) == 1 else f"({text})"


def factor(formula: str) -> str:
    """A formula as a factor of a product: in parentheses if it is a sum."""
    depth = 0
    for index, letter in enumerate(formula):
        depth += (letter == "(") - (letter == ")")
        after_exponent = formula[max(0, index - 1) : index] in ("e", "E", "*", "/", "(")
        if letter in "+-" and depth == 0 and index > 0 and not after_exponent:
            return f"({formula})"
    return f"({formula})" if formula.startswith("-") else formula
