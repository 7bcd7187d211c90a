"""One spec of several under `verify`: what comes of it, whatever that is, as a value."""

from __future__ import annotations

import os
import re
import time
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from chainprice import limits
from chainprice.errors import ChainpriceError, NoAnswerError, Place, Problem, SpecError, UsageError
from chainprice.gate import verify
from chainprice.publication import verify_published
from chainprice.spec import DEMAND, Spec, load
from chainprice.spec.language import TRADES
from chainprice.spec.text import Source, read_source
from chainprice.spec.tree import TreeError, read_tree
from chainprice.verification import Method, PriceTable, Verdict


class Result(StrEnum):
    """What came of a spec."""

    verified = "verified"
    failed = "failed"
    unreadable = "unreadable"
    no_answer = "no answer"
    skipped = "skipped"


class Task(NamedTuple):
    """A file to look at; its text too where only this process can read it (standard input, a pipe).

    What was `found` in a folder, and not named itself, may turn out to be no spec.
    """

    path: str
    found: bool = False
    source: Source | None = None


class Question(NamedTuple):
    """What is asked of every spec, or of one and its published `table`.

    `locates` asks for the places of failing rows too.
    """

    tolerance: float = limits.TOLERANCE
    method: Method = "auto"
    settings: tuple[str, ...] = ()
    locates: bool = False
    table: PriceTable | None = None
    certify: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """A spec's verdict, all that is wrong with the spec itself, and how long it took.

    `places` has the place of each failing row of the verdict by the row's name, if they were asked for.
    """

    result: Result
    verdict: Verdict
    problems: tuple[Problem, ...] = ()
    seconds: float = 0.0
    places: Mapping[str, Place] = field(default_factory=dict)

    def place_of(self, name: str) -> Place:
        """Where a row of the verdict belongs in the spec's file; the file, if nothing else is known."""
        return self.places.get(name, Place(self.verdict.path))


def examine(task: Task, question: Question) -> Outcome:
    """Read a spec and verify it; nothing is raised for whatever goes wrong with it."""
    begin = time.perf_counter()
    try:
        with warnings.catch_warnings(action="ignore"):
            outcome = _verified(task, question)
    except ChainpriceError as error:
        outcome = refused(task.path, error.problems, question, _result(error))
        is_refused = task.found and isinstance(error, (SpecError, UsageError))
        if is_refused and (is_no_spec(task.path) or is_part_of_a_spec(task.path)):
            outcome = Outcome(Result.skipped, outcome.verdict)
    except Exception as error:
        if os.environ.get("CHAINPRICE_DEBUG"):
            raise
        bug = Problem(
            f"internal error: {type(error).__name__}: {error}",
            Place(task.path),
            "this is a bug in chainprice; CHAINPRICE_DEBUG=1 shows where",
        )
        outcome = refused(task.path, [bug], question, Result.no_answer)
    seconds = time.perf_counter() - begin
    return Outcome(outcome.result, outcome.verdict, outcome.problems, seconds, outcome.places)


def refused(path: str, problems: Iterable[Problem], question: Question, result: Result) -> Outcome:
    """The outcome of a spec that could not be verified, and why."""
    problems = tuple(p if p.place else p._replace(place=Place(path)) for p in problems)
    reason = "\n".join(str(problem).split("\n", 1)[0] for problem in problems)
    return Outcome(result, Verdict(path, None, question.tolerance, error=reason), problems)


def _result(error: ChainpriceError) -> Result:
    return Result.no_answer if isinstance(error, NoAnswerError) else Result.unreadable


def _verified(task: Task, question: Question) -> Outcome:
    spec = load(task.source or Path(task.path), question.settings)
    table, tolerance, method, certify = question.table, question.tolerance, question.method, question.certify
    if table is None:
        verdict = verify(spec, tolerance=tolerance, method=method, certify=certify)
    else:
        verdict = verify_published(spec, table, tolerance=tolerance, method=method, certify=certify)
    result = Result.verified if verdict.verified else Result.failed
    places = row_places(spec, verdict) if question.locates and not verdict.verified else {}
    return Outcome(result, verdict, places=places)


# What is no spec.

_KEYS = ("firms", "chainprice")
"""A spec has at least one of these."""

_A_KEY = re.compile(rf"\b(?:{'|'.join(_KEYS)})\b[\"']?\s*:")


def is_part_of_a_spec(path: str) -> bool:
    """Whether a file is a chain for inside a firm: with firms, but neither supply nor demand."""
    try:
        tree = read_tree(read_source(Path(path)).text).tree
    except (ChainpriceError, TreeError):
        return False
    return isinstance(tree, dict) and bool(tree.get("firms")) and tree.keys().isdisjoint(TRADES)


def is_no_spec(path: str) -> bool:
    """Whether a text has no key of a spec, or is a result of chainprice itself."""
    try:
        source = read_source(Path(path))
    except ChainpriceError:
        return False
    try:
        tree = read_tree(source.text).tree
    except TreeError:
        return _A_KEY.search(source.text) is None
    if not isinstance(tree, dict):
        return True
    is_result = str(tree.get("format")).startswith("chainprice.")
    return is_result or not any(key in tree for key in _KEYS)


# Where the rows of a verdict belong in the spec.


Keys = tuple[str, ...]


def row_places(spec: Spec, verdict: Verdict) -> dict[str, Place]:
    """The place of every failing row: a good's supply or the first firm that makes it, or a firm."""
    names = [check.good for check in verdict.checks if not check.passed]
    names += [row.where for row in verdict.conditions if not row.passed and row.where is not None]
    goods = _paths_of_goods(spec)
    paths = {name: path for name in names if (path := _path(spec, goods, name))}
    return dict(zip(paths, spec.places_of(paths.values()), strict=True))


def _path(spec: Spec, goods: Mapping[str, Keys], row: str) -> Keys:
    """The keys that lead to what a row names: a good, a firm, or words with such names in them."""
    words = re.findall(r"\w+(?:\.\w+)*", row)
    named = [goods[word] for word in words if word in goods]
    firm = next((word for word in words if word in spec.firms), None)
    if firm is not None and (len(words) > 1 or not named):
        made = [word for word in words if word in spec.firms[firm].production]
        return ("firms", firm, "production", made[0]) if made else ("firms", firm)
    sold = [word for word in words if word in spec.demand]
    if DEMAND in words and sold:
        return ("demand", sold[0])
    return named[0] if named else ()


def _paths_of_goods(spec: Spec) -> Mapping[str, Keys]:
    paths: dict[str, Keys] = {good: ("supply", good) for good in spec.supply}
    for name, firm in spec.firms.items():
        for good in firm.production:
            paths.setdefault(good, ("firms", name, "production", good))
    return paths
