"""The sequence of a sweep: what is asked, what is there already, chunk after chunk, and how it ended."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

from chainprice import progress
from chainprice.batch import cores
from chainprice.errors import Problem, UsageError, printable
from chainprice.output import cannot_be_written, write_part
from chainprice.recording.journal import Journal, rows_after
from chainprice.recording.parquet import fail_if_no_parquet, journal_of, write_parquet
from chainprice.recording.record import fail_if_of_another, path_beside, record_of, refused, write_record
from chainprice.report.sweeps import Answer, Form, Writer, columns
from chainprice.sweeping import cluster, local
from chainprice.sweeping.evaluation import failed
from chainprice.sweeping.points import Chunk, Points
from chainprice.sweeping.question import Asked

Watch = Callable[[str], object]
"""Hears the lines of every chunk, as CSV or JSON."""


@dataclass(frozen=True, slots=True)
class Run:
    """How a sweep is run: `jobs` processes here, or the workers of a `scheduler`; where its rows go.

    Without a `target` they go to standard output, and with `is_shown` false nowhere.
    """

    form: Literal["csv", "jsonl", "parquet"]
    target: Path | None = None
    overwrite: bool = False
    jobs: int | None = None
    scheduler: str | None = None
    is_shown: bool = True

    @property
    def lines(self) -> Form:
        """How rows are written on the way."""
        return "jsonl" if self.form == "jsonl" else "csv"


class Outcome(NamedTuple):
    """How many rows there are, how many have an answer, and how many were there before this run."""

    points: int
    solved: int
    before: int

    def message(self, target: Path | None) -> str:
        """What a user should know: that rows were there before, and that some have no answer."""
        lines = []
        if target is not None and self.before:
            done = "all" if self.before == self.points else f"{self.before:,} of"
            lines.append(f"{printable(str(target))}: {done} {self.points:,} points were there already\n")
        failed = self.points - self.solved
        if failed:
            have = "has" if failed == 1 else "have"
            lines.append(f"warning: {failed:,} of {self.points:,} points {have} no answer: see error\n")
        return "".join(lines)


def run(asked: Asked, points: Points, how: Run, watch: Watch = lambda _: None) -> Outcome:
    """Price every point that is not there yet, and write its row; `watch` hears the rows of this run.

    Raises UsageError for a target that has other rows or cannot be written, and what a cluster lacks.
    """
    if how.form == "parquet":
        if how.target is None or (how.target.exists() and not how.target.is_file()):
            hint = "name a file with --output"
            raise UsageError(Problem("Parquet needs a file to be written to", None, hint))
        fail_if_no_parquet()
    sweep = _Sweep(asked, points, how, watch)
    if how.target is not None and (how.target.is_file() or not how.target.exists()):
        return sweep.into_file(how.target)
    return sweep.into_stream()


class _Sweep:
    def __init__(self, asked: Asked, points: Points, how: Run, watch: Watch) -> None:
        self._asked, self._points, self._how, self._watch = asked, points, how, watch
        self._writer = Writer(asked.job, how.lines)

    def into_stream(self) -> Outcome:
        """All rows to standard output, or to a pipe or device."""
        solved = done = 0
        with self._opened() as write:
            header = self._writer.header
            for answer in self._answers(0):
                solved, done = solved + answer.solved, done + answer.points
                self._watch(answer.text)
                if not write(header + answer.text):
                    break
                header = ""
        return Outcome(done, solved, 0)

    def _opened(self) -> _Stream:
        return _Stream(self._how.target, self._how.form, is_shown=self._how.is_shown)

    def into_file(self, target: Path) -> Outcome:
        """The rows that are lacking, to the end of a file."""
        how, count = self._how, self._points.count
        record = record_of(self._asked.job, self._points, how.form)
        journal = journal_of(target) if how.form == "parquet" else target
        if how.overwrite:
            _remove(journal, target)
        is_begun = any(path.exists() and path.stat().st_size for path in (journal, target))
        if is_begun:
            fail_if_of_another(target, record)
        else:
            write_record(target, record)
        if how.form == "parquet" and target.exists() and not journal.exists():
            return Outcome(count, _solved_in(target), count)
        with Journal(journal, how.lines, self._writer.header) as rows:
            outcome = self._continued(rows, journal)
        if how.form == "parquet":
            progress.report("writing Parquet")
            write_parquet(journal, target, columns(self._asked.job), record)
            journal.unlink()
        return outcome

    def _continued(self, rows: Journal, path: Path) -> Outcome:
        before, size, count = rows.done, self._asked.together, self._points.count
        if before > count:
            raise refused(path, f"there are {before:,} rows in it, and {count:,} points in this sweep")
        if before:
            rows.fail_unless_last(self._prefix(before - 1))
        start = before // size * size
        solved, skipped = rows.solved, before - start
        for answer in self._answers(start) if before < count else ():
            text = rows_after(answer.text, skipped)
            solved += answer.solved if not skipped else _solved(text, self._how.lines)
            rows.append(text)
            self._watch(text)
            skipped = 0
        rows.keep()
        return Outcome(count, solved, before)

    def _prefix(self, point: int) -> str:
        """How the line of a point begins: with its values."""
        chunk = next(iter(self._points.chunks(1, point)))
        answer = self._writer.answer(failed(self._asked.job, chunk, ""))
        if self._how.lines == "jsonl":
            return answer.text.split(', "total_value"')[0]
        return ",".join(answer.text.split(",")[: 1 + len(self._points.names)]) + ","

    def _answers(self, start: int) -> Iterator[Answer]:
        """The answers of all chunks from a point on, which is the first of its chunk; with progress."""
        how, job = self._how, self._asked.job
        chunks = self._points.chunks(self._asked.together, start)
        writer = self._writer

        def gone(chunk: Chunk, reason: str) -> Answer:
            return writer.answer(failed(job, chunk, reason))

        if how.scheduler is not None:
            answers = cluster.stream(how.scheduler, writer, chunks, gone)
        else:
            answers = local.stream(writer, chunks, how.jobs or cores(), gone, _joined)
        return self._reported(answers, start)

    def _reported(self, answers: Iterator[Answer], start: int) -> Iterator[Answer]:
        begin, done, count = time.monotonic(), start, self._points.count
        progress.report(f"pricing {count:,} points")
        for answer in answers:
            done += answer.points
            seconds = (time.monotonic() - begin) / (done - start) * (count - done)
            progress.report(f"priced {done:,} of {count:,} points, {_about(seconds)} left")
            yield answer


def _about(seconds: float) -> str:
    if seconds < 100:
        return f"about {seconds:.0f} s"
    minutes = seconds / 60
    return f"about {minutes:.0f} min" if minutes < 100 else f"about {minutes / 60:.1f} h"


def _joined(answers: list[Answer]) -> Answer:
    return Answer(
        sum(answer.points for answer in answers),
        sum(answer.solved for answer in answers),
        "".join(answer.text for answer in answers),
    )


def _solved(text: str, form: Form) -> int:
    ends = ",\n" if form == "csv" else '"error": null}\n'
    return sum(line.endswith(ends) for line in text.splitlines(keepends=True))


def _solved_in(target: Path) -> int:
    """The rows of a finished Parquet file that have an answer."""
    from pyarrow import ArrowException, compute, parquet

    try:
        with parquet.ParquetFile(target) as file:
            return sum(
                compute.sum(compute.is_valid(batch.column(0))).as_py() or 0
                for batch in file.iter_batches(columns=["total_value"])
            )
    except (ArrowException, OSError) as error:
        raise refused(target, f"it cannot be read as Parquet ({error})") from None


def _remove(*paths: Path) -> None:
    for path in dict.fromkeys([*paths, *map(path_beside, paths)]):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise cannot_be_written(path, error) from None


class _Stream:
    """Standard output, a pipe or a device; or nothing at all."""

    def __init__(self, target: Path | None, form: str, *, is_shown: bool) -> None:
        self._target, self._form, self._is_shown = target, form, is_shown

    def __enter__(self) -> Callable[[str], bool]:
        if not self._is_shown:
            return lambda _: True
        form = "json" if self._form == "jsonl" else self._form
        if self._target is not None:
            try:
                self._file = self._target.open("a", encoding="utf-8", newline="")
            except OSError as error:
                raise cannot_be_written(self._target, error) from None
            return partial(write_part, self._file, form=form)
        if sys.stdout is None:
            raise UsageError("standard output is closed")
        return partial(write_part, sys.stdout, form=form)

    def __exit__(self, *_: object) -> None:
        if self._is_shown and self._target is not None:
            with suppress(OSError):
                self._file.close()
