"""A graph as trees for a terminal: what is sold, and below it what it is made of.

A good that is needed in several places is taken apart once, and so is a loop.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from rich.cells import cell_len

from chainprice.arithmetic import Number
from chainprice.diagram import Diagram, Edge, Node
from chainprice.report.diagrams.words import description_head, mark_words, number, title_of
from chainprice.report.numbers import DIGITS
from chainprice.report.plain import plain_lines
from chainprice.report.table import Column, Table
from chainprice.report.terminal import terminal_text

_DEEPEST = 12
"""Levels of a tree; what is deeper has a tree of its own, so that a long chain needs no wide terminal."""

_ABOVE, _BELOW = "see above", "see below"

_ARROWS = {_ABOVE: "↑", _BELOW: "↓"}
"""What stands for these words behind a name where there is no room for notes."""

_LINES = "├└│ "

_LEFT_OUT: Sequence[tuple[str, ...]] = (
    (),
    ("value",),
    ("value", "unit"),
    ("value", "notes"),
    ("value", "unit", "notes"),
)
"""Columns that are left out where a terminal is too narrow for them."""


class _Item(NamedTuple):
    """A node that waits for its row: the edge that it was reached by, and the lines beside it."""

    node: Node
    edge: Edge | None
    branch: str
    below: str
    level: int


class _Row(NamedTuple):
    label: str
    quantity: Number | None
    unit: str
    price: Number | None
    value: Number
    notes: str


def diagram_text(diagram: Diagram, width: int | None) -> str:
    """The graph as a table whose first column is its trees; every use with its quantity and price.

    Notes stand below a table that would be too wide with them.
    """
    rows = tuple(_Trees(diagram).rows())
    money = f" [{diagram.price_unit}]" if diagram.price_unit else ""
    columns = (
        Column("good", "good", "name"),
        Column("quantity →", "quantity", "number"),
        Column("unit", "unit", "text"),
        Column(f"← price{money}", "price", "number"),
        Column(f"value{money}", "value", "number"),
        Column("", "notes", "text"),
    )
    table = _fitting(Table(title_of(diagram), columns, rows), width)
    parts: list[Table | str] = [title_of(diagram), description_head(diagram), "", table]
    if table.columns[-1].name != "notes":
        parts[-1] = _fitting(Table(title_of(diagram), columns, tuple(map(_pointed, rows))), width)
        notes = {row.label.lstrip(_LINES): row.notes for row in rows if row.notes and _ABOVE not in row.notes}
        arrows = [f"{arrow} {words}" for words, arrow in _ARROWS.items() if _has(rows, words)]
        parts += ["", *arrows, *(f"{label}: {text}" for label, text in notes.items())]
    return terminal_text(parts, DIGITS, width=width)


def _has(rows: Sequence[_Row], words: str) -> bool:
    return any(words in row.notes for row in rows)


def _pointed(row: _Row) -> _Row:
    """The row with an arrow for what its notes would say about another place."""
    arrows = [arrow for words, arrow in _ARROWS.items() if words in row.notes]
    return row._replace(label=" ".join([row.label, *arrows]))


def _fitting(table: Table, width: int | None) -> Table:
    tables = (_without(table, names) for names in _LEFT_OUT)
    fits = (t for t in tables if width is None or cell_len(list(plain_lines(t, DIGITS))[1]) <= width)
    return next(fits, _without(table, _LEFT_OUT[-1]))


def _without(table: Table, names: Sequence[str]) -> Table:
    kept = [place for place, column in enumerate(table.columns) if column.name not in names]
    columns = tuple(table.columns[place] for place in kept)
    return Table(table.title, columns, tuple(tuple(row[place] for place in kept) for row in table.rows))


class _Trees:
    """The nodes in the order of their rows, and which have been taken apart already."""

    def __init__(self, diagram: Diagram) -> None:
        self._diagram = diagram
        self._nodes = {node.id: node for node in diagram.nodes}
        self._sources: Mapping[str, list[Edge]] = {node.id: [] for node in diagram.nodes}
        self._used: set[str] = set()
        for edge in diagram.edges:
            self._sources[edge.target].append(edge)
            self._used.add(edge.source)
        self._done: set[str] = set()
        self._later: list[Node] = []

    def rows(self) -> Iterator[_Row]:
        """What leaves the chain first, then what leads nowhere, then what is left of loops."""
        roots = [node for node in self._diagram.nodes if node.kind == "demand" or self._leads_nowhere(node)]
        for root in roots:
            yield from self._tree(root)
        for root in self._diagram.nodes:
            if root.id not in self._done and root.kind == "good":
                yield from self._tree(root)

    def _leads_nowhere(self, node: Node) -> bool:
        return node.kind == "good" and node.id not in self._used

    def _tree(self, root: Node) -> Iterator[_Row]:
        waiting = [_Item(root, None, "", "", 0)]
        while waiting:
            item = waiting.pop()
            row, items = self._row(item)
            yield row
            waiting += reversed(items)
            if not waiting and self._later:
                later = self._later.pop(0)
                waiting += [] if later.id in self._done else [_Item(later, None, "", "", 0)]

    def _row(self, item: _Item) -> tuple[_Row, list[_Item]]:
        """A row, and what comes below it."""
        merged, was_done = self._merged(item.node)
        sources = self._sources[merged[-1].id]
        notes = [note for node in merged for note in _notes(node, item.node)]
        goes_on = not was_done and bool(sources)
        is_too_deep = goes_on and item.level >= _DEEPEST
        if was_done and sources:
            notes.append(_ABOVE)
        if is_too_deep:
            notes.append(_BELOW)
            self._later.append(item.node)
            self._done -= {node.id for node in merged}
        at = item.edge or item.node
        row = _Row(
            f"{item.branch}{_label(merged)}",
            at.quantity,
            item.node.unit,
            at.price,
            at.value,
            "; ".join(notes),
        )
        return row, self._below(item, sources) if goes_on and not is_too_deep else []

    def _merged(self, node: Node) -> tuple[list[Node], bool]:
        """The nodes that share a row (a sale, its good, its only maker), and whether they have had one."""
        merged = [node]
        if node.kind == "demand":
            merged.append(self._nodes[f"good:{node.name}"])
        was_done = merged[-1].id in self._done
        makers = [self._nodes[edge.source] for edge in self._sources[merged[-1].id]]
        if not was_done and [maker.kind for maker in makers] == ["firm"] and node.kind != "firm":
            merged += makers
            was_done = makers[0].id in self._done
        self._done |= {of_row.id for of_row in merged}
        return merged, was_done

    def _below(self, item: _Item, sources: Sequence[Edge]) -> list[_Item]:
        items = []
        for place, edge in enumerate(sources):
            is_last = place == len(sources) - 1
            items.append(
                _Item(
                    self._nodes[edge.source],
                    edge,
                    f"{item.below}{'└ ' if is_last else '├ '}",
                    f"{item.below}{'  ' if is_last else '│ '}",
                    item.level + 1,
                )
            )
        return items


def _label(merged: Sequence[Node]) -> str:
    node, maker = merged[0], merged[-1]
    others = {"firm": f"by {node.name}", "supply": "bought", "demand": f"{node.name} (sold)"}
    own = others.get(node.kind, node.name)
    return f"{own} by {maker.name}" if len(merged) > 1 and maker.kind == "firm" else own


def _notes(node: Node, of_row: Node) -> list[str]:
    """A node's marks; those of a maker in its good's row with its name."""
    name = f"{node.name} " if node.kind != of_row.kind and node.kind == "firm" else ""
    profit = [f"profit {number(node.profit)}"] if node.profit is not None else []
    return [*(f"{name}{mark_words(mark)}" for mark in node.marks), *profit]
