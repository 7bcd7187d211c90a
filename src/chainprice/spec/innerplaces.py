"""Where the parts of a market that are inside firms stand, in whichever file that is."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from chainprice.formula.renaming import span_before
from chainprice.spec.places import Path

if TYPE_CHECKING:
    from chainprice.spec.model import Firm
    from chainprice.spec.scopes import Scope

Keys = tuple[str, ...]


class InnerPlaces:
    """Finds the file, and the path in it, of what has a name with dots; `firms` are those of the market."""

    def __init__(self, scope: Scope, firms: Mapping[str, Firm]) -> None:
        self._scopes = {inner.name: inner for inner in scope.everything()}
        self._firms = firms

    def home(self, path: Path) -> Path:
        """The path in its own file; as it is, if it is of the spec's file."""
        section, *rest = path.keys or ("",)
        if section == "goods" and rest:
            return self._note(path, rest)
        outside, _, name = rest[0].rpartition(".") if rest else ("", "", "")
        scope = self._scopes.get(outside)
        if not outside or scope is None:
            return path
        if section == "parameters":
            return _at(scope, path, ("parameters", name))
        if section != "firms":
            return path
        match rest[1:]:
            case ["production", output] if name in scope.chain.firms:
                return self._formula(scope, path, name, output)
            case ["parameters", parameter]:
                below = ["parameters", parameter.rpartition(".")[2]]
            case below:
                pass
        return _at(scope, path, ("firms", name, *below))

    def _formula(self, scope: Scope, path: Path, firm: str, output: str) -> Path:
        production = scope.chain.firms[firm].production
        own = next((good for good in production if scope.goods.get(good) == output), output)
        home = _at(scope, path, ("firms", firm, "production", own))
        whole = self._firms.get(scope.inside(firm))
        if path.offset is None or own not in production or whole is None or output not in whole.production:
            return home
        after = whole.production[output].text
        start, end = span_before(production[own].text, after, path.offset, path.offset + path.length)
        return home._replace(offset=start, length=end - start)

    def _note(self, path: Path, rest: list[str]) -> Path:
        """Notes on a good, which for one that is shared may stand in any of the chains: in the outermost."""
        good, *below = rest
        if good not in self._noted:
            return path
        scope, own = self._noted[good]
        inside = [name.removeprefix(f"{scope.name}.").partition(".")[0] for name in below]
        return _at(scope, path, ("goods", own, *(inside if scope.name else below)))

    @cached_property
    def _noted(self) -> Mapping[str, tuple[Scope, str]]:
        """The outermost chain that has notes on a good, and its name for it."""
        noted: dict[str, tuple[Scope, str]] = {}
        for scope in sorted(self._scopes.values(), key=depth):
            for own in scope.chain.goods:
                noted.setdefault(scope.goods.get(own) or scope.inside(own), (scope, own))
        return noted


def _at(scope: Scope, path: Path, keys: Keys) -> Path:
    return path._replace(keys=(*scope.chain.keys, *keys), home=scope.chain.places)


def depth(scope: Scope) -> int:
    """How many firms a chain is inside of."""
    return scope.name.count(".") + bool(scope.name)
