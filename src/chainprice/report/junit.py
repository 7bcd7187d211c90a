"""JUnit XML, as CI servers read it: a suite for each spec, a case for each row."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from xml.sax.saxutils import quoteattr

from chainprice.errors import printable
from chainprice.examination import Outcome, Result
from chainprice.report.rows import rows_of

_FORBIDDEN = re.compile(
    "[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
    "|[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)
"""What XML 1.0 cannot hold, not even escaped; and what would control a terminal."""

_COUNTED = ("failure", "error", "skipped")

Case = tuple[str, str | None, str]
"""A case's name, its element unless it passed, and the element's message."""


def junit_text(outcomes: Sequence[Outcome]) -> str:
    """The document: suites in the order of the specs."""
    cases = [list(_cases(outcome)) for outcome in outcomes]
    totals = _counts([case for of_suite in cases for case in of_suite])
    seconds = sum(outcome.seconds for outcome in outcomes)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    of_all = {key: value for key, value in totals.items() if key != "skipped"}
    lines.append(f"<testsuites{_attributes(name='chainprice verify', **of_all, time=_time(seconds))}>")
    for outcome, of_suite in zip(outcomes, cases, strict=True):
        path = printable(outcome.verdict.path)
        lines.append(
            f"  <testsuite{_attributes(name=path, **_counts(of_suite), time=_time(outcome.seconds))}>"
        )
        share = _time(outcome.seconds / len(of_suite))  # the rows of a spec are verified together
        lines += (line for case in of_suite for line in _case_lines(path, case, share))
        lines.append("  </testsuite>")
    return "\n".join([*lines, "</testsuites>", ""])


def _cases(outcome: Outcome) -> Iterator[Case]:
    if outcome.result is Result.skipped:
        yield "spec", "skipped", "the file is no spec"
    elif outcome.problems:
        for number, problem in enumerate(outcome.problems):
            name = "spec" if number == 0 else f"spec, problem {number + 1}"
            yield name, "error", str(problem)
    elif outcome.verdict.error is not None:
        yield "spec", "error", outcome.verdict.error
    else:
        for row in rows_of(outcome.verdict):
            yield row.name, None if row.reason is None else "failure", row.reason or ""


def _counts(cases: Sequence[Case]) -> Mapping[str, str]:
    found = Counter(element for _, element, _ in cases)
    names = {"failure": "failures", "error": "errors", "skipped": "skipped"}
    return {"tests": str(len(cases)), **{names[element]: str(found[element]) for element in _COUNTED}}


def _case_lines(path: str, case: Case, seconds: str) -> Iterator[str]:
    name, element, message = case
    start = f"    <testcase{_attributes(classname=path, name=name, time=seconds)}"
    if element is None:
        yield f"{start}/>"
        return
    first = message.split("\n", 1)[0]
    kind = {} if element == "skipped" else {"type": element}
    yield f"{start}>"
    if element == "skipped" or first == message:
        yield f"      <{element}{_attributes(**kind, message=first)}/>"
    else:
        yield f"      <{element}{_attributes(**kind, message=first)}>{_text(message)}</{element}>"
    yield "    </testcase>"


def _time(seconds: float) -> str:
    return f"{seconds:.6f}"


def _attributes(**values: str) -> str:
    return "".join(f" {name}={quoteattr(_allowed(value))}" for name, value in values.items())


def _text(text: str) -> str:
    return _allowed(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _allowed(text: str) -> str:
    return _FORBIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
