"""What `simulate` prints: the path as a table with small pictures, and all of it as CSV."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len

from chainprice.dynamics.result import known
from chainprice.report.plain import plain_lines
from chainprice.report.table import Column, Table, csv_text
from chainprice.report.terminal import terminal_text

if TYPE_CHECKING:
    from chainprice.dynamics import Simulation

_BLOCKS = "▁▂▃▄▅▆▇█"

_CELLS, _FEWEST = 24, 8
"""Blocks of a sparkline, and the fewest that say anything."""

_DIGITS = 6

_CLEARED = 1e-6
"""Excess demand below this part of what there is, is none in a table for people."""

_FLAT = 1e-12
"""Numbers that differ by less, relatively, are a flat line."""

_BY_AVERAGES = ("cycles", "fluctuates")
"""Endings of which the averages say more than the last prices."""


def simulation_text(simulation: Simulation, width: int | None) -> str:
    """The outcome, and every good's path, for people."""
    parts: list[Table | str] = [simulation.title or simulation.path, *_summary(simulation), ""]
    return terminal_text([*parts, _fitting(simulation, width)], _DIGITS, width=width)


def _fitting(simulation: Simulation, width: int | None) -> Table:
    """The table with sparklines as long as a terminal has room for."""
    table = path_table(simulation, _CELLS)
    over = 0 if width is None else cell_len(list(plain_lines(table, _DIGITS))[1]) - width
    return table if over <= 0 else path_table(simulation, max(_CELLS - over, _FEWEST))


def _summary(simulation: Simulation) -> list[str]:
    """How it ended, how agents moved, and what happened on the way."""
    depth = "" if simulation.liquidity == 1 else f" {simulation.liquidity:g} times as deep as balanced ones"
    step = f"step {simulation.step_size:.3g} (safe up to {simulation.safe_step:.3g})"
    noise = f", noise {simulation.noise:g} (seed {simulation.seed})" if simulation.noise else ""
    lines = [
        f"{simulation.outcome}: {simulation.reason}",
        f"{simulation.maker} market makers{depth}, {step}, foresight {simulation.foresight:g}{noise}",
    ]
    lines += [f"shock at step {era.step:,}: {era.change}" for era in simulation.eras[1:]]
    measured = [distance for distance in simulation.distances if distance is not None]
    if simulation.distance is not None and measured:
        logs = [math.log10(max(distance, 1e-16)) for distance in measured]
        ends = f"{measured[0]:.1e} at first, {simulation.distance:.1e} at step {simulation.steps:,}"
        lines.append(f"distance to equilibrium {sparkline(logs)} {ends}")
    if simulation.outcome in _BY_AVERAGES and simulation.averages_distance is not None:
        lines.append(f"the averages are within {simulation.averages_distance:.1e} of equilibrium")
    return lines


def path_table(simulation: Simulation, cells: int = _CELLS) -> Table:
    """Every good: its price on the way and at the end, and where equilibrium is."""
    money = f" [{simulation.money}]" if simulation.money else ""
    has_averages = simulation.outcome in _BY_AVERAGES
    columns = (
        Column("good", "good", "name"),
        Column("on the way", "path", "text"),
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
        (quantity,), (excess,) = (
            known(side[-1:, place].tolist()) for side in (track.quantities, track.excess)
        )
        is_none = quantity is not None and excess is not None and abs(excess) <= _CLEARED * abs(quantity)
        numbers = (prices[-1], *average, equilibrium.get(good), quantity, 0.0 if is_none else excess)
        rows.append((good, sparkline(prices, cells), *numbers))
    return Table(simulation.title or simulation.path, columns, tuple(rows))


def sparkline(values: Sequence[float], cells: int = _CELLS) -> str:
    """Numbers as a line of blocks, from the least (lowest) to the greatest."""
    chosen = [values[place * (len(values) - 1) // max(cells - 1, 1)] for place in range(cells)]
    low, high = min(values), max(values)
    if not math.isfinite(high - low) or high - low <= _FLAT * abs(high):
        return _BLOCKS[0] * cells
    heights = (int((value - low) / (high - low) * (len(_BLOCKS) - 1) + 0.5) for value in chosen)
    return "".join(_BLOCKS[height] for height in heights)


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
        for good, *numbers in zip(simulation.units, *(known(side.tolist()) for side in sides), strict=True):
            rows.append((step, good, *numbers, (era.prices or {}).get(good)))
    return csv_text(Table("", columns, tuple(rows)))
