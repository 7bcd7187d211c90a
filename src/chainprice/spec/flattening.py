"""Chains inside firms to one market: every firm, good and parameter with its name in the whole.

A price inside a firm is then a price like any other (MODEL.md section 7). What the chains were is kept beside
it as data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from chainprice import limits
from chainprice.arithmetic import CONSTANTS
from chainprice.formula import TOO_LONG_A_NAME, Formula, read
from chainprice.formula.renaming import renamed
from chainprice.spec.chains import Nested, Written
from chainprice.spec.innerplaces import InnerPlaces
from chainprice.spec.model import NOTHING, Firm, NestedChain, Spec
from chainprice.spec.nesting import fail_if_too_large
from chainprice.spec.places import Path
from chainprice.spec.scopes import Interfaces, Scope, scopes_of
from chainprice.spec.sharednotes import notes_of

if TYPE_CHECKING:
    from chainprice.spec.reader import Reader

Keys = tuple[str, ...]


class Flat(NamedTuple):
    """A spec without chains inside its firms, and the names that were reported as unknown already."""

    spec: Spec
    reported: frozenset[str]


def flatten(reader: Reader, spec: Spec) -> Flat:
    """The whole market of a spec that has chains inside its firms; what is wrong with them is reported."""
    nested = {keys[1]: chain for keys, chain in reader.nested.items() if len(keys) == 2}
    if fail_if_too_large(reader, nested):
        return Flat(_without(spec, nested), frozenset())
    plain = {name: firm for name, firm in spec.firms.items() if name not in nested}
    chain = Written(spec.places._replace(inner=None), (), plain, nested, spec.goods, spec.parameters)
    interfaces = Interfaces()
    scope = scopes_of(chain, spec.supply, interfaces)
    firms: dict[str, Firm] = {}
    places = spec.places._replace(inner=InnerPlaces(scope, firms))
    joined = _Joined(reader, scope, interfaces)
    firms.update(joined.firms(spec.firms, scope))
    parameters = {
        flat: s.chain.parameters[own] for s in scope.everything() for own, flat in s.parameters.items()
    }
    _fail_if_a_name_is_too_long(reader, scope)
    is_sound = reader.library.is_sound and not reader.is_incomplete
    flat = replace(
        spec,
        source=reader.library.source_with_files(spec.source),
        firms=MappingProxyType(firms),
        parameters=MappingProxyType(parameters),
        goods=MappingProxyType(notes_of(reader, scope, spec.demand)) if is_sound else spec.goods,
        places=places,
        chains=MappingProxyType(dict(_chains(scope))),
        files=tuple(reader.library.files.values()),
    )
    return Flat(flat, frozenset(joined.reported))


def _without(spec: Spec, nested: Mapping[str, Nested]) -> Spec:
    firms = {name: firm for name, firm in spec.firms.items() if name not in nested}
    return replace(spec, firms=MappingProxyType(firms))


class _At(NamedTuple):
    """A production function of a firm, by its names in its own chain."""

    scope: Scope
    name: str
    output: str
    formula: Formula

    @property
    def firm(self) -> str:
        """The firm's name in the whole market."""
        return self.scope.inside(self.name)


class _Joined:
    """Gives the firms of all chains the names of the whole; `reported` are names that mean nothing there."""

    def __init__(self, reader: Reader, scope: Scope, interfaces: Interfaces) -> None:
        self._reader, self._interfaces = reader, interfaces
        self.reported: set[str] = set()
        self._goods = {flat for inner in scope.everything() for flat in inner.goods.values()}
        self._taken = self._goods | scope.parameters.keys()

    def firms(self, order: Mapping[str, object], scope: Scope) -> Iterator[tuple[str, Firm]]:
        """The firms of a chain in the order of its file, those of a chain inside where it stands."""
        for name in order:
            if name in scope.chain.firms:
                firm = scope.chain.firms[name]
                yield scope.inside(name), firm if not scope.name else self._firm(scope, name, firm)
            elif name in scope.scopes:
                inner = scope.scopes[name]
                self._fail_if_links_are_unknown(scope, name)
                yield from self.firms({**inner.chain.firms, **inner.chain.nested}, inner)

    def _fail_if_links_are_unknown(self, outer: Scope, name: str) -> None:
        """Every good that a chain shares is one of its goods, and one outside."""
        inner, nested = outer.scopes[name], outer.chain.nested[name]
        interface = self._interfaces.of(inner.chain)
        keys = ("firms", inner.name)
        for good, outside in nested.links.items():
            if good not in interface.made and good not in interface.read and good not in interface.incoming:
                known = [*interface.made, *interface.read]
                hint = self._reader.nearest(good, known) or "a link is `name inside: name outside`"
                message = f"the chain of firm '{inner.name}' has no good '{good}'"
                self._reader.report((*keys, "links", good), message, hint, at_key=True)
            elif outer.good(outside) is None:
                self._reader.report_unknown((*keys, "links", good), outside, set(outer.known_goods()))
                self.reported.add(inner.inside(good))
        for good in interface.incoming if inner.chain.is_file else ():
            is_known = good in inner.goods or good in nested.links or good not in interface.read
            if not is_known and not self._reader.is_incomplete:
                self._report_missing((*keys, "chain"), inner, outer, good)
        for good in inner.chain.outputs or ():
            if good not in interface.made and good not in interface.incoming:
                path = Path(("demand", good), at_key=True, home=inner.chain.places)
                self._reader.note(path, f"unknown good '{good}'", _EXISTS)

    def _report_missing(self, keys: Keys, inner: Scope, outer: Scope, good: str) -> None:
        message = (
            f"the chain of firm '{inner.name}' takes '{good}' from outside, and there is no such good there"
        )
        way_out = f"supply it, or name what it is there by `links: {{{good}: NAME}}`"
        hint = self._reader.nearest(good, outer.known_goods()) or way_out
        self._reader.report(keys, message, hint)
        self.reported.add(inner.inside(good))

    def _firm(self, scope: Scope, name: str, firm: Firm) -> Firm:
        whole = scope.inside(name)
        names: dict[str, str] = {}
        parameters: dict[str, Formula] = {}
        for own, value in firm.parameters.items():
            names[own] = f"{whole}.{own}" if own in self._taken else own
            parameters[names[own]] = value
        production = {}
        for output, formula in firm.production.items():
            at = _At(scope, name, output, formula)
            for word in formula.names:
                if word not in names:
                    names[word] = self._meaning(at, word)
                if word in CONSTANTS and names[word] == f"{whole}.{word}":
                    parameters.setdefault(names[word], read(word))
                self._fail_if_two(at, firm, word)
            production[scope.goods.get(output) or scope.inside(output)] = renamed(formula, names)
        return Firm(
            MappingProxyType(production),
            MappingProxyType(parameters) if parameters else NOTHING,
            firm.description,
        )

    def _meaning(self, at: _At, word: str) -> str:
        """What a name in a formula that is no parameter of the firm itself is called in the whole market."""
        found = at.scope.good(word) or at.scope.parameter(word)
        if found is not None:
            return found
        if word in CONSTANTS:
            return f"{at.firm}.{word}" if word in self._taken else word
        unknown = at.scope.inside(word)
        if unknown in self.reported or self._reader.is_incomplete:
            self.reported.add(unknown)
        else:
            self._report_unknown(at, word)
        return unknown

    def _report_unknown(self, at: _At, word: str) -> None:
        known = at.scope.known_goods(), at.scope.parameters, at.scope.chain.firms[at.name].parameters
        hint = self._reader.nearest(word, *known) or (_WAY_IN if at.scope.chain.is_file else _EXISTS)
        firm = at.name if at.scope.chain.is_file else at.firm
        self._note(
            at, word, f"unknown name '{word}' in the production of '{at.output}' by firm '{firm}'", hint
        )

    def _fail_if_two(self, at: _At, firm: Firm, word: str) -> None:
        is_parameter = word in firm.parameters or at.scope.parameter(word) is not None
        if is_parameter and at.scope.good(word) is not None:
            self._note(at, word, f"'{word}' is both a good and a parameter here", "rename one of them")

    def _note(self, at: _At, word: str, message: str, hint: str) -> None:
        chain = at.scope.chain
        keys = (*chain.keys, "firms", at.name, "production", at.output)
        path = Path(keys, offset=at.formula.offset(word), length=len(word), home=chain.places)
        self._reader.note(path, message, hint)
        self.reported.add(at.scope.inside(word))


_EXISTS = "a good exists by being supplied or made"

_WAY_IN = "a good exists by being supplied or made; what a file takes from outside stands in its `supply`"


def _fail_if_a_name_is_too_long(reader: Reader, scope: Scope) -> None:
    for inner in scope.everything():
        own = (*inner.chain.firms, *inner.goods, *inner.parameters)
        longest = max(map(len, own), default=0) + len(inner.name) + 1
        if inner.name and longest > limits.NAME_LENGTH:
            message = f"{TOO_LONG_A_NAME}, with those of the firms around it"
            reader.report(("firms", inner.name), message, "shorten them", at_key=True)
            return


def _chains(scope: Scope) -> Iterator[tuple[str, NestedChain]]:
    """The chains inside firms as data, each before those that are inside it."""
    for name, inner in scope.scopes.items():
        chain, nested = inner.chain, scope.chain.nested[name]
        firms = tuple(map(inner.inside, (*chain.firms, *chain.nested)))
        goods = tuple(flat for good, flat in inner.goods.items() if good not in inner.shared)
        yield (
            inner.name,
            NestedChain(
                scope.name or None,
                firms,
                goods,
                MappingProxyType(dict(inner.shared)),
                chain.title,
                nested.description,
                chain.places.source.path if chain.is_file else None,
            ),
        )
        yield from _chains(inner)
