"""`check`: what a spec holds and what is wrong with it, without computing anything."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from chainprice import allocation, network
from chainprice.errors import ChainpriceError, Problem
from chainprice.spec import load
from chainprice.spec.text import STDIN


@dataclass(frozen=True, slots=True)
class Inspection:
    """A spec's size and allocation, or its problems; `path` as it was named."""

    path: str
    firms: int
    goods: int
    allocation: str | None
    problems: tuple[Problem, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether it can be read without an error."""
        return not any(problem.severity == "error" for problem in self.problems)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of one spec, in format chainprice.check/1."""
        return {
            "path": self.path,
            "sound": self.sound,
            "firms": self.firms,
            "goods": self.goods,
            "allocation": self.allocation,
            "problems": [_problem(problem) for problem in self.problems],
        }


def inspect(path: str, settings: Iterable[str] = ()) -> Inspection:
    """Read a spec and report; nothing is raised for a spec that is wrong."""
    from pathlib import Path

    try:
        spec = load(path if path == STDIN else Path(path), settings)
    except ChainpriceError as error:
        return Inspection(path, 0, 0, None, error.problems)
    graph = network.build(spec)
    unused = tuple(
        Problem(
            f"'{good}' is neither used by a firm nor demanded [unused-good]",
            _place(spec, good),
            severity="warning",
        )
        for good in graph.goods
        if not graph.uses[good]
    )
    return Inspection(path, len(graph.firms), len(graph.goods), allocation.allocation_of(spec, graph), unused)


def _place(spec: Any, good: str) -> Any:
    if good in spec.supply:
        return spec.place("supply", good)
    firm = next(name for name, firm in spec.firms.items() if good in firm.production)
    return spec.place("firms", firm, "production", good)


def _problem(problem: Problem) -> dict[str, Any]:
    place = problem.place
    return {
        "severity": problem.severity,
        "message": problem.message,
        "hint": problem.hint or None,
        "path": place.path if place else None,
        "line": place.line if place else None,
        "column": place.column if place and place.line is not None else None,
    }
