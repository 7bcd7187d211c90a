"""What `sensitivity` prints for people and spreadsheets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from chainprice.errors import some
from chainprice.report.numbers import shown
from chainprice.report.table import Column, Table, csv_text
from chainprice.report.terminal import terminal_text
from chainprice.statics import Incidence, Range, Sensitivities, Sensitivity

DIGITS = 6
"""Significant digits in the tables."""

MOST_ROWS = 60
"""Rows of each table that people see, the largest elasticities; JSON and CSV have all."""


def sensitivity_text(result: Sensitivities, width: int | None) -> str:
    """How total value and prices change, how far supplies can move, and who bears taxes."""
    unit = f" {result.money}" if result.money else ""
    parts: list[Table | str] = [
        result.title or result.path,
        f"allocation {result.allocation}; total value {shown(result.total_value)}{unit}",
        "",
        f"How total value changes{_in(result.money)}",
        *_sensitivity_parts(result.rows),
    ]
    for of in result.prices:
        parts += ["", f"How the price of {of.good}, {shown(of.price)}, changes{_in(result.money)}"]
        parts += _sensitivity_parts(of.rows)
        parts += [] if of.note is None else [f"  {of.note}"]
    if result.ranges:
        parts += [
            "",
            "How far each supply can move",
            _drawn_ranges(result.ranges),
            *_range_lines(result.ranges),
        ]
    for tax in result.taxes:
        parts += ["", *_tax_parts(tax, result.money)]
    return terminal_text(parts, DIGITS, width=width)


def _in(money: str) -> str:
    return f", in {money}" if money else ""


def _sensitivity_parts(rows: Sequence[Sensitivity]) -> Iterator[Table | str]:
    """The table, and in words what it cannot hold."""
    seen = _largest(rows)
    yield sensitivity_table(seen)
    if len(seen) < len(rows):
        yield f"and {len(rows) - len(seen):,} more rows; --format json has all"
    reasons: dict[str, list[str]] = {}
    for row in seen:
        if row.reason is not None and row.derivative is None:
            reasons.setdefault(row.reason, []).append(row.name)
    for reason, names in reasons.items():
        yield f"  {some(names)}: {reason}"


def _largest(rows: Sequence[Sensitivity]) -> list[Sensitivity]:
    """All rows, or of very many those that matter most, in their order."""
    if len(rows) <= MOST_ROWS:
        return [*rows]
    sizes = {row.name: abs(float(row.elasticity or 0)) for row in rows}
    chosen = {*sorted(sizes, key=lambda name: -sizes[name])[:MOST_ROWS]}
    return [row for row in rows if row.name in chosen]


def sensitivity_table(rows: Sequence[Sensitivity]) -> Table:
    """A row for each number; both sides where there is no derivative."""
    has_sides = any(row.one_sided for row in rows)
    columns = (
        Column("moves", "name", "name"),
        Column("value", "value", "number"),
        Column("derivative", "derivative", "number"),
        *(
            (Column("one more", "right", "number"), Column("one fewer", "left", "number"))
            if has_sides
            else ()
        ),
        Column("elasticity", "elasticity", "number"),
    )
    return Table("Sensitivities", columns, tuple(_cells(row, has_sides=has_sides) for row in rows))


def _cells(row: Sensitivity, *, has_sides: bool) -> tuple[object, ...]:
    sides = (row.one_sided or (None, None)) if has_sides else ()
    return (row.name, row.value, row.derivative, *sides, row.elasticity)


def range_table(ranges: Iterable[Range]) -> Table:
    """How far each supply can move."""
    columns = (
        Column("supply", "name", "name"),
        Column("value", "value", "number"),
        Column("from", "low", "number"),
        Column("to", "high", "number"),
        Column("price", "price", "number"),
        Column("what holds", "holds", "text"),
        Column("found by", "method", "text"),
    )
    rows = (
        (
            r.name,
            r.value,
            r.low,
            r.high,
            r.price,
            f"the {r.holds}" if r.holds != "quantities" else "quantities",
            r.method,
        )
        for r in ranges
    )
    return Table("Ranges", columns, tuple(rows))


def _drawn_ranges(ranges: Sequence[Range]) -> Table:
    """The method is in a line of its own below: 80 columns hold the rest."""
    table = range_table(ranges[:MOST_ROWS])
    return replace(table, columns=table.columns[:-1], rows=tuple(row[:-1] for row in table.rows))


def _range_lines(ranges: Sequence[Range]) -> Iterator[str]:
    if len(ranges) > MOST_ROWS:
        yield f"and {len(ranges) - MOST_ROWS:,} more rows; --format json has all"
    for row in ranges[:MOST_ROWS]:
        if row.method == "none":
            yield f"  {row.name}: not known: {row.at_low}"
        else:
            above = "nothing changes" if row.high is None else row.at_high
            yield f"  {row.name} (by {_BY[row.method]}): below, {row.at_low}; above, {above}"


_BY = {
    "linear programme": "a linear programme",
    "path": "its path",
    "slopes": "its slopes here",
    "search": "a search",
}


def tax_table(tax: Incidence) -> Table:
    """The market without and with a tax."""
    columns = (
        Column("", "what", "text"),
        Column("without", "without", "number"),
        Column("with the tax", "with", "number"),
        Column("part of the tax", "share", "number"),
    )
    rows = (
        ("what buyers pay", tax.price, tax.buyers_price, tax.buyers_share),
        ("what sellers keep", tax.price, tax.sellers_price, tax.sellers_share),
        ("quantity", tax.quantity_before, tax.quantity, None),
    )
    return Table("Tax", columns, rows)


def _tax_parts(tax: Incidence, money: str) -> Iterator[Table | str]:
    unit = f" {money}" if money else ""
    kind = "subsidy" if float(tax.tax) < 0 else "tax"
    rate = "" if tax.rate is None else f", {shown(100 * float(tax.rate))} % of the sellers' price"
    yield f"A {kind} on {tax.good} of {shown(abs(float(tax.tax)))}{unit} a unit{rate}"
    yield tax_table(tax)
    yield f"  revenue {shown(tax.revenue)}{unit}, dead-weight loss {shown(tax.dead_weight_loss)}{unit}"
    if tax.pass_through is not None:
        yield f"  of a small tax, buyers bear {shown(tax.pass_through)} (marginal pass-through)"
    if tax.reason is not None:
        yield f"  {tax.reason}"


_OF_ROW = ("name", "kind", "good", "firm", "value", "derivative", "elasticity")
_OF_RANGE = ("low", "high", "at_low", "at_high", "method")
_OF_TAX = (
    *("tax", "price", "buyers_price", "sellers_price", "quantity_before", "quantity", "buyers_share"),
    *("sellers_share", "revenue", "dead_weight_loss", "pass_through"),
)
_TEXTS = {"of", "name", "kind", "good", "firm", "reason", "at_low", "at_high", "method"}


def sensitivity_csv(result: Sensitivities) -> str:
    """A row for each derivative with all digits, `of` total value or the price of a good.

    The rows of total value by a supply have its range too. Taxes that were asked for have rows of their own.
    """
    of_taxes = _OF_TAX if result.taxes else ()
    names = ("of", *_OF_ROW, "one_more", "one_fewer", "reason", *_OF_RANGE, *of_taxes)
    columns = tuple(Column(name, name, "text" if name in _TEXTS else "number") for name in names)
    ranges = {row.name: row for row in result.ranges}
    none = (None,) * len(of_taxes)
    rows = [(*_csv_cells("total value", row, ranges.get(row.name)), *none) for row in result.rows]
    rows += [(*_csv_cells(of.good, row, None), *none) for of in result.prices for row in of.rows]
    rows += [_tax_cells(tax, len(names) - len(of_taxes)) for tax in result.taxes]
    return csv_text(Table("Sensitivities", columns, tuple(rows)))


def _csv_cells(of: str, row: Sensitivity, held: Range | None) -> tuple[object, ...]:
    cells = [getattr(row, name) for name in _OF_ROW]
    cells = [
        "" if cell is None and name in _TEXTS else cell for name, cell in zip(_OF_ROW, cells, strict=True)
    ]
    ends = ["" if name in _TEXTS else None for name in _OF_RANGE]
    if held is not None:
        ends = [getattr(held, name) for name in _OF_RANGE]
    return (of, *cells, *(row.one_sided or (None, None)), row.reason or "", *ends)


def _tax_cells(tax: Incidence, before: int) -> tuple[object, ...]:
    head: list[object] = ["" if name in _TEXTS else None for name in ("of", *_OF_ROW)]
    head[:4] = [tax.good, f"tax on {tax.good}", "tax", tax.good]
    head += [None, None, tax.reason or ""]
    head += ["" if name in _TEXTS else None for name in _OF_RANGE]
    assert len(head) == before  # noqa: S101 - the columns of a derivative, empty
    return (*head, *(getattr(tax, name) for name in _OF_TAX))
