"""What `verify` prints for people."""

from __future__ import annotations

from chainprice.report.table import Column, Table
from chainprice.report.terminal import terminal_text
from chainprice.verification import Check, Condition, Verdict, Verification

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
        parts += [f"  {line}" for line in _not_enclosed(verdict)]
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
    uncertain = len(_reasons(verdict))
    also = f"; {uncertain} not certified" if uncertain else ""
    return f"{verdict.path}: NOT VERIFIED: {failed} of {rows} wrong ({methods}){also}"


def _condition(condition: Condition) -> str:
    worst = float(condition.worst)
    return f"{condition.condition}: off by {worst:.1e} (relative), worst at {condition.where}"


def _not_enclosed(verdict: Verdict) -> list[str]:
    """Why prices could not be certified."""
    lines = [f"{good}: not enclosed: {reason}" for good, reason in _reasons(verdict).items()]
    more = len(lines) - ROWS_SHOWN
    return [*lines[:ROWS_SHOWN], *([f"and {more} more"] if more > 0 else [])]


def _reasons(verdict: Verdict) -> dict[str, str]:
    """By good why its price could not be certified."""
    reasons = {c.good: c.certificate.reason for c in verdict.checks if c.certificate is not None}
    return {good: reason for good, reason in reasons.items() if reason is not None}


def _enclosure(check: Check) -> str:
    certificate = check.certificate
    if certificate is None or certificate.midpoint is None:
        return ""
    return f"{certificate.midpoint} ± {certificate.radius}"


def check_table(verdict: Verdict, *, failing_only: bool = False) -> Table:
    """The rows of a verification."""
    certified = any(c.certificate is not None for c in verdict.checks)
    columns = (
        Column("good", "good", "name"),
        Column("price", "price", "number"),
        Column("direct", "direct", "number"),
        Column("relative error", "relative_error", "error"),
        Column("method", "method", "text"),
        *((Column("certified", "certified", "text"),) if certified else ()),
        Column("passed", "passed", "passed"),
    )
    rows = tuple(
        (
            *(c.good, c.price, c.direct, c.relative_error, c.method or ""),
            *((_enclosure(c),) if certified else ()),
            c.passed,
        )
        for c in verdict.checks
        if not (failing_only and c.passed)
    )
    return Table(verdict.path, columns, rows)
