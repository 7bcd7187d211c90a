"""GitHub annotations of a verification: an error at the line of the good or firm concerned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chainprice.errors import Problem
from chainprice.examination import Outcome, Result
from chainprice.report.problems import github_lines
from chainprice.report.rows import rows_of
from chainprice.report.verdicts import count_line


def verification_annotations(outcomes: Sequence[Outcome]) -> str:
    """An annotation for all that is wrong, and the count as a line of the log."""
    problems = [problem for outcome in outcomes for problem in _problems(outcome)]
    return f"{github_lines(problems)}{count_line(outcomes)}\n"


def _problems(outcome: Outcome) -> Iterator[Problem]:
    if outcome.problems or outcome.result is Result.skipped:
        yield from outcome.problems
    elif outcome.verdict.error is not None:
        yield Problem(outcome.verdict.error, outcome.place_of(""))
    else:
        for row in rows_of(outcome.verdict):
            if row.reason is not None:
                yield Problem(row.reason, outcome.place_of(row.about))
