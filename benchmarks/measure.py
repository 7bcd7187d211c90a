"""Processes on the clock: seconds from start to end, and the most memory they held.

Needs a POSIX system (`os.wait4`). The measuring process itself has to stay small: a child begins with
its parent's peak memory on its record.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from time import perf_counter

SHORT = ((1.0, 5), (5.0, 3))
"""What takes fewer seconds is run so many times at most, and the fastest counts."""

MEMORY_CAP = 8e9
"""Bytes at which a process is stopped: nobody's machine should start to swap."""


class Outcome(Enum):
    """How a run ended."""

    DONE = "done"
    SLOW = "too slow"
    LARGE = "too large"
    FAILED = "failed"
    MISSING = "not installed"


@dataclass(frozen=True, slots=True)
class Task:
    """A command, with environment variables of its own, and the file that its output goes to.

    It is stopped after `cap` seconds. `prepare` is called before every run, off the clock.
    """

    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    output: Path | None = None
    cap: float = 60.0
    prepare: Callable[[], object] | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """What a task took: seconds, bytes at the peak; `error` is what went wrong."""

    outcome: Outcome
    seconds: float = 0.0
    memory: int = 0
    cap: float = 0.0
    error: str = ""

    @property
    def done(self) -> bool:
        """Whether it ended well."""
        return self.outcome is Outcome.DONE

    @property
    def at_least(self) -> float:
        """The seconds that it took, or after which it was stopped; 0 where neither is known."""
        return {Outcome.DONE: self.seconds, Outcome.SLOW: self.cap}.get(self.outcome, 0.0)


def run(task: Task) -> Run:
    """One run of a task."""
    if task.prepare is not None:
        task.prepare()
    with tempfile.TemporaryFile() as errors, (task.output or Path(os.devnull)).open("wb") as output:
        begin = perf_counter()
        process = subprocess.Popen(
            task.command, stdout=output, stderr=errors, env={**os.environ, **task.environment}
        )
        watch = _Watch(process.pid, task.cap)
        try:
            _, status, usage = os.wait4(process.pid, 0)
            seconds = perf_counter() - begin
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            watch.end()
        process.returncode = os.waitstatus_to_exitcode(status)
        memory = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        if watch.stopped is not None:
            cap = task.cap if watch.stopped is Outcome.SLOW else MEMORY_CAP
            return Run(watch.stopped, seconds, memory, cap)
        if process.returncode != 0:
            errors.seek(0)
            error = _last_word(errors.read().decode("utf-8", "replace")) or f"exit {process.returncode}"
            return Run(Outcome.FAILED, seconds, memory, error=error)
        return Run(Outcome.DONE, seconds, memory)


def _last_word(errors: str) -> str:
    """The last line that is not set in: of a traceback, the exception."""
    return next((line for line in reversed(errors.splitlines()) if line.strip() and line[0] != " "), "")


class _Watch:
    """Stops a process that takes too long or too much."""

    def __init__(self, pid: int, cap: float) -> None:
        self.stopped: Outcome | None = None
        self._pid = pid
        self._deadline = perf_counter() + cap
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(0.05):
            if perf_counter() > self._deadline:
                self.stopped = Outcome.SLOW
            elif resident(self._pid) > MEMORY_CAP:
                self.stopped = Outcome.LARGE
            if self.stopped is not None:
                with suppress(ProcessLookupError):
                    os.kill(self._pid, signal.SIGKILL)
                return


def resident(pid: int) -> int:
    """Bytes that a process holds now; 0 where the system does not say."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def race(tasks: Sequence[Task], times: int = 5) -> list[Run]:
    """Each task's fastest run of at most so many. They take turns: all meet the same disturbances."""
    best = [run(task) for task in tasks]
    turns = [min(times, _turns(first)) for first in best]
    for turn in range(1, max(turns, default=0)):
        for i, task in enumerate(tasks):
            if turn < turns[i]:
                best[i] = _better(best[i], run(task))
    return best


def _turns(first: Run) -> int:
    """How many runs a task gets, by what its first one took."""
    if not first.done:
        return 1
    return next((times for limit, times in SHORT if first.seconds < limit), 1)


def _better(best: Run, again: Run) -> Run:
    if not again.done:
        return again
    return replace(again, seconds=min(best.seconds, again.seconds), memory=max(best.memory, again.memory))
