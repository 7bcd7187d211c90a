"""`verify` of many specs: files, folders and patterns, in several processes, in a stable order."""

from __future__ import annotations

import gc
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from chainprice import progress
from chainprice.errors import ChainpriceError, Place, Problem, UsageError
from chainprice.examination import Outcome, Question, Result, Task, examine, is_no_spec, refused
from chainprice.gathering import Gathered, gather
from chainprice.spec.text import STDIN, read_source


def cores() -> int:
    """How many processes can run at a time."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def verify_all(names: Iterable[str], question: Question, jobs: int | None = None) -> tuple[Outcome, ...]:
    """What comes of every spec that the names mean (see `gather`), in their order.

    What is found in a folder and is no spec is skipped; a folder without any spec is a problem. With one
    job, or one spec, all is done in this process.

    Raises UsageError for a tolerance that is none, and for a published table of several specs.
    """
    if not 0 < question.tolerance < 1:
        raise UsageError(f"the tolerance must be between 0 and 1, not {question.tolerance:g}")
    gathered = gather(names)
    ready = [_prepared(item, question) for item in gathered]
    tasks = [task for task in ready if isinstance(task, Task)]
    if question.table is not None and len(ready) > 1:
        raise UsageError("--table belongs to one spec, and several are named")
    done = iter(_examined(tasks, question, min(jobs or cores(), len(tasks))))
    outcomes = [next(done) if isinstance(task, Task) else task for task in ready]
    return (*outcomes, *_empty_folders(gathered, outcomes, question))


def kept_from(target: Path, names: Iterable[str]) -> list[str]:
    """The files that these names mean, and that must not be replaced by the result at `target`.

    An older result in a folder is among its files, but no spec: it may.
    """
    items = gather(names) if target.is_file() else ()
    return [item.path for item in items if item.folder is None or not _is_older_result(item.path, target)]


def _is_older_result(path: str, target: Path) -> bool:
    with suppress(OSError):
        return target.samefile(path) and is_no_spec(path)
    return False


def _prepared(item: Gathered, question: Question) -> Task | Outcome:
    """What is to be done; a text that no other process could read is read now."""
    if item.problem is not None:
        return refused(item.path, [item.problem], question, Result.unreadable)
    is_stream = item.path == STDIN or (Path(item.path).exists() and not Path(item.path).is_file())
    if not is_stream:
        return Task(item.path, found=item.folder is not None)
    try:
        source = read_source(item.path if item.path == STDIN else Path(item.path))
    except ChainpriceError as error:
        return refused(item.path, error.problems, question, Result.unreadable)
    return Task(item.path, source=source)


def _examined(tasks: Sequence[Task], question: Question, jobs: int) -> Iterable[Outcome]:
    def tell(done: int) -> None:
        progress.report(f"verified {done} of {len(tasks)} specs")

    if len(tasks) <= 1:
        return [examine(task, question) for task in tasks]
    if jobs > 1:
        from chainprice.workers import work

        return work(partial(_examine, question), tasks, jobs, partial(_died, question), tell)
    return _one_by_one(tasks, question, tell)


def _one_by_one(tasks: Sequence[Task], question: Question, tell: Callable[[int], None]) -> Iterator[Outcome]:
    for done, task in enumerate(tasks):
        tell(done)
        yield _examine(question, task)


def _examine(question: Question, task: Task) -> Outcome:
    """One of several: what it leaves in memory is cleared away, which the command line does not do."""
    outcome = examine(task, question)
    gc.collect()
    gc.freeze()
    return outcome


def _died(question: Question, task: Task, how: str) -> Outcome:
    problem = Problem(
        f"the process that verified it died: {how}",
        Place(task.path),
        "perhaps for lack of memory; --jobs 1 verifies one spec after the other",
    )
    return refused(task.path, [problem], question, Result.no_answer)


def _empty_folders(
    gathered: Sequence[Gathered], outcomes: Sequence[Outcome], question: Question
) -> Iterator[Outcome]:
    """A problem for each folder in which everything was skipped."""
    results: dict[str, set[Result]] = defaultdict(set)
    for item, outcome in zip(gathered, outcomes, strict=True):
        if item.folder is not None:
            results[item.folder].add(outcome.result)
    for folder, found in results.items():
        if found == {Result.skipped}:
            hint = "a spec has a key `firms`"
            problem = Problem("none of the files in this folder is a spec", Place(folder), hint)
            yield refused(folder, [problem], question, Result.unreadable)
