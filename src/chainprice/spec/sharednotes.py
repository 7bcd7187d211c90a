"""Notes on the goods of a market whose firms are chains: one for each good, and in a split the shares of all.

A good that is shared has the notes of the outermost chain that has any; chains must agree on its unit, and on
whether it is rival. A firm that is a chain has its share of a split together, and divides it by the split of
its own notes if several of its firms use the good.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from chainprice.formula import Formula, FormulaError, read
from chainprice.spec.innerplaces import depth
from chainprice.spec.model import DEMAND, Good
from chainprice.spec.places import Path
from chainprice.spec.scopes import Scope

if TYPE_CHECKING:
    from chainprice.spec.reader import Reader

Split = Mapping[str, Formula]


def notes_of(reader: Reader, whole: Scope, demanded: Mapping[str, object]) -> dict[str, Good]:
    """The notes on every good of the market by its name there; what does not fit is reported."""
    noted: dict[str, list[tuple[Scope, str]]] = {}
    for scope in sorted(whole.everything(), key=depth):
        for own in scope.chain.goods:
            noted.setdefault(scope.goods.get(own) or scope.inside(own), []).append((scope, own))
    users = _users(whole)
    notes: dict[str, Good] = {}
    for good, places in noted.items():
        outermost, own = places[0]
        note = outermost.chain.goods[own]
        for scope, name in places[1:]:
            _fail_if_they_differ(reader, note, scope, name, good)
        is_split = note.rival and any(scope.chain.goods[name].split is not None for scope, name in places)
        if is_split:
            shares = _Shares(reader, good, users.get(good, {}), good in demanded)
            note = note._replace(split=MappingProxyType(shares.of(whole, None)))
        elif outermost is not whole and note.split is not None:
            note = note._replace(split=None)
        notes[good] = note
    return notes


def _fail_if_they_differ(reader: Reader, note: Good, scope: Scope, name: str, good: str) -> None:
    inner = scope.chain.goods[name]
    keys = (*scope.chain.keys, "goods", name)
    around = f"'{good}', which it is outside of firm '{scope.name}',"
    if inner.unit and note.unit and inner.unit != note.unit:
        message = f"the unit of '{name}' is {inner.unit} here, and that of {around} is {note.unit}"
        reader.note(Path((*keys, "unit"), home=scope.chain.places), message, "use one unit")
    if note.rival and not inner.rival:
        message = f"'{name}' is non-rival here, and {around} is rival"
        path = Path((*keys, "rival"), home=scope.chain.places)
        reader.note(path, message, "write `rival: false` there too")


def _users(whole: Scope) -> dict[str, dict[Scope, list[str]]]:
    """For each good the firms that read it, by the chain that they are in: those that are chains too."""
    users: dict[str, dict[Scope, dict[str, None]]] = {}
    for scope in whole.everything():
        for firm, own in scope.chain.firms.items():
            words = {word for formula in own.production.values() for word in formula.names}
            for good in filter(None, map(scope.good, words - own.parameters.keys())):
                inside, name = scope, firm
                while True:
                    users.setdefault(good, {}).setdefault(inside, {})[name] = None
                    if inside.outer is None:
                        break
                    inside, name = inside.outer, inside.name.rpartition(".")[2]
    return {good: {scope: [*names] for scope, names in found.items()} for good, found in users.items()}


class _Shares:
    """The shares of all firms of the market in one good."""

    def __init__(
        self, reader: Reader, good: str, users: Mapping[Scope, list[str]], is_demanded: bool
    ) -> None:
        self._reader, self._good, self._users, self._is_demanded = reader, good, users, is_demanded

    def of(self, scope: Scope, whole: Formula | None) -> dict[str, Formula]:
        """The shares of the users in a chain, together `whole`; None is all of the good."""
        return dict(self._divided(scope, whole))

    def _divided(self, scope: Scope, whole: Formula | None) -> Iterator[tuple[str, Formula]]:
        users = self._users.get(scope, [])
        split = self._stated(scope)
        if split is None:
            others = self._is_demanded and not scope.name
            if len(users) + others == 1 and users and users[0] in scope.scopes:
                yield from self._divided(scope.scopes[users[0]], whole)
            elif len(users) == 1 and whole is not None:
                yield scope.inside(users[0]), whole
            elif len(users) + others > 1 or whole is not None:
                self._report(scope, users)
            return
        if scope.name and DEMAND in split and DEMAND not in users:
            split = _without_demand(split)
        for name, share in split.items():
            part = _times(whole, share)
            if name in scope.scopes and name in users:
                yield from self._divided(scope.scopes[name], part)
            else:
                yield (name if name == DEMAND and not scope.name else scope.inside(name)), part

    def _stated(self, scope: Scope) -> Split | None:
        for own, note in scope.chain.goods.items():
            if note.split is not None and (scope.goods.get(own) or scope.inside(own)) == self._good:
                return note.split
        return None

    def _report(self, scope: Scope, users: list[str]) -> None:
        """There is a split somewhere inside, and here several use the good and none is stated."""
        names = ", ".join(
            f"'{name}'" for name in [*users, *([DEMAND] if self._is_demanded and not scope.name else [])]
        )
        where = f"firm '{scope.name}'" if scope.name else "the spec"
        message = f"the split of '{self._good}' says nothing of its uses in {where}: {names}"
        keys = ("firms", scope.name) if scope.name else ("goods", self._good)
        self._reader.report(keys, message, "state a split in the goods of that chain too", at_key=True)


def _without_demand(split: Split) -> Split:
    """The shares of what stays: what leaves is divided outside."""
    stays = {name: share for name, share in split.items() if name != DEMAND}
    total = "+".join(f"({share})" for share in stays.values())
    return {name: _formula(f"({share})/({total})") for name, share in stays.items()}


def _times(whole: Formula | None, share: Formula) -> Formula:
    return share if whole is None else _formula(f"({whole})*({share})")


def _formula(text: str) -> Formula:
    try:
        return read(text)
    except FormulaError:  # too long, and nobody writes such shares
        return read("0")


__all__ = ["notes_of"]
