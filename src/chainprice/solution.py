"""The result of `solve`, as immutable values; `to_dict` gives the JSON of the contract.

Rows are named tuples: a chain of many firms has many of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from chainprice.arithmetic import Number, written
from chainprice.network import Role

WarningCode = Literal[
    "negative-quantity",
    "negative-price",
    "unused-good",
    "unequal-split",
    "increasing-returns",
    "not-concave",
    "kink",
    "underflow",
    "unprofitable-supply",
    "thrown-away",
    "price-not-unique",
]


class Warning(NamedTuple):
    """Something about the result that a reader should know; `good` and `firm` say where."""

    code: WarningCode
    message: str
    good: str | None = None
    firm: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON of one warning."""
        return as_dict(self)


class PricedUse(NamedTuple):
    """A use of a good: how much of it, what it pays a unit, and what one more is worth to it.

    `user` is a firm, or "demand" where `kind` is demand; `share` is there where a split is stated.
    `corner` says that the market gives this use none.
    """

    user: str
    kind: Literal["firm", "demand"]
    share: Number | None
    quantity: Number
    price: Number
    marginal_value: Number
    gap: Number
    corner: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The JSON of one use."""
        return as_dict(self)


class Limit(NamedTuple):
    """Something that the market cannot go beyond: `rent` is what one more unit of it would add.

    The quantity of a supply or a demand, or a capacity of a firm (the constant in a `min` that bounds
    its output of the good).
    """

    kind: Literal["supply", "demand", "capacity"]
    good: str
    firm: str | None
    quantity: Number
    binding: bool
    rent: Number

    def to_dict(self) -> dict[str, Any]:
        """The JSON of one limit."""
        return as_dict(self)


class Incomes(NamedTuple):
    """Where total value goes; the three sum to it.

    What suppliers earn beyond their supply price (all of it where the supply is free of charge) are
    factor incomes; what buyers would have paid beyond the price is their surplus.
    """

    profits: Number
    factor_incomes: Number
    buyer_surplus: Number

    def to_dict(self) -> dict[str, Any]:
        """The JSON of the incomes."""
        return as_dict(self)


class PricedGood(NamedTuple):
    """A row of the price table: quantity in the good's unit, price in money per unit.

    `rule` says where the price comes from: the chain rule at this good, with formulas.
    `price_range` is there where the price is not unique: what one more unit adds, what one fewer takes
    (None if one fewer is impossible).
    """

    good: str
    role: Role
    unit: str
    quantity: Number
    price: Number
    value: Number
    rule: str
    uses: tuple[PricedUse, ...]
    price_range: tuple[Number, Number | None] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON of one good."""
        return as_dict(self)


class Output(NamedTuple):
    """What a firm makes of a good, and the price it gets."""

    good: str
    quantity: Number
    price: Number


class Input(NamedTuple):
    """What a firm uses of a good, its price, and what one more unit is worth to the firm."""

    good: str
    quantity: Number
    price: Number
    marginal_value: Number
    gap: Number


class Derivative(NamedTuple):
    """A marginal product: dF/dz of one output by one input."""

    output: str
    input: str
    formula: str
    value: Number


class PricedFirm(NamedTuple):
    """A row of the firm table, in the unit of money; `returns_to_scale` None where output is 0."""

    firm: str
    revenue: Number
    cost: Number
    profit: Number
    returns_to_scale: Number | None
    outputs: tuple[Output, ...]
    inputs: tuple[Input, ...]
    derivatives: tuple[Derivative, ...]

    def to_dict(self) -> dict[str, Any]:
        """The JSON of one firm."""
        return as_dict(self)


@dataclass(frozen=True, slots=True)
class Solution:
    """The priced chain: goods in chain order, primaries first; firms in topological order.

    Numbers are doubles, or decimals where more than 17 digits were asked for or no double can
    hold the number. With a numeraire all money is in units of it.
    """

    path: str
    title: str
    sha256: str
    allocation: Literal["given", "competitive"]
    numeraire: str | None
    money: str
    total_value: Number
    goods: tuple[PricedGood, ...]
    firms: tuple[PricedFirm, ...]
    warnings: tuple[Warning, ...]
    limits: tuple[Limit, ...] = ()
    incomes: Incomes | None = None

    @property
    def prices(self) -> Mapping[str, Number]:
        """The price of every good by its name."""
        return {row.good: row.price for row in self.goods}

    @property
    def quantities(self) -> Mapping[str, Number]:
        """The available quantity of every good by its name."""
        return {row.good: row.quantity for row in self.goods}

    def contents(self) -> dict[str, Any]:
        """What the JSON of `solve` holds, format chainprice.solve/1, with rows as they are."""
        return {
            "format": "chainprice.solve/1",
            "spec": {"path": self.path, "title": self.title, "sha256": self.sha256},
            "allocation": self.allocation,
            "numeraire": self.numeraire,
            "total_value": self.total_value,
            "goods": self.goods,
            "firms": self.firms,
            "warnings": self.warnings,
            "money": self.money,
            "limits": self.limits,
            "incomes": self.incomes,
        }

    def to_dict(self) -> dict[str, Any]:
        """The JSON of `solve`, format chainprice.solve/1."""
        return {key: in_json(value) for key, value in self.contents().items()}


_UNIQUE_PRICE = PricedGood._fields[:-1]


def fields_of(value: Any) -> tuple[str, ...] | None:
    """The keys of a row in JSON, which are its fields in order; None for what is no row.

    A price that is unique has no range.
    """
    if type(value) is PricedGood and value.price_range is None:
        return _UNIQUE_PRICE
    return getattr(value, "_fields", None)


def as_dict(row: tuple[Any, ...]) -> dict[str, Any]:
    """The JSON of a row."""
    return {key: in_json(item) for key, item in zip(fields_of(row) or (), row, strict=False)}


def in_json(value: Any) -> Any:
    """A part of a result in JSON's own types: rows as objects, decimals as text."""
    if isinstance(value, tuple):
        return [in_json(item) for item in value] if fields_of(value) is None else as_dict(value)
    return written(value) if isinstance(value, Decimal) else value
