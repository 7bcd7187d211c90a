"""What a user would write instead, each in one function: from a spec file to the price of every good.

    python contestants.py NAME SPEC.json PRICES.json

Each reads the same generated spec: firms in chain order, one product each, every use has all of its
good. The price of a good is the derivative of total value by a gift of it. Formulas are run as Python,
as one does with a file of one's own; chainprice never does that.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Prices = dict[str, float]
Spec = Mapping[str, Any]

Slopes = Callable[[str, Sequence[str], Sequence[float]], Sequence[float]]
"""Of a formula, its inputs and their quantities: the quantity made, and the slope in each input."""

PACKAGES = {"sympy": "sympy", "CasADi": "casadi", "autograd": "autograd", "JAX": "jax"}
"""Each contestant, and the package that it needs."""


def by_sympy(spec: Spec) -> Prices:
    """sympify, diff and lambdify for every firm, then the chain rule by hand."""
    import sympy

    def slopes(text: str, inputs: Sequence[str], at: Sequence[float]) -> Sequence[float]:
        formula = sympy.sympify(text)
        symbols = [sympy.Symbol(name) for name in inputs]
        derivatives = [sympy.diff(formula, symbol) for symbol in symbols]
        return sympy.lambdify(symbols, [formula, *derivatives], "math")(*at)

    return firm_by_firm(spec, slopes)


def by_autograd(spec: Spec) -> Prices:
    """The gradient of every firm, then the chain rule by hand: one of the whole loop takes far longer."""
    import autograd
    import autograd.numpy

    names = functions_of(autograd.numpy)

    def slopes(text: str, inputs: Sequence[str], at: Sequence[float]) -> Sequence[float]:
        product = eval(f"lambda {', '.join(inputs)}: {text}", names)  # noqa: S307
        return [product(*at), *(float(autograd.grad(product, i)(*at)) for i in range(len(inputs)))]

    return firm_by_firm(spec, slopes)


def by_casadi(spec: Spec) -> Prices:
    """One SX graph, and its reverse gradient."""
    import casadi

    gifts = {good: casadi.SX.sym(good) for good in goods_of(spec)}
    every = casadi.vertcat(*gifts.values())
    gradient = casadi.gradient(total_value(spec, gifts, casadi), every)
    values = casadi.Function("prices", [every], [gradient])(0)
    return dict(zip(gifts, values.full().ravel().tolist(), strict=True))


def by_jax(spec: Spec) -> Prices:
    """A loop over the firms, differentiated as it runs, in doubles; compiling it takes longer."""
    import jax

    jax.config.update("jax_enable_x64", True)  # noqa: FBT003

    def value(gifts: Mapping[str, Any]) -> Any:
        return total_value(spec, gifts, jax.numpy)

    prices = jax.grad(value)(dict.fromkeys(goods_of(spec), 0.0))
    return {good: float(price) for good, price in prices.items()}


def firm_by_firm(spec: Spec, slopes_of: Slopes) -> Prices:
    """Forward through the firms with their slopes, then back."""
    quantity = {good: supply["quantity"] for good, supply in spec["supply"].items()}
    slopes: list[tuple[str, list[tuple[str, float]]]] = []
    for output, text in products(spec):
        inputs = inputs_of(text, quantity)
        quantity[output], *values = slopes_of(text, inputs, [quantity[good] for good in inputs])
        slopes.append((output, list(zip(inputs, values, strict=True))))
    prices = dict.fromkeys(quantity, 0.0) | {good: d["price"] for good, d in spec["demand"].items()}
    for output, of_inputs in reversed(slopes):
        for good, slope in of_inputs:
            prices[good] += prices[output] * slope
    return prices


def total_value(spec: Spec, gifts: Mapping[str, Any], library: Any) -> Any:
    """Sales revenue, with a gift of every good; whatever the numbers are made of."""
    names = functions_of(library)
    quantity = {good: supply["quantity"] + gifts[good] for good, supply in spec["supply"].items()}
    for output, text in products(spec):
        inputs = {good: quantity[good] for good in inputs_of(text, quantity)}
        quantity[output] = eval(text, names, inputs) + gifts[output]  # noqa: S307
    return sum(demand["price"] * quantity[good] for good, demand in spec["demand"].items())


def products(spec: Spec) -> Iterator[tuple[str, str]]:
    """Each product and its formula, in chain order."""
    for firm in spec["firms"].values():
        yield from firm["production"].items()


def goods_of(spec: Spec) -> list[str]:
    """Every good: what is supplied, then what is made."""
    return [*spec["supply"], *(output for output, _ in products(spec))]


def inputs_of(text: str, goods: Container[str]) -> list[str]:
    """The goods that a formula names."""
    return [name for name in dict.fromkeys(re.findall(r"[a-z]\w*", text)) if name in goods]


def functions_of(library: Any) -> dict[str, Any]:
    """The functions of formulas, as a library has them."""
    return {"sqrt": library.sqrt, "exp": library.exp, "ln": library.log}


CONTESTANTS: Mapping[str, Callable[[Spec], Prices]] = {
    "sympy": by_sympy,
    "CasADi": by_casadi,
    "autograd": by_autograd,
    "JAX": by_jax,
}


def main(name: str, source: str, target: str) -> None:
    """Read the spec, price it, write the prices."""
    spec = json.loads(Path(source).read_text(encoding="utf-8"))
    prices = CONTESTANTS[name](spec)
    finite = {good: price for good, price in prices.items() if math.isfinite(price)}
    Path(target).write_text(json.dumps(finite), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
