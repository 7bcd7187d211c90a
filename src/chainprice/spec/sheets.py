"""A table in a file: its heading and its rows, all cells as text, and where each of them stands.

CSV is UTF-8 with commas; a row is one line, so that a place is a line and a column. What is wrong with the
table itself is reported here; what its cells mean is not known here.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from chainprice import limits
from chainprice.errors import Place, Problem, short
from chainprice.spec.encoding import decoded
from chainprice.spec.text import Content

Row = Sequence[str]
"""The cells of a row, without the blanks around them; "" for an empty one."""


class Sheet(NamedTuple):
    """A table: `numbers` has for each row its line.

    In a file without lines that is which row it is, from 1, and a place's column is which column.
    """

    path: str
    heading: Row
    rows: Sequence[Row]
    numbers: Sequence[int]
    lines: Sequence[str] | None
    """The lines of the file; None where it has none."""

    def place(self, row: int, column: int | None, offset: int = 0, length: int | None = None) -> Place:
        """Where a part of a cell stands, the whole cell without `length`, the whole row without `column`."""
        return self._place(self.numbers[row], column, offset, length)

    def place_of_heading(self, column: int | None) -> Place:
        """Where the name of a column stands, or the whole heading."""
        if self.lines is None:
            return Place(self.path)
        first = next(number for number, line in enumerate(self.lines, 1) if line and not line.isspace())
        return self._place(first, column, 0, None)

    def _place(self, number: int, column: int | None, offset: int, length: int | None) -> Place:
        if self.lines is None:
            return Place(self.path, number, 1 if column is None else column + 1)
        line = self.lines[number - 1]
        if column is None:
            return Place(self.path, number, 1, max(1, len(line.rstrip())), line)
        start, end = span_of_cell(line, column)
        if length is None:
            length = end - start
        return Place(self.path, number, start + offset + 1, max(1, length), line)


class SheetError(Exception):
    """There is no table that could be read further; `problems` say why."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(str(problems[0]))
        self.problems = problems


def read_sheet(content: Content) -> Sheet:
    """The table in a file; raises SheetError where it is none, MissingExtraError where pyarrow lacks."""
    if content.data.startswith(_PARQUET) or content.path.endswith(".parquet"):
        from chainprice.spec.parquet import read_parquet

        sheet = read_parquet(content)
    else:
        sheet = _read_csv(content)
    _fail_if_columns_are_alike(sheet)
    return sheet


_PARQUET = b"PAR1"
"""What a Parquet file begins with."""


def _read_csv(content: Content) -> Sheet:
    text = decoded(content.data, content.path)
    if isinstance(text, Problem):
        raise SheetError([text])
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if len(lines) > limits.FIRMS_ROWS + 2:
        raise SheetError([too_many(content.path, "lines")])
    problems: list[Problem] = []
    cells = _cells(lines, content.path, problems)
    number, heading = next(cells, (1, []))
    if problems or not any(heading):
        raise SheetError(problems or [Problem("the table is empty", Place(content.path), _HEADING)])
    _fail_if_no_commas(heading, lines[number - 1], Place(content.path, number, text=lines[number - 1]))
    rows: list[Row] = []
    numbers: list[int] = []
    for number, row in cells:
        if len(row) != len(heading):
            place = Place(content.path, number, 1, len(lines[number - 1].rstrip()), lines[number - 1])
            message = f"a row of {len(row)} cells under a heading of {len(heading)}"
            problems.append(Problem(message, place, _CELLS))
        elif any(row):
            rows.append(row)
            numbers.append(number)
    if problems:
        raise SheetError(problems)
    return Sheet(content.path, heading, rows, numbers, lines)


_HEADING = "its first line names the columns: firm,output,formula"
_CELLS = "a cell with a comma in it needs quotes; an empty cell is nothing between two commas"


def too_many(path: str, what: str) -> Problem:
    """That a table is longer than is allowed."""
    return Problem(f"a table of more than {limits.FIRMS_ROWS:,} {what}", Place(path), "divide the chain")


def _cells(lines: Sequence[str], path: str, problems: list[Problem]) -> Iterator[tuple[int, list[str]]]:
    """The number and the cells of every line that is not empty."""
    for number, line in enumerate(lines, 1):
        if not line or line.isspace():
            continue
        if len(line) > limits.FIRMS_LINE:
            message = f"a line of more than {limits.FIRMS_LINE:,} characters"
            problems.append(Problem(message, Place(path, number)))
        elif '"' not in line:
            yield number, [*map(str.strip, line.split(","))]
        else:
            try:
                (row,) = csv.reader([line], strict=True, skipinitialspace=True)
            except csv.Error as error:
                problems.append(_broken(error, Place(path, number, line.find('"') + 1, text=line)))
            else:
                yield number, [*map(str.strip, row)]


def _broken(error: csv.Error, place: Place) -> Problem:
    reason = str(error)
    if "unexpected end" in reason:
        return Problem("a quote is not closed in its line", place, "a row is one line, and a cell no more")
    if "field larger" in reason:
        return Problem(f"a cell of more than {csv.field_size_limit():,} characters", place)
    return Problem(f"no CSV: {reason}", place, 'a quote in a cell in quotes is written twice: ""')


def _fail_if_no_commas(heading: Row, line: str, place: Place) -> None:
    if len(heading) == 1:
        for sign, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
            if sign in line:
                raise SheetError([Problem(f"columns are parted by commas, not by {name}", place, _COMMAS)])


_COMMAS = "save it as CSV with commas, and with a point in decimals"


def _fail_if_columns_are_alike(sheet: Sheet) -> None:
    seen: dict[str, int] = {}
    problems = []
    for column, name in enumerate(sheet.heading):
        if name and name in seen:
            message = f"two columns are called '{short(name)}'"
            problems.append(Problem(message, sheet.place_of_heading(column), "rename one of them"))
        seen[name] = column
    if problems:
        raise SheetError(problems)


_CELL = re.compile(r'\s*("(?:[^"]|"")*"|[^,]*)\s*(?:,|$)')


def span_of_cell(line: str, column: int) -> tuple[int, int]:
    """Where the text of a cell begins and ends in its line, without quotes and blanks."""
    found = None
    for index, cell in enumerate(_CELL.finditer(line)):
        if index == column:
            found = cell
            break
    if found is None:
        return 0, len(line)
    start, end = found.span(1)
    text = found.group(1)
    if text.startswith('"'):
        return start + 1, max(start + 1, end - 1)
    return start, start + len(text.rstrip())


def columns_of(heading: Row) -> Mapping[str, int]:
    """The place of each column that has a name."""
    return {name: column for column, name in enumerate(heading) if name}
