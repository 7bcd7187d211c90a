"""What is inside what: the frames of a picture, one for each firm that is a chain."""

from __future__ import annotations

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
    found = [outline for inner in frame.inside for outline in _placed(inner, boxes).outlines]
    return [outline for _, outline in sorted(found)]


_Columns = dict[float, Box]
"""What a frame has to hold, by the left side of the columns that it is in."""


class _Placed(NamedTuple):
    """A frame's outline if it has one, and those in it, each with its chain's number; what it takes up."""

    outlines: list[tuple[int, Outline]]
    columns: _Columns


def _placed(frame: Frame, boxes: Sequence[Box]) -> _Placed:
    outlines: list[tuple[int, Outline]] = []
    columns: _Columns = {}
    held = [(boxes[place].x, boxes[place]) for place in frame.nodes]
    for inner in frame.inside:
        deeper = _placed(inner, boxes)
        outlines += deeper.outlines
        held += deeper.columns.items()
    for x, box in held:
        columns[x] = _both(columns.get(x, box), box)
    own = {place for each in frame.every() for place in each.nodes}
    strangers = [box for place, box in enumerate(boxes) if place not in own]
    first = min(columns)
    around = {x: _around(box, _LABEL if x == first else 0.0) for x, box in _joined(columns, boxes).items()}
    parts = [around[x] for x in sorted(around)]
    if any(part.height < _THIN or any(_meet(part, box) for box in strangers) for part in parts):
        return _Placed(outlines, columns)
    above = [(x, part.y) for part in parts for x in (part.x, part.x + part.width)]
    below = [(x, part.y + part.height) for part in parts for x in (part.x, part.x + part.width)]
    room = Box(parts[0].x + _AROUND, parts[0].y, parts[0].width - 2 * _AROUND, _LABEL)
    outline = Outline(frame.label, (*above, *reversed(below)), room)
    return _Placed([(frame.number, outline), *outlines], around)


def _joined(columns: _Columns, boxes: Sequence[Box]) -> _Columns:
    """With columns between them in which nothing is to be held: what joins those beside it."""
    joined: _Columns = {}
    before = Box(0.0, 0.0, 0.0, 0.0)
    for x in sorted({box.x for box in boxes if min(columns) <= box.x <= max(columns)}):
        if x not in columns:
            after = columns[min(other for other in columns if other > x)]
            top = max(before.y, after.y)
            bottom = min(before.y + before.height, after.y + after.height)
            joined[x] = Box(x, top, max(box.width for box in boxes if box.x == x), bottom - top)
        before = joined.setdefault(x, columns.get(x, before))
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
