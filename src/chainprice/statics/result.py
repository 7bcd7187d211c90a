"""The result of `sensitivity`, as immutable values; `to_dict` gives its JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, NamedTuple

from chainprice.arithmetic import Number
from chainprice.solution import Document
from chainprice.statics.levers import Kind

FORMAT = "chainprice.sensitivity/1"
"""The JSON of `sensitivity`, and its version."""


Method = Literal["linear programme", "path", "slopes", "search", "none"]
"""How a range was found."""

Holds = Literal["price", "quantities", "pattern"]
"""What stays as it is within a range."""


class Sensitivity(NamedTuple):
    """How total value, or a price, changes with one number of the spec or the productivity of one firm.

    `elasticity` is derivative * value / (total value or price): by how many percent it changes with one
    percent. Where both sides differ there is no derivative but `one_sided`.
    """

    name: Annotated[str, "What is moved, as --set calls it; productivity.FIRM and split.GOOD.USER besides."]
    kind: Annotated[Kind, "What kind of number it is."]
    good: Annotated[str | None, "The good of a supply, a demand or a split."]
    firm: Annotated[
        str | None, "The firm of a parameter, a productivity or a split; null is the demand's split."
    ]
    value: Annotated[
        Number, "Where it stands; a price along a curve at the quantity traded, a productivity at 1."
    ]
    derivative: Annotated[
        Number | None, "What one more unit of it adds, at the margin; null where not unique."
    ]
    elasticity: Annotated[
        Number | None, "derivative * value / what changes; null where either of these is 0."
    ]
    reason: Annotated[str | None, "Why there is no derivative, or no elasticity."]
    one_sided: Annotated[
        tuple[Number | None, Number | None] | None,
        "Where both sides differ: what one more unit adds, and what one fewer takes, each null where it is "
        "impossible or not known; null where they are one.",
    ] = None


class PriceSensitivity(NamedTuple):
    """How the price of one good changes with everything."""

    good: Annotated[str, "The good."]
    price: Annotated[Number, "Its price."]
    note: Annotated[str | None, "What to know of the price: that it is not unique."]
    rows: Annotated[tuple[Sensitivity, ...], "How it changes, with each number of the spec."]


class Range(NamedTuple):
    """How far a supply can move while the same uses, limits and branches are active.

    Its quantity, or its limit; where it has neither, its price.
    """

    name: Annotated[str, "What is moved, as --set calls it."]
    good: Annotated[str, "The good that is supplied."]
    value: Annotated[Number, "Where it stands."]
    price: Annotated[Number, "The price of the good."]
    holds: Annotated[
        Holds,
        "What stays as it is within the range: the price of the good, all quantities, or only which uses, "
        "limits and branches are active.",
    ]
    low: Annotated[Number | None, "The least value of which that is so; null where it is not known."]
    high: Annotated[
        Number | None, "The greatest value of which that is so; null where there is none, or it is not known."
    ]
    at_low: Annotated[str, "What changes below, or why `low` is not known."]
    at_high: Annotated[str, "What changes above, or why there is no `high`."]
    method: Annotated[
        Method,
        "How the ends were found: exactly by a linear programme; by following the equilibrium to where it "
        "changes; in a large market only by its slopes here, an estimate; by a search along the quantity; or "
        "not at all.",
    ]


class Incidence(NamedTuple):
    """Who bears a tax on a good: `tax` money a unit, between its sellers and its buyers."""

    good: Annotated[str, "The good that is taxed."]
    rate: Annotated[Number | None, "The tax as a part of the sellers' price; null where it is an amount."]
    tax: Annotated[Number, "Money for each unit."]
    price: Annotated[Number, "The price without the tax."]
    buyers_price: Annotated[Number, "What buyers pay with the tax."]
    sellers_price: Annotated[Number, "What sellers keep with the tax."]
    quantity_before: Annotated[Number, "How much is traded without the tax."]
    quantity: Annotated[Number, "How much is traded with the tax."]
    buyers_share: Annotated[
        Number | None,
        "The part of the tax by which the buyers' price rises; null where the price before is not unique.",
    ]
    sellers_share: Annotated[
        Number | None, "The part of the tax by which the sellers' price falls; the two sum to 1."
    ]
    revenue: Annotated[Number, "tax * quantity."]
    dead_weight_loss: Annotated[Number, "What total value loses beyond the revenue."]
    pass_through: Annotated[
        Number | None,
        "By how much the buyers' price rises for each unit of a small tax; null where that is not unique.",
    ]
    reason: Annotated[str | None, "Why there are no shares, or there is no pass-through."]


@dataclass(frozen=True, slots=True)
class Sensitivities(Document):
    """How total value and prices depend on every number of a spec; money is money, whatever the numeraire.

    Numbers are doubles, or decimals that no double can hold.
    """

    path: Annotated[str, "The file as it was named."]
    title: Annotated[str, "The spec's title."]
    sha256: Annotated[str, "The SHA-256 of the file's bytes."]
    allocation: Annotated[Literal["given", "competitive"], "How quantities come about."]
    money: Annotated[str, "The unit of prices, empty where the spec gives none."]
    total_value: Annotated[Number, "Sales less purchases; along curves, their integrals."]
    rows: Annotated[tuple[Sensitivity, ...], "How total value changes, with each number of the spec."]
    prices: Annotated[tuple[PriceSensitivity, ...], "How prices change, of the goods that were asked for."]
    ranges: Annotated[tuple[Range, ...], "How far each supply can move."]
    taxes: Annotated[tuple[Incidence, ...], "Who bears the taxes that were asked for."]

    FORM: ClassVar = FORMAT

    KEYS: ClassVar = ("allocation", "money", "total_value", "rows", "prices", "ranges", "taxes")
    """What the JSON says about the chain, in this order."""
