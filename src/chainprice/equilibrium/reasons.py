"""Why a market has no equilibrium, or none was found: told by what was tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np

from chainprice.arithmetic import digits
from chainprice.equilibrium.agents import Better
from chainprice.equilibrium.conditions import Conditions
from chainprice.equilibrium.ipopt import Nlp, Point
from chainprice.equilibrium.optimum import PROOF_DIGITS
from chainprice.equilibrium.programme import Argument, Balance, Programme
from chainprice.equilibrium.start import constant, run
from chainprice.errors import (
    IncreasingReturnsError,
    InfeasibleError,
    NoConvergenceError,
    Place,
    Problem,
    UnboundedError,
    UndefinedError,
)

_SHORT = 1e-6
"""A part of a delivery that is missing for certain: more than a solver that stops early may be off."""

_LEAST_SHORT = 1e-10
"""The same where it is shown that no quantities at all would be enough."""


_SMALL = 1e-3
"""A use is small that is this part, at the most, of the largest one of its good."""


@dataclass(slots=True)
class Tried:
    """What a search has seen: the starts, the solver's points, and why they were no equilibrium.

    `better` are plans that somebody would rather follow, `no_slope` variables without a finite slope,
    `failures` everything else in words.
    """

    starts: list[Sequence[float]] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    better: list[Better] = field(default_factory=list)
    no_slope: set[int] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)


def reason(programme: Programme, nlp: Nlp, tried: Tried) -> Exception:
    """The error that names firm or good; NoConvergenceError where nothing was shown to be impossible."""
    if tried.better:
        return IncreasingReturnsError([_increasing(programme, better) for better in tried.better])
    far = next((point for point in tried.points if point.far), None)
    if far is not None:
        return UnboundedError(_unbounded(programme, far))
    starved = _starved(programme)
    slopeless = sorted({index for index in tried.no_slope if _is_small(programme, tried, index)} | starved)
    if slopeless:
        return UndefinedError([_slopeless(programme, index, starved) for index in slopeless])
    problems = _short(programme, nlp, tried.starts[0])
    if problems:
        return InfeasibleError(problems)
    undefined = _undefined(programme, tried.starts)
    if undefined:
        return UndefinedError(undefined)
    statuses = ", ".join(dict.fromkeys([p.status for p in tried.points] + tried.failures))
    return NoConvergenceError(
        Problem(
            f"no equilibrium was found, and none was shown to be impossible ({statuses})",
            programme.spec.place(),
            "look for functions that bend the wrong way, or quantities of very different sizes",
        )
    )


def _is_small(programme: Programme, tried: Tried, index: int) -> bool:
    """Whether a variable is small beside the others of its good, wherever the solver stopped."""
    good = programme.variables[index].good
    others = [place for place, variable in enumerate(programme.variables) if variable.good == good]
    return all(
        abs(point.x[index]) <= _SMALL * max(abs(point.x[place]) for place in others) for point in tried.points
    )


def _starved(programme: Programme) -> set[int]:
    """The uses of goods of which there can be none, whose first unit would be worth endlessly much."""
    with digits(PROOF_DIGITS):
        conditions = Conditions(programme)
        empty = [Decimal(0)] * len(programme.variables)
        local = conditions.local(empty, empty)
        outputs = _outputs(conditions, empty)
        there = conditions.available(empty, outputs) if outputs else {}
    none = {
        good
        for good, amount in there.items()
        if not amount and not programme.network.makers[good] and good not in programme.purchases
    }
    infinite = {i for _, slopes in local.productions for i, slope in slopes.items() if slope is None}
    return {i for i in infinite if programme.variables[i].good in none}


def _outputs(conditions: Conditions, x: Sequence[Decimal]) -> list[Decimal]:
    """What all firms make, nothing if one of them has no value there."""
    try:
        return conditions.outputs(x)
    except ArithmeticError:
        return []


def _slopeless(programme: Programme, index: int, starved: set[int]) -> Problem:
    variable, spec = programme.variables[index], programme.spec
    if not variable.user:
        message = f"the price curve of '{variable.good}' has no value at the quantity traded"
        return Problem(message, spec.place(), "supply some of it")
    output = next(iter(programme.network.outputs[variable.user]))
    place = spec.place("firms", variable.user, "production", output)
    if index in starved:
        return Problem(
            f"firm '{variable.user}' has no finite marginal product of '{variable.good}' at the only "
            "quantity that is there",
            place,
            "supply some of it",
        )
    return Problem(
        f"firm '{variable.user}' would use next to nothing of '{variable.good}', and its marginal product "
        "grows without end there: where it stops could not be found",
        place,
        "write the function with a finite slope at 0, or leave the firm out",
    )


def _increasing(programme: Programme, better: Better) -> Problem:
    spec = programme.spec
    if better.place[0] == "firms":
        return Problem(
            f"increasing returns: at the prices of the optimum firm '{better.agent}' would gain "
            f"{better.gain:.6g} {better.plan}, so no price-taking firm stays there",
            spec.place(*better.place),
            "a competitive equilibrium needs production functions that are concave",
        )
    return Problem(
        f"the price curve of '{better.agent}' bends the wrong way: {better.plan} would be better off",
        spec.place(*better.place),
        "a demand price falls with q, a supply price rises",
    )


def _unbounded(programme: Programme, point: Point) -> list[Problem]:
    far = [programme.variables[i] for i in point.far]
    bought = sorted({v.good for v in far if v.kind == "purchase"})
    names = bought or sorted({v.good for v in far})
    problems = []
    for good in names:
        section = "supply" if good in bought else "demand" if good in programme.spec.demand else "goods"
        place = programme.spec.place(section, good) if section != "goods" else programme.spec.place()
        problems.append(
            Problem(
                f"total value has no limit: every further unit of '{good}' adds to it",
                place,
                "give the supply or the demand a quantity, or a price that moves with q",
            )
        )
    return problems


def _short(programme: Programme, nlp: Nlp, start: Sequence[float]) -> list[Problem]:
    """What is missing: of deliveries, or else of anything."""
    problems: list[Problem] = []
    elastic = [isinstance(c, Balance) and c.delivered is not None for c in programme.constraints]
    shortfalls = nlp.shortfalls(start, elastic) if any(elastic) else None
    for kinds in ((Balance,), (Balance, Argument)):
        if shortfalls is None:
            shortfalls = nlp.shortfalls(start, [isinstance(c, kinds) for c in programme.constraints])
    if shortfalls is None:
        return problems
    with digits(PROOF_DIGITS):
        least = _LEAST_SHORT if shortfalls.certain else _SHORT
        for balance, short in zip(programme.balances, shortfalls.amounts, strict=False):
            delivered = balance.delivered
            needed = "" if delivered is None else f" of the {delivered} to be delivered"
            if short > least * (1.0 if delivered is None else abs(constant(delivered))):
                message = f"the market cannot clear: of '{balance.good}' {short:.6g}{needed} are missing"
                problems.append(
                    Problem(message, _place_of(programme, balance.good), "supply more, or deliver less")
                )
    return problems


def _place_of(programme: Programme, good: str) -> Place:
    spec = programme.spec
    section = next((s for s in ("demand", "supply", "goods") if good in getattr(spec, s)), None)
    return spec.place() if section is None else spec.place(section, good)


def _undefined(programme: Programme, starts: Sequence[Sequence[float]]) -> list[Problem]:
    problems = []
    for production in programme.productions:
        if all(np.isnan(run(production.piece, start)) for start in starts):
            text = programme.spec.firms[production.firm].production[production.output]
            problems.append(
                Problem(
                    f"'{text}' has no value at any quantities that were tried (production of "
                    f"'{production.output}' by firm '{production.firm}')",
                    programme.spec.place("firms", production.firm, "production", production.output),
                )
            )
    return problems
