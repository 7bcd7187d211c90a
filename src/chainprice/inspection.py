"""`check`: what a spec holds and what is wrong with it, without computing anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

from chainprice import allocation, network
from chainprice.errors import ChainpriceError, Problem
from chainprice.spec import Spec, load
from chainprice.spec.text import STDIN

FORMAT = "chainprice.check/1"
"""The JSON of `check`, and its version."""


class ProblemRow(NamedTuple):
    """A problem as JSON has it."""

    severity: Annotated[Literal["error", "warning"], "Whether the spec is refused for it."]
    message: Annotated[str, "What is wrong."]
    hint: Annotated[str | None, "The way out."]
    path: Annotated[str | None, "The file, or --set."]
    line: Annotated[int | None, "The line, from 1."]
    column: Annotated[int | None, "The column, from 1."]


@dataclass(frozen=True, slots=True)
class Inspection:
    """A spec's size and allocation, or its problems; `path` as it was named."""

    path: Annotated[str, "The file as it was named."]
    firms: Annotated[int, "How many firms it has; 0 where it cannot be read."]
    goods: Annotated[int, "How many goods it has; 0 where it cannot be read."]
    allocation: Annotated[str | None, "How quantities will come about; null where it cannot be read."]
    problems: Annotated[tuple[Problem, ...], "What is wrong, in the order of the file."] = ()

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
            "problems": [_row(problem)._asdict() for problem in self.problems],
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


def _row(problem: Problem) -> ProblemRow:
    place = problem.place
    return ProblemRow(
        problem.severity,
        problem.message,
        problem.hint or None,
        place.path if place else None,
        place.line if place else None,
        place.column if place and place.line is not None else None,
    )
