"""Tables for people: drawn on a terminal, plain in a pipe."""

from __future__ import annotations

from collections.abc import Iterable

from chainprice.report.plain import plain_lines
from chainprice.report.table import Table


def terminal_text(parts: Iterable[Table | str], digits: int, *, width: int | None) -> str:
    """Tables and lines of text, one below the other.

    `width` is the terminal's, None where there is none: then nothing is cut or wrapped and nothing
    is coloured. NO_COLOR is respected.
    """
    if width is not None:
        from chainprice.report.drawn import drawn_text

        return drawn_text(parts, digits, width)
    lines = (
        line for part in parts for line in (plain_lines(part, digits) if isinstance(part, Table) else [part])
    )
    return "".join(f"{line.rstrip()}\n" for line in lines)
