"""What a spec says, as immutable values. Every number in it is a constant `Formula`, exact.

What a chain has many of is a named tuple, which is made twice as fast as a frozen dataclass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from chainprice.errors import Place
from chainprice.formula import Formula
from chainprice.spec.places import Path, Places
from chainprice.spec.text import Source

DEMAND = "demand"
"""How a split names the demand for its good among the users."""

Allocation = Literal["auto", "given", "competitive"]

ALLOCATIONS: tuple[Allocation, ...] = ("auto", "given", "competitive")


NOTHING: Mapping[str, Any] = MappingProxyType({})
"""The mapping of all parts of a spec that are empty: there are many, and one is enough."""


class Good(NamedTuple):
    """Notes on a good. `split` gives each use's share of a rival good, if it is stated."""

    unit: str = ""
    description: str = ""
    rival: bool = True
    split: Mapping[str, Formula] | None = None


class Firm(NamedTuple):
    """Turns inputs into outputs: one production function for each output good."""

    production: Mapping[str, Formula]
    parameters: Mapping[str, Formula] = NOTHING
    description: str = ""


class Trade(NamedTuple):
    """What enters or leaves the chain: a quantity, a price, or both (MODEL.md section 1).

    `price` is a number, or a curve in `q`, the quantity traded.
    """

    quantity: Formula | None = None
    price: Formula | None = None


class Supply(Trade):
    """A good that enters from outside."""

    __slots__ = ()


class Demand(Trade):
    """A good that leaves."""

    __slots__ = ()


class NestedChain(NamedTuple):
    """A firm that is a chain (MODEL.md section 7): what is inside it, by names of the whole market.

    `parent` is the chain that it is inside of itself, None where that is the spec. `firms` are its own, and
    the chains in it. `goods` are those that stay inside it and are no deeper; `links` are the names that it
    has for goods outside, and what these are called in the market. `path` is the file that it stands in,
    None for one that stands under its firm.
    """

    parent: str | None
    firms: tuple[str, ...]
    goods: tuple[str, ...]
    links: Mapping[str, str]
    title: str = ""
    description: str = ""
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Spec:
    """A chain of firms as its file describes it; nothing in it has been computed.

    Where firms are chains themselves, `firms`, `goods` and `parameters` are those of the whole market, and
    what is inside a firm has its name in front: `plant.reactor`. `chains` says what was inside what; `files`
    are the other files that were read, in the order in which they are named.
    """

    firms: Mapping[str, Firm]
    supply: Mapping[str, Supply]
    demand: Mapping[str, Demand]
    goods: Mapping[str, Good]
    parameters: Mapping[str, Formula]
    title: str
    description: str
    numeraire: str | None
    money: str
    allocation: Allocation
    source: Source
    places: Places = field(repr=False, compare=False)
    chains: Mapping[str, NestedChain] = field(default_factory=lambda: NOTHING)
    files: tuple[Source, ...] = ()

    @property
    def sha256(self) -> str:
        """The SHA-256 of the file, or where it names others that of all of them (`Source.sha256`)."""
        return self.source.sha256

    def note(self, good: str) -> Good:
        """The notes on a good; a rival good without unit where the spec has none."""
        return self.goods.get(good, _NO_NOTE)

    def unit(self, good: str) -> str:
        """The unit of a good's quantity, "" if the spec gives none."""
        return self.note(good).unit

    def parameter(self, firm: str, name: str) -> Formula | None:
        """What a parameter is worth to a firm: its own first, then the global one."""
        return self.firms[firm].parameters.get(name) or self.parameters.get(name)

    @property
    def settings(self) -> tuple[str, ...]:
        """What was changed when it was read, each as NAME=VALUE."""
        return tuple(self.places.overrides.values())

    def place(self, *path: str) -> Place:
        """Where the value at `path` (such as "firms", "mill", "production") stands in the file."""
        return self.places.find(Path(path))

    def place_in(self, span: tuple[int, int], *path: str) -> Place:
        """Where a part of the text at `path` stands, from its character `span[0]` to before `span[1]`."""
        start, end = span
        return self.places.find(Path(path, offset=start, length=end - start))

    def places_of(self, paths: Iterable[tuple[str, ...]]) -> list[Place]:
        """The place of each path; the file is looked through once, however many there are."""
        return self.places.find_all([Path(path) for path in paths])


_NO_NOTE = Good()
