"""Chains inside firms, as they are written: not yet joined to one market."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from chainprice.spec.model import Firm, Good
from chainprice.spec.places import Places

if TYPE_CHECKING:
    from chainprice.formula import Formula

Keys = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Nested:
    """A firm that is a chain: where it stands in its file, and what its goods are called outside.

    `chain` is None where its file could not be read.
    """

    keys: Keys
    chain: Written | None
    links: Mapping[str, str]
    description: str


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """A chain as it is written: by itself in a file, or under a firm at `keys`.

    `inputs` and `outputs` are the goods that it says to supply and to demand, None where it says nothing.
    """

    places: Places
    keys: Keys
    firms: Mapping[str, Firm]
    nested: Mapping[str, Nested]
    goods: Mapping[str, Good]
    parameters: Mapping[str, Formula]
    is_file: bool = False
    inputs: frozenset[str] | None = None
    outputs: frozenset[str] | None = None
    title: str = ""
    size: Size = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", Size.of(self))


class Size(NamedTuple):
    """How much a chain is with all that is inside: firms, goods and parameters, characters, chains deep."""

    parts: int
    length: int
    depth: int

    @classmethod
    def of(cls, chain: Written) -> Size:
        """The size of a chain, by those of the chains in it."""
        inner = [nested.chain.size for nested in chain.nested.values() if nested.chain is not None]
        parts = (
            1 + len(chain.goods) + len(chain.parameters) + sum(len(n.links) for n in chain.nested.values())
        )
        length = 0
        for firm in chain.firms.values():
            parts += 1 + len(firm.production) + len(firm.parameters)
            length += sum(len(formula.text) for formula in firm.production.values())
        return cls(
            parts + sum(size.parts for size in inner),
            length + sum(size.length for size in inner),
            1 + max((size.depth for size in inner), default=0),
        )
