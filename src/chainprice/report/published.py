"""What `verify --table` says of a published table: what has gone stale, what is new, what is gone."""

from __future__ import annotations

from collections.abc import Iterator

from chainprice.report.table import Column, Table
from chainprice.verification import Condition, Publication, Stale, Verdict

_TOLD = ("completeness", "firms", "units")
"""Conditions that have lines of their own here."""

_CHECKED = {
    "prices": "the table has prices only: nothing else could be checked",
    "csv": "a CSV table tells nothing of firms and uses: these could not be checked",
}


def is_told(condition: Condition) -> bool:
    """Whether a condition is about the table itself, and told here."""
    return condition.condition in _TOLD


def publication_notes(verdict: Verdict) -> Iterator[str]:
    """Lines about the table as a whole."""
    table = verdict.table
    if table is None:
        return
    if table.sha256_matches is False:
        holds = "; what the table says still holds" if verdict.verified else ""
        yield f"the spec has changed since this table was made{holds}"
    elif table.sha256_matches and not verdict.verified:
        yield "the spec has not changed since this table was made"
    if table.form in _CHECKED:
        yield _CHECKED[table.form]
    for condition in verdict.conditions:
        if not condition.passed and condition.condition == "completeness":
            yield f"the table is not complete: it lacks {condition.where}"
        if not condition.passed and condition.condition == "units":
            yield f"the unit is another now: {condition.where}"
    for what, firms in (("new", table.new_firms), ("gone", table.gone_firms)):
        if firms:
            yield f"{what} firm{'s' if len(firms) > 1 else ''}: {', '.join(firms)}"


def publication_table(verdict: Verdict, table: Publication) -> Table:
    """The goods that changed: published price, price now, relative change; those that are new or gone."""
    columns = (
        Column("good", "good", "name"),
        Column("published price", "published", "number"),
        Column("price now", "now", "number"),
        Column("change", "relative_change", "text"),
    )
    rows: list[tuple[object, ...]] = [(row.good, row.published, row.now, _change(row)) for row in table.stale]
    checks = {check.good: check for check in verdict.checks}
    rows += [(good, None, checks[good].direct, "new") for good in table.new]
    rows += [(good, checks[good].price, None, "gone") for good in table.gone]
    return Table(table.path, columns, tuple(rows))


def _change(row: Stale) -> str:
    """In percent, or in words where that says nothing."""
    if row.relative_change is None:
        return "was 0"
    return f"{100 * float(row.relative_change):+.3g}%"
