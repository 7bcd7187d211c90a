"""A template that is written in the spec: a firm whose name has a column's name in braces."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import cast

from chainprice.errors import Place, short
from chainprice.formula import suggestion
from chainprice.spec.language import FORM, FORMS, TEMPLATE
from chainprice.spec.places import Path
from chainprice.spec.sheets import Row, Sheet, columns_of
from chainprice.spec.template import (
    WORD,
    Filler,
    Keys,
    Pattern,
    UnknownColumnError,
    filler,
    is_word,
    pattern,
    with_parameters,
    word_fault,
    words_in,
)
from chainprice.spec.tree import Tree

Fault = tuple[Path, str, str]
"""A problem of the template itself: where, what, and the way out."""


def written_template(
    sheet: Sheet, key: str, firm: Tree, known: Mapping[str, Tree]
) -> tuple[WrittenTemplate | None, list[Fault]]:
    """The template under `key`, or what is wrong with it; `known` are the spec's own parameters."""
    home = ("firms", key)
    faults = [*_faults_of_shape(home, firm)]
    if not isinstance(firm, dict):
        return None, faults
    columns = columns_of(sheet.heading)
    faults += _faults_of_columns(home[:1], {key: firm}, columns)
    if not faults and not pattern(key, columns).columns:
        message = "the name of this template has no column in braces"
        faults.append((Path(home, at_key=True), message, 'call it `"{firm}"`, by the column of the names'))
    return (None, faults) if faults else (WrittenTemplate(sheet, key, firm, known), [])


def _faults_of_shape(home: Keys, firm: Tree) -> Iterator[Fault]:
    if not isinstance(firm, dict):
        yield Path(home), f"a firm must be a mapping of {', '.join(TEMPLATE.keys)}", ""
        return
    inside = [key for key in ("firms", "chain") if key in firm]
    for name in firm:
        if name not in inside and name not in TEMPLATE.keys:
            hint = suggestion(name, TEMPLATE.keys) or f"the keys here are {', '.join(TEMPLATE.keys)}"
            yield Path((*home, name), at_key=True), f"unknown key '{short(name)}'", hint
    if inside:
        yield (
            Path((*home, inside[0]), at_key=True),
            "the firms of a table are no chains",
            "write firms that are chains beside the table; a chain may have a table for its own firms",
        )
    elif not firm.get("production"):
        yield (
            Path(home),
            "the firms of the table make nothing",
            'give them `production: {"{output}": formula}`',
        )
    elif not isinstance(firm["production"], dict):
        yield Path((*home, "production")), "production must be a mapping from names", ""


def _faults_of_columns(parent: Keys, node: Tree, columns: Mapping[str, int]) -> Iterator[Fault]:
    """Every name in braces that no column has."""
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        keys = (*parent, key)
        for text, at_key in ((key, True), (value, False)):
            if isinstance(text, str):
                try:
                    pattern(text, columns)
                except UnknownColumnError as error:
                    where = Path(keys, at_key, None if at_key else error.offset, error.length)
                    yield where, error.message, error.hint
        yield from _faults_of_columns(keys, value, columns)


class WrittenTemplate:
    """Fills a firm of the spec with the cells of each row."""

    def __init__(self, sheet: Sheet, key: str, firm: dict[str, Tree], known: Mapping[str, Tree]) -> None:
        self.sheet = sheet
        self._key, self._firm = key, firm
        self._columns = columns_of(sheet.heading)
        self._name = pattern(key, self._columns)
        used = {*self._name.columns}
        self._fill: Filler = filler(
            {k: v for k, v in firm.items() if k != "description"}, self._columns, used
        )
        self._describe: Filler = filler(firm.get("description"), self._columns, set())
        self._braced = sorted(used)
        words = {*words_in(firm.get("production")), *words_in(firm.get("parameters"))}
        self._parameters = [(name, column) for name, column in self._columns.items() if name in words]
        defaults = firm.get("parameters")
        self._known = {*known, *(defaults if isinstance(defaults, dict) else ())}

    def name(self, row: Row) -> str:
        """The firm's name."""
        return self._name.fill(row)

    def faults(self, row: Row) -> Iterator[tuple[int | None, str, str]]:
        """What keeps a row from being a firm: column, message, hint."""
        for column in self._braced:
            if not row[column].isidentifier() and not is_word(row[column]):
                yield column, *word_fault(row[column], self.sheet.heading[column])
        for name, column in self._parameters:
            if not row[column] and name not in self._known:
                yield (
                    column,
                    f"no '{short(name)}'",
                    "the template names it, and the spec has no such parameter",
                )

    def firm(self, row: Row) -> dict[str, Tree]:
        """The firm, as a spec would have it."""
        firm = cast("dict[str, Tree]", self._fill(row))
        description = self._describe(row)
        if description is not None:
            firm["description"] = description
        return with_parameters(firm, row, self._parameters)

    # Places.

    def find(self, row: int, path: Path) -> Place | Path:
        """Where a part of the firm of a row comes from: a cell, or a place in the template."""
        cells = self.sheet.rows[row]
        if not path.keys:
            return self.sheet.place(row, self._name.columns[0])
        if path.keys[0] == "parameters":
            own = dict(self._parameters).get(path.keys[-1])
            if own is not None and cells[own]:
                return self._in_cell(row, own, path)
        keys, node = self._walk(cells, path.keys)
        whole = ("firms", self._key, *keys)
        if path.at_key:
            braced = pattern(keys[-1], self._columns).columns if keys else ()
            if not braced and keys and keys[-1] not in _LANGUAGE:
                return Path(whole, at_key=True)
            return self.sheet.place(row, (braced or self._name.columns)[0])
        if not isinstance(node, str):
            return self.sheet.place(row, self._name.columns[0])
        return self._in_text(row, pattern(node, self._columns), path, whole)

    def _walk(self, cells: Row, keys: Keys) -> tuple[Keys, Tree]:
        """The template's own keys for those of a firm, as far as they go, and what stands there."""
        node: Tree = self._firm
        own: Keys = ()
        for key in keys:
            pairs = node if isinstance(node, dict) else {}
            found = next((text for text in pairs if pattern(text, self._columns).fill(cells) == key), None)
            if found is None:
                break
            own, node = (*own, found), pairs[found]
        return own, node

    def _in_text(self, row: int, text: Pattern, path: Path, whole: Keys) -> Place | Path:
        """The cell that a text, or a part of it, came from; the template where it is so for every row."""
        cells = self.sheet.rows[row]
        if path.offset is None:
            found = [*text.columns, *self._named_in(text.text)]
            return self.sheet.place(row, found[0]) if found else Path(whole)
        part = text.fill(cells)[path.offset : path.offset + path.length]
        for column in text.columns:
            if cells[column] == part:
                return self.sheet.place(row, column)
        at = re.search(rf"(?<!\w){re.escape(part)}(?!\w)", text.text) if part.isidentifier() else None
        if at is None and not self._named_in(part):
            at = re.search(re.escape(part), text.text)
        if at is None:
            return self.sheet.place(row, self._name.columns[0])
        return Path(whole, offset=at.start(), length=len(part))

    def _named_in(self, text: str) -> list[int]:
        """The columns of parameters that a text names."""
        words = WORD.findall(text)
        return [column for name, column in self._parameters if name in words]

    def _in_cell(self, row: int, column: int, path: Path) -> Place:
        if path.offset is None:
            return self.sheet.place(row, column)
        return self.sheet.place(row, column, path.offset, path.length)


_LANGUAGE = {FORM, *(key for part in FORMS.values() for key in part.keys), *TEMPLATE.keys}
"""Keys of the language: a problem with what stands under one in all rows is one of the row."""
