"""What chainprice promises about its speed, each beside what it is measured against, in one run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

import measure
import table
from measure import Run
from table import Section
from workshop import HERE, Workshop, installed, say

TUPPERWARE = HERE.parent / "specs" / "tupperware.yaml"
"""Three firms with functions that many have: chainprice comes with their derivatives."""

UNUSUAL = HERE / "unusual.yaml"
"""Three firms with functions that nobody else has: sympy has to find the derivatives."""

READ_YAML = "import sys, yaml; yaml.load(open(sys.argv[1], encoding='utf-8'), Loader=yaml.CSafeLoader)"

STEPS = 10_000
"""Steps of a simulation."""

_SIMULATED = 1_000
"""Firms up to which a market is simulated."""

_SWEPT = 10
"""Firms of a chain that is solved at many points."""

TEXT = "What is promised, and beside what. A goal is for the size that it names; other sizes have none."


@dataclass(frozen=True, slots=True)
class Sizes:
    """Numbers of firms."""

    given: int = 100_000
    most: int = 1_000_000
    passes: int = 100_000
    verify: int = 100_000
    markets: tuple[int, ...] = (1_000, 10_000)
    points: int = 100_000


@dataclass(frozen=True, slots=True)
class Goal:
    """At most so many times the other's time, seconds, bytes."""

    ratio: float | None = None
    seconds: float | None = None
    memory: float | None = None

    def __str__(self) -> str:
        parts = [
            None if self.ratio is None else f"{self.ratio:g}×",
            None if self.seconds is None else f"{self.seconds:g} s",
            None if self.memory is None else f"{self.memory / 1e9:g} GB",
        ]
        return ", ".join(part for part in parts if part) or "solves"

    def kept(self, own: Run, other: Run | None) -> bool:
        """Whether a run meets it."""
        if not own.done:
            return False
        return (
            (self.ratio is None or (other is not None and own.seconds <= self.ratio * other.at_least))
            and (self.seconds is None or own.seconds <= self.seconds)
            and (self.memory is None or own.memory <= self.memory)
        )


def row(what: str, own: Run, other: Run | None, goal: Goal | None) -> list[str]:
    """One promise as a line of the table."""
    kept = "–" if goal is None else "yes" if goal.kept(own, other) else "no"
    return [
        what,
        table.outcome(own),
        table.memory(own.memory) if own.memory else "",
        table.outcome(other) if other else "",
        table.ratio(own, other) if other else "",
        str(goal) if goal else "–",
        kept,
    ]


def section(shop: Workshop, sizes: Sizes) -> Section:
    """All promises."""
    lines = []
    for line in _lines(shop, sizes):
        say("  " + ", ".join(filter(None, line)))
        lines.append(line)
    return Section(TEXT, ["what, beside what", "time", "memory", "beside", "ratio", "goal", "kept"], lines)


def _lines(shop: Workshop, sizes: Sizes) -> Iterator[list[str]]:
    yield from _start(shop)
    yield from _three_firms(shop)
    yield from _given(shop, sizes.given)
    if sizes.most != sizes.given:
        yield from _most(shop, sizes.most)
    yield from _passes(shop, sizes.passes)
    yield from _verify(shop, sizes.verify)
    for count in sizes.markets:
        yield from _market(shop, count)
    yield from _sweep(shop, sizes.points)


def _at(count: int, size: int, goal: Goal) -> Goal | None:
    return goal if count == size else None


def _start(shop: Workshop) -> Iterator[list[str]]:
    say("promises: start")
    empty = shop.script("empty_app.py")
    for option, beside in (("--version", ()), ("--help", ("--help",))):
        own, other = shop.race(shop.own(option), replace(empty, command=[*empty.command, *beside]))
        shop.failed(f"chainprice {option}", own)
        shop.failed("the empty application", other)
        yield row(f"{option}, beside an empty typer application", own, other, Goal(ratio=1.5))


def _three_firms(shop: Workshop) -> Iterator[list[str]]:
    say("promises: three firms")
    known, unknown, again, algebra = shop.race(
        shop.own("solve", TUPPERWARE, cache="first", first=True),
        shop.own("solve", UNUSUAL, cache="first", first=True),
        shop.own("solve", UNUSUAL, "-f", "json"),
        shop.python("-c", "import sympy"),
    )
    for run in (known, unknown, again, algebra):
        shop.failed("solve of three firms", run)
    beside = "beside `import sympy`"
    yield row(f"three firms, common shapes, first run, {beside}", known, algebra, Goal(ratio=1.25))
    yield row(f"three firms, unknown shapes, first run, {beside}", unknown, algebra, Goal(ratio=1.25))
    yield row(f"three firms, unknown shapes, second run, {beside}", again, algebra, Goal(ratio=0.5))


def _given(shop: Workshop, count: int) -> Iterator[list[str]]:
    for kind, place in (("chain", f"chain of {count:,}"), ("wide", f"{count:,} side by side")):
        say(f"promises: {place}")
        spec = shop.spec(kind, count, ".yaml")
        own, reader = shop.race(
            shop.own("solve", spec, "-f", "csv", output=shop.table(spec)), shop.python("-c", READ_YAML, spec)
        )
        shop.failed(f"solve of {spec.name}", own)
        shop.failed("PyYAML", reader)
        goal = _at(count, 100_000, Goal(ratio=1.6))
        yield row(f"{place}, YAML to CSV, beside reading it with CSafeLoader", own, reader, goal)
        goal = _at(count, 100_000, Goal(seconds=2, memory=1e9))
        for form in ("csv", "json"):
            own = shop.solve(kind, count, form)
            yield row(f"{place}, JSON to {form.upper()}", own, None, goal)


def _most(shop: Workshop, count: int) -> Iterator[list[str]]:
    say(f"promises: {count:,} firms")
    own = shop.solve("chain", count)
    yield row(f"chain of {count:,}, JSON to CSV", own, None, _at(count, 1_000_000, Goal()))


def _passes(shop: Workshop, count: int) -> Iterator[list[str]]:
    say("promises: both passes")
    result = shop.folder / "passes.json"
    task = replace(shop.script("passes.py", shop.spec("chain", count), output=result), cap=shop.own().cap)
    (run,) = shop.race(task)
    what = f"chain of {count:,}, both passes, beside the forward pass alone"
    if shop.failed("passes.py", run) or not run.done:
        yield row(what, run, run, None)
        return
    found = json.loads(result.read_text(encoding="utf-8"))
    forward, both = (Run(run.outcome, found[name]) for name in ("forward", "both"))
    yield row(what, both, forward, _at(count, 100_000, Goal(ratio=4)))


def _verify(shop: Workshop, count: int) -> Iterator[list[str]]:
    say("promises: verify")
    spec = shop.spec("chain", count)
    own, solve = shop.race(
        shop.own("verify", spec, "-f", "json"), shop.own("solve", spec, "-f", "json", output=shop.table(spec))
    )
    shop.failed(f"verify of {spec.name}", own)
    shop.failed(f"solve of {spec.name}", solve)
    yield row(f"chain of {count:,}, verify, beside solve", own, solve, _at(count, 100_000, Goal(ratio=3)))


def _market(shop: Workshop, count: int) -> Iterator[list[str]]:
    if not installed("casadi"):
        yield [f"market of {count:,}, beside CasADi by hand", *["not installed"] * 2, *["–"] * 4]
        return
    say(f"promises: market of {count:,}")
    spec, prices = shop.folder / f"market-{count}.json", shop.folder / f"market-{count}-prices.json"
    shop.failed("markets.py", measure.run(shop.script("markets.py", "spec", count, spec)))
    goods = shop.table(spec, "json")
    by_hand = replace(shop.script("markets.py", "prices", count, prices), cap=shop.own().cap)
    own, other = shop.race(shop.own("solve", spec, "-f", "json", output=goods), by_hand)
    shop.failed(f"solve of a market of {count:,}", own)
    shop.failed(f"CasADi on a market of {count:,}", other)
    if own.done and other.done:
        shop.agree(f"CasADi on a market of {count:,}", goods, prices)
    goals = {1_000: Goal(ratio=1.5), 10_000: Goal(seconds=30, memory=2e9)}
    yield row(f"market of {count:,}, beside CasADi by hand", own, other, goals.get(count))
    if count <= _SIMULATED:
        arguments = ("--steps", STEPS, "--tolerance", "1e-13", "-f", "table")
        (steps,) = shop.race(shop.own("simulate", spec, *arguments))
        shop.failed(f"simulate of a market of {count:,}", steps)
        yield row(f"market of {count:,}, {STEPS:,} steps", steps, None, _at(count, 1_000, Goal(seconds=5)))


def _sweep(shop: Workshop, points: int) -> Iterator[list[str]]:
    say(f"promises: {points:,} points")
    spec = shop.spec("chain", _SWEPT)
    varied = f"supply.g0.quantity=1:2:{points}"
    (own,) = shop.race(shop.own("sweep", spec, "--vary", varied, output=shop.table(spec)))
    shop.failed(f"sweep of {spec.name}", own)
    yield row(f"chain of {_SWEPT} at {points:,} points", own, None, _at(points, 100_000, Goal(seconds=3)))
