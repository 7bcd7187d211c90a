"""What `diagnose` prints for people and spreadsheets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from chainprice.arithmetic import Number
from chainprice.diagnosis import Diagnosis, Gap, GoodRow, Inferred, Missing
from chainprice.errors import Problem, some
from chainprice.report.numbers import shown
from chainprice.report.table import Column, Table, csv_text
from chainprice.report.terminal import terminal_text

DIGITS = 5
"""Significant digits in the tables: 80 columns hold them."""

MOST_ROWS = 40
"""Rows of each table that people see; JSON and CSV have all."""

_FINE = ("in equilibrium", "not known")

_WHAT = {
    "price": "price of",
    "used": "use of",
    "sold": "sales of",
    "bought": "purchases of",
    "made": "output of",
}


def diagnosis_text(diagnosis: Diagnosis, width: int | None) -> str:
    """Who would move, what is wrong with each good and why, and what was not observed."""
    parts: list[Table | str] = [diagnosis.title or diagnosis.path, _summary(diagnosis), _values(diagnosis)]
    gaps, goods = _wrong(diagnosis)
    for table in (gap_table(gaps), good_table(goods)):
        if table.rows:
            parts += ["", replace(table, rows=table.rows[:MOST_ROWS])]
        if len(table.rows) > MOST_ROWS:
            parts.append(f"and {len(table.rows) - MOST_ROWS:,} more rows; --format json has all")
    reasons = [
        f"{row.good}: {row.verdict}: {row.reason}" for row in diagnosis.goods if row.verdict not in _FINE
    ]
    parts += ["", *reasons[:MOST_ROWS]] if reasons else []
    inferred = list(_inferred_lines(diagnosis))
    parts += ["", "Not observed, but it follows", *inferred] if inferred else []
    return terminal_text(parts, DIGITS, width=width)


def _summary(diagnosis: Diagnosis) -> str:
    """How much is wrong."""
    gaps = sum(row.move in ("more", "less") for row in diagnosis.gaps)
    goods = sum(row.verdict not in _FINE for row in diagnosis.goods)
    if diagnosis.within_tolerance:
        known = " in what is known" if diagnosis.missing else ""
        return f"no gap beyond {diagnosis.tolerance:g}{known}"
    return f"out of equilibrium: {_count(gaps, 'gap')}, {_count(goods, 'good')}"


def _values(diagnosis: Diagnosis) -> str:
    """Total value, and what it could be."""
    unit = f" {diagnosis.money}" if diagnosis.money else ""
    values = f"total value {shown(diagnosis.total_value) or 'not known'}"
    if diagnosis.total_value is not None:
        values += unit
    if diagnosis.to_gain is not None:
        values += f"; {_beside_equilibrium(diagnosis.to_gain, unit)}"
    return f"{values}; prices in {diagnosis.money}" if diagnosis.money else values


def _beside_equilibrium(to_gain: Number, unit: str) -> str:
    """Less there is where more is used than there is, or where what the spec gives is no equilibrium."""
    if to_gain < 0:
        return f"at the prices of solve it is {shown(-to_gain)}{unit} less"
    return f"the equilibrium would add {shown(to_gain)}{unit}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _wrong(diagnosis: Diagnosis) -> tuple[list[Gap], list[GoodRow]]:
    """The rows that people see: all, or of very many those that say something is wrong, if any does."""
    gaps, goods = [*diagnosis.gaps], [*diagnosis.goods]
    if diagnosis.within_tolerance:
        return gaps, goods
    if len(gaps) > MOST_ROWS:
        gaps = [row for row in gaps if row.move != "stay"]
    if len(goods) > MOST_ROWS:
        goods = [row for row in goods if row.verdict != "in equilibrium"]
    return gaps, goods


def gap_table(gaps: Iterable[Gap]) -> Table:
    """What each user would rather do."""
    columns = (
        Column("user", "firm", "name"),
        Column("good", "good", "name"),
        Column("quantity", "quantity", "number"),
        Column("price", "price", "number"),
        Column("worth", "marginal_value", "number"),
        Column("gap", "gap", "number"),
        Column("move", "move", "text"),
        Column("gain", "gain", "number"),
    )
    rows = ((g.firm, g.good, g.quantity, g.price, g.marginal_value, g.gap, _move(g), g.gain) for g in gaps)
    return Table("Gaps", columns, tuple(rows))


def _move(gap: Gap) -> str:
    return "corner" if gap.corner else gap.move or ""


def good_table(goods: Iterable[GoodRow]) -> Table:
    """What is wrong with each good."""
    columns = (
        Column("good", "good", "name"),
        Column("price", "price", "number"),
        Column("equilibrium", "equilibrium_price", "number"),
        Column("there is", "available", "number"),
        Column("excess", "excess_demand", "number"),
        Column("spread", "spread", "number"),
        Column("verdict", "verdict", "text"),
    )
    rows = (
        (
            row.good,
            row.price,
            row.equilibrium_price,
            row.available,
            row.excess_demand,
            row.spread,
            row.verdict,
        )
        for row in goods
    )
    return Table("Goods", columns, tuple(rows))


def _inferred_lines(diagnosis: Diagnosis) -> Iterator[str]:
    """What an observation could have said and does not; outputs and fixed supplies follow anyway."""
    could_be = [
        row
        for row in diagnosis.inferred
        if row.what in ("price", "used", "sold", "bought") and row.reason != "a fixed supply"
    ]
    for row in could_be[:MOST_ROWS]:
        yield f"  {_named(row)} = {shown(row.value)}: {row.reason}"
    if len(could_be) > MOST_ROWS:
        yield f"  and {len(could_be) - MOST_ROWS:,} more; --format json has all"


def _named(row: Inferred | Missing) -> str:
    by = f" by {row.firm}" if row.firm else ""
    return f"{_WHAT[row.what]} {row.good}{by}"


def missing_problems(diagnosis: Diagnosis) -> list[Problem]:
    """What was not observed and does not follow, each kind in a line; and other warnings."""
    by_kind: dict[str, list[str]] = {}
    for row in diagnosis.missing:
        by_kind.setdefault(_WHAT[row.what], []).append(f"{row.good}{f' by {row.firm}' if row.firm else ''}")
    lines = [f"not observed, and it does not follow: {kind} {some(goods)}" for kind, goods in by_kind.items()]
    notes = [f"{note.message} [{note.code}]" for note in diagnosis.warnings]
    return [Problem(line, severity="warning") for line in (*notes, *lines)]


_OF_USE = ("kind", "firm", "quantity", "marginal_value", "gap", "corner", "move", "gain")
_OF_GOOD = ("equilibrium_price", "available", "used", "excess_demand", "spread", "verdict", "reason")


def diagnosis_csv(diagnosis: Diagnosis) -> str:
    """A row for each use and for each good (its kind is good), with all digits; verdicts are in every row."""
    goods = {row.good: row for row in diagnosis.goods}
    numbers = {
        *("quantity", "price", "marginal_value", "gap", "gain", "equilibrium_price", "available", "used"),
        *("excess_demand", "spread"),
    }
    names = ("good", "price", *_OF_USE, *_OF_GOOD)
    columns = tuple(Column(name, name, "number" if name in numbers else "text") for name in names)
    rows = [_csv_row(gap, goods[gap.good]) for gap in diagnosis.gaps]
    rows += [_csv_row(None, row) for row in diagnosis.goods]
    return csv_text(Table("Diagnosis", columns, tuple(rows)))


def _csv_row(gap: Gap | None, row: GoodRow) -> tuple[object, ...]:
    of_good = tuple(getattr(row, name) for name in _OF_GOOD)
    if gap is None:
        return (row.good, row.price, "good", "", None, row.marginal_value, None, "", "", None, *of_good)
    cells = [_move(gap) if name == "move" else getattr(gap, name) for name in _OF_USE]
    return (gap.good, gap.price, *_as_text(cells), *of_good)


def _as_text(cells: Iterable[object]) -> Iterator[object]:
    """Flags as words, for a spreadsheet has its own."""
    for cell in cells:
        yield ("yes" if cell else "no") if isinstance(cell, bool) else cell
