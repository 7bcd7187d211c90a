"""What all benchmarks share: a folder with generated specs, a cache of shapes, and the commands."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path

import generators
import measure
from measure import Outcome, Run, Task

HERE = Path(__file__).parent

AGREE = 1e-9
"""The relative difference up to which two prices agree."""

PATIENCE = 5
"""How many times a contestant's time chainprice gets before it is stopped, so as to know by how much."""

WARM_UP = 20.0
"""Seconds after which a warm-up has done its work: byte code is kept as modules are imported."""


@dataclass
class Workshop:
    """Where a run of the benchmarks works, and what went wrong in it.

    A contestant has `cap` seconds, and short runs are run so many `times` at most. Everybody finds the
    byte code of all modules, as after an installation, whatever this machine does with byte code.
    """

    folder: Path
    cap: float = 60.0
    times: int = 5
    problems: list[str] = field(default_factory=list)
    solved: dict[tuple[str, int, str], Run] = field(default_factory=dict)

    def spec(self, kind: str, count: int, suffix: str = ".json") -> Path:
        """A generated spec."""
        path = self.folder / f"{kind}-{count}{suffix}"
        return path if path.exists() else generators.write(generators.KINDS[kind](count), path)

    def own(
        self, *arguments: object, output: Path | None = None, cache: str = "cache", first: bool = False
    ) -> Task:
        """chainprice with a cache of what it knows about shapes; `first` empties it before every run."""
        folder = self.folder / cache
        return Task(
            [sys.executable, "-m", "chainprice", *map(str, arguments)],
            {**self._byte_code(), "CHAINPRICE_CACHE": str(folder), "NO_COLOR": "1"},
            output,
            PATIENCE * self.cap,
            (lambda: shutil.rmtree(folder, ignore_errors=True)) if first else None,
        )

    def python(self, *arguments: object, output: Path | None = None) -> Task:
        """Python with a script or a line of code."""
        return Task([sys.executable, *map(str, arguments)], self._byte_code(), output, self.cap)

    def _byte_code(self) -> dict[str, str]:
        """Environment variables that let Python keep byte code (one that is empty counts as not set)."""
        kept = os.environ.get("PYTHONPYCACHEPREFIX") or str(self.folder / "byte-code")
        return {"PYTHONPYCACHEPREFIX": kept, "PYTHONDONTWRITEBYTECODE": ""}

    def script(self, name: str, *arguments: object, output: Path | None = None) -> Task:
        """One of the scripts beside this file."""
        return self.python(HERE / name, *arguments, output=output)

    def table(self, path: Path, form: str = "csv") -> Path:
        """Where the price table of a spec goes."""
        return path.with_name(f"{path.stem}{path.suffix.replace('.', '-')}-table.{form}")

    def race(self, *tasks: Task) -> list[Run]:
        """The fastest run of each, after one off the clock, for byte code and chainprice's own cache."""
        for task in tasks:
            measure.run(replace(task, cap=min(task.cap, WARM_UP)))
        return measure.race(tasks, self.times)

    def solve(self, kind: str, count: int, form: str = "csv") -> Run:
        """A generated spec in JSON, solved once for everybody who asks."""
        if (kind, count, form) not in self.solved:
            spec = self.spec(kind, count)
            (run,) = self.race(self.own("solve", spec, "-f", form, output=self.table(spec, form)))
            self.failed(f"solve of {spec.name}", run)
            self.solved[kind, count, form] = run
        return self.solved[kind, count, form]

    def failed(self, what: str, run: Run) -> bool:
        """Whether a run failed; it is then among the problems."""
        if run.outcome is Outcome.FAILED:
            self.problems.append(f"{what} failed: {run.error}")
        return run.outcome is Outcome.FAILED

    def agree(self, what: str, table: Path, prices: Path) -> tuple[float, int]:
        """The worst relative difference, and how many prices are lost to doubles.

        What is more than 1e-9, or has no price where a double could hold it, is a problem. Read in a
        process of its own, to keep this one small.
        """
        done = subprocess.run(
            [sys.executable, HERE / "agreement.py", table, prices], check=True, capture_output=True, text=True
        )
        found = json.loads(done.stdout)
        if not found["apart"] <= AGREE:
            self.problems.append(f"{what} disagrees by {found['apart']:.1e} on the price of {found['where']}")
        if found["lacking"] or not found["compared"]:
            self.problems.append(f"{what} has no price for {found['lacking']:,} goods")
        return found["apart"], found["lost"]


def installed(package: str) -> bool:
    """Whether a package is there, without importing it."""
    return find_spec(package) is not None


def say(text: str) -> None:
    """Progress, for people who wait."""
    print(text, file=sys.stderr, flush=True)
