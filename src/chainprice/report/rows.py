"""The rows of a verdict as continuous integration shows them: a name each, and why it failed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from chainprice.report.numbers import shown
from chainprice.verification import Check, Condition, Verdict

_DIGITS = 12


class Row(NamedTuple):
    """A price or a condition: its name, what it is about, and the reason if it failed."""

    name: str
    about: str
    reason: str | None


def rows_of(verdict: Verdict) -> Iterator[Row]:
    """Every price, then every condition."""
    changes = {row.good: row for row in verdict.table.stale} if verdict.table else {}
    for check in verdict.checks:
        stale = changes.get(check.good)
        now = f"; it is {_number(stale.now)} now" if stale else ""
        reason = None if check.passed else f"{_wrong_price(check)}{now}"
        yield Row(f"price of {check.good}", check.good, reason)
    for condition in verdict.conditions:
        yield Row(
            condition.condition, condition.where or "", None if condition.passed else _broken(condition)
        )


def _wrong_price(check: Check) -> str:
    name = f"the price of '{check.good}'"
    if check.price is None:
        return f"{name} is not in the table: it is {_number(check.direct)}"
    if check.method is None:
        return f"{name} is {_number(check.price)} in the table, and the spec has no such good"
    off = f"relative error {float(check.relative_error or 0):.1e}, {check.method}"
    if check.direct is None:
        return f"{name} is {_number(check.price)}, which is wrong ({off})"
    return f"{name} is {_number(check.price)}, and by direct differentiation {_number(check.direct)} ({off})"


def _broken(condition: Condition) -> str:
    if condition.condition == "completeness":
        return f"the table is not complete: it lacks {condition.where}"
    if condition.condition in ("firms", "units"):
        return f"not the same {condition.condition} in the table and the spec: {condition.where}"
    worst = f"{float(condition.worst):.1e}"
    return f"{condition.condition}: off by {worst} (relative), worst at {condition.where}"


def _number(value: float | str | None) -> str:
    return shown(value, _DIGITS) or "not known"
