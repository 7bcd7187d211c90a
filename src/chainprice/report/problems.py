"""Errors and warnings as lines of text."""

from __future__ import annotations

from collections.abc import Sequence

from chainprice.errors import Problem, printable
from chainprice.solution import Solution


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
    lines = "\n".join(map(printable, text.split("\n")))
    return lines.replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
