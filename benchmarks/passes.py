"""Seconds of pricing in one process: the forward pass alone, and all that gives prices with all their digits.

    python passes.py SPEC

The spec is read and every function differentiated before the clock starts: what is left is the bound
of cheap gradients, by which a price for every good costs a small multiple of the quantities. Both passes
come with whatever it takes to be sure of their digits.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable
from time import perf_counter

import chainprice
from chainprice import network, pricing, quantities, technology
from chainprice.__main__ import MANY_OBJECTS
from chainprice.arithmetic import DOUBLE_DIGITS, digits

TIMES = 3


def fastest(work: Callable[[], object]) -> float:
    """Seconds of the fastest of a few runs."""
    seconds = []
    for _ in range(TIMES):
        begin = perf_counter()
        work()
        seconds.append(perf_counter() - begin)
    return min(seconds)


def main(path: str) -> None:
    """Print the seconds of each as JSON."""
    gc.set_threshold(MANY_OBJECTS)  # as the command does
    spec = chainprice.load(path)
    graph = network.build(spec)
    firms = technology.build(spec, graph)
    chain = pricing.Chain(spec, graph, firms, None)

    def forward() -> quantities.Quantities:
        return quantities.flow(spec, graph, firms)

    def both() -> pricing.Priced:
        return pricing.price(chain, DOUBLE_DIGITS)

    with digits(both().digits):
        print(json.dumps({"forward": fastest(forward), "both": fastest(both)}))


if __name__ == "__main__":
    main(sys.argv[1])
