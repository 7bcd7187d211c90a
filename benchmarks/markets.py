"""A market of many firms that share goods, as a spec and as the same model by hand in CasADi.

    python markets.py spec FIRMS MARKET.json
    python markets.py prices FIRMS PRICES.json

Goods lie in layers. Each is made by two firms, of two goods of the layer below and of labour, which
all firms share; a fifth of the firms are Leontief. The last layer is sold along demand curves.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

LAYERS = 5
MAKERS = 2
"""Firms that make each good."""

SETTINGS = {
    "ipopt.print_level": 0,
    "ipopt.sb": "yes",
    "ipopt.bound_relax_factor": 0,
    "ipopt.tol": 1e-12,
    "ipopt.acceptable_tol": 1e-11,
    "print_time": False,
    "show_eval_warnings": False,
}
"""Quiet, and accurate enough to compare: left alone IPOPT gets 7 digits of a price, in no less time."""

SHAPES = ("cobb-douglas", "cobb-douglas", "cobb-douglas", "power-sum", "leontief")


@dataclass(frozen=True, slots=True)
class Firm:
    """A firm: what it makes, of which two goods, by which kind of function, how well."""

    output: str
    inputs: tuple[str, str]
    shape: str
    scale: float

    @property
    def formula(self) -> str:
        """The production function as a spec has it."""
        a, b = self.inputs
        return {
            "cobb-douglas": f"{self.scale}*{a}^0.4*{b}^0.3*labour^0.2",
            "power-sum": f"{self.scale}*({a}^0.5 + {b}^0.5)*labour^0.2",
            "leontief": f"{self.scale}*min({a}, 2*{b})^0.7*labour^0.2",
        }[self.shape]


@dataclass(frozen=True, slots=True)
class Market:
    """Firms in chain order, endowments, and demand curves: price = intercept - slope*q."""

    firms: tuple[Firm, ...]
    supply: Mapping[str, float]
    demand: Mapping[str, tuple[float, float]]


def generate(count: int, seed: int = 0) -> Market:
    """A market of about `count` firms."""
    random = Random(seed)
    width = max(2, count // (LAYERS * MAKERS))
    layers = [[f"l{layer}g{i}" for i in range(width)] for layer in range(LAYERS + 1)]
    firms = [
        Firm(good, tuple(random.sample(below, 2)), random.choice(SHAPES), round(random.uniform(1, 4), 2))
        for below, layer in pairwise(layers)
        for good in layer
        for _ in range(MAKERS)
    ]
    supply = {good: round(random.uniform(5, 20), 1) for good in layers[0]} | {"labour": 1.0 * len(firms)}
    demand = {
        good: (round(random.uniform(20, 60), 1), round(random.uniform(0.5, 2), 2)) for good in layers[-1]
    }
    return Market(tuple(firms), supply, demand)


def spec(market: Market) -> str:
    """The market as a spec, in JSON."""
    return json.dumps(
        {
            "firms": {f"f{i}": {"production": {f.output: f.formula}} for i, f in enumerate(market.firms)},
            "supply": {good: {"quantity": quantity} for good, quantity in market.supply.items()},
            "demand": {good: {"price": f"{a} - {b}*q"} for good, (a, b) in market.demand.items()},
        }
    )


def by_hand(market: Market) -> dict[str, float]:
    """Every good's price, from a model such as a user of CasADi would write: no more than it needs."""
    import casadi

    uses: dict[str, list[Any]] = {}
    made: dict[str, list[Any]] = {}
    variables: list[Any] = []
    starts: list[float] = []
    bends: list[Any] = []

    def variable(name: str, start: float = 1.0) -> Any:
        x = casadi.SX.sym(name)
        variables.append(x)
        starts.append(start)
        return x

    for i, firm in enumerate(market.firms):
        a, b, labour = (variable(f"z{i}_{good}") for good in (*firm.inputs, "labour"))
        for good, x in zip((*firm.inputs, "labour"), (a, b, labour), strict=True):
            uses.setdefault(good, []).append(x)
        if firm.shape == "cobb-douglas":
            output = firm.scale * a**0.4 * b**0.3 * labour**0.2
        elif firm.shape == "power-sum":
            output = firm.scale * (a**0.5 + b**0.5) * labour**0.2
        else:
            least = variable(f"t{i}")
            bends += [a - least, 2 * b - least]
            output = firm.scale * least**0.7 * labour**0.2
        made.setdefault(firm.output, []).append(output)
    value = 0
    for good, (intercept, slope) in market.demand.items():
        q = variable(f"q_{good}")
        uses.setdefault(good, []).append(q)
        value += intercept * q - slope * q**2 / 2
    goods = [*market.supply, *dict.fromkeys(firm.output for firm in market.firms)]
    balances = [market.supply.get(g, 0.0) + sum(made.get(g, ())) - sum(uses.get(g, ())) for g in goods]
    problem = {"x": casadi.vertcat(*variables), "f": -value, "g": casadi.vertcat(*balances, *bends)}
    solver = casadi.nlpsol("market", "ipopt", problem, SETTINGS)
    result = solver(x0=starts, lbx=0.0, lbg=0.0)
    if not solver.stats()["success"]:
        raise RuntimeError(solver.stats()["return_status"])
    return dict(zip(goods, (-float(m) for m in result["lam_g"].full().ravel()), strict=False))


def main(what: str, count: str, target: str) -> None:
    """Write the market as a spec, or its prices by hand."""
    market = generate(int(count))
    text = spec(market) if what == "spec" else json.dumps(by_hand(market))
    Path(target).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
