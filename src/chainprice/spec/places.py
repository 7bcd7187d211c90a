"""Places in a spec's text, found only when there is something to report.

A problem is noted while reading as a path of keys ("firms", "mill", "production", "flour"); on the
good path nothing more is ever done with it. When it is to be shown, the text is composed once more,
this time for its line numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from chainprice.errors import Place
from chainprice.spec.language import FORM
from chainprice.spec.text import Source
from chainprice.spec.tree import TreeError, lines_of

if TYPE_CHECKING:
    from yaml.nodes import ScalarNode

    from chainprice.spec.innerplaces import InnerPlaces
    from chainprice.spec.yamltree import Finder


class Path(NamedTuple):
    """A place as the reader knows it: keys, whether the key itself is meant, and a part of the value."""

    keys: tuple[str, ...]
    at_key: bool = False
    offset: int | None = None
    length: int = 1
    home: Places | None = None
    """The places of the file that the keys are of; None for the file that is looked through."""


class Elsewhere(Protocol):
    """Finds what came from a file beside the spec."""

    def find(self, path: Path) -> Place | Path | None:
        """Its place there, or another path into the spec's own text; None for what came from neither."""


class Places(NamedTuple):
    """Finds the places of a source; `overrides` are paths whose value came from the command line.

    `table` finds those of firms that came from a table; `inner` knows where what is inside a firm stands,
    perhaps in another file.
    """

    source: Source
    overrides: Mapping[tuple[str, ...], str] = MappingProxyType({})
    table: Elsewhere | None = None
    inner: InnerPlaces | None = None

    def find(self, path: Path) -> Place:
        """The place of one path."""
        return self.find_all([path])[0]

    def find_all(self, paths: Iterable[Path]) -> list[Place]:
        """The places of many paths; each text is composed once, and none for no path."""
        wanted = list(paths)
        if self.inner is not None:
            wanted = [path if path.home else self.inner.home(path) for path in wanted]
        found: dict[int, Place] = {}
        homes = {id(path.home): path.home or self for path in wanted}
        for key, home in homes.items():
            here = {index: path for index, path in enumerate(wanted) if id(path.home) == key}
            found.update(zip(here, home._find_here([*here.values()]), strict=True))
        return [found[index] for index in range(len(wanted))]

    def _find_here(self, paths: list[Path]) -> list[Place]:
        from chainprice.spec.yamltree import Finder, compose

        lines = lines_of(self.source.text)
        try:
            finder = Finder(compose(self.source.text))
        except TreeError:
            # JSON that is not YAML (\ud83d\ude00 in a string): the file is the best place there is.
            finder = Finder(None)
        return [self._place(path, finder, lines) for path in paths]

    def _place(self, path: Path, finder: Finder, lines: list[str]) -> Place:
        from yaml.nodes import ScalarNode

        override = self.overrides.get(path.keys)
        if override is not None:
            name, _, _ = override.partition("=")
            text = f"--set {override}"
            start = len(f"--set {name}=") + (path.offset or 0)
            return Place("--set", 1, start + 1, max(1, path.length), text)
        if self.table is not None:
            elsewhere = self.table.find(path)
            if isinstance(elsewhere, Place):
                return elsewhere
            path = elsewhere or path
        found = finder.find(path.keys)
        if found is None:
            return Place(self.source.path)
        key, value = found
        if path.offset is not None and not isinstance(value, ScalarNode):
            # A part of a form's formula, which is not written there: the form's name stands for it.
            path = Path((*path.keys, FORM))
            key, value = finder.find(path.keys) or found
        node = key if path.at_key and key is not None else value
        if not isinstance(value, ScalarNode) and key is not None:
            node = key
        first: Any = node.start_mark
        last: Any = node.end_mark
        line, column = first.line, first.column
        length = last.column - column if last.line == line else 1
        if path.offset is not None and isinstance(node, ScalarNode):
            line, column = self._inside(node, path)
            length = path.length
        text = lines[line] if line < len(lines) else ""
        return Place(self.source.path, line + 1, column + 1, max(1, length), text)

    def _inside(self, node: ScalarNode, path: Path) -> tuple[int, int]:
        """Line and column of a part of a scalar, whatever its style: quoted, folded or plain.

        Quotes and folding move the part, so it is looked for in the raw text: as the value's n-th
        occurrence of the same characters.
        """
        value, offset = str(node.value), path.offset or 0
        part = value[offset : offset + path.length]
        before = value[:offset].count(part) if part else 0
        raw = self.source.text[node.start_mark.index : node.end_mark.index]
        at = -1
        for _ in range(before + 1):
            at = raw.find(part, at + 1)
            if at < 0:
                return node.start_mark.line, node.start_mark.column
        *above, head = lines_of(f"{raw[:at]}|")
        start = 0 if above else node.start_mark.column
        return node.start_mark.line + len(above), start + len(head) - 1
