"""A long picture in several rows, as text is set in lines: where the rows end."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import NamedTuple

_LONG = 3.5
"""How many times as wide as high a picture is that is folded."""

_WIDE = 3_200.0
"""A picture that is not wider stays in one row."""

_ASPECT = 1.6
"""About how many times as wide as high a folded picture should be."""

_EARLIEST = 0.6
"""The part of a row that must be full where it ends."""


class Rows(NamedTuple):
    """The first column of each row, and of each column its row."""

    firsts: tuple[int, ...]
    of_column: tuple[int, ...]


def rows_of(ends: Sequence[float], height: float, crossing: Sequence[int], unbroken: Collection[int]) -> Rows:
    """The rows of a picture of this height, whose columns end at these places.

    A row ends, as near to its full width as it may, where few edges cross into the next column (`crossing`,
    by column), and never at a column in `unbroken`.
    """
    width = ends[-1] if ends else 0.0
    firsts = [0]
    if width > max(_WIDE, _LONG * height):
        room = width / max(round(math.sqrt(width / (_ASPECT * height))), 1)
        begin = 0.0
        while ends[-1] - begin > room * (1 + _EARLIEST / 2):
            last = _end(ends, begin, room, crossing, unbroken)
            if last is None:
                break
            firsts.append(last + 1)
            begin = ends[last]
    of_column = [sum(first <= column for first in firsts) - 1 for column in range(len(ends))]
    return Rows(tuple(firsts), tuple(of_column))


def _end(
    ends: Sequence[float],
    begin: float,
    room: float,
    crossing: Sequence[int],
    unbroken: Collection[int],
) -> int | None:
    """The last column of a row, None where there is none that may be."""
    may_end = [c for c in range(len(ends) - 1) if c not in unbroken and ends[c] - begin >= _EARLIEST * room]
    fits = [column for column in may_end if ends[column] - begin <= room]
    if fits:
        return min(fits, key=lambda column: (crossing[column], -column))
    return may_end[0] if may_end else None
