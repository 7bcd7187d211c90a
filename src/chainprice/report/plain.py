"""Tables as plain lines, as wide as they need to be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len

from chainprice.errors import printable
from chainprice.report.table import Column, Table, plain_cell

_GAP = "  "


def plain_lines(table: Table, digits: int) -> Iterator[str]:
    """The lines of a table without colour: a heading, a rule, and a line for each row."""
    cells = zip(*table.rows, strict=True) if table.rows else [()] * len(table.columns)
    columns = [
        _aligned(column, [column.heading, *(plain_cell(column, cell, digits) for cell in of_column)])
        for column, of_column in zip(table.columns, cells, strict=True)
    ]
    heading, *rows = zip(*columns, strict=True)
    yield _GAP.join(heading)
    yield "─" * cell_len(_GAP.join(heading))
    yield from map(_GAP.join, rows)


def _aligned(column: Column, texts: Sequence[str]) -> list[str]:
    """The texts of a column, all as wide as the widest.

    Names are written as they are: no marks are put around those that run from right to left, for they would
    be copied with the name, and most terminals show them.
    """
    together = "".join(texts)
    if together.isascii() and together.isprintable():  # a letter takes one place
        width = max(map(len, texts))
        return [text.rjust(width) if is_number(column) else text.ljust(width) for text in texts]
    texts = [*map(printable, texts)]  # a published table may hold anything
    width = max(map(cell_len, texts))
    spaces = [" " * (width - cell_len(text)) for text in texts]
    pairs = zip(spaces, texts, strict=True) if is_number(column) else zip(texts, spaces, strict=True)
    return ["".join(pair) for pair in pairs]


def written_cells(table: Table, row: Sequence[object], digits: int) -> list[str]:
    """The cells of a row as text."""
    return [plain_cell(column, cell, digits) for column, cell in zip(table.columns, row, strict=True)]


def is_number(column: Column) -> bool:
    """Whether a column is aligned to the right."""
    return column.kind in ("number", "error")
