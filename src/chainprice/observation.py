"""What was seen of a market: prices of goods, and how much of them is used, sold and bought.

Three forms are read, each from JSON, YAML or CSV:

- an object `{"prices": {good: price}, "uses": {firm: {good: quantity}}, "demand": {good: sold},
  "supply": {good: bought}, "numeraire": good}`, any of it left out (demand and supply may stand in uses);
  what `simulate -f json` prints has this too;
- what `solve -f json` prints;
- CSV with the columns `good`, `price`, `firm`, `quantity`, any cell but the good's left empty. With a column
  `step`, as `simulate -f csv` writes, the rows of the last step count.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from chainprice import limits, network
from chainprice.errors import ObservationError, Place, Problem, TableError
from chainprice.formula import suggestion
from chainprice.network import UseKey
from chainprice.solution import FORMAT as SOLVED
from chainprice.spec import DEMAND, Source, Spec
from chainprice.spec.places import Path, Places
from chainprice.spec.sheets import span_of_cell
from chainprice.spec.text import STDIN, read_text
from chainprice.spec.tree import Tree, TreeError, TreeProblem, lines_of, read_tree
from chainprice.verification.table import PriceTable, table_of

SUPPLY = "supply"
"""How an observation names the purchases of a good among its users."""

SIMULATED = "chainprice.simulate/1"
"""The format of a result whose last prices and uses are an observation."""

HINT = 'an observed market is {"prices": {good: price}, "uses": {firm: {good: quantity}}}, or a CSV file'

_KEYS = ("prices", "uses", DEMAND, SUPPLY, "numeraire")

_COLUMNS = ("good", "price", "firm", "quantity")

_STEP = "step"
"""The column that tells the records of a path apart."""

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen of a market, its names checked against the spec; anything may be missing.

    `prices` by good, in money, or in units of the `numeraire`. By a use's key how much it has (`uses`, that
    of the demand is what is sold) and what it paid for a unit (`paid`). `bought` by good.
    """

    path: str
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    uses: Mapping[UseKey, Decimal] = field(default_factory=dict)
    bought: Mapping[str, Decimal] = field(default_factory=dict)
    paid: Mapping[UseKey, Decimal] = field(default_factory=dict)
    numeraire: str | None = None


def read_observation(path: str, spec: Spec) -> Observation:
    """The observed market in a file, or in standard input for `-`.

    Raises UsageError if there is no text to read, ObservationError, with all problems, if it is none.
    """
    return observation_in(read_text(path), "<stdin>" if path == STDIN else path, spec)


def observation_of(observed: Mapping[str, Any] | str | os.PathLike[str], spec: Spec) -> Observation:
    """The observed market in an object, a file, or a text (with a line break, or a { in front)."""
    if isinstance(observed, Mapping):
        reader = _Reader("<observed>", spec, None)
        return reader.observation(observed)
    if isinstance(observed, str) and ("\n" in observed or observed.lstrip().startswith("{")):
        return observation_in(observed, "<text>", spec)
    return read_observation(os.fspath(observed), spec)


def observation_in(text: str, path: str, spec: Spec) -> Observation:
    """The observed market in a text; raises ObservationError, with all problems, if it is none."""
    if "good" in _cells(text) or path.endswith(".csv"):
        return _Reader(path, spec, text).table(text)
    reader = _Reader(path, spec, text)
    try:
        tree, problems = read_tree(text)
    except TreeError as error:
        raise ObservationError(reader.located(error.problem, HINT)) from None
    return reader.observation(tree, [reader.located(problem) for problem in problems])


def _cells(text: str) -> list[str]:
    """The cells of the first line."""
    first = re.split(r"[\r\n]", text.lstrip(), maxsplit=1)[0]
    try:
        return [cell.strip() for cell in next(csv.reader([first]), [])]
    except csv.Error:
        return []


class _Cell(NamedTuple):
    """A cell of a CSV text by its line, from the first that is not empty, and its column, from 0.

    Without a column it is the whole line.
    """

    line: int
    column: int | None = None


class _Row(NamedTuple):
    """The cells of a row by the names of their columns, the line that it ends in, and the columns' places."""

    cells: Mapping[str, str]
    line: int
    places: Mapping[str, int]

    def at(self, name: str) -> _Cell:
        """The cell in a column."""
        return _Cell(self.line, self.places[name])


class _Note(NamedTuple):
    """A problem before its place is looked up: by a path of keys, or by a cell."""

    message: str
    hint: str
    keys: tuple[str, ...] = ()
    at_key: bool = False
    cell: _Cell | None = None


class _Reader:
    """Collects what is wrong with an observation while it reads."""

    def __init__(self, path: str, spec: Spec, text: str | None) -> None:
        self._path, self._spec, self._text = path, spec, text
        self._network = network.build(spec)
        self._prices: dict[str, Decimal] = {}
        self._uses: dict[UseKey, Decimal] = {}
        self._bought: dict[str, Decimal] = {}
        self._paid: dict[UseKey, Decimal] = {}
        self._numeraire = spec.numeraire
        self._notes: list[_Note] = []
        self._is_result = False

    # An object, from JSON, from YAML or from Python.

    def observation(self, tree: Any, problems: list[Problem] | None = None) -> Observation:
        """The observation in an object; `problems` are those that its text has already."""
        if not isinstance(tree, Mapping):
            self._report((), "this is no observed market", HINT)
        elif (form := tree.get("format")) is None:
            self._read(tree, strict=True)
        elif form == SOLVED:
            self._read_solution(tree)
        elif form == SIMULATED:
            self._is_result, self._numeraire = True, None
            self._read(tree, strict=False)
        else:
            self._report(("format",), f"a result of the format '{form}' is no observed market", HINT)
        return self._done(problems or [])

    def _read(self, tree: Mapping[str, Any], *, strict: bool) -> None:
        if strict:
            self._check_keys(tree)
            if "numeraire" in tree:
                self._note_numeraire(tree["numeraire"])
        for good, price in self._items(("prices",), tree.get("prices")):
            keys = ("prices", good)
            if self._knows_good(keys, good):
                self._note_number(self._prices, good, keys, price)
        for user, quantities in self._items(("uses",), tree.get("uses")):
            if user in (DEMAND, SUPPLY) and user not in self._spec.firms:
                self._read_trades(("uses", user), quantities)
            elif self._knows_firm(("uses", user), user):
                self._read_uses(user, quantities)
        for section in (DEMAND, SUPPLY):
            self._read_trades((section,), tree.get(section))

    def _read_trades(self, path: tuple[str, ...], quantities: Any) -> None:
        """What is sold, or what is bought, as the last key of the path says."""
        section = path[-1]
        for good, quantity in self._items(path, quantities):
            keys = (*path, good)
            if not self._knows_trade(keys, section, good):
                continue
            if section == DEMAND:
                self._note_number(self._uses, (good, ""), keys, quantity, is_quantity=True)
            else:
                self._note_number(self._bought, good, keys, quantity, is_quantity=True)

    def _check_keys(self, tree: Mapping[str, Any]) -> None:
        for key in tree:
            if key not in _KEYS:
                hint = suggestion(str(key), _KEYS) or f"the keys are {', '.join(_KEYS)}"
                self._report((str(key),), f"unknown key '{key}' in an observed market", hint, at_key=True)

    def _read_uses(self, firm: str, quantities: Any) -> None:
        for good, quantity in self._items(("uses", firm), quantities):
            keys = ("uses", firm, good)
            if self._knows_use(keys, firm, good):
                self._note_number(self._uses, (good, firm), keys, quantity, is_quantity=True)

    def _items(self, keys: tuple[str, ...], value: Any) -> Iterator[tuple[str, Any]]:
        """The pairs of a part; nothing says nothing."""
        if value is None:
            return
        if not isinstance(value, Mapping):
            self._report(keys, f"'{keys[-1]}' must be an object of names and numbers", HINT)
            return
        for name, item in value.items():
            if item is not None:
                yield str(name), item

    def _note_numeraire(self, good: Any) -> None:
        """What prices are in: a good, or null for money."""
        self._numeraire = None
        if good is not None and self._knows_good(("numeraire",), str(good)):
            self._numeraire = str(good)

    def _read_solution(self, tree: Mapping[str, Any]) -> None:
        """What `solve` found. Its quantities may be negative, as those of a given chain may be."""
        try:
            table = table_of(tree, self._path)
        except TableError as error:
            self._notes += [_Note(problem.message, problem.hint) for problem in error.problems]
            return
        for good, price in table.prices.items():
            if self._knows_good((), good):
                self._prices[good] = price
        for (good, firm), row in table.uses.items():
            is_known = (
                self._knows_trade((), DEMAND, good)
                if not firm
                else self._knows_firm((), firm) and self._knows_use((), firm, good)
            )
            if is_known:
                self._uses[good, firm] = row.quantity
                self._paid[good, firm] = row.price
        self._bought.update(self._purchases(table))
        self._note_numeraire(table.numeraire)

    def _purchases(self, table: PriceTable) -> Iterator[tuple[str, Decimal]]:
        """What was bought of each supplied good: what there is of it, less what firms make."""
        for good in self._spec.supply:
            made = [
                firm.outputs[good].get("quantity") for firm in table.firms.values() if good in firm.outputs
            ]
            if good in table.quantities and None not in made and len(made) == len(self._makers(good)):
                amounts = [amount for amount in made if amount is not None]
                left = table.quantities[good] - sum(amounts, Decimal(0))
                size = abs(table.quantities[good]) + sum(map(abs, amounts), Decimal(0))
                yield good, max(Decimal(0), left) if left > size * _ROUNDING else Decimal(0)

    def _makers(self, good: str) -> tuple[str, ...]:
        return self._network.makers.get(good, ())

    # A table.

    def table(self, text: str) -> Observation:
        """The observation in a CSV text."""
        reader = csv.DictReader(io.StringIO(text.lstrip(), newline=""), strict=True)
        try:
            reader.fieldnames = columns = [name.strip() for name in reader.fieldnames or ()]
            if self._has_columns(columns, reader.line_num):
                if _STEP in columns:  # so simulate writes, in money
                    self._numeraire = None
                for row in self._last(self._rows(reader, columns)):
                    self._read_row(row)
        except csv.Error as error:
            self._notes.append(_Note(f"not CSV: {error}", "", cell=_Cell(reader.reader.line_num)))
        return self._done([])

    def _rows(self, reader: csv.DictReader[str], columns: Sequence[str]) -> Iterator[_Row]:
        """Each row that has a cell for every column."""
        places = {name: place for place, name in enumerate(columns)}
        for row in reader:
            if None in row or None in row.values():
                message = f"a row must have {len(columns)} cells"
                self._notes.append(_Note(message, "", cell=_Cell(reader.line_num)))
            else:
                yield _Row({name: cell.strip() for name, cell in row.items()}, reader.line_num, places)

    def _last(self, rows: Iterator[_Row]) -> list[_Row]:
        """The rows of the last step, where the table has steps; else all."""
        last: list[_Row] = []
        for row in rows:
            if last and row.cells.get(_STEP) != last[-1].cells.get(_STEP):
                last.clear()
            last.append(row)
        return last

    def _has_columns(self, columns: list[str], line: int) -> bool:
        """Whether there is something to read; a column given twice could mean either."""
        twice = [name for name in _COLUMNS if columns.count(name) > 1]
        if twice:
            again = _Cell(line, len(columns) - 1 - columns[::-1].index(twice[0]))
            self._notes.append(_Note(f"the column '{twice[0]}' is there twice", "", cell=again))
        elif "good" not in columns or not ("price" in columns or {"firm", "quantity"} <= {*columns}):
            hint = "the columns are `good,price`, `firm,good,quantity` or all four"
            message = "the first line names no columns of an observed market"
            self._notes.append(_Note(message, hint, cell=_Cell(line)))
        return not self._notes

    def _read_row(self, row: _Row) -> None:
        cells = row.cells
        good, firm = cells["good"], cells.get("firm", "")
        if not self._knows_good((), good, row.at("good")):
            return
        key = self._user(row) if firm else None
        if firm and key is None:
            return
        if price := cells.get("price", ""):
            at = row.at("price")
            if key is None or firm == SUPPLY or not self._has_own_price(good):
                self._note_number(self._prices, good, (), price, is_once=key is None, cell=at)
            else:
                self._note_number(self._paid, key, (), price, cell=at)
        quantity = cells.get("quantity", "")
        if not quantity:
            return
        at = row.at("quantity")
        if key is None and cells.keys() <= {*_COLUMNS}:  # results of commands have more columns
            hint = f"name a firm beside it, `{DEMAND}` for what is sold, or `{SUPPLY}` for what is bought"
            self._notes.append(_Note(f"whose quantity of '{good}' is this?", hint, cell=at))
        if key is not None:
            if firm == SUPPLY and firm not in self._spec.firms:
                self._note_number(self._bought, good, (), quantity, is_quantity=True, cell=at)
            else:
                self._note_number(self._uses, key, (), quantity, is_quantity=True, cell=at)

    def _user(self, row: _Row) -> UseKey | None:
        """The key of a row's use; None, and a problem, where there is none. Firms' names come first."""
        good, firm, at = row.cells["good"], row.cells["firm"], row.at("firm")
        if firm in (DEMAND, SUPPLY) and firm not in self._spec.firms:
            return (good, "") if self._knows_trade((), firm, good, at) else None
        known = self._knows_firm((), firm, at) and self._knows_use((), firm, good, at)
        return (good, firm) if known else None

    def _has_own_price(self, good: str) -> bool:
        """Whether each use of a good may pay a price of its own."""
        note = self._spec.note(good)
        return not note.rival or note.split is not None

    # Names and numbers.

    def _knows_good(self, keys: tuple[str, ...], good: str, cell: _Cell | None = None) -> bool:
        if good in self._network.roles:
            return True
        hint = suggestion(good, self._network.goods) or "the spec has no such good"
        self._report(keys, f"unknown good '{good}'", hint, at_key=keys != ("numeraire",), cell=cell)
        return False

    def _knows_firm(self, keys: tuple[str, ...], firm: str, cell: _Cell | None = None) -> bool:
        if firm in self._spec.firms:
            return True
        hint = suggestion(firm, self._spec.firms) or "the spec has no such firm"
        self._report(keys, f"unknown firm '{firm}'", hint, at_key=True, cell=cell)
        return False

    def _knows_use(self, keys: tuple[str, ...], firm: str, good: str, cell: _Cell | None = None) -> bool:
        if not self._knows_good(keys, good, cell):
            return False
        inputs = self._network.inputs[firm]
        if good in inputs:
            return True
        hint = f"it uses {', '.join(inputs[:20])}" if inputs else "it uses nothing"
        self._report(keys, f"firm '{firm}' does not use '{good}'", hint, at_key=True, cell=cell)
        return False

    def _knows_trade(self, keys: tuple[str, ...], section: str, good: str, cell: _Cell | None = None) -> bool:
        if not self._knows_good(keys, good, cell):
            return False
        traded: Mapping[str, Any] = self._spec.demand if section == DEMAND else self._spec.supply
        if good in traded:
            return True
        hint = f"the goods in {section} are {', '.join([*traded][:20])}" if traded else ""
        self._report(keys, f"the spec has no {section} of '{good}'", hint, at_key=True, cell=cell)
        return False

    def _note_number(
        self,
        into: dict[Any, Decimal],
        key: object,
        keys: tuple[str, ...],
        value: Any,
        *,
        is_quantity: bool = False,
        is_once: bool = True,
        cell: _Cell | None = None,
    ) -> None:
        """Keep a number under `key`; one that need not stand there once only may be said again."""
        number = _number(value)
        name = key if isinstance(key, str) else key[0] if isinstance(key, tuple) else ""
        what = f"the {'quantity' if is_quantity else 'price'} of '{name}'"
        if number is None:
            hint = "write digits, with a point before decimals"
            self._report(keys, f"{what} is not a number: {str(value)[:50]!r}", hint, cell=cell)
        elif is_quantity and number < 0 and not self._is_result:
            self._report(keys, f"{what} is negative: {number}", "a quantity is 0 or more", cell=cell)
        elif key in into and (is_once or into[key] != number):
            hint = f"it was {into[key]} before: keep one of them"
            self._report(keys, f"{what} is given twice", hint, cell=cell)
        else:
            into[key] = number

    # What is wrong.

    def _report(
        self,
        keys: tuple[str, ...],
        message: str,
        hint: str = "",
        *,
        at_key: bool = False,
        cell: _Cell | None = None,
    ) -> None:
        self._notes.append(_Note(message, hint, keys, at_key, cell))

    def _done(self, problems: list[Problem]) -> Observation:
        """The observation; raises ObservationError where anything is wrong with it."""
        if not (problems or self._notes or self._prices or self._uses or self._bought):
            self._report((), "nothing is observed here: there is neither a price nor a quantity", HINT)
        count = len(problems) + len(self._notes)
        if count:
            found = [*problems, *self._placed()]
            found.sort(key=lambda p: (p.place.line or 0, p.place.column) if p.place else (0, 0))
            more = count - limits.PROBLEMS_SHOWN
            rest = [Problem(f"and {more:,} more problems")] if more > 0 else []
            raise ObservationError([*found[: limits.PROBLEMS_SHOWN], *rest])
        return Observation(self._path, self._prices, self._uses, self._bought, self._paid, self._numeraire)

    def _placed(self) -> list[Problem]:
        """The problems with their places: a line and a column where there is a text, else the keys."""
        notes = self._notes[: limits.PROBLEMS_SHOWN]
        if self._text is None or any(note.cell for note in notes):
            lines = re.split("\r\n|[\r\n]", (self._text or "").rstrip())
            skipped = next((number for number, line in enumerate(lines) if line.strip()), 0)
            return [
                Problem(_with_keys(note), self._place(note.cell, lines, skipped), note.hint) for note in notes
            ]
        source = Source(self._path, hashlib.sha256().hexdigest(), self._text)
        places = Places(source).find_all(Path(note.keys, note.at_key) for note in notes if note.keys)
        by_note = iter(places)
        return [
            Problem(note.message, next(by_note) if note.keys else Place(self._path), note.hint)
            for note in notes
        ]

    def _place(self, cell: _Cell | None, lines: Sequence[str], skipped: int) -> Place:
        """Of a cell, or of its line where it is not all in one; of the whole file for no cell."""
        if cell is None or not cell.line:
            return Place(self._path)
        number = cell.line + skipped
        line = lines[number - 1]
        start, end = (0, len(line.rstrip())) if cell.column is None else span_of_cell(line, cell.column)
        return Place(self._path, number, start + 1, max(1, end - start), line)

    def located(self, problem: TreeProblem, hint: str = "") -> Problem:
        """A problem of the text as YAML."""
        lines = lines_of(self._text or "")
        text = lines[problem.line - 1] if problem.line <= len(lines) else ""
        place = Place(self._path, problem.line, problem.column, problem.length, text)
        return Problem(problem.message, place, problem.hint or hint)


_ROUNDING = Decimal("1e-13")
"""What is left of a difference of doubles that are equal, relatively."""


def _with_keys(note: _Note) -> str:
    return f"{'.'.join(note.keys)}: {note.message}" if note.keys else note.message


def _number(value: Tree | float | Decimal) -> Decimal | None:
    """A number as it is written, within the limits of a spec's numbers; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        return None
    text = repr(value) if isinstance(value, float) else str(value)
    if len(text) > limits.NUMBER_DIGITS or not _NUMBER.fullmatch(text):
        return None
    number = Decimal(text)
    is_within = not number or abs(number.adjusted()) <= limits.NUMBER_EXPONENT
    return number if is_within else None
