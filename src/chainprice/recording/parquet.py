"""Rows as Parquet: the journal, which is CSV, becomes one file when all points are done."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from chainprice.errors import MissingExtraError, Problem
from chainprice.output import cannot_be_written
from chainprice.sweeping.samples import INSTALL

_BLOCK = 8 << 20
"""Bytes of the journal that become a row group."""


def fail_if_no_parquet() -> None:
    """Raise MissingExtraError where pyarrow is not installed."""
    if find_spec("pyarrow") is None:
        message = "Parquet needs pyarrow, which is not installed"
        raise MissingExtraError(Problem(message, None, f"{INSTALL}; -f csv and -f jsonl need nothing"))


def journal_of(target: Path) -> Path:
    """Where the rows of an unfinished Parquet file are."""
    return target.with_name(f"{target.name}.unfinished.csv")


def write_parquet(journal: Path, target: Path, names: Sequence[str], record: Mapping[str, Any]) -> None:
    """The journal as Parquet, written whole or not at all; numbers are doubles, points whole numbers.

    A number that no double can hold is null, and the column `error` has it. Raises UsageError where it
    cannot be written.
    """
    import pyarrow as pa
    from pyarrow import csv, parquet

    kinds = [pa.int64(), *([pa.float64()] * (len(names) - 2)), pa.string()]
    schema_items = list(zip(names, kinds, strict=True))
    metadata = {"chainprice.sweep": json.dumps(dict(record))}
    schema = pa.schema(schema_items, metadata=metadata)
    options = csv.ConvertOptions(
        column_types={name: kind if kind == pa.int64() else pa.string() for name, kind in schema_items},
        strings_can_be_null=True,
        null_values=[""],
    )
    try:
        with tempfile.TemporaryDirectory(prefix=f".{target.name[:100]}.", dir=target.parent) as folder:
            temporary = Path(folder) / "rows"
            reader = csv.open_csv(journal, csv.ReadOptions(block_size=_BLOCK), convert_options=options)
            with reader, parquet.ParquetWriter(temporary, schema) as writer:
                for batch in reader:
                    writer.write_batch(_in_doubles(pa, batch, schema))
            temporary.replace(target)
    except OSError as error:
        raise cannot_be_written(
            target, error, f"the rows are in {journal}; the same command tries again"
        ) from None


def _in_doubles(pa: Any, batch: Any, schema: Any) -> Any:
    """Columns of text as numbers; one beyond doubles is null, which the point's error says."""
    columns, errors = [batch.column(0)], batch.column(len(schema) - 1).to_pylist()
    for name, texts in zip(schema.names[1:-1], batch.columns[1:-1], strict=True):
        numbers, beyond = _as_doubles(pa, texts)
        columns.append(numbers)
        for row in beyond:
            note = f"{name} is {texts[row].as_py()}, beyond what a double can hold"
            errors[row] = f"{errors[row]}; {note}" if errors[row] else note
    return pa.record_batch([*columns, pa.array(errors, pa.string())], schema=schema)


def _as_doubles(pa: Any, texts: Any) -> tuple[Any, list[int]]:
    """Numbers, and the rows of those that no double can hold, which are null."""
    from pyarrow import compute

    numbers = texts.cast(pa.float64())
    suspects = compute.or_(compute.is_inf(numbers), compute.equal(numbers, 0.0))
    rows = compute.indices_nonzero(suspects).to_pylist() if compute.any(suspects).as_py() else []
    beyond = [row for row in rows if texts[row].as_py() not in _ZEROS]
    if beyond:
        mask = [False] * len(texts)
        for row in beyond:
            mask[row] = True
        numbers = compute.if_else(pa.array(mask), None, numbers)
    return numbers, beyond


_ZEROS = ("0.0", "-0.0", "0")
