"""Time and memory by the number of firms: both grow as the file does."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import table
from measure import Run
from table import Section
from workshop import Workshop, say

TEXT = (
    "A chain from JSON to a price table in CSV. The columns `more` have what each firm takes beyond those of "
    "the line above: growth is linear where they stay the same."
)


def section(shop: Workshop, sizes: Sequence[int]) -> Section:
    """Smaller sizes first; once one takes too long, larger ones are left out."""
    runs: list[tuple[int, Run]] = []
    for count in sizes:
        say(f"growth: {count:,} firms")
        run = shop.solve("chain", count)
        runs.append((count, run))
        say(f"  {table.outcome(run)}, {table.memory(run.memory)}")
        if not run.done:
            break
    return Section(TEXT, ["firms", "time", "more a firm", "memory", "more a firm"], rows(runs))


def rows(runs: Sequence[tuple[int, Run]]) -> list[list[str]]:
    """A line for each size."""
    lines = [[f"{count:,}", table.outcome(run), "", table.memory(run.memory), ""] for count, run in runs]
    for line, ((fewer, before), (count, run)) in zip(lines[1:], pairwise(runs), strict=True):
        if run.done:
            line[2] = f"{(run.seconds - before.seconds) / (count - fewer) * 1e6:.0f} µs"
            line[4] = f"{(run.memory - before.memory) / (count - fewer) / 1e3:.1f} kB"
    return lines
