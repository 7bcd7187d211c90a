"""What `verify` prints for people."""

from __future__ import annotations

from chainprice.report.table import Column, Table
from chainprice.report.terminal import terminal_text
from chainprice.verification import Condition, Verdict, Verification

VERIFY_DIGITS = 8
"""Significant digits in the table of `verify`."""

ROWS_SHOWN = 40
"""A verification with more rows than this shows only those that failed."""


def verification_text(verification: Verification, width: int | None) -> str:
    """A line for each spec with its rows under it; a count at the end."""
    parts: list[Table | str] = []
    for verdict in verification.specs:
        parts.append(_headline(verdict))
        many = len(verdict.checks) > ROWS_SHOWN
        table = check_table(verdict, failing_only=many)
        if table.rows:
            parts += ["", table]
        parts += [f"  {_condition(c)}" for c in verdict.conditions if not c.passed]
        parts.append("")
    total = len(verification.specs)
    verified = sum(verdict.verified for verdict in verification.specs)
    parts.append(f"{verified} of {total} verified")
    return terminal_text(parts, VERIFY_DIGITS, width=width)


def _headline(verdict: Verdict) -> str:
    if verdict.error is not None:
        return f"{verdict.path}: NOT VERIFIED: {verdict.error.splitlines()[0]}"
    methods = ", ".join(sorted({c.method for c in verdict.checks if c.method}))
    failed = sum(not c.passed for c in verdict.checks)
    rows = f"{len(verdict.checks)} prices" if len(verdict.checks) != 1 else "1 price"
    if verdict.verified:
        worst = max(float(c.relative_error or 0) for c in verdict.checks)
        others = ", ".join(c.condition for c in verdict.conditions)
        also = f"; also {others}" if others else ""
        return f"{verdict.path}: verified: {rows}, {methods}, worst relative error {worst:.1e}{also}"
    return f"{verdict.path}: NOT VERIFIED: {failed} of {rows} wrong ({methods})"


def _condition(condition: Condition) -> str:
    worst = float(condition.worst)
    return f"{condition.condition}: off by {worst:.1e} (relative), worst at {condition.where}"


def check_table(verdict: Verdict, *, failing_only: bool = False) -> Table:
    """The rows of a verification."""
    columns = (
        Column("good", "good", "name"),
        Column("price", "price", "number"),
        Column("direct", "direct", "number"),
        Column("relative error", "relative_error", "error"),
        Column("method", "method", "text"),
        Column("passed", "passed", "passed"),
    )
    rows = tuple(
        (c.good, c.price, c.direct, c.relative_error, c.method or "", c.passed)
        for c in verdict.checks
        if not (failing_only and c.passed)
    )
    return Table(verdict.path, columns, rows)
