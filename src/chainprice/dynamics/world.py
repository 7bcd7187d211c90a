"""A spec as a world to live in: its agents, the units that they reckon in, and where equilibrium would be.

The equilibrium is for the onlooker: it measures the distance, and it sets the units. No agent sees it.

    sizes    a unit of each variable: what it comes to in equilibrium, or what would matter beside that
    widths   how large the terms of each constraint are, in units of its good
    value    a unit of money: the most that any constraint's terms are worth
    levels   a unit of each multiplier: what it is in equilibrium, or a part of value by width
    scales   what a difference of each good's price is compared with: the price, or what would matter
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from chainprice import network, technology
from chainprice.dynamics.agents import Agents
from chainprice.equilibrium.programme import Programme, build
from chainprice.equilibrium.start import constant, run, starting_points
from chainprice.errors import NoAnswerError
from chainprice.solution import Solution
from chainprice.solver import solve
from chainprice.spec import DEMAND, Spec

_SIDE = 0.05
"""The unit of a use is at least this part of the largest of its good: beside that it may be nothing."""

_FAR = 10.0
"""So many times its unit a use may come to on the way, and no harm is done."""

_LAYERS = 10
"""Firms after one another through which a unit is followed."""

_LEVEL = 1e-3
"""A price of 0 is compared with that at which the good would be this part of all value."""

_NOISE = 1e-15
"""A multiplier that is no larger part of all value is 0."""

NOTHING = 1e-12
"""Quantities are kept above this part of their unit: slopes like that of a root end at 0."""


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """Agents and their units.

    `start` are the quantities of a market that nobody has moved yet, `lower` and `upper` their bounds;
    `point` and `multipliers` are the equilibrium. `low` and `high` hold each good's price there; without an
    equilibrium they are None, and `reason` says why there is none. `note` says which one it is, where that
    is not the spec's own table.
    """

    spec: Spec
    agents: Agents
    solution: Solution | None
    reason: str
    note: str
    sizes: np.ndarray
    levels: np.ndarray
    value: float
    start: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    low: np.ndarray | None
    high: np.ndarray | None
    scales: np.ndarray
    point: np.ndarray
    multipliers: np.ndarray

    def distances(self, prices: np.ndarray) -> np.ndarray | None:
        """How far each price is from equilibrium, relatively; a price that is not unique has an interval."""
        if self.low is None or self.high is None:
            return None
        off: np.ndarray = np.maximum(np.maximum(self.low - prices, prices - self.high), 0.0) / self.scales
        return off


def world(spec: Spec) -> World:
    """The world of a spec; raises what reading and building raise, but not for want of an equilibrium."""
    graph = network.build(spec)
    programme = build(spec, graph, technology.build(spec, graph))
    agents = Agents(programme)
    start = np.array(next(starting_points(programme)))
    solution, reason, note = _equilibrium(spec)
    is_given = solution is not None and solution.allocation == "given"
    point = start if solution is None else _point(programme, solution)
    sizes = _sizes(agents, point)
    kinds = [variable.kind for variable in programme.variables]
    is_open = (point < 0) & np.array([kind == "bend" for kind in kinds], dtype=bool)
    if is_given:  # the demands take what arrives, be it negative
        is_open |= np.array([kind == "sale" for kind in kinds], dtype=bool)
    lower = np.where(is_open, -np.inf, NOTHING * sizes)
    inside = np.where(is_open, point, np.maximum(point, NOTHING * sizes))
    widths = _widths(agents, inside, sizes)
    multipliers = _multipliers(programme, solution, widths)
    value = float(np.max(np.abs(multipliers) * widths, initial=0.0)) or 1.0
    held = np.abs(multipliers)
    levels = np.where(held * widths > _NOISE * value, held, _LEVEL * value / widths)
    low, high = _bounds(agents, solution)
    return World(
        spec=spec,
        agents=agents,
        solution=solution,
        reason=reason,
        note=note,
        sizes=sizes,
        levels=levels,
        value=value,
        start=np.maximum(start, lower),
        lower=lower,
        upper=np.array([np.inf if v.upper is None else constant(v.upper) for v in programme.variables]),
        low=low,
        high=high,
        scales=_scales(agents, solution, value),
        point=inside,
        multipliers=multipliers,
    )


def _equilibrium(spec: Spec) -> tuple[Solution | None, str, str]:
    """The spec's own solution if no agent would leave it, or else the competitive one; why none, a note."""
    note = ""
    try:
        solution = solve(replace(spec, numeraire=None))
        if solution.allocation == "given" and not _is_equilibrium(solution, spec):
            note = "what the spec gives is no equilibrium, so this is the competitive one"
            solution = solve(replace(spec, numeraire=None, allocation="competitive"))
    except NoAnswerError as error:
        return None, error.reason, note
    return solution, "", note


def _is_equilibrium(solution: Solution, spec: Spec) -> bool:
    codes = {warning.code for warning in solution.warnings}
    return codes.isdisjoint({"negative-price", "unprofitable-supply"}) and not any(
        trade.quantity is not None for trade in spec.demand.values()
    )


def _point(programme: Programme, solution: Solution) -> np.ndarray:
    """The equilibrium's variables."""
    used = {
        (row.good, "" if use.kind == DEMAND else use.user): float(use.quantity)
        for row in solution.goods
        for use in row.uses
    }
    made: dict[str, float] = {}
    for firm in solution.firms:
        for output in firm.outputs:
            made[output.good] = made.get(output.good, 0.0) + float(output.quantity)
    x = [0.0] * len(programme.variables)
    for index, variable in enumerate(programme.variables):
        if variable.kind == "purchase":
            x[index] = float(solution.quantities[variable.good]) - made.get(variable.good, 0.0)
        elif variable.kind != "bend":
            x[index] = used.get((variable.good, variable.user), 0.0)
    return with_bends(programme, np.array(x))


def with_bends(programme: Programme, x: np.ndarray) -> np.ndarray:
    """The point with every bend at the least (the greatest) of its arguments."""
    values: dict[int, list[float]] = {}
    point = x.tolist()
    for argument in programme.arguments:
        of_bend = values.setdefault(argument.bend, [])
        of_bend.append(run(argument.piece, point))
        point[argument.bend] = min(of_bend) if argument.side > 0 else max(of_bend)
    found: np.ndarray = np.nan_to_num(np.array(point))
    return found


def _sizes(agents: Agents, point: np.ndarray) -> np.ndarray:
    """The unit of each variable: what it comes to, or a part of what the largest of its good does.

    Where nothing of the good is there, what would balance the units that its users and makers have.
    """
    sizes = np.abs(point)
    of_good: dict[str, list[int]] = {}
    for index, variable in enumerate(agents.programme.variables):
        of_good.setdefault(variable.good, []).append(index)
    for indices in of_good.values():
        sizes[indices] = np.maximum(sizes[indices], _SIDE * sizes[indices].max())
    rows, columns, entries = agents.slopes(np.maximum(point, NOTHING))
    entries = np.abs(entries)
    while (lacking := sizes == 0).any():
        widths = np.zeros(agents.shape[0])
        np.maximum.at(widths, rows, entries * sizes[columns])
        is_wanted = lacking[columns] & (entries > 0)
        fitting = np.zeros(len(sizes))
        wanted = widths[rows[is_wanted]] / entries[is_wanted]
        np.maximum.at(fitting, columns[is_wanted], wanted)
        sizes = np.where(lacking, fitting if fitting.any() else 1.0, sizes)
    return _grown(agents, np.abs(point), sizes)


def _grown(agents: Agents, point: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Units that are no smaller than a use's share of what all makers make of their own units.

    A firm that all but closes has a unit far above what it uses: on the way it may use that much, and who
    buys from it then has far more than in equilibrium.
    """
    place = {good: index for index, good in enumerate(agents.goods)}
    variables = agents.programme.variables
    of_good = np.array([place[variable.good] for variable in variables])
    kinds = np.array([variable.kind for variable in variables])
    is_use = np.isin(kinds, ["use", "sale"])
    totals = np.bincount(of_good, np.where(is_use, point, 0.0), minlength=len(place))[of_good]
    shares = np.maximum(np.divide(point, totals, out=np.ones_like(point), where=totals > 0), _SIDE)
    for _ in range(_LAYERS):
        bent, amounts = agents.made_of(sizes)
        most = np.where(
            is_use, shares * np.abs(amounts[of_good]), np.where(kinds == "bend", np.abs(bent), 0.0)
        )
        is_far = np.isfinite(most) & (most > _FAR * sizes)
        sizes = np.where(is_far, most, sizes)
    return sizes


def _widths(agents: Agents, x: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """How large the terms of each constraint are."""
    rows, columns, entries = agents.slopes(x)
    widths = np.zeros(agents.shape[0])
    np.maximum.at(widths, rows, np.abs(entries) * sizes[columns])
    usual: np.ndarray = np.where(np.isfinite(widths) & (widths > 0), widths, 1.0)
    return usual


def _multipliers(programme: Programme, solution: Solution | None, widths: np.ndarray) -> np.ndarray:
    """What each constraint is worth at equilibrium, as far as the table tells; else of one total value."""
    if solution is None:
        return np.concatenate([np.full(len(widths), 1.0) / widths])
    prices = {good: float(price) for good, price in solution.prices.items()}
    worth = {
        (row.good, "" if use.kind == DEMAND else use.user): float(use.marginal_value)
        for row in solution.goods
        for use in row.uses
    }
    found = []
    for balance in programme.balances:
        is_shared = balance.use is None
        found.append(prices[balance.good] if is_shared else worth.get(balance.use.key, 0.0))  # type: ignore[union-attr]
    found += [prices[argument.output] for argument in programme.arguments]
    return np.array(found)


def _bounds(agents: Agents, solution: Solution | None) -> tuple[np.ndarray | None, np.ndarray | None]:
    """The lowest and the highest equilibrium price of each good."""
    if solution is None:
        return None, None
    ranges = {row.good: row.price_range or (row.price, row.price) for row in solution.goods}
    low = [min(float(ranges[good][0]), float(solution.prices[good])) for good in agents.goods]
    high = [np.inf if (top := ranges[good][1]) is None else float(top) for good in agents.goods]
    return np.array(low), np.maximum(np.array(high), np.array(low))


def _scales(agents: Agents, solution: Solution | None, value: float) -> np.ndarray:
    """What a difference of each price is compared with: the price, or one at which the good would matter."""
    if solution is None:
        return np.ones(len(agents.goods))
    prices = np.array([abs(float(solution.prices[good])) for good in agents.goods])
    quantities = np.array([abs(float(solution.quantities[good])) for good in agents.goods])
    least = _LEVEL * value / np.where(quantities > 0, quantities, 1.0)
    scales: np.ndarray = np.where(prices > 0, prices, least)
    return scales


def carried(
    before: World, after: World, x: np.ndarray, multipliers: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Quantities and multipliers of one world in another: what is new there begins cold."""
    quantities = dict(zip(_variable_names(before), x.tolist(), strict=True))
    held = dict(zip(_constraint_names(before), multipliers.tolist(), strict=True))
    start = after.start.tolist()
    moved = [quantities.get(name, cold) for name, cold in zip(_variable_names(after), start, strict=True)]
    kept = [held.get(name, 0.0) for name in _constraint_names(after)]
    return np.clip(np.array(moved), after.lower, after.upper), np.array(kept)


def _variable_names(place: World) -> list[tuple[str, ...]]:
    """What each variable is, whatever its limit; the bends of one output by their order."""
    names: list[tuple[str, ...]] = []
    seen: Counter[tuple[str, ...]] = Counter()
    for variable in place.agents.programme.variables:
        name = (variable.kind, variable.good, variable.user)
        names.append((*name, str(seen[name])))
        seen[name] += 1
    return names


def _constraint_names(place: World) -> list[tuple[str, ...]]:
    programme = place.agents.programme
    balances = [(b.good, *(b.use.key if b.use else ())) for b in programme.balances]
    return [*balances, *((a.firm, a.output, str(a.step), str(a.position)) for a in programme.arguments)]
