"""Side by side, in one run: chainprice, and what its users would pick instead.

    python benchmarks                      the usual sizes: many minutes
    python benchmarks --small              30 firms, once: to see that all of it works
    python benchmarks 100 5000             these numbers of firms
    python benchmarks --write README.md    and put the tables there, between the markers

Everybody runs in a process of its own, start of Python and imports included, after a run off the clock
that leaves the byte code of all modules, as an installation does; of short runs the fastest of five
counts. Prints ratios from this one run, and ends with exit code 1 if anybody's prices are more
than 1e-9 from chainprice's, or anybody fails. Slow is not a failure: these are no tests.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import contest
import growth
import promises
import table
from contestants import PACKAGES
from promises import Sizes
from workshop import Workshop, installed

SMALL = 30

NOTE = (
    "Measured {date} in one run with Python {python} on {cores} ({packages}). Figures of one run on one "
    "machine: the ratios tell more than the seconds."
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What runs: kinds and sizes side by side, sizes of growth, sizes of promises."""

    contest: Sequence[tuple[str, int]]
    growth: Sequence[int]
    promises: Sizes


USUAL = Plan(
    contest=[
        *(("chain", count) for count in (100, 1_000, 10_000, 100_000)),
        ("roots", 10_000),
        *(("wide", count) for count in (1_000, 10_000)),
    ],
    growth=[10**power for power in range(1, 7)],
    promises=Sizes(),
)


def plan_of(sizes: Sequence[int]) -> Plan:
    """Everything with these numbers of firms; the usual ones where none is named."""
    if not sizes:
        return USUAL
    sizes = sorted(sizes)
    most = sizes[-1]
    return Plan(
        contest=[(kind, count) for kind in ("chain", "roots", "wide") for count in sizes],
        growth=sorted({10, *sizes}),
        promises=Sizes(most, most, most, most, tuple(sizes), most),
    )


def carry_out(plan: Plan, shop: Workshop) -> str:
    """Run all of it; returns the tables."""
    sections = [
        promises.section(shop, plan.promises),
        contest.section(shop, plan.contest, contest.CONTESTANTS),
        growth.section(shop, plan.growth),
    ]
    return "\n".join([note(), "", *(section.markdown() for section in sections)])


def note() -> str:
    """When, and with what."""
    cores = {1: "one core", 2: "two cores"}.get(os.cpu_count() or 0, f"{os.cpu_count()} cores")
    packages = ["PyYAML", *PACKAGES.values()]
    known = ", ".join(f"{name} {version(name)}" for name in packages if name == "PyYAML" or installed(name))
    date = datetime.now(UTC).date().isoformat()
    return NOTE.format(date=date, python=platform.python_version(), cores=cores, packages=known)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks", description="chainprice beside its rivals.")
    parser.add_argument("sizes", metavar="FIRMS", nargs="*", type=int, help="numbers of firms")
    parser.add_argument("--small", action="store_true", help=f"{SMALL} firms")
    parser.add_argument("--cap", type=float, default=60.0, help="seconds for each contestant (60)")
    parser.add_argument("--write", metavar="FILE", type=Path, help="put the tables into a file")
    asked = parser.parse_args(arguments)
    if asked.write:
        try:
            table.put(asked.write.read_text(encoding="utf-8"), "")
        except (OSError, ValueError) as error:
            parser.error(str(error))
    with tempfile.TemporaryDirectory(prefix="chainprice-benchmarks-") as folder:
        sizes = [SMALL] if asked.small else asked.sizes
        is_small = bool(sizes) and max(sizes) <= SMALL
        shop = Workshop(Path(folder), asked.cap, times=1 if is_small else 5)
        tables = carry_out(plan_of(sizes), shop)
    print(tables)
    missing = [c.name for c in contest.CONTESTANTS if not installed(c.package)]
    if missing:
        print(f"{', '.join(missing)} not installed: pip install -e '.[bench]'", file=sys.stderr)
    for problem in shop.problems:
        print(f"error: {problem}", file=sys.stderr)
    if shop.problems:
        return 1
    if asked.write:
        asked.write.write_text(table.put(asked.write.read_text(encoding="utf-8"), tables), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
