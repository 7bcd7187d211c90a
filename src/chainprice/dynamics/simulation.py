"""`simulate`: a market out of equilibrium, and whether it finds back (MODEL.md section 6)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np

from chainprice import limits
from chainprice.dynamics.choices import Choices, Maker, Shock
from chainprice.dynamics.path import Path
from chainprice.dynamics.result import Simulation
from chainprice.errors import Problem, UsageError
from chainprice.observation import Observation, observation_of
from chainprice.solver import solve
from chainprice.spec import Spec


def simulate(
    spec: Spec,
    *,
    maker: Maker = "quadratic",
    liquidity: float = 1.0,
    steps: int = limits.SIMULATED_STEPS,
    step_size: float | None = None,
    foresight: float = 1.0,
    start: Observation | Mapping[str, Any] | str | os.PathLike[str] | None = None,
    shocks: Iterable[Shock] = (),
    noise: float = 0.0,
    seed: int = 0,
    every: int | None = None,
    tolerance: float = limits.ARRIVED,
) -> Simulation:
    """Let the market of a spec find its prices, every agent by what it sees.

    It begins at `start`, as `diagnose` takes what was observed (prices and uses, in part or whole), or
    cold: nothing has a price yet, and what is supplied is shared out. It ends where every price is within
    `tolerance` of equilibrium, after `steps`, or where it cannot go on. With `noise` every agent misjudges
    prices and quantities by that part of what is usual, at random but the same for the same `seed`.

    Raises UsageError for a choice that makes no sense or a shock that names nothing, SpecError where a
    shock makes the spec unsound, UndefinedError where a firm has no output even at 0.
    """
    choices = Choices(
        maker=maker,
        liquidity=liquidity,
        steps=steps,
        step_size=step_size,
        foresight=foresight,
        start=_observed(start, spec),
        shocks=tuple(sorted(shocks, key=lambda shock: shock.step)),
        noise=noise,
        seed=seed,
        every=every,
        tolerance=tolerance,
    )
    with np.errstate(all="ignore"):  # what has no value is nan, and looked for
        return Path(spec, choices).walk()


def _observed(
    start: Observation | Mapping[str, Any] | str | os.PathLike[str] | None, spec: Spec
) -> Observation | None:
    """Where the market begins, in money."""
    if start is None:
        return None
    observed = start if isinstance(start, Observation) else observation_of(start, spec)
    if observed.numeraire is not None:
        observed = _in_money(observed, observed.numeraire, spec)
    problems = [*_unfit(observed.prices)]
    if problems:
        raise UsageError(problems)
    return observed


def _unfit(prices: Mapping[str, Decimal]) -> Iterator[Problem]:
    """Prices that no market can start from."""
    for good, price in prices.items():
        if price < 0:
            hint = "what nobody wants is free in a market: write 0"
            yield Problem(f"the price of '{good}' to start from is negative: {price:.6g}", None, hint)
        elif price > _MOST:
            yield Problem(f"the price of '{good}' to start from, {price:.3e}, is beyond 1e100")


def _in_money(observed: Observation, numeraire: str, spec: Spec) -> Observation:
    """Prices in money, as if the numeraire's were that of the equilibrium."""
    unit = Decimal(str(solve(replace(spec, numeraire=None)).prices[numeraire]))
    prices = {good: price * unit for good, price in observed.prices.items()}
    paid = {key: price * unit for key, price in observed.paid.items()}
    return replace(observed, prices=prices, paid=paid, numeraire=None)


_MOST = Decimal("1e100")
"""Prices beyond it soon leave the range of doubles."""
