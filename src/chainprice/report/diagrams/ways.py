"""The ways of edges through a picture, as paths of SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from chainprice.report.diagrams.geometry import Layout, Route

BETWEEN = 18.0
"""Free space between boxes of a column, and below a row."""

ASIDE = 8.0
"""Room between edges that go on to the next row."""

_CORNER = 9.0


class Ways:
    """The ways of edges, once everything else has its place."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._gaps, self._sheet = layout.gaps, layout.sheet

    def route(self, place: int) -> Route:
        """The way of one edge."""
        way = self._layout.layers.ways[place]
        return self._backward(place) if way is None else self._forward(place, way)

    def _level(self, place: int, vertex: int) -> float:
        """How high an edge is at a vertex on its way."""
        row = self._sheet.rows.of_column[self._layout.column[vertex]]
        return (
            self._layout.heights[vertex]
            + self._layout.ports.get((place, vertex), 0.0)
            + self._sheet.drops[row]
        )

    def _start(self, place: int, source: int) -> tuple[float, float]:
        column = self._layout.column[source]
        left = self._sheet.lefts[self._sheet.rows.of_column[column]]
        return (self._gaps[column + 1].left - left, self._level(place, source))

    def _end(self, place: int, target: int) -> tuple[float, float]:
        column = self._layout.column[target]
        left = self._sheet.lefts[self._sheet.rows.of_column[column]]
        return (self._gaps[column].right - left, self._level(place, target))

    def _forward(self, place: int, way: Sequence[int]) -> Route:
        start, end = self._start(place, way[0]), self._end(place, way[-1])
        parts = [f"M{_at(*start)}"]
        for a, b in pairwise(way):
            column = self._layout.column[b]
            row = self._sheet.rows.of_column[column]
            before, after = self._level(place, a), self._level(place, b)
            if column in self._sheet.rows.firsts:
                parts.append(self._to_next_row(place, row, before, after))
                continue
            gap, left = self._gaps[column], self._sheet.lefts[row]
            parts.append(f"H{gap.bend_from - left:.1f}")
            if abs(before - after) > 0.05:
                middle, bend_to = (gap.bend_from + gap.bend_to) / 2 - left, gap.bend_to - left
                parts.append(f"C{_at(middle, before)} {_at(middle, after)} {_at(bend_to, after)}")
        parts.append(f"H{end[0]:.1f}")
        return Route("".join(parts), start, end, goes_back=False)

    def _to_next_row(self, place: int, row: int, before: float, after: float) -> str:
        """To the right, down, back to the left below the row, down, and into the next; side by side."""
        sheet, width = self._sheet, self._layout.bands[place].width
        first = sheet.rows.firsts[row]
        crossing = sheet.crossing[row - 1]
        ends = [(self._ends_at(other, first), other) for other in crossing]
        out = self._aside([o for _, o in sorted(ends, key=lambda e: -e[0][0])], place) + width / 2
        into = self._aside([o for _, o in sorted(ends, key=lambda e: -e[0][1])], place) + width / 2
        right = self._gaps[first].bend_from - sheet.lefts[row - 1] + out
        left, lane = into, sheet.below[row - 1] + BETWEEN + out
        return _bent([(right, before), (right, lane), (left, lane), (left, after)])

    def _ends_at(self, place: int, first: int) -> tuple[float, float]:
        """How high an edge leaves a row and comes into the next, which begins with a column."""
        way = self._layout.layers.ways[place] or ()
        at = next(step for step, vertex in enumerate(way) if self._layout.column[vertex] == first)
        return self._level(place, way[at - 1]), self._level(place, way[at])

    def _aside(self, order: Sequence[int], place: int) -> float:
        before = order[: order.index(place)]
        return sum(self._layout.bands[other].width + ASIDE for other in before) + ASIDE / 2

    def _backward(self, place: int) -> Route:
        layout, (source, target) = self._layout, self._layout.bands[place].link
        start, end = self._start(place, source), self._end(place, target)
        row = self._sheet.rows.of_column[layout.column[source]]
        out, into = self._gaps[layout.column[source] + 1], self._gaps[layout.column[target]]
        left, lane = self._sheet.lefts[row], self._sheet.lanes[place]
        down = out.after_labels - left + layout.tracks[place, 0]
        up = into.before_labels - left - layout.tracks[place, 1]
        turns = [(down, start[1]), (down, lane), (up, lane), (up, end[1])]
        path = f"M{_at(*start)}{_bent(turns)}H{end[0]:.1f}"
        return Route(path, start, end, goes_back=True)


def _bent(turns: Sequence[tuple[float, float]]) -> str:
    """A way across and down in turn, with round corners at these places."""
    parts = []
    for place, (x, y) in enumerate(turns):
        if place % 2 == 0:  # it comes across, and goes on up or down
            came = x - _CORNER if place == 0 else x + _CORNER
            goes = turns[place + 1][1]
            parts.append(f"H{came:.1f}Q{_at(x, y)} {_at(x, y + math.copysign(_CORNER, goes - y))}")
        else:
            came = turns[place - 1][1]
            towards = turns[place + 1][0] if place + 1 < len(turns) else x + 1
            parts.append(
                f"V{y - math.copysign(_CORNER, y - came):.1f}"
                f"Q{_at(x, y)} {_at(x + math.copysign(_CORNER, towards - x), y)}"
            )
    return "".join(parts)


def _at(x: float, y: float) -> str:
    return f"{x:.1f} {y:.1f}"
