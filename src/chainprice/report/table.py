"""The price table and the firm table: one builder of rows for every format."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Literal

from chainprice.errors import printable
from chainprice.report.latex import formula_latex, number_latex, plain_latex
from chainprice.report.numbers import full, shown
from chainprice.solution import Solution

Kind = Literal["name", "text", "number", "error", "formula", "passed"]

Cell = object


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading, its name in CSV, and what its cells are."""

    heading: str
    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells as they are: numbers not yet written, formulas not yet typeset."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


def price_table(solution: Solution) -> Table:
    """Every good with its price and where the price comes from."""
    money = f" [{solution.money}]" if solution.money else ""
    has_ranges = any(row.price_range for row in solution.goods)
    columns = (
        Column("good", "good", "name"),
        Column("role", "role", "text"),
        Column("quantity", "quantity", "number"),
        Column("unit", "unit", "text"),
        Column(f"price{money}", "price", "number"),
        Column(f"value{money}", "value", "number"),
        *(
            (Column("from", "price_low", "number"), Column("to", "price_high", "number"))
            if has_ranges
            else ()
        ),
        Column("price rule", "rule", "formula"),
    )
    cells = attrgetter("good", "role", "quantity", "unit", "price", "value", "rule")
    rows = tuple(map(cells, solution.goods))
    if has_ranges:
        ranges = [row.price_range or (None, None) for row in solution.goods]
        rows = tuple((*row[:-1], *ends, row[-1]) for row, ends in zip(rows, ranges, strict=True))
    return Table(solution.title or solution.path, columns, rows)


FIRMS = "Firms"
"""The title of the table of firms."""


def firm_table(solution: Solution) -> Table:
    """Every firm with its books."""
    money = f" [{solution.money}]" if solution.money else ""
    columns = (
        Column("firm", "firm", "name"),
        Column(f"revenue{money}", "revenue", "number"),
        Column(f"cost{money}", "cost", "number"),
        Column(f"profit{money}", "profit", "number"),
        Column("returns to scale", "returns_to_scale", "number"),
    )
    rows = tuple((f.firm, f.revenue, f.cost, f.profit, f.returns_to_scale) for f in solution.firms)
    return Table(FIRMS, columns, rows)


def by_chain(table: Table, solution: Solution) -> Table:
    """A table of goods or firms with what is inside a firm under it, one step to the right.

    A firm that is a chain has its books in the table of firms; in the table of prices it has none.
    """
    if not solution.chains:
        return table
    from chainprice.report.nested import grouped

    return Table(table.title, table.columns, tuple(grouped(table.rows, solution.chains, len(table.columns))))


def limit_table(solution: Solution) -> Table:
    """What the market cannot go beyond, and what one more unit of it would add."""
    money = f" [{solution.money}]" if solution.money else ""
    columns = (
        Column("limit", "limit", "text"),
        Column("good", "good", "name"),
        Column("firm", "firm", "name"),
        Column("quantity", "quantity", "number"),
        Column("binds", "binds", "text"),
        Column(f"rent{money}", "rent", "number"),
    )
    rows = tuple(
        (row.kind, row.good, row.firm or "", row.quantity, "yes" if row.binding else "no", row.rent)
        for row in solution.limits
    )
    return Table("Limits", columns, rows)


def tables_of(solution: Solution) -> tuple[Table, ...]:
    """The price table, the firm table, and the limits if there are any; chains inside firms under these."""
    limits = (limit_table(solution),) if solution.limits else ()
    return (by_chain(price_table(solution), solution), by_chain(firm_table(solution), solution), *limits)


def csv_text(table: Table) -> str:
    """CSV with all digits of every number; a text that a spreadsheet would run gets a `'` in front.

    So does a text that begins with such quotes already, so that `verify --table` reads every text as it was.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([column.name for column in table.columns])
    columns = [
        _csv_column(column, [row[place] for row in table.rows]) for place, column in enumerate(table.columns)
    ]
    writer.writerows(zip(*columns, strict=True))
    return stream.getvalue()


def _csv_column(column: Column, cells: Sequence[Any]) -> Iterable[str]:
    if column.kind == "number":
        return map(float.__repr__ if {*map(type, cells)} == {float} else full, cells)
    return cells if _SUSPECT.isdisjoint({text[:1] for text in cells}) else map(inert, cells)


def inert(text: str) -> str:
    """A text that a spreadsheet does not run."""
    return f"'{text}" if text.lstrip("'")[:1] in _RUN else text


_RUN = frozenset("=+-@\t\r＝＋－＠")
"""What a formula begins with in a spreadsheet; in some also the wide signs of East Asia."""

_SUSPECT = _RUN | {"'"}


def markdown_text(table: Table, digits: int) -> str:
    """A Markdown table: formulas as code, numbers to the right."""
    lines = [
        "| " + " | ".join(plain_markdown(column.heading) for column in table.columns) + " |",
        "| " + " | ".join("---:" if c.kind == "number" else "---" for c in table.columns) + " |",
    ]
    for row in table.rows:
        cells = [_markdown_cell(column, cell, digits) for column, cell in _cells(table, row)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _markdown_cell(column: Column, cell: Cell, digits: int) -> str:
    if column.kind == "formula":
        return "" if not cell else "`" + str(cell).replace("|", "\\|") + "`"
    text = plain_cell(column, cell, digits)
    steps = steps_of(text)
    return "&emsp;" * steps + plain_markdown(text[steps * len(STEP) :])


STEP = "  "
"""How far to the right of a firm stands what is inside it."""


def steps_of(text: str) -> int:
    """How many firms a name stands inside of."""
    return (len(text) - len(text.lstrip(" "))) // len(STEP)


def plain_markdown(text: str) -> str:
    """Text with the characters escaped that Markdown, or HTML or math in it, takes for its own."""
    return "".join(f"\\{letter}" if letter in r"\`*_{}[]<>|#~&$" else letter for letter in printable(text))


def latex_text(table: Table, digits: int) -> str:
    """A LaTeX `tabular`, formulas in math."""
    align = "".join("r" if column.kind == "number" else "l" for column in table.columns)
    lines = [rf"\begin{{tabular}}{{{align}}}", r"\hline"]
    lines.append(" & ".join(plain_latex(column.heading) for column in table.columns) + r" \\ \hline")
    tall = any(column.kind == "formula" for column in table.columns)
    end = r" \\[2ex]" if tall else r" \\"
    for row in table.rows:
        cells = [_latex_cell(column, cell, digits) for column, cell in _cells(table, row)]
        lines.append(" & ".join(cells) + end)
    return "\n".join([*lines, r"\hline", r"\end{tabular}"]) + "\n"


def _latex_cell(column: Column, cell: Cell, digits: int) -> str:
    text = plain_cell(column, cell, digits)
    if column.kind == "formula":
        if not text:
            return ""
        left, _, right = text.partition(" = ")
        return rf"$\displaystyle {formula_latex(left)} = {formula_latex(right)}$"
    if column.kind == "number":
        return f"${number_latex(text)}$" if text else ""
    steps = steps_of(text)
    return r"\quad " * steps + plain_latex(text[steps * len(STEP) :])


def plain_cell(column: Column, cell: Cell, digits: int) -> str:
    """A cell as plain text."""
    if column.kind == "number":
        return shown(cell, digits)  # type: ignore[arg-type]
    if column.kind == "error":
        return "" if cell is None else f"{float(str(cell)):.1e}" if float(str(cell)) else "0"
    if column.kind == "passed":
        return "yes" if cell else "NO"
    return str(cell)


def _cells(table: Table, row: Sequence[Cell]) -> list[tuple[Column, Cell]]:
    return list(zip(table.columns, row, strict=True))


Writer = Callable[[Table, int], str]
