"""`check`: what a spec holds and what is wrong with it, without computing anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from chainprice import allocation, network
from chainprice.errors import ChainpriceError, Problem
from chainprice.spec import Spec, load
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
    warnings = tuple(_unused(spec, [good for good in graph.goods if not graph.uses[good]]))
    return Inspection(
        path, len(graph.firms), len(graph.goods), allocation.allocation_of(spec, graph), warnings
    )


def _unused(spec: Spec, goods: list[str]) -> Iterator[Problem]:
    """A warning for each of these goods, at its supply or at the first firm of the file that makes it."""
    if not goods:
        return
    paths: dict[str, tuple[str, ...]] = {good: ("supply", good) for good in spec.supply}
    for name, firm in spec.firms.items():
        for good in firm.production:
            paths.setdefault(good, ("firms", name, "production", good))
    places = spec.places_of(paths[good] for good in goods)
    for good, place in zip(goods, places, strict=True):
        message = f"'{good}' is neither used by a firm nor demanded [unused-good]"
        yield Problem(message, place, severity="warning")


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
