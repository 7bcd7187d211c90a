"""A table in a Parquet file, by pyarrow: the same cells as text that the CSV file of it would have."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from chainprice import limits
from chainprice.errors import MissingExtraError, Place, Problem, short
from chainprice.spec.sheets import Sheet, SheetError, too_many
from chainprice.spec.text import Content

_MOST_CELLS = 50_000_000
"""Cells of a table: 50 columns of a million firms."""


def read_parquet(content: Content) -> Sheet:
    """The table; raises SheetError where it is none, MissingExtraError without pyarrow."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        message = "tables in Parquet need pyarrow"
        raise MissingExtraError(
            Problem(message, Place(content.path), "pip install 'chainprice[parquet]'")
        ) from None
    try:
        # Dictionaries stay dictionaries: a long text that is in every row is there once.
        source = pyarrow.BufferReader(content.data)
        strings = _columns_of_text(parquet.ParquetFile(source), content.path)
        file = parquet.ParquetFile(pyarrow.BufferReader(content.data), read_dictionary=strings)
        table = file.read(use_threads=False)
        columns = [_texts(column, content.path, number) for number, column in enumerate(table.columns, 1)]
    except (pyarrow.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else "it is damaged"
        raise SheetError([Problem(f"no Parquet: {short(reason)}", Place(content.path))]) from None
    if sum(sum(map(len, cells)) for cells, _ in columns) > limits.FIRMS_BYTES:
        raise _too_long(content.path)
    problems = [problem for _, found in columns for problem in found]
    if problems:
        more = len(problems) - limits.PROBLEMS_SHOWN
        rest = [Problem(f"and {more:,} more problems")] if more > 0 else []
        raise SheetError([*problems[: limits.PROBLEMS_SHOWN], *rest])
    rows = list(zip(*(cells for cells, _ in columns), strict=True))
    full = [(number, row) for number, row in enumerate(rows, 1) if any(row)]
    heading = [name.strip() for name in file.schema_arrow.names]
    return Sheet(content.path, heading, [row for _, row in full], [number for number, _ in full], None)


def _columns_of_text(file: Any, path: str) -> list[str]:
    """The names of the columns of text; raises SheetError for a table that is too large or not flat."""
    metadata = file.metadata
    if metadata.num_rows > limits.FIRMS_ROWS:
        raise SheetError([too_many(path, "rows")])
    if metadata.num_rows * metadata.num_columns > _MOST_CELLS:
        raise SheetError(
            [Problem(f"a table of more than {_MOST_CELLS:,} cells", Place(path), "divide the chain")]
        )
    if not metadata.num_columns:
        raise SheetError([Problem("the table is empty", Place(path))])
    groups = (metadata.row_group(index) for index in range(metadata.num_row_groups))
    if sum(group.total_byte_size for group in groups) > limits.FIRMS_BYTES:
        raise _too_long(path)
    from pyarrow import types

    schema = file.schema_arrow
    return [
        field.name for field in schema if types.is_string(field.type) or types.is_large_string(field.type)
    ]


def _too_long(path: str) -> SheetError:
    return SheetError([Problem(f"longer than {limits.FIRMS_BYTES:,} bytes when unpacked", Place(path))])


def _texts(column: Any, path: str, number: int) -> tuple[list[str], list[Problem]]:
    """The cells of a column as text, and what is wrong with them."""
    write = _writer(column.type)
    if write is None:
        message = f"a column of {short(str(column.type))}: text and numbers are expected"
        return [""] * len(column), [Problem(message, Place(path, 1, number))]
    cells: list[str] = []
    problems: list[Problem] = []
    for value, text in _written(column, write):
        if text is None:
            place = Place(path, len(cells) + 1, number)
            problems.append(Problem(f"{value} is no number", place, "leave the cell empty (null)"))
        cells.append(text or "")
    return cells, problems


def _written(column: Any, write: Callable[[Any], str | None]) -> Iterator[tuple[Any, str | None]]:
    """Every value with its text; what is in a dictionary is written once."""
    from pyarrow import types

    for chunk in column.chunks:
        if not types.is_dictionary(chunk.type):
            yield from ((value, "" if value is None else write(value)) for value in chunk.to_pylist())
            continue
        values = chunk.dictionary.to_pylist()
        known = [(value, "" if value is None else write(value)) for value in values]
        for index in chunk.indices.to_pylist():
            yield (None, "") if index is None else known[index]


def _writer(kind: Any) -> Callable[[Any], str | None] | None:
    """How values of a type are written; None for a type that no cell has."""
    from pyarrow import types

    if types.is_dictionary(kind):
        return _writer(kind.value_type)
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return _stripped
    if types.is_integer(kind) or types.is_decimal(kind) or types.is_null(kind):
        return str
    if types.is_float32(kind) or types.is_float16(kind):
        return _single
    return _double if types.is_floating(kind) else None


def _stripped(value: str) -> str:
    return value.strip()


def _double(value: float) -> str | None:
    """The shortest decimal that is read back as this double; None for what is no number."""
    return repr(value) if math.isfinite(value) else None


def _single(value: float) -> str | None:
    """The shortest decimal that is read back as this float of 32 bits: 0.1, and not 0.10000000149."""
    if not math.isfinite(value):
        return None
    import numpy

    return str(numpy.float32(value))
