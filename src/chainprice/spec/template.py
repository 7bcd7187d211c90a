"""What the firms of a table are made of: for each row, what its firm would be in the tree."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from chainprice import limits
from chainprice.errors import Place, Problem, short
from chainprice.formula import suggestion
from chainprice.spec.language import FORM
from chainprice.spec.places import Path
from chainprice.spec.sheets import Row, Sheet
from chainprice.spec.tree import Tree

Keys = tuple[str, ...]

WORD = re.compile(r"[^\W\d]\w*")
"""A name in a formula, wherever it stands."""

FIRM = "firm"
"""The column of the firms' names, where no template says another."""


class Template(Protocol):
    """Makes a firm of each row, and knows which cell each part of it came from."""

    sheet: Sheet

    def name(self, row: Row) -> str:
        """The firm's name."""

    def faults(self, row: Row) -> Iterator[tuple[int | None, str, str]]:
        """What keeps a row from being a firm: column, message, hint."""

    def firm(self, row: Row) -> dict[str, Tree]:
        """The firm, as a spec would have it; raises TwiceError where two of its goods are one."""

    def find(self, row: int, path: Path) -> Place | Path:
        """Where a part of the firm of a row comes from: a cell, or a place in the template in the spec.

        The path's keys are those below the firm.
        """


def firms_of(template: Template, taken: Collection[str]) -> tuple[dict[str, Tree], list[Problem]]:
    """The firms of all rows by name, and the problems of rows; `taken` are names of other firms."""
    sheet = template.sheet
    first: dict[str, int] = {}
    made: dict[str, Tree] = {}
    problems: list[Problem] = []
    count = 0
    for index, row in enumerate(sheet.rows):
        name = template.name(row)
        faults = [*template.faults(row)]
        firm: Tree = None
        try:
            firm = None if faults else template.firm(row)
        except TwiceError as error:
            good = short(str(error))
            faults.append((None, f"'{good}' stands twice where the template has two names", "name two goods"))
        if not faults and (name in made or name in taken):
            where = f"in line {sheet.numbers[first[name]]}" if name in made else "in the spec itself"
            faults.append((None, f"firm '{short(name)}' is given twice", f"first given {where}"))
        if faults:
            count += len(faults)
            room = limits.PROBLEMS_SHOWN - len(problems)
            problems += [
                Problem(m, _cell(template, index, column), h) for column, m, h in faults[: max(0, room)]
            ]
            continue
        made[name] = firm
        first[name] = index
    if count > len(problems):
        problems.append(Problem(f"and {count - len(problems):,} more problems"))
    return made, problems


def _cell(template: Template, row: int, column: int | None) -> Place:
    if column is not None:
        return template.sheet.place(row, column)
    found = template.find(row, Path(()))
    return found if isinstance(found, Place) else template.sheet.place(row, None)


class FirmTable:
    """Finds the places of firms that came from a table."""

    def __init__(self, template: Template) -> None:
        self._template = template
        self._rows: dict[str, int] | None = None

    def find(self, path: Path) -> Place | Path | None:
        """The place of a path, or another path into the spec's own text; None if no row has that firm."""
        if len(path.keys) < 2 or path.keys[0] != "firms":
            return None
        if self._rows is None:
            rows = enumerate(self._template.sheet.rows)
            self._rows = {self._template.name(row): index for index, row in rows}
        row = self._rows.get(path.keys[1])
        return None if row is None else self._template.find(row, path._replace(keys=path.keys[2:]))


# Texts with braces.


class Pattern(NamedTuple):
    """A text of a template: where it has a column's name in braces, each row has its cell."""

    text: str
    format: str
    columns: tuple[int, ...]

    def fill(self, row: Row) -> str:
        """The text for a row."""
        return self.format % tuple(map(row.__getitem__, self.columns)) if self.columns else self.text


_BRACES = re.compile(r"\{([^{}]*)\}")


class UnknownColumnError(Exception):
    """A template names a column that the table does not have."""

    def __init__(self, name: str, hint: str, offset: int) -> None:
        super().__init__(name)
        self.message, self.hint = f"the table has no column '{short(name)}'", hint
        self.offset, self.length = offset, len(name)


def pattern(text: str, columns: Mapping[str, int]) -> Pattern:
    """The pattern that a text writes; raises UnknownColumnError."""
    used: list[int] = []

    def place(found: re.Match[str]) -> str:
        name = found[1].replace("%%", "%").strip()
        if name not in columns:
            known = suggestion(name, columns) or f"its columns are {', '.join([*columns][:20])}"
            raise UnknownColumnError(name, known, found.start(1))
        used.append(columns[name])
        return "%s"

    return Pattern(text, _BRACES.sub(place, text.replace("%", "%%")), tuple(used))


def is_word(cell: str) -> bool:
    """Whether a cell may stand in braces: it can be a name, or a part of one, and nothing else."""
    return cell.isidentifier() or f"_{cell}".isidentifier()


def word_fault(cell: str, heading: str) -> tuple[str, str]:
    """Why a cell cannot stand in braces, and the way out."""
    if not cell:
        return f"no '{short(heading)}'", "every row needs one, for the template has it in braces"
    return (
        f"'{short(cell)}' cannot stand in braces: only letters, digits and _ can",
        "a number is used by its column's name, without braces",
    )


Filler = Callable[[Row], Tree]


def filler(node: Tree, columns: Mapping[str, int], used: set[int]) -> Filler:
    """A function that makes of each row what a part of the template is for it; `used` gets the columns."""
    if isinstance(node, str):
        made = pattern(node, columns)
        used.update(made.columns)
        return made.fill if made.columns else lambda _: node
    if isinstance(node, dict):
        pairs = [(filler(key, columns, used), filler(value, columns, used)) for key, value in node.items()]
        return lambda row: _mapping(pairs, row)
    return lambda _: node


class TwiceError(Exception):
    """A row makes one key of two of the template's; the argument is the key."""


def _mapping(pairs: Sequence[tuple[Filler, Filler]], row: Row) -> Tree:
    made = {str(key(row)): value(row) for key, value in pairs}
    if len(made) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            name = str(key(row))
            if name in seen:
                raise TwiceError(name)
            seen.add(name)
    return made


def words_in(node: Tree) -> Iterator[str]:
    """The names in formulas and numbers of a part of a template, but for what stands in braces.

    Keys have none: they are goods, or keys of a form.
    """
    if isinstance(node, str):
        yield from WORD.findall(_BRACES.sub(" ", node))
    elif isinstance(node, dict):
        for key, value in node.items():
            if key != FORM:
                yield from words_in(value)


def with_parameters(firm: dict[str, Tree], row: Row, columns: Sequence[tuple[str, int]]) -> dict[str, Tree]:
    """A firm with the row's cells as its parameters; an empty cell is none."""
    own = {name: row[column] for name, column in columns if row[column]}
    if own:
        defaults = firm.get("parameters")
        firm["parameters"] = {**(defaults if isinstance(defaults, dict) else {}), **own}
    return firm
