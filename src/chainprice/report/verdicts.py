"""What `verify` prints for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from chainprice.errors import printable
from chainprice.examination import Outcome, Result
from chainprice.report.published import is_told, publication_notes, publication_table
from chainprice.report.table import Column, Table
from chainprice.report.terminal import terminal_text
from chainprice.verification import Check, Condition, Verdict, Verification

VERIFY_DIGITS = 8
"""Significant digits in the table of `verify`."""

ROWS_SHOWN = 40
"""A verification with more rows than this shows only those that failed."""

MOST_ROWS = 200
"""Rows of a table that are shown, wherever it is shown."""

_NAMED = 3
"""Skipped files that are named in the count."""


def verification_text(outcomes: Sequence[Outcome], width: int | None) -> str:
    """A spec's line with its rows under it, or of several a line each with the failing rows; a count."""
    read = [outcome for outcome in outcomes if outcome.result is not Result.skipped]
    parts: list[Table | str] = []
    for outcome in read:
        alone = len(read) == 1
        parts.append(_headline(outcome, alone=alone))
        details = list(_details(outcome.verdict, failing_only=not alone))
        parts += [*details, ""] if details or alone else []
    if read and parts[-1] != "":
        parts.append("")
    parts.append(count_line(outcomes))
    return terminal_text(parts, VERIFY_DIGITS, width=width)


def verification_dict(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The JSON of `verify`; what was skipped is named."""
    skipped = [outcome.verdict.path for outcome in outcomes if outcome.result is Result.skipped]
    read = (outcome.verdict for outcome in outcomes if outcome.result is not Result.skipped)
    return Verification.of(read, skipped).to_dict()


def count_line(outcomes: Sequence[Outcome]) -> str:
    """How many specs were verified, and what became of the others."""
    counts = {result: sum(outcome.result is result for outcome in outcomes) for result in Result}
    total = len(outcomes) - counts[Result.skipped]
    words = {
        Result.failed: "failed",
        Result.unreadable: "could not be read",
        Result.no_answer: "without an answer",
    }
    others = ", ".join(f"{counts[result]} {word}" for result, word in words.items() if counts[result])
    line = f"{counts[Result.verified]} of {total} verified"
    if others and total > 1:
        line += f"; {others}"
    skipped = [printable(o.verdict.path) for o in outcomes if o.result is Result.skipped]
    if skipped:
        names = ", ".join(skipped[:_NAMED]) + (", ..." if len(skipped) > _NAMED else "")
        files = "1 file that is no spec" if len(skipped) == 1 else f"{len(skipped)} files that are no specs"
        line += f"; skipped {files} ({names})"
    return line


def _headline(outcome: Outcome, *, alone: bool) -> str:
    verdict, path = outcome.verdict, printable(outcome.verdict.path)
    if verdict.error is not None:
        words = {Result.no_answer: "NO ANSWER", Result.unreadable: "NOT READ"}
        return f"{path}: {words.get(outcome.result, 'NOT VERIFIED')}: {_reason(outcome)}"
    return f"{path}: {verdict_words(verdict, alone=alone)}"


def verdict_words(verdict: Verdict, *, alone: bool) -> str:
    """What came of a verification that could be made; of one that is `alone`, with what else was checked."""
    methods = ", ".join(sorted({c.method for c in verdict.checks if c.method}))
    rows = f"{len(verdict.checks)} prices" if len(verdict.checks) != 1 else "1 price"
    if not verdict.verified:
        failed = sum(not c.passed for c in verdict.checks)
        wrong = ", ".join(
            c.condition for c in verdict.conditions if not (c.passed or c.condition == "certified")
        )
        what = f"{failed} of {rows} wrong" if failed or not wrong else f"{wrong} wrong"
        uncertain = len(_reasons(verdict))
        also = f"; {uncertain} not certified" if uncertain else ""
        return f"NOT VERIFIED: {what} ({methods}){also}"
    worst = f"worst relative error {max(float(c.relative_error or 0) for c in verdict.checks):.1e}"
    if not alone:
        return f"verified: {rows}, {worst}"
    others = ", ".join(c.condition for c in verdict.conditions if not is_told(c))
    also = f"; also {others}" if others else ""
    return f"verified: {rows}, {methods}, {worst}{also}"


def _reason(outcome: Outcome) -> str:
    """Why a spec has no verdict, in a line; all of it is on standard error."""
    if not outcome.problems:
        return str(outcome.verdict.error).splitlines()[0]
    first, *others = outcome.problems
    line = f"line {first.place.line}: " if first.place and first.place.line is not None else ""
    more = f" (and {len(others)} more)" if others else ""
    return f"{line}{printable(first.message)}{more}"


def _details(verdict: Verdict, *, failing_only: bool) -> Iterator[Table | str]:
    yield from publication_notes(verdict)
    tables = [check_table(verdict, failing_only=failing_only or len(verdict.checks) > ROWS_SHOWN)]
    tables += [publication_table(verdict, verdict.table)] if verdict.table else []
    for table in tables:
        if table.rows:
            yield from ("", replace(table, rows=table.rows[:MOST_ROWS]))
        if len(table.rows) > MOST_ROWS:
            yield f"and {len(table.rows) - MOST_ROWS:,} more rows; --format json has all"
    yield from (f"  {_condition(c)}" for c in verdict.conditions if not c.passed and not is_told(c))
    yield from (f"  {line}" for line in _not_enclosed(verdict))


def _condition(condition: Condition) -> str:
    worst = float(condition.worst)
    return f"{condition.condition}: off by {worst:.1e} (relative), worst at {condition.where}"


def _not_enclosed(verdict: Verdict) -> list[str]:
    """Why prices could not be certified: a line for each reason, with its goods."""
    goods: dict[str, list[str]] = {}
    for good, reason in _reasons(verdict).items():
        goods.setdefault(reason, []).append(good)
    lines = [f"{', '.join(names)}: not enclosed: {reason}" for reason, names in goods.items()]
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
    """The rows of a verification; with certified prices, these in the place of what is weaker."""
    checks = [c for c in verdict.checks if not (failing_only and c.passed)]
    good, price, passed = (
        Column("good", "good", "name"),
        Column("price", "price", "number"),
        Column("passed", "passed", "passed"),
    )
    if any(c.certificate is not None for c in verdict.checks):
        certified = tuple((c.good, c.price, _enclosure(c), c.passed) for c in checks)
        return Table(verdict.path, (good, price, Column("certified", "certified", "text"), passed), certified)
    columns = (
        good,
        price,
        Column("direct", "direct", "number"),
        Column("relative error", "relative_error", "error"),
        Column("method", "method", "text"),
        passed,
    )
    rows = tuple((c.good, c.price, c.direct, c.relative_error, c.method or "", c.passed) for c in checks)
    return Table(verdict.path, columns, rows)
