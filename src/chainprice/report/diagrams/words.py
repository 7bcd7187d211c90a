"""What is written at the nodes and edges of a graph, whatever draws them; escaped by what draws them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from chainprice.arithmetic import Number
from chainprice.diagram import Diagram, Edge, Mark, Node
from chainprice.errors import printable, some
from chainprice.report.numbers import shown

_DIGITS = 4
"""Significant digits in pictures."""

_MARKS = {
    "shared": "shared",
    "split": "shared, stated split",
    "non-rival": "non-rival",
    "left-over": "some left over",
    "idle": "idle",
}


class Words(NamedTuple):
    """The lines of a node: its name, what flows on, what flows back, and its marks."""

    name: str
    quantity: str
    price: str
    marks: tuple[str, ...]


class Label(NamedTuple):
    """What stands at an edge, empty where its good says it already."""

    quantity: str
    price: str


def number(value: Number) -> str:
    """A number as pictures have it."""
    return shown(value, _DIGITS)


def title_of(diagram: Diagram) -> str:
    """The title, or else the file's name."""
    return printable(diagram.title or diagram.path)


def node_words(diagram: Diagram, node: Node) -> Words:
    """The lines of a node."""
    marks = tuple(map(mark_words, node.marks))
    if node.kind == "firm":
        profit = "" if node.profit is None else f"profit {_money(diagram, node.profit)}"
        return Words(printable(node.name), "", profit, marks)
    name = {"supply": f"{node.name} bought", "demand": f"{node.name} sold"}.get(node.kind, node.name)
    quantity = "" if node.quantity is None else f"{number(node.quantity)} {node.unit}".rstrip()
    price = "" if node.price is None else _price(diagram, node.price, node.unit)
    return Words(printable(name), printable(quantity), price, marks)


def _money(diagram: Diagram, value: Number) -> str:
    return printable(f"{number(value)} {diagram.price_unit}".rstrip())


def _price(diagram: Diagram, price: Number, unit: str) -> str:
    per = f"/{unit}" if unit and diagram.price_unit else ""
    return f"{_money(diagram, price)}{printable(per)}"


def mark_words(mark: Mark) -> str:
    """A mark in a few words."""
    if mark.kind == "limit" and mark.quantity is not None:
        rent = f", rent {number(mark.rent)}" if mark.rent else ""
        return f"at limit {number(mark.quantity)}{rent}"
    if mark.kind == "not-unique" and mark.price_range is not None:
        low, high = mark.price_range
        return f"price from {number(low)}" + ("" if high is None else f" to {number(high)}")
    return _MARKS[mark.kind]


def edge_labels(diagram: Diagram) -> list[Label]:
    """What stands at each edge: its quantity and price where they are not those of its good."""
    goods = {node.name: node for node in diagram.nodes if node.kind == "good"}
    return [_label(goods[edge.good], edge) for edge in diagram.edges]


def _label(good: Node, edge: Edge) -> Label:
    quantity, price = number(edge.quantity), number(edge.price)
    is_same = good.quantity is not None and quantity == number(good.quantity)
    share = f" ({number(100 * edge.share)}%)" if edge.share is not None else ""
    return Label(
        "" if is_same and not share else f"{quantity}{share}",
        "" if good.price is not None and price == number(good.price) else price,
    )


_TOLD = 60
"""Firms of which each has a sentence."""


def description_of(diagram: Diagram) -> str:
    """What the picture shows, for who cannot see it."""
    firms = [node for node in diagram.nodes if node.kind == "firm"]
    told = _firm_sentences(diagram, firms) if len(firms) <= _TOLD else ()
    return printable(
        " ".join(
            [f"{description_head(diagram)}.", *told, *_chain_sentences(diagram), *_mark_sentences(diagram)]
        )
    )


def description_head(diagram: Diagram) -> str:
    """How large the chain is, how its quantities come about, and what it is worth."""
    kinds = [node.kind for node in diagram.nodes]
    counts = f"{_count(kinds.count('good'), 'good')}, {_count(kinds.count('firm'), 'firm')}"
    return f"{counts}; allocation {diagram.allocation}; total value {_money(diagram, diagram.total_value)}"


def _count(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def _firm_sentences(diagram: Diagram, firms: Iterable[Node]) -> Iterator[str]:
    nodes = {node.id: node for node in diagram.nodes}
    inputs: dict[str, list[str]] = {}
    outputs: dict[str, list[str]] = {}
    for edge in diagram.edges:
        unit = nodes[f"good:{edge.good}"].unit
        amount = f"{number(edge.quantity)} {unit}".rstrip()
        text = f"{amount} of {edge.good} at {_price(diagram, edge.price, unit)}"
        inputs.setdefault(edge.target, []).append(text)
        outputs.setdefault(edge.source, []).append(text)
    for firm in firms:
        source = f" from {_listed(inputs[firm.id])}" if firm.id in inputs else ""
        yield f"{firm.name} makes {_listed(outputs.get(firm.id, ['nothing']))}{source}."


def _listed(texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


def _chain_sentences(diagram: Diagram) -> Iterator[str]:
    """What is inside the firms that are chains."""
    names = {node.id: node.name for node in diagram.nodes}
    for chain in diagram.chains:
        inner = [other.chain for other in diagram.chains if other.parent == chain.chain]
        yield f"Inside {chain.chain}: {some([*map(names.__getitem__, chain.nodes), *inner])}."


def _mark_sentences(diagram: Diagram) -> Iterator[str]:
    """A sentence for each kind of marks."""
    by_mark: dict[str, list[str]] = {}
    for node in diagram.nodes:
        for mark in node.marks:
            by_mark.setdefault(mark_words(mark), []).append(node.name)
    for words, names in by_mark.items():
        yield f"{words.capitalize()}: {some(names)}."
