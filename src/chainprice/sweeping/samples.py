"""Points that a file has: a column for each number that varies, a row for each point. CSV or Parquet."""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from chainprice import limits, progress
from chainprice.errors import MissingExtraError, Place, Problem, UsageError, short
from chainprice.sweeping.points import Chunk, names_problems

INSTALL = "pip install 'chainprice[parquet]'"

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Samples:
    """The points of a file; it is read anew for each pass, and never all in memory."""

    path: Path
    sha256: str
    names: tuple[str, ...]
    count: int

    def chunks(self, size: int, start: int = 0) -> Iterator[Chunk]:
        """All points from number `start` on, so many at a time."""
        rows = islice(_rows_of(self.path), start, self.count)
        first = start
        while taken := list(islice(rows, size)):
            yield _chunk(first, taken, self.names)
            first += len(taken)

    def identity(self) -> Mapping[str, object]:
        """The columns, and the file by its bytes."""
        return {"samples": self.sha256, "columns": list(self.names)}


def read_samples(path: Path) -> Samples:
    """The points of a CSV or Parquet file; raises UsageError where it has none, or cannot be read."""
    place = Place(str(path))
    if not path.is_file():
        reason = "this is a folder" if path.is_dir() else "this is no file"
        raise UsageError(Problem(reason if path.exists() else "there is no such file", place))
    progress.report(f"counting the points of {path.name}")
    names = tuple(_header_of(path))
    problems = [problem._replace(place=place) for problem in names_problems(names, limits.SWEEP_COLUMNS)]
    if not names:
        problems.append(Problem("no column names a number of the spec", place, "write a line of names first"))
    if problems:
        raise UsageError(problems)
    count = sum(1 for _ in _rows_of(path))
    if not 0 < count <= limits.SWEEP_POINTS:
        message = "there is no row in it" if not count else f"more rows than {limits.SWEEP_POINTS:,}"
        raise UsageError(Problem(message, place))
    with path.open("rb") as stream:
        return Samples(path, hashlib.file_digest(stream, "sha256").hexdigest(), names, count)


def _chunk(first: int, rows: Sequence[Sequence[Any]], names: Sequence[str]) -> Chunk:
    faults: dict[int, str] = {}
    numbers = []
    for place, row in enumerate(rows):
        try:
            numbers.append(_numbers(row, names))
        except ValueError as error:
            faults[place] = str(error)
            numbers.append([math.nan] * len(names))
    return Chunk(first, tuple(map(tuple, zip(*numbers, strict=True))), faults)


def _numbers(row: Sequence[Any], names: Sequence[str]) -> list[float]:
    """The values of a row; raises ValueError with what is wrong."""
    if len(row) != len(names):
        raise ValueError(f"the sample has {len(row)} values for {len(names)} columns")
    values = []
    for name, cell in zip(names, row, strict=True):
        try:
            value = float(cell) + 0.0
        except (TypeError, ValueError):
            value = math.nan
        if not math.isfinite(value) or isinstance(cell, bool) or "_" in str(cell):
            shown = "empty" if cell in (None, "") else f"'{short(str(cell))}', which is no number"
            raise ValueError(f"the sample's {name} is {shown}")
        values.append(value)
    return values


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4) == b"PAR1"


def _header_of(path: Path) -> list[str]:
    if _is_parquet(path):
        return list(_parquet(path).schema_arrow.names)
    return [name.strip() for name in next(_csv_rows(path), [])]


def _rows_of(path: Path) -> Iterator[Sequence[Any]]:
    if _is_parquet(path):
        for batch in _parquet(path).iter_batches(batch_size=10_000, use_threads=False):
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
        return
    yield from islice(_csv_rows(path), 1, None)


def _csv_rows(path: Path) -> Iterator[list[str]]:
    """The rows that are not empty; raises UsageError, with the line, for what is no CSV."""
    with path.open("rb") as stream:
        reader = csv.reader(_lines(stream), strict=True)
        try:
            yield from filter(None, reader)
        except (csv.Error, UnicodeDecodeError, ValueError) as error:
            reason = "not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
            raise UsageError(Problem(f"no CSV: {reason}", Place(str(path), reader.line_num + 1))) from None


def _lines(stream: BinaryIO) -> Iterator[str]:
    """Lines of UTF-8, with or without a mark of the byte order; none is endless."""
    most = limits.SAMPLE_CELL * 1_000
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
    while line := text.readline(most):
        if len(line) >= most:
            raise ValueError(f"a line of more than {most:,} characters")
        yield line


def _parquet(path: Path) -> Any:
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError:
        message = "a file of samples in Parquet needs pyarrow, which is not installed"
        raise MissingExtraError(Problem(message, Place(str(path)), f"{INSTALL}; CSV needs nothing")) from None
    try:
        return ParquetFile(path)
    except (ArrowException, OSError) as error:
        raise UsageError(Problem(f"no Parquet: {error}", Place(str(path)))) from None
