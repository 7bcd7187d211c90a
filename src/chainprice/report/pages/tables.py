"""Tables of a report as tables of HTML."""

from __future__ import annotations

from collections.abc import Mapping

from chainprice.report.markup import Markup, element
from chainprice.report.mathml import rule_mathml
from chainprice.report.plain import is_number
from chainprice.report.table import STEP, Cell, Column, Table, plain_cell, steps_of

_STEP = "\u2003"
"""How far to the right of a firm stands what is inside it: plain spaces there are not shown."""


def html_table(table: Table, digits: int, notes: Mapping[str, str] | None = None) -> Markup:
    """A table with a caption; its first column heads the rows. `notes` stand small below their names."""
    heads = [_head(column) for column in table.columns]
    rows = [
        element(
            "tr",
            *(
                _cell(column, cell, digits, notes or {}, is_first=place == 0)
                for place, (column, cell) in enumerate(zip(table.columns, row, strict=True))
            ),
        )
        for row in table.rows
    ]
    whole = element(
        "table",
        element("caption", table.title),
        element("thead", element("tr", *heads)),
        element("tbody", *rows),
    )
    return element("div", whole, class_="wide", role="region", aria_label=table.title, tabindex="0")


def _head(column: Column) -> Markup:
    return element("th", column.heading, scope="col", class_="number" if is_number(column) else "")


def _cell(column: Column, cell: Cell, digits: int, notes: Mapping[str, str], *, is_first: bool) -> Markup:
    text = _content(column, cell, digits)
    note = notes.get(str(cell), "") if column.kind == "name" else ""
    contents = [text, element("small", note)] if note else [text]
    if is_first:
        return element("th", *contents, scope="row")
    if column.kind == "passed":
        return element("td", text, class_="good" if cell else "bad")
    return element("td", *contents, class_="number" if is_number(column) else "")


def _content(column: Column, cell: Cell, digits: int) -> str:
    if isinstance(cell, Markup):
        return cell
    if column.kind == "formula":
        return rule_mathml(str(cell))
    text = plain_cell(column, cell, digits)
    if column.kind != "name" or not text:
        return text
    steps = steps_of(text)
    return Markup(f"{_STEP * steps}{element('bdi', text[steps * len(STEP) :])}")
