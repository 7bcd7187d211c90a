"""What `simulate` prints: the path as a table with small pictures, and all of it as CSV."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from chainprice.report.table import Column, Table, csv_text
from chainprice.report.terminal import terminal_text

if TYPE_CHECKING:
    from chainprice.dynamics import Simulation

_BLOCKS = "▁▂▃▄▅▆▇█"

_CELLS = 24

_DIGITS = 6

_BY_AVERAGES = ("cycles", "fluctuates")
"""Endings of which the averages say more than the last prices."""


def simulation_text(simulation: Simulation, width: int | None) -> str:
    """The outcome, and every good's path, for people."""
    parts: list[Table | str] = [simulation.title or simulation.path, *_summary(simulation), ""]
    return terminal_text([*parts, path_table(simulation)], _DIGITS, width=width)


def _summary(simulation: Simulation) -> list[str]:
    """How it ended, how agents moved, and what happened on the way."""
    track = simulation.track
    depth = "" if simulation.liquidity == 1 else f" {simulation.liquidity:g} times as deep as balanced ones"
    step = f"step {simulation.step_size:.3g} (safe up to {simulation.safe_step:.3g})"
    noise = f", noise {simulation.noise:g} (seed {simulation.seed})" if simulation.noise else ""
    lines = [
        f"{simulation.outcome}: {simulation.reason}",
        f"{simulation.maker} market makers{depth}, {step}, foresight {simulation.foresight:g}{noise}",
    ]
    lines += [f"shock at step {era.step:,}: {era.change}" for era in simulation.eras[1:]]
    known = [distance for distance in track.distances if not math.isnan(distance)]
    if known:
        logs = [math.log10(max(distance, 1e-16)) for distance in known]
        ends = f"{known[0]:.1e} at the start, {known[-1]:.1e} at step {simulation.steps:,}"
        lines.append(f"distance to equilibrium {sparkline(logs)} {ends}")
    if simulation.outcome in _BY_AVERAGES and simulation.averages_distance is not None:
        lines.append(f"the averages are within {simulation.averages_distance:.1e} of equilibrium")
    return lines


def path_table(simulation: Simulation) -> Table:
    """Every good: its price on the way and at the end, and where equilibrium is."""
    money = f" [{simulation.money}]" if simulation.money else ""
    has_averages = simulation.outcome in _BY_AVERAGES
    columns = (
        Column("good", "good", "name"),
        Column("price on the way", "path", "text"),
        Column(f"price{money}", "price", "number"),
        *((Column("average", "average", "number"),) if has_averages else ()),
        Column("equilibrium", "equilibrium", "number"),
        Column("quantity", "quantity", "number"),
        Column("excess demand", "excess_demand", "number"),
    )
    equilibrium = simulation.eras[-1].prices or {}
    track = simulation.track
    rows = []
    for place, good in enumerate(simulation.units):
        prices = track.prices[:, place].tolist()
        average = (simulation.averages[good],) if has_averages else ()
        quantity, excess = float(track.quantities[-1, place]), float(track.excess[-1, place])
        is_none = abs(excess) <= _CLEARED * abs(quantity)
        cells = (prices[-1], *average, equilibrium.get(good), quantity, 0.0 if is_none else excess)
        rows.append((good, sparkline(prices), *cells))
    return Table(simulation.title or simulation.path, columns, tuple(rows))


_CLEARED = 1e-6
"""Excess demand below this part of what there is, is none in a table for people."""


def sparkline(values: Sequence[float], cells: int = _CELLS) -> str:
    """Numbers as a line of blocks, from the least (lowest) to the greatest."""
    chosen = [values[place * (len(values) - 1) // max(cells - 1, 1)] for place in range(cells)]
    low, high = min(values), max(values)
    if not math.isfinite(high - low) or high - low <= _FLAT * abs(high):
        return _BLOCKS[0] * cells
    heights = (int((value - low) / (high - low) * (len(_BLOCKS) - 1) + 0.5) for value in chosen)
    return "".join(_BLOCKS[height] for height in heights)


_FLAT = 1e-12


def simulation_csv(simulation: Simulation) -> str:
    """Every record: a line for each step and good, with all digits."""
    columns = (
        Column("step", "step", "number"),
        Column("good", "good", "name"),
        Column("price", "price", "number"),
        Column("quantity", "quantity", "number"),
        Column("excess demand", "excess_demand", "number"),
        Column("equilibrium", "equilibrium_price", "number"),
    )
    track, rows = simulation.track, []
    for record, step in enumerate(track.steps):
        era = [era for era in simulation.eras if era.step <= step][-1]
        sides = (track.prices[record], track.quantities[record], track.excess[record])
        for good, *numbers in zip(simulation.units, *(side.tolist() for side in sides), strict=True):
            rows.append((step, good, *numbers, (era.prices or {}).get(good)))
    return csv_text(Table("", columns, tuple(rows)))
