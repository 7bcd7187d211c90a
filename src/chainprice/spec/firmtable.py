"""`firms: {table: FILE}`: firms by the row, as if each were written in the spec.

A row becomes the part of the tree that its firm would have there, so that all that comes after, from `--set`
to every check, knows nothing of tables. What a firm is made of comes from a template, a firm whose name has
braces (`"{firm}": ...`), or without one from the columns `output` and `formula` or `form`; docs/tables.md
has the rules. The firms of a chain under a firm may come from a table too. `FirmTables` finds the place of
everything again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import cast

from chainprice import limits
from chainprice.errors import Place, Problem, UsageError
from chainprice.spec.columns import columns_template
from chainprice.spec.expansion import Expanded, FirmTables
from chainprice.spec.language import TABLE, has_table
from chainprice.spec.neighbours import neighbour
from chainprice.spec.places import Path, Places
from chainprice.spec.sheets import Sheet, SheetError, read_sheet
from chainprice.spec.template import FirmTable, Keys, Template, firms_of
from chainprice.spec.text import Content, Source, read_bytes
from chainprice.spec.tree import Tree
from chainprice.spec.written import written_template


class FirmTableError(Exception):
    """The firms of a table could not be made out; `problems` say why, each in its place."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(str(problems[0]))
        self.problems = problems


def expanded(tree: Tree, source: Source) -> Expanded:
    """The tree with the firms of its tables, if it has any: its own, and those of chains under its firms.

    Raises FirmTableError where something is wrong with a table, MissingExtraError where pyarrow lacks.
    """
    if not isinstance(tree, dict) or not has_table(tree):
        return Expanded(tree, source)
    expansion = _Expansion(source)
    node, tables = expansion.chain(tree, (), {})
    if expansion.problems:
        raise FirmTableError(expansion.problems)
    return Expanded(node, expansion.source, tables)


_BRACE = "{"
"""What the name of a template has, and no firm's."""

_Chain = tuple[dict[str, Tree], FirmTables]


class _Expansion:
    """Writes out the tables of one file; `source` gets their bytes, `problems` what is wrong with them."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self._sheets: dict[str, Sheet] = {}
        self._inner: dict[tuple[int, frozenset[str]], _Chain] = {}
        self._parts = 0

    def chain(self, tree: dict[str, Tree], keys: Keys, known: Mapping[str, Tree]) -> _Chain:
        """The chain at `keys`, which sees the parameters `known` around it."""
        firms = cast("dict[str, Tree]", tree["firms"])
        known = {**known, **_mapping(tree, "parameters")}
        inner = dict(self._chains_in(firms, keys, known))
        firms = {**firms, **{name: firm for name, (firm, _) in inner.items()}}
        own = {name: tables for name, (_, tables) in inner.items()}
        table = None
        try:
            if isinstance(firms.get(TABLE), str):
                firms, table = self._with_rows(firms, keys, known)
        except SheetError as error:
            self.problems += error.problems
        except FirmTableError as error:
            self.problems += error.problems
        return {**tree, "firms": firms}, FirmTables(table, own)

    def _chains_in(
        self, firms: Mapping[str, Tree], keys: Keys, known: Mapping[str, Tree]
    ) -> Iterator[tuple[str, _Chain]]:
        """The firms that are chains with tables; one that an alias stands for again is written out once."""
        for name, firm in firms.items():
            if _BRACE in name or not isinstance(firm, dict) or "firms" not in firm or not has_table(firm):
                continue
            key = id(firm), frozenset(known)
            if key not in self._inner:
                at = (*keys, "firms", name)
                self._count(1, at)
                self._inner[key] = self.chain(firm, at, known)
            yield name, self._inner[key]

    def _count(self, parts: int, keys: Keys) -> None:
        """An alias may stand for the same firms again and again."""
        self._parts += parts
        if keys and self._parts > limits.NESTED_PARTS:
            message = f"more than {limits.NESTED_PARTS:,} firms inside firms"
            raise FirmTableError(self._placed([(Path(keys), message, "")]))

    def _with_rows(
        self, firms: dict[str, Tree], keys: Keys, known: Mapping[str, Tree]
    ) -> tuple[dict[str, Tree], FirmTable]:
        written = str(firms[TABLE])
        content = self.source.neighbours.get(written) or self._content(written, keys)
        self.source = replace(self.source, neighbours={**self.source.neighbours, written: content})
        if written not in self._sheets:
            self._sheets[written] = read_sheet(content)
        sheet = self._sheets[written]
        self._count(len(sheet.rows), keys)
        template = self._template(firms, sheet, keys, known)
        own = {key: value for key, value in firms.items() if key != TABLE and _BRACE not in key}
        made, problems = firms_of(template, own)
        if not made and not own and not problems:
            problems = [
                Problem(
                    "the table has a heading, and no firms", Place(content.path), "add a row for each firm"
                )
            ]
        if problems:
            raise FirmTableError(problems)
        return {**made, **own}, FirmTable(template)

    def _template(
        self, firms: Mapping[str, Tree], sheet: Sheet, at: Keys, known: Mapping[str, Tree]
    ) -> Template:
        """The template among the firms, or that the columns are; raises FirmTableError, SheetError."""
        keys = [key for key in firms if _BRACE in key]
        if not keys:
            return columns_template(sheet)
        if len(keys) > 1:
            twice = [(Path((*at, "firms", key), at_key=True), *_TWICE) for key in keys[1:]]
            raise FirmTableError(self._placed(twice))
        template, faults = written_template(sheet, keys[0], firms[keys[0]], known)
        if template is None:
            inside = [
                (path._replace(keys=(*at, *path.keys)), message, hint) for path, message, hint in faults
            ]
            raise FirmTableError(self._placed(inside))
        return template

    def _content(self, written: str, keys: Keys) -> Content:
        """The bytes of a table's file."""
        found = neighbour(self.source, written)
        at = Path((*keys, "firms", TABLE))
        if isinstance(found, Problem):
            raise FirmTableError(self._placed([(at, found.message, found.hint)]))
        try:
            data = bytes(read_bytes(found.path, limits.FIRMS_BYTES, is_text=False))
        except UsageError as error:
            raise FirmTableError([*error.problems]) from None
        others = self.source.neighbours.values()
        if len(data) + sum(len(content.data) for content in others) > limits.SPEC_BYTES:
            message = f"all tables together are longer than {limits.SPEC_BYTES:,} bytes"
            raise FirmTableError(self._placed([(at, message, "")]))
        return Content(found.path, data)

    def _placed(self, problems: list[tuple[Path, str, str]]) -> list[Problem]:
        places = Places(self.source).find_all([path for path, _, _ in problems])
        return [
            Problem(message, place, hint) for place, (_, message, hint) in zip(places, problems, strict=True)
        ]


_TWICE = ("a second template for the firms of the table", "one template is for all of its rows")


def _mapping(tree: Mapping[str, Tree], key: str) -> Mapping[str, Tree]:
    part = tree.get(key)
    return part if isinstance(part, dict) else {}
