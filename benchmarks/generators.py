"""Generated specs of any size, written firm by firm: a file of a million firms needs no memory.

Three kinds, all with given quantities and all in chain order:

- `chain`: every firm makes its good of the one before. Yields go up and down around 1 and functions
  are nearly of constant returns, so that a million firms on prices are still well inside a double.
- `roots`: `1.1*sqrt(g)` again and again. Each firm halves the price: after some thousand firms it is
  below the smallest double.
- `wide`: firms side by side, each with a material and a product of its own; all read one design.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain as joined
from pathlib import Path
from random import Random
from typing import TextIO

NON_RIVAL = "{rival: false}"

CHAIN_SHAPES: tuple[tuple[str, Callable[[float, float], float]], ...] = (
    ("{y}*{g}", lambda y, g: y * g),
    ("{y}*{g}**0.9999", lambda y, g: y * g**0.9999),
    ("{g}/({y} + 0.0001*{g})", lambda y, g: g / (y + 0.0001 * g)),
    ("{y}*{g} + 0.0001*sqrt({g})", lambda y, g: y * g + 0.0001 * math.sqrt(g)),
    ("{y}*{g} + 0.0001*ln(1 + {g})", lambda y, g: y * g + 0.0001 * math.log(1 + g)),
)
"""A formula, and what it makes: the next yield brings quantities back to 1."""

WIDE_SHAPES = (
    "{y}*{m}**0.5*design**0.3",
    "{y}*ln(1 + {m})*design**0.2",
    "{y}*sqrt({m}*design)",
    "{y}*{m}*design/({m} + design)",
    "{y}*(1 - exp(-{m}))*design**0.25",
)


@dataclass(frozen=True, slots=True)
class Firm:
    """A firm with one product."""

    name: str
    output: str
    formula: str


@dataclass(frozen=True, slots=True)
class Economy:
    """What a spec says; each call gives the same again, one entry at a time."""

    firms: Callable[[], Iterable[Firm]]
    supply: Callable[[], Iterable[tuple[str, float]]]
    demand: Callable[[], Iterable[tuple[str, float]]]
    non_rival: tuple[str, ...] = ()


def chain(count: int) -> Economy:
    """A chain of `count` firms on which doubles hold."""
    return Economy(lambda: _chain_firms(count), lambda: [("g0", 1.0)], lambda: [(f"g{count}", 1.0)])


def _chain_firms(count: int, seed: int = 0) -> Iterator[Firm]:
    random = Random(seed)
    level = 1.0
    for i in range(count):
        formula, amount = random.choice(CHAIN_SHAPES)
        wants_more = (level < 1) != formula.startswith("{g}/")
        y = round(random.uniform(1.0, 1.25) if wants_more else random.uniform(0.8, 1.0), 4)
        level = amount(y, level)
        yield Firm(f"f{i}", f"g{i + 1}", formula.format(y=y, g=f"g{i}"))


def roots(count: int) -> Economy:
    """A chain of `count` firms that all take 1.1 times the square root."""
    return Economy(
        lambda: (Firm(f"f{i}", f"g{i + 1}", f"1.1*sqrt(g{i})") for i in range(count)),
        lambda: [("g0", 1.3)],
        lambda: [(f"g{count}", 1.0)],
    )


def wide(count: int) -> Economy:
    """`count` firms side by side that read one non-rival design."""
    return Economy(
        lambda: _wide_firms(count),
        lambda: joined([("design", 4.0)], _drawn("m", count, 1, 9)),
        lambda: _drawn("p", count, 1, 5),
        non_rival=("design",),
    )


def _wide_firms(count: int, seed: int = 0) -> Iterator[Firm]:
    random = Random(seed)
    for i in range(count):
        y = round(random.uniform(1, 4), 3)
        yield Firm(f"f{i}", f"p{i}", random.choice(WIDE_SHAPES).format(y=y, m=f"m{i}"))


def _drawn(letter: str, count: int, low: float, high: float) -> Iterator[tuple[str, float]]:
    random = Random(letter)
    return ((f"{letter}{i}", round(random.uniform(low, high), 2)) for i in range(count))


KINDS: dict[str, Callable[[int], Economy]] = {"chain": chain, "roots": roots, "wide": wide}


def write(economy: Economy, path: Path) -> Path:
    """The economy as a spec, in YAML or JSON by the name of the file; returns the path."""
    with path.open("w", encoding="utf-8") as stream:
        (_write_json if path.suffix == ".json" else _write_yaml)(economy, stream)
    return path


def _write_yaml(economy: Economy, stream: TextIO) -> None:
    if economy.non_rival:
        stream.write("goods:\n")
        stream.writelines(f"  {good}: {NON_RIVAL}\n" for good in economy.non_rival)
    stream.write("firms:\n")
    stream.writelines(f"  {f.name}: {{production: {{{f.output}: {f.formula}}}}}\n" for f in economy.firms())
    stream.write("supply:\n")
    stream.writelines(f"  {good}: {{quantity: {number}}}\n" for good, number in economy.supply())
    stream.write("demand:\n")
    stream.writelines(f"  {good}: {{price: {number}}}\n" for good, number in economy.demand())


def _write_json(economy: Economy, stream: TextIO) -> None:
    def section(name: str, entries: Iterable[str], end: str = ",") -> None:
        stream.write(f' "{name}": {{')
        separator = "\n  "
        for entry in entries:
            stream.write(separator + entry)
            separator = ",\n  "
        stream.write(f"\n }}{end}\n")

    stream.write("{\n")
    if economy.non_rival:
        section("goods", (f'"{good}": {{"rival": false}}' for good in economy.non_rival))
    section(
        "firms",
        (f'"{f.name}": {{"production": {{"{f.output}": "{f.formula}"}}}}' for f in economy.firms()),
    )
    section("supply", (f'"{good}": {{"quantity": {number}}}' for good, number in economy.supply()))
    section("demand", (f'"{good}": {{"price": {number}}}' for good, number in economy.demand()), end="")
    stream.write("}\n")
