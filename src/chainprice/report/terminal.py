"""Tables for people: by rich on a terminal, and as wide as they need to be in a pipe."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from chainprice.report.table import Table, plain_cell

_WIDE = 10_000


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
        console.print(_drawn(part, digits) if isinstance(part, Table) else Text(part))
    lines = (line.rstrip() for line in stream.getvalue().splitlines())
    return "\n".join(lines) + "\n"


def _drawn(table: Table, digits: int) -> RichTable:
    drawn = RichTable(box=SIMPLE, pad_edge=False, show_edge=False, header_style="bold")
    for column in table.columns:
        drawn.add_column(
            Text(column.heading),
            justify="right" if column.kind in ("number", "error") else "left",
            overflow="fold",
            no_wrap=column.kind in ("number", "error", "name"),
            style="cyan" if column.kind == "name" else "",
        )
    for row in table.rows:
        cells = []
        for column, cell in zip(table.columns, row, strict=True):
            failed = column.kind == "passed" and not cell
            cells.append(Text(plain_cell(column, cell, digits), style="bold red" if failed else ""))
        drawn.add_row(*cells)
    return drawn
