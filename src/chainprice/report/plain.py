"""Tables as plain lines, as wide as they need to be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len

from chainprice.report.table import Column, Table, plain_cell

_GAP = "  "


def plain_lines(table: Table, digits: int) -> Iterator[str]:
    """The lines of a table without colour: a heading, a rule, and a line for each row."""
    rows = [written_cells(table, row, digits) for row in table.rows]
    headings = [column.heading for column in table.columns]
    widths = [max(map(cell_len, cells)) for cells in zip(headings, *rows, strict=True)]
    yield _GAP.join(map(_aligned, table.columns, headings, widths))
    yield "─" * (sum(widths) + len(_GAP) * (len(widths) - 1))
    for row in rows:
        yield _GAP.join(map(_aligned, table.columns, row, widths))


def _aligned(column: Column, text: str, width: int) -> str:
    space = " " * (width - cell_len(text))
    return space + text if is_number(column) else text + space


def written_cells(table: Table, row: Sequence[object], digits: int) -> list[str]:
    """The cells of a row as text."""
    return [plain_cell(column, cell, digits) for column, cell in zip(table.columns, row, strict=True)]


def is_number(column: Column) -> bool:
    """Whether a column is aligned to the right."""
    return column.kind in ("number", "error")
