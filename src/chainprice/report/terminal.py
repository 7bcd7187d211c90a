"""Tables for people: drawn on a terminal, plain in a pipe."""

from __future__ import annotations

from collections.abc import Iterable

from chainprice.errors import printable
from chainprice.report.plain import plain_lines
from chainprice.report.table import Table


def terminal_text(parts: Iterable[Table | str], digits: int, *, width: int | None) -> str:
    """Tables and lines of text, one below the other; nothing in them controls the terminal.

    `width` is the terminal's, None where there is none: then nothing is cut or wrapped and nothing
    is coloured. NO_COLOR is respected.
    """
    if width is not None:
        from chainprice.report.drawn import drawn_text

        return drawn_text(parts, digits, width)
    lines: list[str] = []
    for part in parts:
        lines += plain_lines(part, digits) if isinstance(part, Table) else [printable(part)]
    return "".join(f"{line.rstrip()}\n" for line in lines)
