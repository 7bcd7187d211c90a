"""What a sweep asks, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from chainprice import allocation, limits, network
from chainprice.errors import Problem, UsageError, short
from chainprice.formula import suggestion
from chainprice.network import Network
from chainprice.spec import Source
from chainprice.spec.model import Allocation
from chainprice.sweeping.evaluation import Job, first_spec, together
from chainprice.sweeping.points import Points


@dataclass(frozen=True, slots=True)
class Question:
    """A spec and what is set at all points; `goods` are those whose columns are wanted, none means all."""

    source: Source
    settings: tuple[str, ...]
    allocation: Allocation | None = None
    numeraire: str | None = None
    goods: tuple[str, ...] = ()


class Asked(NamedTuple):
    """A job that can begin, and how many points go together."""

    job: Job
    together: int


def ask(question: Question, points: Points) -> Asked:
    """The job for some points.

    Raises UsageError, with all offenders, for names that the spec has not; SpecError where the spec is sound
    neither as it is written nor at a point that was tried; MissingExtraError and MarketMustChooseError as
    `solve` does.
    """
    if not points.names:
        raise UsageError(
            Problem("nothing is varied", None, "--vary NAME=START:STOP:COUNT, or --samples FILE")
        )
    job = Job(question.source, question.settings, points.names, question.allocation, question.numeraire)
    try:
        spec, is_read_anew = first_spec(job, points)
    except UsageError as error:
        raise UsageError([_of_what_varies(problem, points.names) for problem in error.problems]) from None
    graph = network.build(spec)
    chosen = _goods(question.goods, graph)
    numeraire = question.numeraire or spec.numeraire
    if numeraire is not None:
        _fail_if_unknown([numeraire], graph, "as numeraire")
    if len(chosen) * 2 > limits.SWEEP_COLUMNS:
        message = (
            f"{len(chosen):,} goods make too many columns: {limits.SWEEP_COLUMNS // 2:,} goods can be shown"
        )
        raise UsageError(Problem(message, None, "name the goods that count, each with --good"))
    if not is_read_anew and not allocation.is_given(spec, graph):
        allocation.fail_if_no_equilibrium_solver(spec, graph)
    in_columns = not is_read_anew and allocation.allocation_of(spec, graph) == "given"
    job = replace(job, source=spec.source, goods=chosen)  # with the files that it names
    return Asked(job, together(len(graph.firms), in_columns=in_columns))


def _of_what_varies(problem: Problem, names: Sequence[str]) -> Problem:
    """A problem with a setting, as one of what varies where it is that."""
    for name in names:
        if problem.message.startswith(f"--set {name}:"):
            return problem._replace(message=problem.message.replace("--set", "--vary", 1))
    return problem


def _goods(named: Sequence[str], graph: Network) -> tuple[str, ...]:
    """The goods that are named, or all, in chain order."""
    _fail_if_unknown(named, graph, "in the spec")
    return tuple(good for good in graph.goods if not named or good in set(named))


def _fail_if_unknown(named: Sequence[str], graph: Network, where: str) -> None:
    unknown = [unknown_good(good, graph.goods, where) for good in named if good not in graph.roles]
    if unknown:
        raise UsageError(unknown)


def unknown_good(good: str, goods: Sequence[str], where: str) -> Problem:
    """The problem that there is no such good."""
    hint = suggestion(good, goods) or f"the goods are {', '.join(goods[:20])}"
    return Problem(f"unknown good '{short(good)}' {where}", None, hint)
