"""Where everything of a picture stands: boxes, the ends of edges at them, and the ways between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from chainprice.report.diagrams.folding import rows_of
from chainprice.report.diagrams.geometry import Band, Box, Gap, Layout, Plan, Sheet, Size
from chainprice.report.diagrams.heights import heights_of
from chainprice.report.diagrams.layers import Layers, layers_of
from chainprice.report.diagrams.ways import ASIDE, BETWEEN, Ways

_BESIDE = 12.0
"""Free space around an edge that passes a column."""

_BEND = 58.0
"""Room for edges to bend between columns."""

_TRACK = 16.0
"""Room for an edge that goes back, beyond its width."""


def plan_of(sizes: Sequence[Size], bands: Sequence[Band]) -> Plan:
    """The places of nodes and of edges between them; raises MissingExtraError without igraph."""
    links = [band.link for band in bands]
    layers = layers_of(len(sizes), links, [band.value for band in bands])
    return _Planning(sizes, bands, layers).plan()


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
        sheet = self._sheet(heights, gaps)
        boxes = [self._box(node, heights, gaps, sheet) for node in range(self._count)]
        ports = self._ports(heights)
        tracks = {(p, end): self._track(p, end) for p in self._back for end in (0, 1)}
        layout = Layout(self._bands, self._layers, self._column, heights, ports, tracks, gaps, sheet)
        ways = Ways(layout)
        routes = [ways.route(place) for place in range(len(self._bands))]
        width = max(
            gaps[last].after_labels - sheet.lefts[row] + sheet.bundles[row]
            for row, last in enumerate([*sheet.rows.firsts[1:], len(self._widths)])
        )
        columns = tuple(map(self._column.__getitem__, range(self._count)))
        rows = tuple(map(sheet.rows.of_column.__getitem__, range(len(self._widths))))
        return Plan(tuple(boxes), tuple(routes), width, sheet.bottom, columns, rows)

    def _box(self, node: int, heights: Sequence[float], gaps: Sequence[Gap], sheet: Sheet) -> Box:
        column = self._column[node]
        row = sheet.rows.of_column[column]
        high = self._boxes_high[node]
        return Box(
            gaps[column].right - sheet.lefts[row],
            heights[node] - high / 2 + sheet.drops[row],
            self._widths[column],
            high,
        )

    # Rows.

    def _sheet(self, heights: Sequence[float], gaps: Sequence[Gap]) -> Sheet:
        """The rows, where each begins, and how edges get from one to the next."""
        columns = range(len(self._widths))
        crossing = [[p for p, way in enumerate(self._layers.ways) if self._crosses(way, c)] for c in columns]
        unbroken = {c for place in self._back for c in columns if self._spans(place, c)}
        high = max((heights[v] for column in self._layers.columns for v in column), default=0.0) + 60.0
        ends = [gaps[c + 1].left for c in columns]
        rows = rows_of(ends, high, [*map(len, crossing)], unbroken)
        breaks = [first - 1 for first in rows.firsts[1:]]
        bundles = [self._bundle(crossing[c]) for c in breaks]
        lefts = [0.0, *(gaps[c + 1].bend_to - room for c, room in zip(breaks, bundles, strict=True))]
        lanes: dict[int, float] = {}
        drops, below, top = [], [], 0.0
        for row in range(len(rows.firsts)):
            highest, lowest = self._extent(heights, [c for c in columns if rows.of_column[c] == row])
            drops.append(top - highest)
            own = [p for p in self._back if rows.of_column[self._column[self._bands[p].link[0]]] == row]
            lanes_of_row, bottom = self._lanes(own, top + lowest - highest + BETWEEN)
            lanes |= lanes_of_row
            below.append(bottom)
            top = bottom + (bundles[row] if row < len(bundles) else 0.0) + 2 * BETWEEN
        return Sheet(
            rows,
            tuple(drops),
            tuple(lefts),
            lanes,
            tuple(below),
            (*bundles, 0.0),
            tuple(map(tuple, (crossing[c] for c in breaks))),
            below[-1],
        )

    def _crosses(self, way: Sequence[int] | None, column: int) -> bool:
        return way is not None and self._column[way[0]] <= column < self._column[way[-1]]

    def _spans(self, place: int, column: int) -> bool:
        """Whether a row that ends with a column would cut an edge that goes back."""
        source, target = (self._column[end] for end in self._bands[place].link)
        return target - 1 <= column <= source

    def _bundle(self, places: Sequence[int]) -> float:
        """The room of edges side by side, on their way to the next row."""
        return sum(self._bands[place].width + ASIDE for place in places) + ASIDE

    def _extent(self, heights: Sequence[float], columns: Sequence[int]) -> tuple[float, float]:
        """The top and the bottom of some columns."""
        tops, bottoms = [], []
        for vertex in (v for column in columns for v in self._layers.columns[column]):
            half = self._boxes_high[vertex] / 2 if vertex < self._count else BETWEEN
            tops.append(heights[vertex] - half)
            bottoms.append(heights[vertex] + half)
        return min(tops, default=0.0), max(bottoms, default=0.0)

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
        sizes = [height + BETWEEN for height in self._boxes_high]
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

    def _gaps(self) -> list[Gap]:
        """The room before each column, and after the last."""
        gaps: list[Gap] = []
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
            gaps.append(Gap(left, after_labels, bend_from, bend_to, before_labels, right))
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

    def _lanes(self, places: Sequence[int], top: float) -> tuple[dict[int, float], float]:
        """How low each edge goes back, the shortest highest; and where the lowest lane ends."""
        lanes: dict[int, float] = {}
        for place in sorted(places, key=lambda p: (self._span(p), p)):
            width = self._bands[place].width
            lanes[place] = top + width / 2
            top += width + _TRACK
        return lanes, top - (_TRACK if lanes else BETWEEN)

    def _span(self, place: int) -> int:
        source, target = self._bands[place].link
        return self._column[source] - self._column[target]

    def _track(self, place: int, end: int) -> float:
        """How far from the labels an edge that goes back turns; those that go farther turn farther out."""
        at, column = 0.0, self._column[self._bands[place].link[end]]
        for other in sorted(self._at(column, end), key=lambda p: (self._span(p), p)):
            room = self._bands[other].width + _TRACK
            if other == place:
                return at + room / 2
            at += room
        return at
