"""The firms of a table without a template: its columns say what each firm makes, and how.

`firm` and `output` are names; `formula` is a formula, or `form` the name of a form, whose keys are then
columns (`scale`, `elasticity`, `shares.ore`). `description` is for readers. Any other column is a parameter
of the firm if a formula names it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from chainprice.errors import Place, Problem, short
from chainprice.formula import suggestion
from chainprice.spec.language import FORM, FORMS, Leaf
from chainprice.spec.places import Path
from chainprice.spec.sheets import Row, Sheet, SheetError, columns_of
from chainprice.spec.template import FIRM, WORD, with_parameters
from chainprice.spec.tree import Tree

OUTPUT, FORMULA, DESCRIPTION = "output", "formula", "description"

_NUMBERS = tuple(
    dict.fromkeys(
        name
        for part in FORMS.values()
        for name, key in part.keys.items()
        if name != FORM and isinstance(key.kind, Leaf)
    )
)
"""The keys of forms with one number."""

_MAPPINGS = tuple(
    dict.fromkeys(
        name for part in FORMS.values() for name, key in part.keys.items() if not isinstance(key.kind, Leaf)
    )
)
"""The keys of forms with a number for each good, or pair of goods."""


class FormColumn(NamedTuple):
    """A column that belongs to a form: where its cells go in it."""

    keys: tuple[str, ...]
    column: int


def columns_template(sheet: Sheet) -> ColumnsTemplate:
    """The template that a table's columns are; raises SheetError where they are not enough."""
    columns = columns_of(sheet.heading)
    problems = []
    for name in (FIRM, OUTPUT):
        if name not in columns:
            hint = _misspelt(name, columns) or "a table has the columns firm, output, and formula or form"
            problems.append(Problem(f"no column '{name}'", sheet.place_of_heading(None), hint))
    if FORMULA not in columns and FORM not in columns:
        hint = _misspelt(FORMULA, columns) or (
            'or write a template into the spec: `"{firm}": {production: {"{output}": formula}}`'
        )
        problems.append(Problem("no column 'formula' or 'form'", sheet.place_of_heading(None), hint))
    if FORM in columns:
        problems += _faults_of_dots(sheet)
    if problems:
        raise SheetError(problems)
    return ColumnsTemplate(sheet)


def _misspelt(wanted: str, columns: Iterable[str]) -> str:
    """Whether the heading has a column that is nearly the wanted one; '' if not."""
    close = difflib.get_close_matches(wanted, list(columns), n=1)
    return f"is '{short(close[0])}' meant to be '{wanted}'?" if close else ""


def _faults_of_dots(sheet: Sheet) -> Iterator[Problem]:
    """Columns like `share.ore`, which no form has."""
    for column, name in enumerate(sheet.heading):
        first, dot, rest = name.partition(".")
        if dot and first not in _MAPPINGS:
            hint = suggestion(first, _MAPPINGS) or f"before the point stands one of {', '.join(_MAPPINGS)}"
            yield Problem(f"no form has '{short(first)}'", sheet.place_of_heading(column), hint)
        elif dot and rest.count(".") != (first == "second_order"):
            hint = "write second_order.ore.coal, and shares.ore"
            yield Problem(
                f"'{short(name)}' has a wrong number of points", sheet.place_of_heading(column), hint
            )


class ColumnsTemplate:
    """Makes firms by the columns `firm`, `output`, and `formula` or `form`."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        columns = self._columns = columns_of(sheet.heading)
        self._firm, self._output = columns[FIRM], columns[OUTPUT]
        self._formula, self._form = columns.get(FORMULA), columns.get(FORM)
        self._description = columns.get(DESCRIPTION)
        self._of_forms = [] if self._form is None else [*_form_columns(columns)]
        self._parameters, self._beside_forms = self._parameter_columns()

    def _parameter_columns(self) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
        """The columns that are parameters: those that a formula or a number of a form names.

        Beside a form, the columns of forms are its own.
        """
        own = {FIRM, OUTPUT, FORMULA, FORM, DESCRIPTION}
        left = {name for name in self._columns if name not in own and name.isidentifier()}
        texts = [column.column for column in self._of_forms]
        texts += [self._formula] if self._formula is not None else []
        named: set[str] = set()
        for row in self.sheet.rows:
            if not left:
                break
            for column in texts:
                if row[column]:
                    named |= left.intersection(WORD.findall(row[column]))
            left -= named
        parameters = [(name, column) for name, column in self._columns.items() if name in named]
        taken = {column.column for column in self._of_forms}
        return parameters, [(name, column) for name, column in parameters if column not in taken]

    def name(self, row: Row) -> str:
        """The firm's name."""
        return row[self._firm]

    def faults(self, row: Row) -> Iterator[tuple[int | None, str, str]]:
        """What keeps a row from being a firm: column, message, hint."""
        if not row[self._firm]:
            yield self._firm, "no 'firm'", "every row is a firm, and needs its name"
        if not row[self._output]:
            yield self._output, "no 'output'", "every row needs the good that the firm makes"
        formula, form = self._cell(row, self._formula), self._cell(row, self._form)
        if formula and form:
            yield self._form, "a formula and a form in one row", "leave one of the cells empty"
        if not formula and not form:
            column = self._form if self._formula is None else self._formula
            yield column, "neither a formula nor a form", "say how the firm makes its output"

    def _cell(self, row: Row, column: int | None) -> str:
        return "" if column is None else row[column]

    def firm(self, row: Row) -> dict[str, Tree]:
        """The firm, as a spec would have it."""
        formula = self._cell(row, self._formula)
        made: Tree = formula or self._form_of(row)
        firm: dict[str, Tree] = {"production": {row[self._output]: made}}
        if self._description is not None and row[self._description]:
            firm["description"] = row[self._description]
        return with_parameters(firm, row, self._parameters if formula else self._beside_forms)

    def _form_of(self, row: Row) -> Tree:
        form: dict[str, Tree] = {FORM: self._cell(row, self._form)}
        for keys, column in self._of_forms:
            if row[column]:
                into: Any = form
                for key in keys[:-1]:
                    into = into.setdefault(key, {})
                into[keys[-1]] = row[column]
        return form

    # Places.

    def find(self, row: int, path: Path) -> Place | Path:
        """The cell that a part of the firm of a row comes from."""
        match path.keys:
            case ("parameters", name) if name in self._columns:
                return self._in_cell(row, self._columns[name], path)
            case ("description",) if self._description is not None:
                return self._in_cell(row, self._description, path)
            case ("production", _, *keys):
                return self._in_production(row, tuple(keys), path)
        return self.sheet.place(row, self._firm)

    def _in_production(self, row: int, keys: tuple[str, ...], path: Path) -> Place:
        if keys:
            return self._in_form(row, keys, path)
        if path.at_key:
            return self.sheet.place(row, self._output)
        if self._formula is not None and self.sheet.rows[row][self._formula]:
            return self._in_cell(row, self._formula, path)
        return self.sheet.place(row, self._form)

    def _in_form(self, row: int, keys: tuple[str, ...], path: Path) -> Place:
        for of, column in self._of_forms:
            if of == keys:
                return (
                    self.sheet.place_of_heading(column)
                    if path.at_key and len(keys) > 1
                    else self._in_cell(row, column, path)
                )
        cells = self.sheet.rows[row]
        for of, column in self._of_forms:
            if of[: len(keys)] == keys and cells[column]:
                return self.sheet.place(row, column)
        return self.sheet.place(row, self._form)

    def _in_cell(self, row: int, column: int, path: Path) -> Place:
        if path.offset is None:
            return self.sheet.place(row, column)
        return self.sheet.place(row, column, path.offset, path.length)


def _form_columns(columns: Mapping[str, int]) -> Iterator[FormColumn]:
    for name, column in columns.items():
        keys = tuple(name.split("."))
        if name in _NUMBERS or (keys[0] in _MAPPINGS and len(keys) > 1):
            yield FormColumn(keys, column)
