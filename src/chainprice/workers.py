"""Work on many things in processes of their own, which may die without taking more than one thing along.

A worker is given one thing at a time. Processes are forked where that is safe and cheap (this one has no
threads, and no numeric library is loaded before it forks), elsewhere spawned. An interrupt reaches this
process only, which then ends its workers; and a worker whose parent is gone ends itself.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import connection, get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")
R = TypeVar("R")

PATIENCE = 1.0
"""Seconds after which `tick` is called again while nothing comes back."""


class _Worker(NamedTuple):
    process: BaseProcess
    pipe: Connection


def work(
    function: Callable[[T], R],
    things: Sequence[T],
    jobs: int,
    died: Callable[[T, str], R],
    tick: Callable[[int], None] = lambda _: None,
) -> list[R]:
    """The function's value for each thing, in their order; `died` gives it where the worker died.

    `function` must be one that a worker can import, and raises nothing. `died` is told how. `tick` hears how
    many are done.
    """
    results: dict[int, R] = {}
    busy: dict[Connection, tuple[int, _Worker]] = {}
    waiting = list(reversed(range(len(things))))
    try:
        while waiting or busy:
            while waiting and len(busy) < jobs:
                _give(waiting.pop(), things, _started(function), busy)
            tick(len(results))
            for pipe in connection.wait(list(busy), PATIENCE):
                index, worker = busy.pop(pipe)  # type: ignore[call-overload]
                try:
                    results[index] = worker.pipe.recv()
                except (EOFError, OSError):
                    results[index] = died(things[index], _end(worker))
                    continue
                if waiting:
                    _give(waiting.pop(), things, worker, busy)
                else:
                    _end(worker)
    finally:
        for _, worker in busy.values():
            _end(worker)
    return [results[index] for index in range(len(things))]


def stream(
    function: Callable[[T], R],
    things: Iterable[T],
    jobs: int,
    died: Callable[[T, str], R],
    tick: Callable[[], None] = lambda: None,
) -> Iterator[R]:
    """The same, as an iterator over any number of things, of which few are in memory at a time."""
    ready: dict[int, R] = {}
    busy: dict[Connection, tuple[int, T, _Worker]] = {}
    idle: list[_Worker] = []
    waiting = enumerate(things)
    done = given = 0
    try:
        while True:
            while len(busy) < jobs and given - done < _AHEAD * jobs and (item := next(waiting, None)):
                index, thing = item
                worker = idle.pop() if idle else _started(function)
                busy[worker.pipe] = index, thing, worker
                given += 1
                with suppress(OSError):  # it is dead already, as above
                    worker.pipe.send(thing)
            if not busy:
                return
            tick()
            for pipe in connection.wait(list(busy), PATIENCE):
                index, thing, worker = busy.pop(pipe)  # type: ignore[call-overload]
                try:
                    ready[index] = worker.pipe.recv()
                    idle.append(worker)
                except (EOFError, OSError):
                    ready[index] = died(thing, _end(worker))
            while done in ready:
                yield ready.pop(done)
                done += 1
    finally:
        for worker in (*idle, *(worker for _, _, worker in busy.values())):
            _end(worker)


_AHEAD = 4
"""Things for each worker that may be begun before the first of them is done."""


def _give(
    index: int, things: Sequence[T], worker: _Worker, busy: dict[Connection, tuple[int, _Worker]]
) -> None:
    busy[worker.pipe] = index, worker
    with suppress(OSError):  # it is dead already, which is seen when its answer is waited for
        worker.pipe.send(things[index])


def _started(function: Callable[[Any], Any]) -> _Worker:
    context = get_context("fork") if sys.platform == "linux" else get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(function, theirs), daemon=True)
    with _interrupts_wait():
        process.start()
    theirs.close()
    return _Worker(process, ours)


@contextmanager
def _interrupts_wait() -> Iterator[None]:
    """Within it no interrupt arrives, nor in a process that is started in it."""
    if not hasattr(signal, "pthread_sigmask"):  # on Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end(worker: _Worker) -> str:
    """End a worker, and say how it ended if it had before.

    That its pipe is closed would not tell it: a forked one has this process's end too.
    """
    worker.pipe.close()
    worker.process.kill()
    worker.process.join()
    code = worker.process.exitcode or 0
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"


def _serve(function: Callable[[Any], Any], pipe: Connection) -> None:
    """A worker's life: it answers until it is asked no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if not os.environ.get("CHAINPRICE_DEBUG"):
        _be_silent()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, OSError):
        while True:
            pipe.send(function(pipe.recv()))


def _be_silent() -> None:
    """What a library prints belongs to no result."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
