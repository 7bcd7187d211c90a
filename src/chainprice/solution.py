"""The result of `solve`, as immutable values; `to_dict` gives the JSON of the contract.

Rows are named tuples: a chain of many firms has many of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from chainprice.arithmetic import Number, written
from chainprice.keys import SOMETIMES
from chainprice.network import Role

FORMAT = "chainprice.solve/1"
"""The JSON of `solve`, and its version."""

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

    code: Annotated[WarningCode, "What kind of warning; the README lists them."]
    message: Annotated[str, "The warning in words."]
    good: Annotated[str | None, "The good that it is about."] = None
    firm: Annotated[str | None, "The firm that it is about."] = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON of one warning."""
        return as_dict(self)


class PricedUse(NamedTuple):
    """A use of a good: how much of it, what it pays a unit, and what one more is worth to it.

    `user` is a firm, or "demand" where `kind` is demand; `share` is there where a split is stated.
    `corner` says that the market gives this use none.
    """

    user: Annotated[str, "A firm, or demand."]
    kind: Annotated[Literal["firm", "demand"], "Whether the user is a firm or the demand."]
    share: Annotated[Number | None, "The use's share of the good, where a split is stated."]
    quantity: Annotated[Number, "How much of the good it has."]
    price: Annotated[Number, "What it pays for a unit."]
    marginal_value: Annotated[Number, "What one more unit is worth to it."]
    gap: Annotated[Number, "marginal_value - price."]
    corner: Annotated[bool, "Whether the market gives this use none."] = False

    def to_dict(self) -> dict[str, Any]:
        """The JSON of one use."""
        return as_dict(self)


class Limit(NamedTuple):
    """Something that the market cannot go beyond: `rent` is what one more unit of it would add.

    The quantity of a supply or a demand, or a capacity of a firm (the constant in a `min` that bounds
    its output of the good).
    """

    kind: Annotated[
        Literal["supply", "demand", "capacity"],
        "What is limited: a supply, a demand, or what a firm can make.",
    ]
    good: Annotated[str, "The good."]
    firm: Annotated[str | None, "The firm whose capacity it is."]
    quantity: Annotated[Number, "The limit."]
    binding: Annotated[bool, "Whether the market goes up to it."]
    rent: Annotated[Number, "What one more unit of the limit would add to total value."]

    def to_dict(self) -> dict[str, Any]:
        """The JSON of one limit."""
        return as_dict(self)


class Incomes(NamedTuple):
    """Where total value goes; the three sum to it.

    What suppliers earn beyond their supply price (all of it where the supply is free of charge) are
    factor incomes; what buyers would have paid beyond the price is their surplus.
    """

    profits: Annotated[Number, "What firms earn."]
    factor_incomes: Annotated[Number, "What suppliers earn beyond their supply prices."]
    buyer_surplus: Annotated[Number, "What buyers would have paid beyond the price."]

    def to_dict(self) -> dict[str, Any]:
        """The JSON of the incomes."""
        return as_dict(self)


class PricedGood(NamedTuple):
    """A row of the price table: quantity in the good's unit, price in money per unit.

    `rule` says where the price comes from: the chain rule at this good, with formulas.
    `price_range` is there where the price is not unique: what one more unit adds, what one fewer takes
    (None if one fewer is impossible).
    """

    good: Annotated[str, "The good's name."]
    role: Annotated[
        Role, "primary: supplied, not made; final: demanded, and read by no firm; intermediate: all else."
    ]
    unit: Annotated[str, "The unit of its quantity, empty where the spec gives none."]
    quantity: Annotated[Number, "What is available."]
    price: Annotated[Number, "What one more unit, handed to the chain for free, adds to total value."]
    value: Annotated[Number, "price * quantity."]
    rule: Annotated[str, "Where the price comes from: the chain rule at this good."]
    uses: Annotated[tuple[PricedUse, ...], "Who uses it."]
    price_range: Annotated[
        tuple[Number, Number | None] | None,
        "Where the price is not unique: what one more unit adds, and what one fewer takes, null where one "
        "fewer is impossible.",
        SOMETIMES,
    ] = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON of one good."""
        return as_dict(self)


class Output(NamedTuple):
    """What a firm makes of a good, and the price it gets."""

    good: Annotated[str, "What the firm makes."]
    quantity: Annotated[Number, "How much it makes."]
    price: Annotated[Number, "What it gets for a unit."]


class Input(NamedTuple):
    """What a firm uses of a good, its price, and what one more unit is worth to the firm."""

    good: Annotated[str, "What the firm uses."]
    quantity: Annotated[Number, "How much it uses."]
    price: Annotated[Number, "What it pays for a unit."]
    marginal_value: Annotated[Number, "What one more unit is worth to the firm."]
    gap: Annotated[Number, "marginal_value - price."]


class Derivative(NamedTuple):
    """A marginal product: dF/dz of one output by one input."""

    output: Annotated[str, "The good that is made."]
    input: Annotated[str, "The good that is used."]
    formula: Annotated[str, "The marginal product as a formula."]
    value: Annotated[Number, "The marginal product at these quantities."]


class PricedFirm(NamedTuple):
    """A row of the firm table, in the unit of money; `returns_to_scale` None where output is 0."""

    firm: Annotated[str, "The firm's name."]
    revenue: Annotated[Number, "Price times quantity, summed over outputs."]
    cost: Annotated[Number, "Price times quantity, summed over inputs."]
    profit: Annotated[Number, "revenue - cost."]
    returns_to_scale: Annotated[
        Number | None, "The sum of the elasticities of output; null where output is 0."
    ]
    outputs: Annotated[tuple[Output, ...], "What it makes."]
    inputs: Annotated[tuple[Input, ...], "What it uses."]
    derivatives: Annotated[tuple[Derivative, ...], "Its marginal products."]

    def to_dict(self) -> dict[str, Any]:
        """The JSON of one firm."""
        return as_dict(self)


class PricedChain(NamedTuple):
    """A firm that is a chain itself (MODEL.md section 7): its books as a whole, in the unit of money.

    Prices of `goods` are transfer prices. Its profit is the sum of its firms' profits, for what they pay each
    other (`internal`) is earned by one and paid by another.
    """

    chain: Annotated[str, "The name of the firm that is a chain."]
    parent: Annotated[str | None, "The chain that it is inside of, null where that is the spec."]
    title: Annotated[str, "The title in its file, empty where there is none."]
    path: Annotated[str | None, "The file that it stands in, null where it stands under its firm."]
    revenue: Annotated[Number, "What it earns outside."]
    cost: Annotated[Number, "What it pays outside."]
    profit: Annotated[Number, "revenue - cost."]
    internal: Annotated[Number, "What its firms pay each other, which cancels."]
    firms: Annotated[tuple[str, ...], "The firms in it, those that are chains too."]
    goods: Annotated[tuple[str, ...], "The goods that stay inside it and are in none of its chains."]

    def to_dict(self) -> dict[str, Any]:
        """The JSON of one chain."""
        return as_dict(self)


class Document:
    """A result that is printed as JSON: its format, the spec that it is of, and its `KEYS` in this order."""

    __slots__ = ()

    FORM: ClassVar[str]
    """The format, with its version."""

    KEYS: ClassVar[tuple[str, ...]]
    """What the JSON says of the result."""

    LEFT_OUT: ClassVar[tuple[str, ...]] = ()
    """Those that it does not say where they are empty."""

    SOURCE_KEYS: ClassVar = ("path", "title", "sha256")
    """What the JSON says about the spec, under the key `spec`."""

    def contents(self) -> dict[str, Any]:
        """What the JSON holds, with rows as they are."""
        said = {key: getattr(self, key) for key in self.KEYS}
        return {
            "format": self.FORM,
            "spec": {key: getattr(self, key) for key in self.SOURCE_KEYS},
            **{key: value for key, value in said.items() if value or key not in self.LEFT_OUT},
        }

    def to_dict(self) -> dict[str, Any]:
        """The JSON of the result in Python's types."""
        return {key: in_json(value) for key, value in self.contents().items()}


@dataclass(frozen=True, slots=True)
class Solution(Document):
    """The priced chain: goods in chain order, primaries first; firms in topological order.

    Numbers are doubles, or decimals where more than 17 digits were asked for or no double can
    hold the number. With a numeraire all money is in units of it.
    """

    path: Annotated[str, "The file as it was named."]
    title: Annotated[str, "The spec's title."]
    sha256: Annotated[
        str, "The SHA-256 of the file's bytes, or where it names other files that of all of them."
    ]
    allocation: Annotated[Literal["given", "competitive"], "How quantities came about."]
    numeraire: Annotated[str | None, "The good that money is counted in; null where money is money."]
    money: Annotated[str, "The unit of prices, empty where the spec gives none."]
    total_value: Annotated[Number, "Sales less purchases; along curves, their integrals."]
    goods: Annotated[tuple[PricedGood, ...], "Every good in chain order, primaries first."]
    firms: Annotated[tuple[PricedFirm, ...], "Every firm in topological order."]
    warnings: Annotated[tuple[Warning, ...], "What a reader should know."]
    limits: Annotated[tuple[Limit, ...], "What the market cannot go beyond."] = ()
    incomes: Annotated[Incomes | None, "Where total value goes; null where quantities are given."] = None
    chains: Annotated[
        tuple[PricedChain, ...], "Firms that are chains themselves; left out where there are none.", SOMETIMES
    ] = ()

    FORM: ClassVar = FORMAT

    KEYS: ClassVar = (
        *("allocation", "numeraire", "total_value", "goods", "firms", "warnings"),
        *("money", "limits", "incomes", "chains"),
    )
    """What the JSON says about its prices, in this order."""

    LEFT_OUT: ClassVar = ("chains",)

    @property
    def prices(self) -> Mapping[str, Number]:
        """The price of every good by its name."""
        return {row.good: row.price for row in self.goods}

    @property
    def quantities(self) -> Mapping[str, Number]:
        """The available quantity of every good by its name."""
        return {row.good: row.quantity for row in self.goods}


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
