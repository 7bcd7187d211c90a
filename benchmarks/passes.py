"""Seconds of pricing in one process: the forward pass alone, and both passes.

    python passes.py SPEC

The spec is read and every function differentiated before the clock starts: what is left is the bound
of cheap gradients, by which a price for every good costs a small multiple of the quantities.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from time import perf_counter

import chainprice
from chainprice import network, prices, quantities, technology
from chainprice.arithmetic import digits
from chainprice.value import demand_prices

DIGITS = 30
"""What `solve` prices with first."""

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
    spec = chainprice.load(path)
    graph = network.build(spec)
    firms = technology.build(spec, graph)
    shares = {use.key: quantities.share(use) for uses in graph.uses.values() for use in uses}

    def forward() -> quantities.Quantities:
        return quantities.flow(spec, graph, firms)

    def both() -> prices.Prices:
        flow = forward()
        slopes = {
            firm: [p for f in made for p in technology.marginal_products(spec, f, flow.used[firm])]
            for firm, made in firms.items()
        }
        return prices.backpropagate(graph, demand_prices(spec, flow), slopes, shares)

    with digits(DIGITS):
        both()
        print(json.dumps({"forward": fastest(forward), "both": fastest(both)}))


if __name__ == "__main__":
    main(sys.argv[1])
