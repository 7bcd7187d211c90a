"""What the names in a chain mean: which of its goods stay inside, and what all are called in the market.

A good that stays inside a firm has the firm's name in front, `plant.reactor_gas`; one that is shared is a
good of the chain outside, and has the name that it has there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from chainprice.arithmetic import CONSTANTS
from chainprice.spec.chains import Nested, Written


class Interface(NamedTuple):
    """What a chain's firms make and read, those of the chains in it too, in the order of the file.

    What is read may also be a parameter or a constant of the chain outside.
    """

    made: Mapping[str, None]
    read: Mapping[str, None]
    incoming: frozenset[str]
    outgoing: frozenset[str]


class Interfaces:
    """The interface of each chain, found once for each."""

    def __init__(self) -> None:
        self._known: dict[int, Interface] = {}

    def of(self, chain: Written) -> Interface:
        """What a chain makes and reads, and which of these goods are also the outside's by themselves.

        Where it says what it supplies, that comes in; else what it reads and does not make. Where it says
        what it demands, that goes out; else what it makes and does not read.
        """
        known = self._known.get(id(chain))
        if known is None:
            known = self._known[id(chain)] = self._found(chain)
        return known

    def _found(self, chain: Written) -> Interface:
        made: dict[str, None] = {}
        read: dict[str, None] = {}
        for firm in chain.firms.values():
            made.update(dict.fromkeys(firm.production))
            read.update(
                (n, None) for f in firm.production.values() for n in f.names if n not in firm.parameters
            )
        for nested in chain.nested.values():
            if nested.chain is not None:
                inner, shared = self.of(nested.chain), self.shared(nested)
                made.update((nested.links.get(good, good), None) for good in inner.made if good in shared)
                read.update((nested.links.get(good, good), None) for good in inner.read if good in shared)
        own = chain.parameters.keys() | CONSTANTS.keys() if chain.is_file else chain.parameters.keys()
        incoming, outgoing = chain.inputs, chain.outputs
        if incoming is None:
            incoming = frozenset(name for name in read if name not in made and name not in own)
        if outgoing is None:
            outgoing = frozenset(good for good in made if good not in read)
        return Interface(made, read, incoming, outgoing)

    def shared(self, nested: Nested) -> frozenset[str]:
        """The goods of a chain inside a firm that are also the outside's, by their names inside."""
        if nested.chain is None:
            return frozenset()
        interface = self.of(nested.chain)
        return interface.incoming | interface.outgoing | nested.links.keys()


class Scope:
    """The names of one chain inside a firm (`name`), or of the whole spec (`name` is "").

    `goods` and `parameters` say what those of the chain are called in the whole market; `shared` are its
    names of goods that are the outside's too. The firms of an inline chain see what is around it as well.
    """

    def __init__(self, name: str, chain: Written, outer: Scope | None = None) -> None:
        self.name, self.chain, self.outer = name, chain, outer
        self.goods: dict[str, str] = {}
        self.shared: dict[str, str] = {}
        self.scopes: dict[str, Scope] = {}
        self.parameters = {parameter: self.inside(parameter) for parameter in chain.parameters}

    def inside(self, name: str) -> str:
        """What a firm, a good or a parameter of this chain's own is called in the whole market."""
        return f"{self.name}.{name}" if self.name else name

    @property
    def _around(self) -> Scope | None:
        return None if self.chain.is_file else self.outer

    def good(self, name: str) -> str | None:
        """The good that a name means here, as the whole market calls it."""
        found = self.goods.get(name)
        return self._around.good(name) if found is None and self._around else found

    def parameter(self, name: str) -> str | None:
        """The parameter that a name means here, as the whole market calls it."""
        found = self.parameters.get(name)
        return self._around.parameter(name) if found is None and self._around else found

    def everything(self) -> Iterator[Scope]:
        """This scope and all that are inside it."""
        yield self
        for scope in self.scopes.values():
            yield from scope.everything()

    def known_goods(self) -> Collection[str]:
        """The names of goods that may be written here."""
        return [*self.goods, *(self._around.known_goods() if self._around else ())]


def scopes_of(chain: Written, supplied: Iterable[str], interfaces: Interfaces) -> Scope:
    """The scope of a whole spec, with those of all chains inside it."""
    scope = Scope("", chain)
    scope.goods.update({good: good for good in (*supplied, *interfaces.of(chain).made)})
    _enter(scope, interfaces)
    return scope


def _enter(outer: Scope, interfaces: Interfaces) -> None:
    for firm, nested in outer.chain.nested.items():
        if nested.chain is None:
            continue
        scope = outer.scopes[firm] = Scope(outer.inside(firm), nested.chain, outer)
        shared = interfaces.shared(nested)
        for good in dict.fromkeys((*interfaces.of(nested.chain).made, *sorted(shared))):
            if good in shared:
                found = outer.good(nested.links.get(good, good))
                if found is not None:
                    scope.goods[good] = scope.shared[good] = found
            else:
                scope.goods[good] = scope.inside(good)
        _enter(scope, interfaces)
