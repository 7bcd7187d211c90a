"""A graph in DOT, for Graphviz and what else reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from chainprice.diagram import Diagram, Edge, Node
from chainprice.report.diagrams.frames import Frame, frames_of
from chainprice.report.diagrams.widths import widths_of
from chainprice.report.diagrams.words import Label, description_of, edge_labels, node_words, title_of

_WIDEST = 10.0

_LOOKS: Mapping[str, Mapping[str, str]] = {
    "good": {"shape": "box", "style": "rounded,filled", "fillcolor": "#e8f1fa", "color": "#0072b2"},
    "firm": {"shape": "box", "style": "filled", "fillcolor": "#ffffff", "color": "#444444"},
    "supply": {"shape": "cds", "style": "dashed", "color": "#777777"},
    "demand": {"shape": "cds", "style": "dashed", "color": "#777777"},
}

_FRAME: Mapping[str, str] = {"labeljust": "l", "style": "rounded,dashed", "color": "#777777"}

_HEAD = (
    "digraph chain {",
    "  graph [rankdir=LR, ranksep=0.7, labelloc=t, fontname=Helvetica];",
    "  node [fontname=Helvetica, fontsize=11];",
    '  edge [fontname=Helvetica, fontsize=10, color="#0072b2", arrowsize=0.7];',
)


def diagram_dot(diagram: Diagram) -> str:
    """The graph in DOT: quantities along the arrows, prices against them."""
    return "\n".join(_lines(diagram)) + "\n"


def _lines(diagram: Diagram) -> Iterator[str]:
    yield from _HEAD
    yield f"  label={_quoted(title_of(diagram))};"
    yield f"  comment={_quoted(description_of(diagram))};"
    names = {node.id: f"n{place}" for place, node in enumerate(diagram.nodes)}
    yield from _framed(diagram, frames_of(diagram), "  ")
    drawn = zip(diagram.edges, edge_labels(diagram), widths_of(diagram, _WIDEST), strict=True)
    for edge, label, width in drawn:
        attributes = _attributes(_edge(edge, label, width))
        yield f"  {names[edge.source]} -> {names[edge.target]} [{attributes}];"
    yield "}"


def _framed(diagram: Diagram, frame: Frame, indent: str) -> Iterator[str]:
    """The nodes in a frame, then the frames in it."""
    for place in frame.nodes:
        yield f"{indent}n{place} [{_attributes(_node(diagram, diagram.nodes[place]))}];"
    for inner in frame.inside:
        yield f"{indent}subgraph cluster_{inner.number} {{"
        yield f"{indent}  graph [{_attributes({'label': inner.label, **_FRAME})}];"
        yield from _framed(diagram, inner, f"{indent}  ")
        yield f"{indent}}}"


def _node(diagram: Diagram, node: Node) -> dict[str, str]:
    words = node_words(diagram, node)
    flows = [f"→ {words.quantity}"] if words.quantity else []
    prices = [words.price if node.kind == "firm" else f"← {words.price}"] if words.price else []
    look = {"label": "\n".join([words.name, *flows, *prices, *words.marks]), **_LOOKS[node.kind]}
    kinds = {mark.kind for mark in node.marks}
    if "limit" in kinds:
        look |= {"color": "#b00020", "penwidth": "2.5"}
    if "non-rival" in kinds:
        look |= {"peripheries": "2"}
    return look


def _edge(edge: Edge, label: Label, width: float) -> dict[str, str]:
    lines = [
        *([f"→ {label.quantity}"] if label.quantity else []),
        *([f"← {label.price}"] if label.price else []),
    ]
    text = {"label": "\n".join(lines)} if lines else {}
    style = {} if edge.quantity else {"style": "dashed"}
    return {**text, **style, "penwidth": f"{width:.2f}"}


def _attributes(attributes: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={_quoted(value)}" for name, value in attributes.items())


def _quoted(text: str) -> str:
    r"""A string of DOT. Graphviz reads `\N` and `&amp;` in labels, so that both signs are escaped."""
    escaped = text.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
