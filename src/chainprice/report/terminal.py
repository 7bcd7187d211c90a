"""Tables for people: by rich on a terminal, and as wide as they need to be in a pipe."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Sequence

from rich.box import SIMPLE
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table as RichTable
from rich.text import Text

from chainprice.report.table import Table, plain_cell

_WIDE = 10_000

_MEASURING = Console(width=_WIDE, file=io.StringIO())


def terminal_text(parts: Iterable[Table | str], digits: int, *, width: int | None) -> str:
    """Tables and lines of text, drawn one below the other.

    `width` is the terminal's, None where there is none: then nothing is cut or wrapped and nothing
    is coloured. NO_COLOR is respected.
    """
    stream = io.StringIO()
    console = Console(
        file=stream,
        force_terminal=width is not None,
        width=width or _WIDE,
        highlight=False,
        emoji=False,
        color_system="standard" if width is not None and not os.environ.get("NO_COLOR") else None,
        legacy_windows=False,
    )
    for part in parts:
        if isinstance(part, Table):
            _print_fitted(console, part, digits)
        else:
            console.print(Text(part))
    lines = (line.rstrip() for line in stream.getvalue().splitlines())
    return "\n".join(lines) + "\n"


def _print_fitted(console: Console, table: Table, digits: int) -> None:
    """The table; its formulas in lines of their own below it where they would not fit beside it."""
    formulas = [index for index, column in enumerate(table.columns) if column.kind == "formula"]
    drawn = _drawn(table, digits)
    needed = Measurement.get(_MEASURING, _MEASURING.options, drawn).maximum
    if not formulas or needed <= console.width:
        console.print(drawn)
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
            justify="right" if column.kind in ("number", "error") else "left",
            overflow="fold",
            no_wrap=column.kind != "formula",
            style="cyan" if column.kind == "name" else "",
        )
    for row in table.rows:
        cells = []
        for column, cell in zip(table.columns, row, strict=True):
            failed = column.kind == "passed" and not cell
            cells.append(Text(plain_cell(column, cell, digits), style="bold red" if failed else ""))
        drawn.add_row(*cells)
    return drawn
