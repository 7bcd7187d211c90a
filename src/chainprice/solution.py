"""The result of `solve`, as immutable values; `to_dict` gives the JSON of the contract.

Rows are named tuples: a chain of many firms has many of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from chainprice.arithmetic import Number, plain
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
        return {"code": self.code, "message": self.message, "good": self.good, "firm": self.firm}


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
        return {
            "user": self.user,
            "kind": self.kind,
            "share": plain(self.share),
            "quantity": plain(self.quantity),
            "price": plain(self.price),
            "marginal_value": plain(self.marginal_value),
            "gap": plain(self.gap),
            "corner": self.corner,
        }


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
        return {
            "kind": self.kind,
            "good": self.good,
            "firm": self.firm,
            "quantity": plain(self.quantity),
            "binding": self.binding,
            "rent": plain(self.rent),
        }


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
        return {
            "profits": plain(self.profits),
            "factor_incomes": plain(self.factor_incomes),
            "buyer_surplus": plain(self.buyer_surplus),
        }


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
        row: dict[str, Any] = {
            "good": self.good,
            "role": self.role,
            "unit": self.unit,
            "quantity": plain(self.quantity),
            "price": plain(self.price),
            "value": plain(self.value),
            "rule": self.rule,
            "uses": [use.to_dict() for use in self.uses],
        }
        if self.price_range is not None:
            row["price_range"] = [plain(bound) for bound in self.price_range]
        return row


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
        return {
            "firm": self.firm,
            "revenue": plain(self.revenue),
            "cost": plain(self.cost),
            "profit": plain(self.profit),
            "returns_to_scale": plain(self.returns_to_scale),
            "outputs": [
                {"good": o.good, "quantity": plain(o.quantity), "price": plain(o.price)} for o in self.outputs
            ],
            "inputs": [
                {
                    "good": i.good,
                    "quantity": plain(i.quantity),
                    "price": plain(i.price),
                    "marginal_value": plain(i.marginal_value),
                    "gap": plain(i.gap),
                }
                for i in self.inputs
            ],
            "derivatives": [
                {"output": d.output, "input": d.input, "formula": d.formula, "value": plain(d.value)}
                for d in self.derivatives
            ],
        }


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

    def to_dict(self) -> dict[str, Any]:
        """The JSON of `solve`, format chainprice.solve/1."""
        return {
            "format": "chainprice.solve/1",
            "spec": {"path": self.path, "title": self.title, "sha256": self.sha256},
            "allocation": self.allocation,
            "numeraire": self.numeraire,
            "total_value": plain(self.total_value),
            "goods": [good.to_dict() for good in self.goods],
            "firms": [firm.to_dict() for firm in self.firms],
            "warnings": [warning.to_dict() for warning in self.warnings],
            "money": self.money,
            "limits": [limit.to_dict() for limit in self.limits],
            "incomes": None if self.incomes is None else self.incomes.to_dict(),
        }
