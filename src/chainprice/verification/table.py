"""A price table as plain numbers: what verification is given, whoever made it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any, cast

from chainprice.errors import Place, Problem, TableError
from chainprice.spec import DEMAND
from chainprice.verification.forms import FORMAT, HINT, Form, lacking, table_data

Row = Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class UseRow:
    """How much one use has of a good, and what it pays for a unit; and what else the row says."""

    quantity: Decimal
    price: Decimal
    figures: Row = field(default_factory=dict)
    corner: bool | None = None


@dataclass(frozen=True, slots=True)
class FirmRows:
    """A firm's outputs and inputs by good, its marginal products by output and input."""

    outputs: Mapping[str, Row]
    inputs: Mapping[str, Row]
    derivatives: Mapping[tuple[str, str], Decimal]
    returns: Decimal | None


@dataclass(frozen=True, slots=True)
class LimitRow:
    """A limit of a supply, a demand or a capacity: what it is, whether it binds, and its rent."""

    kind: str
    good: str
    firm: str
    quantity: Decimal | None
    binding: bool | None
    rent: Decimal | None


@dataclass(frozen=True, slots=True)
class PriceTable:
    """Prices by good, and as much of the rest of a `solve` result as is there.

    `quantities` and `values` by good, `accounts` by firm (revenue, cost, profit), `ranges` of
    prices that are not unique (None where it has no upper end). `uses` by good and firm, "" for the
    demand; `limits` in a row each, for a firm may have several capacities; `firms` by firm, all of them where
    it `lists_firms`; `incomes` by name. With a numeraire all money is in units of it. `path` and `form` say
    where it was read, `sha256` of which spec it was made, `lacks` what is missing in it that
    `solve -f json` writes.
    """

    prices: Mapping[str, Decimal]
    numeraire: str | None = None
    quantities: Mapping[str, Decimal] = field(default_factory=dict)
    values: Mapping[str, Decimal] = field(default_factory=dict)
    ranges: Mapping[str, tuple[Decimal, Decimal | None]] = field(default_factory=dict)
    accounts: Mapping[str, Row] = field(default_factory=dict)
    total_value: Decimal | None = None
    uses: Mapping[tuple[str, str], UseRow] = field(default_factory=dict)
    limits: Sequence[LimitRow] = ()
    firms: Mapping[str, FirmRows] = field(default_factory=dict)
    lists_firms: bool = False
    incomes: Row = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    allocation: str | None = None
    path: str = "<table>"
    form: Form = "solve"
    sha256: str | None = None
    lacks: tuple[str, ...] = ()


def read_table(text: str, path: str = "<table>") -> PriceTable:
    """The table in a text: what `solve` prints as JSON or as CSV, or a JSON object of prices by good.

    Raises TableError, with all problems, if it is none.
    """
    data, form = table_data(text, path)
    table = table_of(data, path)
    if form != "solve":
        return replace(table, path=path, form=form)
    return replace(table, path=path, lacks=lacking(data))


def table_of(data: Any, path: str = "<table>") -> PriceTable:
    """The table in a `solve` result; raises TableError, with all problems, if there is none in it."""
    reader = _Reader(path)
    table = reader.read(data)
    if reader.problems:
        raise TableError(reader.problems)
    return table


class _Reader:
    """Collects what is wrong with a table while it reads."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._figures_read: dict[float, Decimal] = {}
        self.problems: list[Problem] = []

    def read(self, data: Any) -> PriceTable:
        if not isinstance(data, dict):
            self._report("a table is an object", HINT)
            data = {}
        elif data.get("format") != FORMAT:
            self._report(f"its format is not {FORMAT}", HINT)
            data = {}
        goods = self._rows(data, "goods", "good")
        if data and not goods and not self.problems:
            self._report("the table has no goods")
        firms = self._rows(data, "firms", "firm")
        numeraire = data.get("numeraire")
        if numeraire is not None and not isinstance(numeraire, str):
            self._report("numeraire must be a good's name or null")
            numeraire = None
        return PriceTable(
            prices={good: self._needed(row, "price", good) for good, row in goods.items()},
            numeraire=numeraire,
            quantities=self._column(goods, "quantity"),
            values=self._column(goods, "value"),
            ranges=self._ranges(goods),
            accounts=self._accounts(firms),
            total_value=self._number(data, "total_value", "the table"),
            uses=self._uses(goods),
            limits=self._limits(data),
            firms={firm: self._firm(firm, row) for firm, row in firms.items()},
            lists_firms="firms" in data,
            incomes=self._incomes(data.get("incomes")),
            roles={good: str(row["role"]) for good, row in goods.items() if "role" in row},
            units={good: str(row["unit"]) for good, row in goods.items() if "unit" in row},
            allocation=str(data["allocation"]) if "allocation" in data else None,
            sha256=_sha256(data.get("spec")),
        )

    def _rows(self, data: Mapping[str, Any], key: str, name: str) -> dict[str, Mapping[str, Any]]:
        rows = data.get(key, [])
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            self._report(f"'{key}' must be a list of objects")
            return {}
        result: dict[str, Mapping[str, Any]] = {}
        for row in rows:
            if not isinstance(row.get(name), str):
                self._report(f"a row of '{key}' has no '{name}'")
            elif row[name] in result:
                self._report(f"'{row[name]}' is in the table twice")
            else:
                result[row[name]] = row
        return result

    def _needed(self, row: Mapping[str, Any], key: str, name: str) -> Decimal:
        value = self._number(row, key, name)
        if value is None and key not in row:
            self._report(f"'{name}' has no {key}")
        return value if value is not None else Decimal(0)

    def _column(self, rows: Mapping[str, Mapping[str, Any]], key: str) -> dict[str, Decimal]:
        column = {name: self._number(row, key, name) for name, row in rows.items()}
        return {name: value for name, value in column.items() if value is not None}

    def _uses(self, goods: Mapping[str, Mapping[str, Any]]) -> dict[tuple[str, str], UseRow]:
        uses = {}
        for good, row in goods.items():
            for use in self._list(row, "uses"):
                quantity, price = self._number(use, "quantity", good), self._number(use, "price", good)
                if quantity is not None and price is not None:
                    uses[good, _user(use)] = UseRow(
                        quantity,
                        price,
                        self._figures(use, ("marginal_value", "gap", "share"), good),
                        _flag(use, "corner"),
                    )
        return uses

    def _firm(self, firm: str, row: Mapping[str, Any]) -> FirmRows:
        derivatives = {}
        for slope in self._list(row, "derivatives"):
            value = self._number(slope, "value", firm)
            if value is not None:
                derivatives[str(slope.get("output")), str(slope.get("input"))] = value
        inputs, outputs = (
            {str(part.get("good")): self._figures(part, names, firm) for part in self._list(row, key)}
            for key, names in (
                ("inputs", ("quantity", "price", "marginal_value", "gap")),
                ("outputs", ("quantity", "price")),
            )
        )
        has_returns = row.get("returns_to_scale") is not None
        returns = self._number(row, "returns_to_scale", firm) if has_returns else None
        return FirmRows(outputs, inputs, derivatives, returns)

    def _figures(self, row: Mapping[str, Any], names: tuple[str, ...], name: str) -> Row:
        """The numbers that are there."""
        figures: dict[str, Decimal] = {}
        for key in names:
            value = self._number(row, key, name) if row.get(key) is not None else None
            if value is not None:
                figures[key] = value
        return figures

    def _limits(self, data: Mapping[str, Any]) -> tuple[LimitRow, ...]:
        rows = []
        for row in self._list(data, "limits"):
            figures = self._figures(row, ("quantity", "rent"), str(row.get("good")))
            key = str(row.get("kind")), str(row.get("good")), str(row.get("firm") or "")
            rows.append(LimitRow(*key, figures.get("quantity"), _flag(row, "binding"), figures.get("rent")))
        return tuple(rows)

    def _incomes(self, row: Any) -> dict[str, Decimal]:
        if not isinstance(row, dict):
            return {}
        figures = {key: self._number(row, key, "incomes") for key in row}
        return {key: value for key, value in figures.items() if value is not None}

    def _list(self, data: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
        rows = data.get(key) or []
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            self._report(f"'{key}' must be a list of objects")
            return []
        return rows

    def _ranges(self, goods: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[Decimal, Decimal | None]]:
        ranges: dict[str, tuple[Decimal, Decimal | None]] = {}
        for good, row in goods.items():
            bounds = row.get("price_range")
            if bounds is None:
                continue
            if not isinstance(bounds, list) or len(bounds) != 2:
                self._report(f"the price_range of '{good}' is not two numbers")
                continue
            low = self._number({"price_range": bounds[0]}, "price_range", good)
            unbounded = bounds[1] is None
            high = None if unbounded else self._number({"price_range": bounds[1]}, "price_range", good)
            if low is not None and (unbounded or high is not None):
                ranges[good] = (low, high)
        return ranges

    def _accounts(self, firms: Mapping[str, Mapping[str, Any]]) -> dict[str, Row]:
        accounts: dict[str, Row] = {}
        for firm, row in firms.items():
            figures = {key: self._number(row, key, firm) for key in ("revenue", "cost", "profit")}
            accounts[firm] = {key: value for key, value in figures.items() if value is not None}
        return accounts

    def _number(self, row: Mapping[str, Any], key: str, name: str) -> Decimal | None:
        value = row.get(key)
        if type(value) is float and isfinite(value):
            return self._double(value)
        if value is None and key not in row:
            return None
        convert = cast("Callable[[Any], Decimal]", Decimal)
        if isinstance(value, (str, float, int, Decimal)) and not isinstance(value, bool):
            try:
                number = convert(repr(value) if isinstance(value, float) else value)
            except InvalidOperation:
                number = Decimal("nan")
            if number.is_finite():
                return number
        self._report(f"the {key} of '{name}' is not a number: {value!r}")
        return None

    def _double(self, value: float) -> Decimal:
        """A double as it is written; a table says most of its figures several times."""
        known = self._figures_read.get(value)
        if known is None:
            known = self._figures_read[value] = Decimal(repr(value))
        return known

    def _report(self, message: str, hint: str = "") -> None:
        self.problems.append(Problem(message, Place(self._path), hint))


def _sha256(spec: Any) -> str | None:
    value = spec.get("sha256") if isinstance(spec, dict) else None
    return value if isinstance(value, str) else None


def _user(use: Mapping[str, Any]) -> str:
    """The firm of a use, "" for the demand; no firm's name where the row is neither."""
    user, kind = str(use.get("user")), use.get("kind")
    if kind == "demand" and user == DEMAND:
        return ""
    return user if kind == "firm" else f"{kind} {user}"


def _flag(row: Mapping[str, Any], key: str) -> bool | None:
    return bool(row[key]) if key in row else None
