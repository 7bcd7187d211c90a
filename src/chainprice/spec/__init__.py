"""A spec file: from text to a frozen `Spec`, with every problem at once and each with its place."""

from chainprice.spec.loading import Draft, load
from chainprice.spec.model import DEMAND, Demand, Firm, Good, NestedChain, Spec, Supply, Trade
from chainprice.spec.text import Source

__all__ = [
    "DEMAND",
    "Demand",
    "Draft",
    "Firm",
    "Good",
    "NestedChain",
    "Source",
    "Spec",
    "Supply",
    "Trade",
    "load",
]
