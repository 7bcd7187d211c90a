"""What is inside what: the frames of a picture, one for each firm that is a chain."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from chainprice.diagram import Diagram, InnerChain
from chainprice.errors import printable
from chainprice.report.diagrams.geometry import Box, Plan


class Frame(NamedTuple):
    """Nodes, by their places in the diagram, and the frames beside them: a chain's, or the whole picture.

    `number` is the chain's place in the diagram, -1 for the whole picture.
    """

    number: int
    label: str
    nodes: tuple[int, ...]
    inside: tuple[Frame, ...]

    def every(self) -> Iterator[Frame]:
        """This frame and all in it."""
        yield self
        for frame in self.inside:
            yield from frame.every()


def frames_of(diagram: Diagram) -> Frame:
    """The whole picture, with the frames in it."""
    places = {node.id: place for place, node in enumerate(diagram.nodes)}
    framed = {node for chain in diagram.chains for node in chain.nodes}
    by_parent: dict[str | None, list[tuple[int, InnerChain]]] = {}
    for number, chain in enumerate(diagram.chains):
        by_parent.setdefault(chain.parent, []).append((number, chain))

    def inside(parent: str | None) -> tuple[Frame, ...]:
        return tuple(
            [
                Frame(number, _label(chain), tuple(map(places.__getitem__, chain.nodes)), inside(chain.chain))
                for number, chain in by_parent.get(parent, ())
            ]
        )

    outside = [place for node, place in places.items() if node not in framed]
    return Frame(-1, "", tuple(outside), inside(None))


def _label(chain: InnerChain) -> str:
    """Its name, and its title if its file has one."""
    return printable(f"{chain.chain}: {chain.title}" if chain.title else chain.chain)


_AROUND = (8.0, 4.0)
"""Free space between what is inside and the frame, or between two frames; less where there is no more."""

_LABEL = 14.0
"""The room of a label."""

_THIN = 10.0
"""The least height of a frame where none of its nodes stand."""


class Outline(NamedTuple):
    """A frame in a row of a picture: its corners, all around, and its label with the room that it has.

    There is no room where others stand too near above all of it.
    """

    label: str
    corners: tuple[tuple[float, float], ...]
    room: Box | None


def outlines_of(frame: Frame, plan: Plan) -> list[Outline]:
    """The frames of a picture, each before those in it; one that goes on in the next row goes on there.

    Nodes stand where the chain is easiest to follow, in columns. Where others stand among those of a firm,
    its frame would hold strangers: then it has none, and names alone say what nodes are inside of.
    """
    placing = _Placing(plan)
    for inner in frame.inside:
        placing.place(inner)
    return [outline for _, outlines in sorted(placing.found.items()) for outline in outlines]


_Columns = dict[int, Box]
"""What a frame has to hold, by column."""


class _Placing:
    """Finds room for one frame after the other, those inside first; `found` are theirs by their numbers."""

    def __init__(self, plan: Plan) -> None:
        self.found: dict[int, list[Outline]] = {}
        self._plan = plan
        self._nodes: dict[int, list[int]] = {}
        for place, column in enumerate(plan.columns):
            self._nodes.setdefault(column, []).append(place)
        self._taken: dict[int, list[tuple[int, Box]]] = {}

    def place(self, frame: Frame) -> _Columns:
        """Draw a frame if there is room; what it takes up, or else what is in it."""
        columns: _Columns = {}
        held = [(self._plan.columns[node], self._plan.boxes[node]) for node in frame.nodes]
        for inner in frame.inside:
            held += self.place(inner).items()
        for column, box in held:
            columns[column] = _both(columns.get(column, box), box)
        joined = self._joined(columns)
        own = {place for each in frame.every() for place in each.nodes}
        numbers = {each.number for each in frame.every()}
        if any(box.height < _THIN for box in joined.values()):
            return columns
        for around in _AROUND:
            parts = {column: _around(box, around) for column, box in joined.items()}
            if not any(self._is_taken(column, part, own, numbers) for column, part in parts.items()):
                labelled = self._label_over(joined, around, own, numbers)
                if labelled is not None:
                    parts[labelled] = _around(joined[labelled], around, _LABEL)
                self._draw(frame, parts, around, labelled)
                return parts
        return columns

    def _label_over(self, joined: _Columns, around: float, own: set[int], numbers: set[int]) -> int | None:
        """The first column that has room for a label above."""
        for column, box in joined.items():
            if not self._is_taken(column, _around(box, around, _LABEL), own, numbers):
                return column
        return None

    def _is_taken(self, column: int, part: Box, own: set[int], numbers: set[int]) -> bool:
        """Whether a node or a frame of others is there."""
        nodes = (self._plan.boxes[node] for node in self._nodes[column] if node not in own)
        frames = (box for number, box in self._taken.get(column, ()) if number not in numbers)
        return any(_meet(part, box) for box in (*nodes, *frames))

    def _draw(self, frame: Frame, parts: _Columns, around: float, labelled: int | None) -> None:
        for column, part in parts.items():
            self._taken.setdefault(column, []).append((frame.number, part))
        rows: dict[int, _Columns] = {}
        for column, part in parts.items():
            rows.setdefault(self._plan.rows[column], {})[column] = part
        self.found[frame.number] = [
            _outline(frame.label, of_row, around, labelled) for of_row in rows.values()
        ]

    def _joined(self, columns: _Columns) -> _Columns:
        """From left to right, with those between where nothing is to be held: what joins those beside it."""
        own = sorted(columns)
        before = columns[own[0]]
        joined: _Columns = {}
        for column in range(own[0], own[-1] + 1):
            if column not in columns:
                boxes = [self._plan.boxes[node] for node in self._nodes.get(column, ())]
                if not boxes:  # only ways pass here
                    continue
                after = columns[own[bisect_right(own, column)]]
                top, bottom = max(before.y, after.y), min(before.y + before.height, after.y + after.height)
                joined[column] = Box(boxes[0].x, top, max(box.width for box in boxes), bottom - top)
            else:
                joined[column] = columns[column]
            before = joined[column]
        return joined


def _outline(label: str, parts: _Columns, around: float, labelled: int | None) -> Outline:
    boxes = [*parts.values()]
    above = [(x, part.y) for part in boxes for x in (part.x, part.x + part.width)]
    below = [(x, part.y + part.height) for part in boxes for x in (part.x, part.x + part.width)]
    room = None
    if labelled in parts:
        part = parts[labelled]
        room = Box(part.x + around, part.y, part.width - 2 * around, _LABEL)
    return Outline(label, (*above, *reversed(below)), room)


def _around(box: Box, around: float, above: float = 0.0) -> Box:
    return Box(
        box.x - around,
        box.y - around - above,
        box.width + 2 * around,
        box.height + 2 * around + above,
    )


def _both(a: Box, b: Box) -> Box:
    """What holds two boxes."""
    left, top = min(a.x, b.x), min(a.y, b.y)
    right, bottom = max(a.x + a.width, b.x + b.width), max(a.y + a.height, b.y + b.height)
    return Box(left, top, right - left, bottom - top)


def _meet(a: Box, b: Box) -> bool:
    """Whether two boxes overlap, or touch."""
    return a.x <= b.x + b.width and b.x <= a.x + a.width and a.y <= b.y + b.height and b.y <= a.y + a.height
