"""Tables as rich draws them on a terminal."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Sequence
from typing import Literal

from rich.box import SIMPLE
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from chainprice.errors import printable
from chainprice.report.plain import is_number, plain_lines, written_cells
from chainprice.report.table import Table

DRAWN_ROWS = 1000
"""A table with more rows is written plainly on a terminal too: nobody reads it, and rich takes its time."""


def drawn_text(parts: Iterable[Table | str], digits: int, width: int) -> str:
    """Tables and lines of text, one below the other, in colour unless NO_COLOR is set."""
    stream = io.StringIO()
    color: Literal["standard"] | None = None if os.environ.get("NO_COLOR") else "standard"
    console = Console(
        file=stream, force_terminal=True, width=width, highlight=False, emoji=False, color_system=color
    )
    for part in parts:
        if isinstance(part, Table):
            _print_table(console, part, digits)
        else:
            console.print(Text(printable(part)))
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())


def _print_table(console: Console, table: Table, digits: int) -> None:
    """The table; its formulas in lines of their own below it where they would not fit beside it."""
    lines = list(plain_lines(table, digits))
    if len(table.rows) > DRAWN_ROWS:
        console.print(Text("\n".join(lines)), soft_wrap=True)
        return
    formulas = [index for index, column in enumerate(table.columns) if column.kind == "formula"]
    if cell_len(lines[1]) <= console.width:
        console.print(_drawn(table, digits))
        return
    rest = _without(table, formulas)
    lines = list(plain_lines(rest, digits))
    if cell_len(lines[1]) > console.width:  # rich would cut digits off numbers
        console.print(Text("\n".join(lines)), soft_wrap=True)
    else:
        console.print(_drawn(rest, digits))
    for index in formulas:
        console.print(Text(f"\n{table.columns[index].heading}", style="bold"))
        for formula in filter(None, (str(row[index]) for row in table.rows)):
            console.print(Text(f"  {printable(formula)}"), soft_wrap=True)


def _without(table: Table, left_out: Sequence[int]) -> Table:
    kept = [index for index in range(len(table.columns)) if index not in left_out]
    columns = tuple(table.columns[index] for index in kept)
    return Table(table.title, columns, tuple(tuple(row[index] for index in kept) for row in table.rows))


def _drawn(table: Table, digits: int) -> RichTable:
    drawn = RichTable(box=SIMPLE, pad_edge=False, show_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    for column in table.columns:
        drawn.add_column(
            Text(printable(column.heading)),
            justify="right" if is_number(column) else "left",
            overflow="fold",
            no_wrap=column.kind != "formula",
            style="cyan" if column.kind == "name" else "",
        )
    for row in table.rows:
        texts = written_cells(table, row, digits)
        styles = [
            "bold red" if column.kind == "passed" and text == "NO" else ""
            for column, text in zip(table.columns, texts, strict=True)
        ]
        drawn.add_row(*map(Text, map(printable, texts), styles))
    return drawn
