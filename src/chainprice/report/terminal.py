"""Tables for people: drawn by rich on a terminal, plain and as wide as they need to be in a pipe."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from rich.box import SIMPLE
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from chainprice.report.table import Column, Table, plain_cell

DRAWN_ROWS = 1000
"""A table with more rows is written plainly on a terminal too: nobody reads it, and rich takes its time."""

_GAP = "  "


def terminal_text(parts: Iterable[Table | str], digits: int, *, width: int | None) -> str:
    """Tables and lines of text, one below the other.

    `width` is the terminal's, None where there is none: then nothing is cut or wrapped and nothing
    is coloured. NO_COLOR is respected.
    """
    if width is None:
        lines = (
            line for part in parts for line in (_plain(part, digits) if isinstance(part, Table) else [part])
        )
        return "".join(f"{line.rstrip()}\n" for line in lines)
    stream = io.StringIO()
    color: Literal["standard"] | None = None if os.environ.get("NO_COLOR") else "standard"
    console = Console(
        file=stream, force_terminal=True, width=width, highlight=False, emoji=False, color_system=color
    )
    for part in parts:
        if isinstance(part, Table):
            _print_table(console, part, digits)
        else:
            console.print(Text(part))
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())


def _plain(table: Table, digits: int) -> Iterator[str]:
    """The lines of a table: a heading, a rule, and a line for each row."""
    rows = [_written(table, row, digits) for row in table.rows]
    headings = [column.heading for column in table.columns]
    widths = [max(map(cell_len, cells)) for cells in zip(headings, *rows, strict=True)]
    yield _GAP.join(map(_aligned, table.columns, headings, widths))
    yield "─" * (sum(widths) + len(_GAP) * (len(widths) - 1))
    for row in rows:
        yield _GAP.join(map(_aligned, table.columns, row, widths))


def _aligned(column: Column, text: str, width: int) -> str:
    space = " " * (width - cell_len(text))
    return space + text if _is_number(column) else text + space


def _print_table(console: Console, table: Table, digits: int) -> None:
    """The table; its formulas in lines of their own below it where they would not fit beside it."""
    lines = list(_plain(table, digits))
    if len(table.rows) > DRAWN_ROWS:
        console.print(Text("\n".join(lines)), soft_wrap=True)
        return
    formulas = [index for index, column in enumerate(table.columns) if column.kind == "formula"]
    if not formulas or cell_len(lines[1]) <= console.width:
        console.print(_drawn(table, digits))
        return
    console.print(_drawn(_without(table, formulas), digits))
    for index in formulas:
        console.print(Text(f"\n{table.columns[index].heading}", style="bold"))
        for row in table.rows:
            console.print(Text(f"  {row[index]}"), soft_wrap=True)


def _without(table: Table, left_out: Sequence[int]) -> Table:
    kept = [index for index in range(len(table.columns)) if index not in left_out]
    columns = tuple(table.columns[index] for index in kept)
    return Table(table.title, columns, tuple(tuple(row[index] for index in kept) for row in table.rows))


def _drawn(table: Table, digits: int) -> RichTable:
    drawn = RichTable(box=SIMPLE, pad_edge=False, show_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    for column in table.columns:
        drawn.add_column(
            Text(column.heading),
            justify="right" if _is_number(column) else "left",
            overflow="fold",
            no_wrap=column.kind != "formula",
            style="cyan" if column.kind == "name" else "",
        )
    for row in table.rows:
        texts = _written(table, row, digits)
        styles = [
            "bold red" if column.kind == "passed" and text == "NO" else ""
            for column, text in zip(table.columns, texts, strict=True)
        ]
        drawn.add_row(*map(Text, texts, styles))
    return drawn


def _written(table: Table, row: Sequence[object], digits: int) -> list[str]:
    return [plain_cell(column, cell, digits) for column, cell in zip(table.columns, row, strict=True)]


def _is_number(column: Column) -> bool:
    return column.kind in ("number", "error")
