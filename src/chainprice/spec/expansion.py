"""A spec's tree in which the firms of its tables are written out, and where these came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from chainprice.errors import Place
from chainprice.spec.places import Elsewhere, Path
from chainprice.spec.text import Source
from chainprice.spec.tree import Tree


@dataclass(frozen=True, slots=True)
class FirmTables:
    """Finds the places of firms that came from tables: that of a chain, and those of the chains in it."""

    own: Elsewhere | None
    inner: Mapping[str, FirmTables]

    def find(self, path: Path) -> Place | Path | None:
        """The place of a path, or another path into the spec's own text; None if no table has that firm."""
        match path.keys:
            case ("firms", firm, *below) if firm in self.inner:
                found = self.inner[firm].find(path._replace(keys=tuple(below)))
                if isinstance(found, Path):
                    return found._replace(keys=("firms", firm, *found.keys))
                return found
        return self.own.find(path) if self.own is not None else None


class Expanded(NamedTuple):
    """A tree in which every firm of its tables is written out, and where it came from."""

    tree: Tree
    source: Source
    table: FirmTables | None = None
