"""Where everything of a picture stands: boxes, the ends of edges at them, and the ways between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from chainprice.report.diagrams.heights import heights_of
from chainprice.report.diagrams.layers import Layers, Link, layers_of

_BETWEEN = 18.0
"""Free space between boxes of a column."""

_BESIDE = 12.0
"""Free space around an edge that passes a column."""

_BEND = 58.0
"""Room for edges to bend between columns."""

_TRACK = 16.0
"""Room for an edge that goes back, beyond its width."""

_CORNER = 9.0


class Size(NamedTuple):
    """How large a node has to be for what is written in it."""

    width: float
    height: float


class Band(NamedTuple):
    """An edge: between which nodes, how wide it is, and how much room its label takes, at which end."""

    link: Link
    width: float
    value: float
    label: float
    label_at_target: bool


class Box(NamedTuple):
    """A node's rectangle."""

    x: float
    y: float
    width: float
    height: float


class Route(NamedTuple):
    """An edge as a path of SVG, its two ends, and where its label begins or ends."""

    path: str
    start: tuple[float, float]
    end: tuple[float, float]
    goes_back: bool


class Plan(NamedTuple):
    """The picture's places."""

    boxes: tuple[Box, ...]
    routes: tuple[Route, ...]
    width: float
    height: float


def plan_of(sizes: Sequence[Size], bands: Sequence[Band]) -> Plan:
    """The places of nodes and of edges between them; raises MissingExtraError without igraph."""
    links = [band.link for band in bands]
    layers = layers_of(len(sizes), links, [band.value for band in bands])
    return _Planning(sizes, bands, layers).plan()


class _Gap(NamedTuple):
    """The room before a column: where labels, tracks and bends are, from left to right."""

    left: float
    """The right side of the column before."""
    after_labels: float
    bend_from: float
    bend_to: float
    before_labels: float
    right: float
    """The left side of the column."""


class _Planning:
    """What is found out on the way from layers to places."""

    def __init__(self, sizes: Sequence[Size], bands: Sequence[Band], layers: Layers) -> None:
        self._bands, self._layers, self._count = bands, layers, len(sizes)
        self._column = {v: c for c, column in enumerate(layers.columns) for v in column}
        self._out: list[list[int]] = [[] for _ in sizes]
        self._in: list[list[int]] = [[] for _ in sizes]
        for place, band in enumerate(bands):
            self._out[band.link[0]].append(place)
            self._in[band.link[1]].append(place)
        self._back = [place for place, way in enumerate(layers.ways) if way is None]
        self._boxes_high = [
            max(size.height, self._room(self._out[n], 0), self._room(self._in[n], 1))
            for n, size in enumerate(sizes)
        ]
        self._widths = [
            max((sizes[v].width for v in column if v < self._count), default=0.0) for column in layers.columns
        ]

    def plan(self) -> Plan:
        heights = self._heights()
        gaps = self._gaps()
        boxes = [
            Box(
                gaps[self._column[n]].right,
                heights[n] - self._boxes_high[n] / 2,
                self._widths[self._column[n]],
                self._boxes_high[n],
            )
            for n in range(self._count)
        ]
        ports = self._ports(heights)
        bottom = max((box.y + box.height for box in boxes), default=0.0)
        lanes, lowest = self._lanes(bottom + _BETWEEN)
        routes = [
            self._forward(place, way, heights, ports, gaps)
            if way is not None
            else self._backward(place, heights, ports, gaps, lanes[place])
            for place, way in enumerate(self._layers.ways)
        ]
        return Plan(tuple(boxes), tuple(routes), gaps[-1].right, lowest)

    # Heights.

    def _slot(self, place: int, end: int) -> float:
        """The room that an edge takes at the side of a node."""
        band = self._bands[place]
        has_label = band.label > 0 and band.label_at_target == (end == 1)
        return max(band.width + 2, 15.0 if has_label else 7.0)

    def _room(self, places: Sequence[int], end: int) -> float:
        return sum(self._slot(place, end) for place in places)

    def _heights(self) -> list[float]:
        """Twice: where edges end at a node depends on where the others stand."""
        helpers: dict[int, float] = {}
        for band, way in zip(self._bands, self._layers.ways, strict=True):
            helpers |= dict.fromkeys((way or ())[1:-1], band.width + _BESIDE)
        sizes = [height + _BETWEEN for height in self._boxes_high]
        sizes += [helpers[vertex] for vertex in sorted(helpers)]
        ports: Mapping[tuple[int, int], float] = {}
        for _ in range(3):
            pulls = []
            for place, way in enumerate(self._layers.ways):
                for a, b in pairwise(way or ()):
                    pulls.append((a, b, ports.get((place, a), 0.0), ports.get((place, b), 0.0)))
            heights = heights_of(self._layers.columns, sizes, pulls)
            ports = self._ports(heights)
        return heights

    def _ports(self, heights: Sequence[float]) -> Mapping[tuple[int, int], float]:
        """For each edge and each of its ends, how far below the node's middle it is."""
        ports: dict[tuple[int, int], float] = {}
        for node in range(self._count):
            for end, places in ((0, self._out[node]), (1, self._in[node])):
                top = -self._room(places, end) / 2
                for place in sorted(places, key=lambda p, end=end: self._towards(p, end, heights)):  # type: ignore[misc]
                    slot = self._slot(place, end)
                    ports[place, node] = top + slot / 2
                    top += slot
        return ports

    def _towards(self, place: int, end: int, heights: Sequence[float]) -> tuple[bool, float]:
        """Edges end in the order of where they come from; those that go back, below the others."""
        way = self._layers.ways[place]
        if way is None:
            return (True, heights[self._bands[place].link[1 - end]])
        return (False, heights[way[1] if end == 0 else way[-2]])

    # Widths.

    def _gaps(self) -> list[_Gap]:
        """The room before each column, and after the last."""
        gaps: list[_Gap] = []
        left = 0.0
        for column in range(len(self._widths) + 1):
            labels_left = self._labels(column - 1, 0)
            labels_right = self._labels(column, 1)
            tracks_left = self._tracks(column - 1, 0)
            tracks_right = self._tracks(column, 1)
            is_between = 0 < column < len(self._widths)
            after_labels = left + labels_left
            bend_from = after_labels + tracks_left
            bend_to = bend_from + (_BEND if is_between else 0.0)
            before_labels = bend_to + tracks_right
            right = before_labels + labels_right
            gaps.append(_Gap(left, after_labels, bend_from, bend_to, before_labels, right))
            left = right + (self._widths[column] if column < len(self._widths) else 0.0)
        return gaps

    def _labels(self, column: int, end: int) -> float:
        """The widest label at a side of a column."""
        widths = [
            band.label
            for band in self._bands
            if band.label > 0
            and band.label_at_target == (end == 1)
            and self._column[band.link[end]] == column
        ]
        return max(widths, default=0.0) + 12.0 if widths else 0.0

    def _tracks(self, column: int, end: int) -> float:
        return sum(self._bands[p].width + _TRACK for p in self._at(column, end))

    def _at(self, column: int, end: int) -> list[int]:
        """The edges that go back and have this end at a column."""
        return [place for place in self._back if self._column[self._bands[place].link[end]] == column]

    # Ways.

    def _lanes(self, top: float) -> tuple[Mapping[int, float], float]:
        """How low each edge goes back, the shortest highest; and where the lowest lane ends."""
        lanes: dict[int, float] = {}
        for place in sorted(self._back, key=lambda p: (self._span(p), p)):
            width = self._bands[place].width
            lanes[place] = top + width / 2
            top += width + _TRACK
        return lanes, top - (_TRACK if lanes else _BETWEEN)

    def _span(self, place: int) -> int:
        source, target = self._bands[place].link
        return self._column[source] - self._column[target]

    def _forward(
        self,
        place: int,
        way: Sequence[int],
        heights: Sequence[float],
        ports: Mapping[tuple[int, int], float],
        gaps: Sequence[_Gap],
    ) -> Route:
        source, target = way[0], way[-1]
        levels = [heights[v] + ports.get((place, v), 0.0) for v in way]
        start = (gaps[self._column[source] + 1].left, levels[0])
        end = (gaps[self._column[target]].right, levels[-1])
        parts = [f"M{_at(*start)}"]
        for step, (before, after) in enumerate(pairwise(levels)):
            gap = gaps[self._column[source] + 1 + step]
            middle = (gap.bend_from + gap.bend_to) / 2
            parts.append(f"H{gap.bend_from:.1f}")
            if abs(before - after) > 0.05:
                parts.append(f"C{_at(middle, before)} {_at(middle, after)} {_at(gap.bend_to, after)}")
        parts.append(f"H{end[0]:.1f}")
        return Route("".join(parts), start, end, goes_back=False)

    def _backward(
        self,
        place: int,
        heights: Sequence[float],
        ports: Mapping[tuple[int, int], float],
        gaps: Sequence[_Gap],
        lane: float,
    ) -> Route:
        source, target = self._bands[place].link
        out, into = gaps[self._column[source] + 1], gaps[self._column[target]]
        start = (out.left, heights[source] + ports[place, source])
        end = (into.right, heights[target] + ports[place, target])
        down = out.after_labels + self._track(place, self._column[source], 0)
        up = into.before_labels - self._track(place, self._column[target], 1)
        r = _CORNER
        path = (
            f"M{_at(*start)}H{down - r:.1f}Q{_at(down, start[1])} {_at(down, start[1] + r)}"
            f"V{lane - r:.1f}Q{_at(down, lane)} {_at(down - r, lane)}"
            f"H{up + r:.1f}Q{_at(up, lane)} {_at(up, lane - r)}"
            f"V{end[1] + r:.1f}Q{_at(up, end[1])} {_at(up + r, end[1])}H{end[0]:.1f}"
        )
        return Route(path, start, end, goes_back=True)

    def _track(self, place: int, column: int, end: int) -> float:
        """How far from the labels an edge that goes back turns; those that go farther turn farther out."""
        at = 0.0
        for other in sorted(self._at(column, end), key=lambda p: (self._span(p), p)):
            room = self._bands[other].width + _TRACK
            if other == place:
                return at + room / 2
            at += room
        return at


def _at(x: float, y: float) -> str:
    return f"{x:.1f} {y:.1f}"
