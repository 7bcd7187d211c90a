"""A graph of goods and firms as SVG.

It stands alone, reads in light and dark, and says in words what it shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from chainprice import limits
from chainprice.diagram import Diagram, Node
from chainprice.errors import Problem, UsageError
from chainprice.report.diagrams.frames import Outline, frames_of, outlines_of
from chainprice.report.diagrams.geometry import Band, Box, Plan, Route, Size
from chainprice.report.diagrams.places import plan_of
from chainprice.report.diagrams.widths import widths_of
from chainprice.report.diagrams.words import (
    Label,
    Words,
    description_head,
    description_of,
    edge_labels,
    node_words,
    title_of,
)
from chainprice.report.svg import cut_to_width, svg_document, text_width

_WIDEST = 26.0
_MARGIN, _HEAD = 20.0, 92.0
_BOLD, _SMALL = 13.8, 11.0
"""Sizes of letters; those of names are 13 and bold, which are wider."""
_LINE = 15.0
_PAD = 8.0
_MOST = 190.0
"""The widest that a text in a box gets; all of it is in the box's own title."""

_LEAST = 560.0
"""The narrowest picture: its title needs room."""

_ARROW = 8.0

_QUANTITY, _PRICE, _LIMIT = "#0072b2", "#b34700", "#b00020"

_NAME_OF_PICTURE = "chain"

_LIGHT = (
    "svg.chain{background:#fff;font:11px system-ui,sans-serif;fill:#1b1b1b}"
    ".chain .head{font-size:16px;font-weight:600}.chain .name{font-size:13px;font-weight:600}"
    ".chain .soft{fill:#5a5a5a}.chain .flow{fill:none;stroke:#56a0d3;stroke-opacity:.42}"
    ".chain .none{fill:none;stroke:#999;stroke-dasharray:3 3}"
    f".chain .q{{fill:{_QUANTITY}}}.chain .p{{fill:{_PRICE}}}.chain .m{{fill:#5a5a5a;font-style:italic}}"
    f".chain .x{{fill:{_LIMIT};font-weight:600}}"
    ".chain .good{fill:#e8f1fa;stroke:#7fb2d9}.chain .firm{fill:#fff;stroke:#444;stroke-width:1.4}"
    ".chain .market{fill:#f4f4f4;stroke:#888;stroke-dasharray:2 3}"
    f".chain .limit{{stroke:{_LIMIT};stroke-width:2.4;stroke-dasharray:none}}"
    ".chain .frame{fill:#f7f7f5;stroke:#999;stroke-dasharray:5 4;stroke-linejoin:round}"
    ".chain .nonrival{fill:none;stroke:#7fb2d9}.chain .back{fill:#fff;fill-opacity:.75}"
)
_DARK = (
    "svg.chain{background:#15171a;fill:#eceff1}.chain .soft,.chain .m{fill:#a9b0b6}"
    ".chain .flow{stroke:#3d86b8;stroke-opacity:.55}.chain .none{stroke:#6b7075}"
    ".chain .q{fill:#6cb8ec}.chain .p{fill:#ff9d5c}.chain .x{fill:#ff7b8a}"
    ".chain .good{fill:#1c2a36;stroke:#3f6d92}.chain .firm{fill:#1d2024;stroke:#b5bcc2}"
    ".chain .market{fill:#202327;stroke:#7d848a}.chain .limit{stroke:#ff7b8a}"
    ".chain .frame{fill:#1a1d20;stroke:#6b7075}.chain .nonrival{stroke:#3f6d92}.chain .back{fill:#15171a}"
)
_STYLE = f"{_LIGHT}@media screen and (prefers-color-scheme:dark){{{_DARK}}}"


def diagram_svg(diagram: Diagram) -> str:
    """The graph as SVG: a ribbon for each way of a good, as wide as what it is worth.

    Raises UsageError for a chain of more nodes than can be drawn, MissingExtraError without igraph.
    """
    _fail_if_too_large(diagram)
    words = [node_words(diagram, node) for node in diagram.nodes]
    labels = edge_labels(diagram)
    bands = _bands(diagram, labels)
    plan = plan_of([*map(_size, words)], bands)
    frames = outlines_of(frames_of(diagram), plan)
    extent = _extent(plan, frames)
    body = [*_header(diagram, max(plan.width, _LEAST))]
    body.append(f'<g transform="translate({_MARGIN - extent.x:.0f} {_HEAD - extent.y:.0f})">')
    for frame in frames:
        body += _frame(frame)
    body += _flows(diagram, bands, plan)
    for node, lines, box in zip(diagram.nodes, words, plan.boxes, strict=True):
        body += _node(node, lines, box)
    body += _labels(labels, bands, plan)
    body.append("</g>")
    size = (
        round(max(extent.width, _LEAST) + 2 * _MARGIN),
        round(extent.height + _HEAD + _MARGIN),
    )
    return svg_document(
        size, (title_of(diagram), description_of(diagram)), _STYLE, body, name=_NAME_OF_PICTURE
    )


def _extent(plan: Plan, frames: Sequence[Outline]) -> Box:
    """What the plan takes up with its frames, which may stand out."""
    corners = [(0.0, 0.0), (plan.width, plan.height), *(each for frame in frames for each in frame.corners)]
    (left, right), (top, bottom) = ((min(sides), max(sides)) for sides in zip(*corners, strict=True))
    return Box(left, top, right - left, bottom - top)


def _fail_if_too_large(diagram: Diagram) -> None:
    count = len(diagram.nodes)
    if count > limits.DRAWN_NODES:
        message = (
            f"a picture has at most {limits.DRAWN_NODES:,} goods and firms, and this chain has {count:,}"
        )
        raise UsageError(Problem(message, None, "-f text, json and dot have no limit"))


def _bands(diagram: Diagram, labels: Sequence[Label]) -> list[Band]:
    places = {node.id: place for place, node in enumerate(diagram.nodes)}
    return [
        Band(
            link=(places[edge.source], places[edge.target]),
            width=width,
            value=abs(float(edge.value)),
            label=_label_width(label),
            label_at_target=edge.source.startswith("good:"),
        )
        for edge, label, width in zip(diagram.edges, labels, widths_of(diagram, _WIDEST), strict=True)
    ]


def _label_width(label: Label) -> float:
    widths = [12.0 + text_width(text, _SMALL) for text in label if text]
    return sum(widths) + 8.0 * (len(widths) - 1) if widths else 0.0


def _size(words: Words) -> Size:
    small = [text_width(text, _SMALL) for text in words.marks]
    small += [text_width(text, _SMALL) + 12.0 for text in (words.quantity, words.price) if text]
    widest = max(text_width(words.name, _BOLD), *small, 30.0)
    count = 1 + bool(words.quantity) + bool(words.price) + len(words.marks)
    return Size(min(widest, _MOST) + 2 * _PAD + 4, count * _LINE + 2 * _PAD - 3)


def _header(diagram: Diagram, width: float) -> Iterator[str]:
    title = cut_to_width(title_of(diagram), 16.5, width)
    subtitle = description_head(diagram)
    yield f'<text class="head" x="{_MARGIN:.0f}" y="30">{escape(title)}</text>'
    subtitle = cut_to_width(subtitle, _SMALL, width)
    yield f'<text class="soft" x="{_MARGIN:.0f}" y="49">{escape(subtitle)}</text>'
    at = _MARGIN
    yield f'<path class="q" d="{_arrow(at + 8, 62, 1)}"/>'
    yield f'<text class="q" x="{at + 12:.0f}" y="66">quantities go on</text>'
    yield f'<path class="p" d="{_arrow(at + 118, 62, -1)}"/>'
    yield f'<text class="p" x="{at + 130:.0f}" y="66">prices come back</text>'
    yield f'<path class="flow" stroke-width="9" d="M{at + 242:.0f} 62h26"/>'
    yield f'<text class="soft" x="{at + 274:.0f}" y="66">width: value (price × quantity)</text>'


def _flows(diagram: Diagram, bands: Sequence[Band], plan: Plan) -> Iterator[str]:
    """Ribbons, widest first, and the arrows at their ends."""
    order = sorted(range(len(bands)), key=lambda place: (-bands[place].width, place))
    for place in order:
        edge, route = diagram.edges[place], plan.routes[place]
        look = "flow" if edge.quantity else "none"
        yield (
            f'<path class="{look}" stroke-width="{bands[place].width if edge.quantity else 1:.1f}" '
            f'd="{route.path}"/>'
        )
    for route in plan.routes:
        yield f'<path class="q" d="{_arrow(*route.end, 1)}"/>'
        yield f'<path class="p" d="{_arrow(*route.start, -1)}"/>'


def _arrow(x: float, y: float, way: int) -> str:
    """A triangle with its tip at x: to the right (1) or to the left (-1)."""
    back = x - way * _ARROW
    return f"M{x:.1f} {y:.1f}L{back:.1f} {y - 4.5:.1f}V{y + 4.5:.1f}Z"


def _node(node: Node, words: Words, box: Box) -> Iterator[str]:
    kinds = {mark.kind for mark in node.marks}
    look = node.kind if node.kind in ("good", "firm") else "market"
    limit = " limit" if "limit" in kinds else ""
    radius = 3 if node.kind == "firm" else 14
    yield f"<g><title>{escape(_in_full(words))}</title>"
    if "non-rival" in kinds:
        yield f'<rect class="nonrival" {_rectangle(box, 3.5)} rx="{radius + 3}"/>'
    yield f'<rect class="{look}{limit}" {_rectangle(box, 0)} rx="{radius}"/>'
    yield from _texts(words, box)
    yield "</g>"


def _frame(frame: Outline) -> Iterator[str]:
    """A line around what is inside a firm, with its name over it where there is room."""
    corners = "L".join(f"{x:.1f} {y:.1f}" for x, y in frame.corners)
    yield f"<g><title>{escape(frame.label)}</title>"
    yield f'<path class="frame" d="M{corners}Z"/>'
    if frame.room is not None:
        shown = cut_to_width(frame.label, _SMALL, frame.room.width)
        x, y = frame.room.x, frame.room.y + frame.room.height
        yield f'<text class="soft" x="{x:.1f}" y="{y:.1f}">{escape(shown)}</text>'
    yield "</g>"


def _rectangle(box: Box, beyond: float) -> str:
    return (
        f'x="{box.x - beyond:.1f}" y="{box.y - beyond:.1f}" '
        f'width="{box.width + 2 * beyond:.1f}" height="{box.height + 2 * beyond:.1f}"'
    )


def _in_full(words: Words) -> str:
    return "; ".join(text for text in (words.name, words.quantity, words.price, *words.marks) if text)


def _texts(words: Words, box: Box) -> Iterator[str]:
    """The lines of a box, one below the other from its left."""
    lines = [("name", words.name, 0)]
    lines += [("q", words.quantity, 1)] if words.quantity else []
    if words.price:
        lines.append(("p", words.price, -1) if words.quantity else ("soft", words.price, 0))
    lines += [("x" if text.startswith("at limit") else "m", text, 0) for text in words.marks]
    x, y = box.x + _PAD + 2, box.y + box.height / 2 - len(lines) * _LINE / 2 + 11
    for look, text, way in lines:
        shown = cut_to_width(text, _BOLD if look == "name" else _SMALL, _MOST)
        if way:
            yield f'<path class="{look}" d="{_arrow(x + (_ARROW if way > 0 else 0), y - 4, way)}"/>'
        yield f'<text class="{look}" x="{x + (12 if way else 0):.1f}" y="{y:.1f}">{escape(shown)}</text>'
        y += _LINE


def _labels(labels: Sequence[Label], bands: Sequence[Band], plan: Plan) -> Iterator[str]:
    for label, band, route in zip(labels, bands, plan.routes, strict=True):
        if band.label > 0:
            yield from _label(label, band, route)


def _label(label: Label, band: Band, route: Route) -> Iterator[str]:
    """The quantity and the price of one way of a good, at the firm's end of it."""
    if band.label_at_target:
        x, y = route.end[0] - 11 - band.label, route.end[1]
    else:
        x, y = route.start[0] + 11, route.start[1]
    yield f'<rect class="back" x="{x:.1f}" y="{y - 6.5:.1f}" width="{band.label:.1f}" height="13" rx="3"/>'
    for look, text, way in (("q", label.quantity, 1), ("p", label.price, -1)):
        if text:
            yield f'<path class="{look}" d="{_arrow(x + (8 if way > 0 else 1), y, way)}"/>'
            yield f'<text class="{look}" x="{x + 11:.1f}" y="{y + 4:.1f}">{escape(text)}</text>'
            x += 12 + text_width(text, _SMALL) + 8
