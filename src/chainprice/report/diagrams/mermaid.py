"""A graph as Mermaid, which GitHub, GitLab and many editors draw.

Nodes have ids of their own (a node called `end` would end Mermaid's reading), and every character that could
mean something to it is written as a number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from chainprice.diagram import Diagram, Node
from chainprice.report.diagrams.frames import Frame, frames_of
from chainprice.report.diagrams.widths import widths_of
from chainprice.report.diagrams.words import Label, description_of, edge_labels, node_words, title_of

_WIDEST = 10.0

_SHAPES = {
    "good": '(["{}"])',
    "firm": '["{}"]',
    "supply": '>"{}"]',
    "demand": '>"{}"]',
}

_STYLES = (
    "classDef good fill:#e8f1fa,stroke:#0072b2,color:#1b1b1b",
    "classDef firm fill:#ffffff,stroke:#444444,color:#1b1b1b",
    "classDef market fill:#f4f4f4,stroke:#777777,color:#1b1b1b,stroke-dasharray:3 3",
    "classDef nonrival stroke-dasharray:6 3,stroke-width:2px",
    "classDef limit stroke:#b00020,stroke-width:3px",
)


def diagram_mermaid(diagram: Diagram) -> str:
    """The graph as a Mermaid flowchart: quantities along the arrows, prices against them."""
    return "\n".join(_lines(diagram)) + "\n"


def _lines(diagram: Diagram) -> Iterator[str]:
    yield "---"
    yield f"title: {json.dumps(title_of(diagram))}"
    yield "---"
    yield "flowchart LR"
    yield f"  accTitle: {_statement(title_of(diagram))}"
    yield f"  accDescr: {_statement(description_of(diagram))}"
    names = {node.id: f"n{place}" for place, node in enumerate(diagram.nodes)}
    yield from _framed(diagram, frames_of(diagram), "  ")
    for edge, label in zip(diagram.edges, edge_labels(diagram), strict=True):
        yield f"  {names[edge.source]} -->{_edge_text(label)} {names[edge.target]}"
    for place, width in enumerate(widths_of(diagram, _WIDEST)):
        yield f"  linkStyle {place} stroke-width:{width:.1f}px"
    yield from (f"  {style}" for style in _STYLES)
    for mark, style in (("non-rival", "nonrival"), ("limit", "limit")):
        marked = [names[node.id] for node in diagram.nodes if mark in {m.kind for m in node.marks}]
        if marked:
            yield f"  class {','.join(marked)} {style}"


def _framed(diagram: Diagram, frame: Frame, indent: str) -> Iterator[str]:
    """The nodes in a frame, then the frames in it."""
    for place in frame.nodes:
        yield f"{indent}n{place}{_node(diagram, diagram.nodes[place])}"
    for inner in frame.inside:
        yield f'{indent}subgraph f{inner.number}["{_escaped(inner.label)}"]'
        yield from _framed(diagram, inner, f"{indent}  ")
        yield f"{indent}end"


def _node(diagram: Diagram, node: Node) -> str:
    words = node_words(diagram, node)
    flows = [f"→ {words.quantity}"] if words.quantity else []
    prices = [words.price if node.kind == "firm" else f"← {words.price}"] if words.price else []
    text = "<br/>".join(map(_escaped, [words.name, *flows, *prices, *words.marks]))
    look = node.kind if node.kind in ("good", "firm") else "market"
    return f"{_SHAPES[node.kind].format(text)}:::{look}"


def _edge_text(label: Label) -> str:
    lines = [
        *([f"→ {label.quantity}"] if label.quantity else []),
        *([f"← {label.price}"] if label.price else []),
    ]
    return f'|"{"<br/>".join(map(_escaped, lines))}"|' if lines else ""


def _escaped(text: str) -> str:
    """Text between quotes: Mermaid reads `#35;` as the character of that number, after all else."""
    return _SPECIAL.sub(lambda letter: f"#{ord(letter[0])};", text)


_SPECIAL = re.compile(r"[^\w .,()/→←-]")
"""Letters, digits and what is harmless in quotes stay; also in other alphabets."""


def _statement(text: str) -> str:
    """Text to the end of a line, where numbers are not read: what could end the line's meaning goes."""
    return re.sub(r"[^\w .,()/+*=:'-]", " ", text).strip() or "chain"
