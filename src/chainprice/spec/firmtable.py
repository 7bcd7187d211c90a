"""`firms: {table: FILE}`: firms by the row, as if each were written in the spec.

A row becomes the part of the tree that its firm would have there, so that all that comes after, from `--set`
to every check, knows nothing of tables. What a firm is made of comes from a template, a firm whose name has
braces (`"{firm}": ...`), or without one from the columns `output` and `formula` or `form`; docs/tables.md
has the rules. `FirmTable` finds the place of everything again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple, cast

from chainprice import limits
from chainprice.errors import Place, Problem, UsageError
from chainprice.spec.columns import columns_template
from chainprice.spec.language import TABLE, has_table
from chainprice.spec.neighbours import neighbour
from chainprice.spec.places import Path, Places
from chainprice.spec.sheets import Sheet, SheetError, read_sheet
from chainprice.spec.template import FirmTable, Template, firms_of
from chainprice.spec.text import Content, Source, read_bytes
from chainprice.spec.tree import Tree
from chainprice.spec.written import written_template


class Expanded(NamedTuple):
    """A tree in which every firm of the table is written out, and where it came from."""

    tree: Tree
    source: Source
    table: FirmTable | None = None


class FirmTableError(Exception):
    """The firms of a table could not be made out; `problems` say why, each in its place."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(str(problems[0]))
        self.problems = problems


def expanded(tree: Tree, source: Source) -> Expanded:
    """The tree with the firms of its table, if it has one.

    Raises FirmTableError where something is wrong with the table, MissingExtraError where pyarrow lacks.
    """
    if not isinstance(tree, dict) or not has_table(tree):
        return Expanded(tree, source)
    return _expanded(tree, cast("dict[str, Tree]", tree["firms"]), source)


def _expanded(tree: dict[str, Tree], firms: dict[str, Tree], source: Source) -> Expanded:
    written = str(firms[TABLE])
    content = source.neighbours.get(written) or _content(source, written)
    source = replace(source, neighbours={**source.neighbours, written: content})
    try:
        template = _template(tree, firms, read_sheet(content), source)
    except SheetError as error:
        raise FirmTableError([*error.problems]) from None
    own = {key: value for key, value in firms.items() if key != TABLE and _BRACE not in key}
    made, problems = firms_of(template, own)
    if not made and not own and not problems:
        problems = [
            Problem("the table has a heading, and no firms", Place(content.path), "add a row for each firm")
        ]
    if problems:
        raise FirmTableError(problems)
    return Expanded({**tree, "firms": {**made, **own}}, source, FirmTable(template))


_BRACE = "{"
"""What the name of a template has, and no firm's."""


def _template(tree: dict[str, Tree], firms: dict[str, Tree], sheet: Sheet, source: Source) -> Template:
    """The template that is among the firms, or that the columns are; raises FirmTableError, SheetError."""
    keys = [key for key in firms if _BRACE in key]
    if not keys:
        return columns_template(sheet)
    if len(keys) > 1:
        twice = [(Path(("firms", key), at_key=True), *_TWICE) for key in keys[1:]]
        raise FirmTableError(_placed(source, twice))
    template, faults = written_template(sheet, keys[0], firms[keys[0]], _parameters(tree))
    if template is None:
        raise FirmTableError(_placed(source, faults))
    return template


_TWICE = ("a second template for the firms of the table", "one template is for all of its rows")


def _content(source: Source, written: str) -> Content:
    """The bytes of the table's file."""
    found = neighbour(source, written)
    if isinstance(found, Problem):
        raise FirmTableError(_placed(source, [(Path(("firms", TABLE)), found.message, found.hint)]))
    try:
        return Content(found.path, bytes(read_bytes(found.path, limits.FIRMS_BYTES, is_text=False)))
    except UsageError as error:
        raise FirmTableError([*error.problems]) from None


def _placed(source: Source, problems: list[tuple[Path, str, str]]) -> list[Problem]:
    places = Places(source).find_all([path for path, _, _ in problems])
    return [Problem(message, place, hint) for place, (_, message, hint) in zip(places, problems, strict=True)]


def _parameters(tree: Mapping[str, Tree]) -> Mapping[str, Tree]:
    parameters = tree.get("parameters")
    return parameters if isinstance(parameters, dict) else {}
