"""What is inside what: the frames of a picture, one for each firm that is a chain."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from chainprice.diagram import Diagram, InnerChain
from chainprice.errors import printable
from chainprice.report.diagrams.geometry import Box


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


_AROUND = 8.0
"""Free space between what is inside and the frame, or between two frames."""

_LABEL = 14.0
"""The room of a label, over what is furthest to the left."""

_THIN = 10.0
"""The least height of a frame where none of its nodes stand."""


class Outline(NamedTuple):
    """A frame in a picture: its corners, all around, and its label with the room that it has."""

    label: str
    corners: tuple[tuple[float, float], ...]
    room: Box


def outlines_of(frame: Frame, boxes: Sequence[Box]) -> list[Outline]:
    """The frames of a picture whose nodes stand in these boxes, each before those in it.

    Nodes stand where the chain is easiest to follow, in columns. Where others stand among those of a firm,
    its frame would hold strangers: then it has none, and names alone say what nodes are inside of.
    """
    standing = _Standing(boxes)
    found = [outline for inner in frame.inside for outline in _placed(inner, standing).outlines]
    return [outline for _, outline in sorted(found)]


class _Standing:
    """The boxes of all nodes, looked up by the left sides of the columns that they stand in."""

    def __init__(self, boxes: Sequence[Box]) -> None:
        self.boxes = boxes
        self._columns: dict[float, list[int]] = {}
        for place, box in enumerate(boxes):
            self._columns.setdefault(box.x, []).append(place)
        self._lefts = sorted(self._columns)
        self._widest = max([box.width for box in boxes], default=0.0)

    def lefts(self, first: float, last: float) -> list[float]:
        """The columns from one to another."""
        return self._lefts[bisect_left(self._lefts, first) : bisect_right(self._lefts, last)]

    def width(self, left: float) -> float:
        """Of a column."""
        return max(self.boxes[place].width for place in self._columns[left])

    def meeting(self, box: Box) -> set[int]:
        """The nodes whose boxes meet this one."""
        lefts = self.lefts(box.x - self._widest, box.x + box.width)
        return {place for left in lefts for place in self._columns[left] if _meet(box, self.boxes[place])}


_Columns = dict[float, Box]
"""What a frame has to hold, by the left side of the columns that it is in."""


class _Placed(NamedTuple):
    """A frame's outline if it has one, and those in it, each with its chain's number; what it takes up."""

    outlines: list[tuple[int, Outline]]
    columns: _Columns


def _placed(frame: Frame, standing: _Standing) -> _Placed:
    outlines: list[tuple[int, Outline]] = []
    columns: _Columns = {}
    held = [(box.x, box) for box in map(standing.boxes.__getitem__, frame.nodes)]
    for inner in frame.inside:
        deeper = _placed(inner, standing)
        outlines += deeper.outlines
        held += deeper.columns.items()
    for left, box in held:
        columns[left] = _both(columns.get(left, box), box)
    around = {
        left: _around(box, _LABEL if left == min(columns) else 0.0)
        for left, box in _joined(columns, standing).items()
    }
    parts = [*around.values()]
    own = {place for each in frame.every() for place in each.nodes}
    if any(part.height < _THIN or not standing.meeting(part) <= own for part in parts):
        return _Placed(outlines, columns)
    above = [(x, part.y) for part in parts for x in (part.x, part.x + part.width)]
    below = [(x, part.y + part.height) for part in parts for x in (part.x, part.x + part.width)]
    room = Box(parts[0].x + _AROUND, parts[0].y, parts[0].width - 2 * _AROUND, _LABEL)
    outline = Outline(frame.label, (*above, *reversed(below)), room)
    return _Placed([(frame.number, outline), *outlines], around)


def _joined(columns: _Columns, standing: _Standing) -> _Columns:
    """From left to right, with those between in which nothing is to be held: what joins those beside it."""
    own = sorted(columns)
    before = columns[own[0]]
    joined: _Columns = {}
    for left in standing.lefts(own[0], own[-1]):
        if left not in columns:
            after = columns[own[bisect_right(own, left)]]
            top, bottom = max(before.y, after.y), min(before.y + before.height, after.y + after.height)
            joined[left] = before = Box(left, top, standing.width(left), bottom - top)
        else:
            joined[left] = before = columns[left]
    return joined


def _around(box: Box, above: float) -> Box:
    return Box(
        box.x - _AROUND,
        box.y - _AROUND - above,
        box.width + 2 * _AROUND,
        box.height + 2 * _AROUND + above,
    )


def _both(a: Box, b: Box) -> Box:
    """What holds two boxes."""
    left, top = min(a.x, b.x), min(a.y, b.y)
    right, bottom = max(a.x + a.width, b.x + b.width), max(a.y + a.height, b.y + b.height)
    return Box(left, top, right - left, bottom - top)


def _meet(a: Box, b: Box) -> bool:
    """Whether two boxes overlap, or touch."""
    return a.x <= b.x + b.width and b.x <= a.x + a.width and a.y <= b.y + b.height and b.y <= a.y + a.height
