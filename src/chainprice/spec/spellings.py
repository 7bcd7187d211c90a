"""Names that look the same and are not: Unicode writes `é` as one letter or as two, and `fi` as one too.

Names are kept as they are written; two that have the same normal form are refused where they could be taken
for each other. Names in ASCII are all as different as they look: a spec that has no others costs nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import chain
from typing import NamedTuple
from unicodedata import normalize

from chainprice.spec.model import Spec

Keys = tuple[str, ...]


class LookAlike(NamedTuple):
    """Where a name stands that looks like another, that it does, and the way out."""

    keys: Keys
    message: str
    hint: str = "write both in one way, or rename one"


def look_alikes(spec: Spec, goods: Collection[str]) -> Iterator[LookAlike]:
    """Every name that looks like another one of its kind, or like another that a formula sees beside it."""
    yield from (_look_alike(("firms", name), other) for name, other in _pairs(spec.firms))
    shared = {*goods, *spec.parameters}
    if pairs := [*_pairs(shared)]:
        homes = _homes(spec)
        yield from (_look_alike(homes[name], other) for name, other in pairs)
    owners = {name: firm.parameters for name, firm in spec.firms.items() if firm.parameters}
    if not owners or all(map(str.isascii, chain(shared, *owners.values()))):
        return
    forms = {_form(name): name for name in shared}
    for firm, own in owners.items():
        for name, other in _pairs(own):
            yield _look_alike(("firms", firm, "parameters", name), other)
        for name in own:
            other = forms.get(_form(name), name)
            if other != name:
                yield _look_alike(("firms", firm, "parameters", name), other)


def _pairs(names: Collection[str]) -> Iterator[tuple[str, str]]:
    """Every name that looks like another one, with such another."""
    if all(map(str.isascii, names)):
        return
    groups: dict[str, list[str]] = {}
    for name in sorted(names):
        groups.setdefault(_form(name), []).append(name)
    for first, *others in groups.values():
        if others:
            yield first, others[0]
        for other in others:
            yield other, first


def _look_alike(keys: Keys, other: str) -> LookAlike:
    name = keys[-1]
    message = f"'{name}' looks like '{other}', and is another name: {_spelt(name)}, not {_spelt(other)}"
    return LookAlike(keys, message)


def _homes(spec: Spec) -> Mapping[str, Keys]:
    """The keys of every good's supply, or of the first firm that makes it, and of every parameter."""
    homes: dict[str, Keys] = {good: ("supply", good) for good in spec.supply}
    for name, firm in spec.firms.items():
        for good in firm.production:
            homes.setdefault(good, ("firms", name, "production", good))
    for name in spec.parameters:
        homes.setdefault(name, ("parameters", name))
    return homes


def _form(name: str) -> str:
    """The normal form, which names that look the same have in common."""
    return normalize("NFKC", name)


def _spelt(name: str) -> str:
    """A name with all but its ASCII letters by their numbers: caf\\u00e9."""
    return name.encode("ascii", "backslashreplace").decode("ascii")
