"""Side by side: chainprice, and what its users would write by hand, on the same generated specs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import table
from contestants import PACKAGES
from measure import Outcome, Run
from table import Section
from workshop import HERE, Workshop, installed, say


@dataclass(frozen=True, slots=True)
class Contestant:
    """Someone who prices a spec: `script NAME SPEC PRICES`; needs a package."""

    name: str
    package: str
    script: str = str(HERE / "contestants.py")


CONTESTANTS = tuple(Contestant(name, package) for name, package in PACKAGES.items())

PLACES = {"chain": "chain of {:,}", "roots": "chain of {:,} square roots", "wide": "{:,} side by side"}

TEXT = (
    "Every price of one spec, in a process of its own, start and imports included; beside the time, how "
    "many times chainprice's (second run) it is. The first run has to find out, with sympy, the "
    "derivatives of functional shapes that do not come with chainprice."
)


def section(shop: Workshop, cases: Sequence[tuple[str, int]], contestants: Sequence[Contestant]) -> Section:
    """All cases, smaller ones first: who is too slow for one is not asked about larger ones of its kind."""
    slow: dict[tuple[str, str], Run] = {}
    rows = []
    for kind, count in cases:
        rows.append(_row(shop, kind, count, contestants, slow))
        say("  " + ", ".join(rows[-1]))
    names = [contestant.name for contestant in contestants]
    return Section(TEXT, ["firms", "chainprice, first run", "second run", *names, "furthest apart"], rows)


def _row(
    shop: Workshop,
    kind: str,
    count: int,
    contestants: Sequence[Contestant],
    slow: dict[tuple[str, str], Run],
) -> list[str]:
    place = PLACES[kind].format(count)
    say(f"side by side: {place}")
    spec = shop.spec(kind, count)
    goods = shop.table(spec)
    runs = {c.name: _known(c, slow.get((kind, c.name))) for c in contestants}
    asked = [c for c in contestants if runs[c.name] is None]
    prices = {c.name: shop.folder / f"{c.name}-{spec.name}" for c in asked}
    cold, warm, *others = shop.race(
        shop.own("solve", spec, "-f", "csv", cache="contest", first=True),
        shop.own("solve", spec, "-f", "csv", output=goods, cache="contest"),
        *(shop.python(c.script, c.name, spec, prices[c.name]) for c in asked),
    )
    runs |= dict(zip(prices, others, strict=True))
    shop.failed(f"chainprice on a {place}", warm)
    worst, cells = 0.0, []
    for name, run in runs.items():
        assert run is not None  # noqa: S101
        cell = table.outcome(run)
        if run.outcome in (Outcome.SLOW, Outcome.LARGE):
            slow[kind, name] = run
        if run.done and warm.done:
            apart, lost = shop.agree(f"{name} on a {place}", goods, prices[name])
            worst = max(worst, apart)
            cell += f" ({table.ratio(run, warm)})" + (", underflow" if lost else "")
        shop.failed(f"{name} on a {place}", run)
        cells.append(cell)
    compared = any(run is not None and run.done for run in runs.values()) and warm.done
    return [
        place,
        table.outcome(cold),
        table.outcome(warm),
        *cells,
        f"{worst:.0e}" if compared else "–",
    ]


def _known(contestant: Contestant, slow: Run | None) -> Run | None:
    """How it went if that is known without a run."""
    return slow if installed(contestant.package) else Run(Outcome.MISSING)
