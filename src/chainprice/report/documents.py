"""Whole results in each format that a command offers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from chainprice.errors import Problem
from chainprice.inspection import Inspection
from chainprice.report.numbers import DIGITS, shown
from chainprice.report.table import (
    Table,
    check_table,
    csv_text,
    latex_text,
    markdown_text,
    price_table,
    tables_of,
)
from chainprice.report.terminal import terminal_text
from chainprice.solution import Incomes, Solution
from chainprice.verification import Condition, Verdict, Verification

VERIFY_DIGITS = 8
"""Significant digits in the table of `verify`."""

ROWS_SHOWN = 40
"""A verification with more rows than this shows only those that failed."""


def json_text(data: Any) -> str:
    """JSON in the contract's key order; names in their own alphabet."""
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def solution_text(solution: Solution, digits: int | None, width: int | None) -> str:
    """Both tables, for people."""
    count = digits or DIGITS
    summary = f"allocation {solution.allocation}; total value {shown(solution.total_value, count)}"
    unit = f" {solution.money}" if solution.money else ""
    money = f"; prices in {solution.numeraire}" if solution.numeraire else ""
    parts: list[Table | str] = [solution.title or solution.path, f"{summary}{unit}{money}"]
    if solution.incomes is not None:
        parts.append(_incomes(solution.incomes, count))
    for table in tables_of(solution):
        parts += ["", table]
    return terminal_text(parts, count, width=width)


def _incomes(incomes: Incomes, count: int) -> str:
    """Total value as the sum of incomes."""
    profits, factors = shown(incomes.profits, count), shown(incomes.factor_incomes, count)
    surplus = shown(incomes.buyer_surplus, count)
    return f"of which profits {profits}, factor incomes {factors}, buyers' surplus {surplus}"


def solution_csv(solution: Solution) -> str:
    """The price table, with all digits."""
    return csv_text(price_table(solution))


def solution_markdown(solution: Solution, digits: int | None) -> str:
    """Both tables."""
    count = digits or DIGITS
    tables = [markdown_text(table, count) for table in tables_of(solution)]
    return f"# {solution.title or solution.path}\n\n" + "\n".join(tables)


def solution_latex(solution: Solution, digits: int | None) -> str:
    """Both tables, for a document of any class."""
    count = digits or DIGITS
    return "\n".join(latex_text(table, count) for table in tables_of(solution))


def warning_problems(solution: Solution) -> list[Problem]:
    """The warnings as they are printed beside a table: by code, the first few of each."""
    by_code: dict[str, list[str]] = {}
    for warning in solution.warnings:
        by_code.setdefault(warning.code, []).append(warning.message)
    problems = []
    for code, messages in by_code.items():
        problems += [Problem(f"{message} [{code}]", severity="warning") for message in messages[:3]]
        if len(messages) > 3:
            more = f"and {len(messages) - 3:,} more like it [{code}]"
            problems.append(Problem(more, severity="warning"))
    return problems


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


def problem_lines(problems: Sequence[Problem]) -> str:
    """Problems for stderr."""
    return "".join(f"{problem}\n" for problem in problems)


def github_lines(problems: Sequence[Problem]) -> str:
    """Problems as GitHub annotations."""
    return "".join(f"{_annotation(problem)}\n" for problem in problems)


def _annotation(problem: Problem) -> str:
    where = ""
    if problem.place is not None:
        where = f" file={_property(problem.place.path)}"
        if problem.place.line is not None:
            where += f",line={problem.place.line},col={problem.place.column}"
    text = f"{problem.message}: {problem.hint}" if problem.hint else problem.message
    return f"::{problem.severity}{where}::{_escaped(text)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def check_text(inspections: Sequence[Inspection]) -> str:
    """A line for each spec."""
    return "".join(f"{_inspected(inspection)}\n" for inspection in inspections)


def _inspected(inspection: Inspection) -> str:
    if not inspection.sound:
        count = sum(problem.severity == "error" for problem in inspection.problems)
        return f"{inspection.path}: {count} error{'s' if count != 1 else ''}"
    firms, goods = _count(inspection.firms, "firm"), _count(inspection.goods, "good")
    return f"{inspection.path}: sound: {firms}, {goods}, allocation {inspection.allocation}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' if number != 1 else ''}"


def check_json(inspections: Sequence[Inspection]) -> str:
    """Format chainprice.check/1."""
    return json_text(
        {
            "format": "chainprice.check/1",
            "sound": all(inspection.sound for inspection in inspections),
            "specs": [inspection.to_dict() for inspection in inspections],
        }
    )
