"""The forms of a published price table: `solve -f json`, `solve -f csv`, or prices by good and no more."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Literal

from chainprice.errors import Place, Problem, TableError

Form = Literal["solve", "csv", "prices"]

FORMAT = "chainprice.solve/1"

HINT = "a table is what `solve -f json` or `solve -f csv` prints"

_RANGE = ("price_low", "price_high")

_NUMBERS = ("quantity", "price", "value")


def table_data(text: str, path: str) -> tuple[Any, Form]:
    """What a text holds, as the JSON of `solve` would hold it, and the form of the text.

    Raises TableError if it has none of the forms.
    """
    if _is_csv(text):
        return {"format": FORMAT, "goods": list(_csv_rows(text, path))}, "csv"
    try:
        data = json.loads(text, parse_float=Decimal, parse_int=Decimal, parse_constant=_no_number)
    except ValueError as error:
        line, column = getattr(error, "lineno", None), getattr(error, "colno", 1)
        raise TableError(Problem(f"not JSON: {error}", Place(path, line, column), HINT)) from None
    except RecursionError:
        raise TableError(Problem("nested too deeply", Place(path))) from None
    if isinstance(data, dict) and data and all(isinstance(value, Decimal) for value in data.values()):
        pairs = json.loads(text, parse_float=Decimal, parse_int=Decimal, object_pairs_hook=list)
        rows = [{"good": good, "price": price} for good, price in pairs]  # also those that are there twice
        return {"format": FORMAT, "goods": rows}, "prices"
    return data, "solve"


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is not a number of JSON")


def _is_csv(text: str) -> bool:
    """Whether the first line is a heading with the columns that are needed."""
    first = re.split(r"[\r\n]", text, maxsplit=1)[0]
    return not first.lstrip().startswith(("{", "[")) and {"good", "price"} <= {*_cells(first)}


def _cells(line: str) -> list[str]:
    try:
        return next(csv.reader([line.strip()]), [])
    except csv.Error:
        return []


def _csv_rows(text: str, path: str) -> Iterator[dict[str, Any]]:
    """The rows of `goods`; an empty cell says nothing."""
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            if None in row or None in row.values():
                count = len(reader.fieldnames or ())
                raise TableError(Problem(f"a row must have {count} cells", Place(path, reader.line_num)))
            yield _row(row)
    except csv.Error as error:
        raise TableError(Problem(f"not CSV: {error}", Place(path, reader.line_num))) from None


def _row(row: Mapping[str, str]) -> dict[str, Any]:
    """A row as JSON has it; a range of prices has no upper end where that cell alone is empty."""
    cells = {name: cell.strip() for name, cell in row.items() if cell.strip()}
    low, high = (cells.pop(name, None) for name in _RANGE)
    kept = {name: cell for name, cell in cells.items() if name in (*_NUMBERS, "good", "role")}
    unit = {"unit": _as_written(row["unit"])} if "unit" in row else {}
    return {**kept, **unit, **({} if low is None else {"price_range": [low, high]})}


def _as_written(cell: str) -> str:
    """Without the quote that keeps a spreadsheet from running a text."""
    return cell[1:] if re.match(r"'+[=+\-@\t\r＝＋－＠]", cell) else cell


_WRITTEN: Mapping[str, tuple[str, ...]] = {
    "": ("spec", "allocation", "numeraire", "total_value", "goods", "firms", "limits", "incomes"),
    "spec": ("sha256",),
    "goods": ("role", "unit", "quantity", "price", "value", "uses"),
    "uses": ("quantity", "price", "marginal_value", "gap", "corner"),
    "firms": ("revenue", "cost", "profit", "returns_to_scale", "outputs", "inputs", "derivatives"),
    "outputs": ("quantity", "price"),
    "inputs": ("quantity", "price", "marginal_value", "gap"),
    "derivatives": ("value",),
    "limits": ("quantity", "binding", "rent"),
}
"""What `solve -f json` always writes of what can be checked, by the part that it is written in."""


def lacking(data: Any) -> tuple[str, ...]:
    """What `solve -f json` writes and a table does not have, each kind once: "firms", "gap in inputs"."""
    return tuple(dict.fromkeys(_lacking("", data)))


def _lacking(part: str, data: Any) -> Iterator[str]:
    if not isinstance(data, Mapping):
        return
    for key in _WRITTEN[part]:
        if key not in data:
            yield f"{key} in {part}" if part else key
        elif key in _WRITTEN:
            rows = data[key] if isinstance(data[key], list) else [data[key]]
            for row in rows:
                yield from _lacking(key, row)
