"""The result of `diagnose`, as immutable values; `to_dict` gives the JSON of the contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from chainprice.arithmetic import Number
from chainprice.solution import Document, as_dict

FORMAT = "chainprice.diagnose/1"
"""The JSON of `diagnose`, and its version."""

Kind = Literal["firm", "demand", "supply"]

Move = Literal["more", "less", "stay"]

Ruling = Literal[
    "in equilibrium", "overpriced", "underpriced", "short", "in surplus", "misallocated", "not known"
]

What = Literal["price", "used", "sold", "bought", "made"]


class Gap(NamedTuple):
    """What a user would rather do with a good, at the observed prices.

    Of a good that is non-rival, or whose split is stated, a use has a price only where the observed data
    says what it paid; without that it has no gap, and the good's own row compares the price with all uses.
    """

    firm: Annotated[str, "A firm; or demand, or supply."]
    kind: Annotated[Kind, "Whether the user is a firm, the demand or the supply."]
    good: Annotated[str, "The good."]
    quantity: Annotated[Number | None, "How much of it is used, sold or bought; null where not known."]
    price: Annotated[Number | None, "What a unit costs the user; null where that is not known."]
    marginal_value: Annotated[
        Number | None,
        "What one more unit is worth to the user, of a supply its supply price; at a bend, of all that it "
        "may be the nearest to the price. null where not known.",
    ]
    marginal_range: Annotated[
        tuple[Number, Number] | None,
        "At a bend what one more unit would be worth, and what the last one is; null elsewhere.",
    ]
    gap: Annotated[
        Number | None,
        "What the first unit more would add to the user's profit: marginal_value - price, of a supply price "
        "- marginal_value. null where not known.",
    ]
    corner: Annotated[
        bool, "Whether the user has none, or all that it may, and the gap leads beyond: then it is none."
    ]
    move: Annotated[Move | None, "Which way the user would move; null where that is not known."]
    gain: Annotated[
        Number | None,
        "The money on the table: what the user would add to its profit by changing this one quantity, up to "
        "all there is of the good. null where not known.",
    ]

    def to_dict(self) -> dict[str, Any]:
        """The JSON of one gap."""
        return as_dict(self)


class GoodRow(NamedTuple):
    """What is wrong with the market of a good."""

    good: Annotated[str, "The good."]
    price: Annotated[Number | None, "Its observed price, or that inferred; null where not known."]
    equilibrium_price: Annotated[
        Number | None, "Its price in equilibrium; null where the spec has no equilibrium."
    ]
    marginal_value: Annotated[
        Number | None,
        "What one more unit is worth: the greatest of its uses' marginal values, of a non-rival good their "
        "sum, of a stated split their mean by shares. null where not known.",
    ]
    available: Annotated[Number | None, "What there is of it: bought and made; null where not known."]
    used: Annotated[
        Number | None,
        "What its uses have or must have, sales included; of a non-rival good the largest of them. null "
        "where not known.",
    ]
    excess_demand: Annotated[
        Number | None,
        "What its uses have beyond what there is, negative where some is left; null if not known.",
    ]
    spread: Annotated[
        Number | None,
        "The greatest marginal value less the smallest, over the uses that have some; null where fewer than "
        "two have, or one is not known.",
    ]
    verdict: Annotated[Ruling, "What is wrong with it."]
    reason: Annotated[str, "Why, in a sentence."]

    def to_dict(self) -> dict[str, Any]:
        """The JSON of one good."""
        return as_dict(self)


class Inferred(NamedTuple):
    """A number that was not observed, and follows."""

    what: Annotated[What, "Which number: a price, or how much is used, sold, bought or made."]
    good: Annotated[str, "The good."]
    firm: Annotated[str | None, "The firm that uses or makes it."]
    value: Annotated[Number, "The number."]
    reason: Annotated[str, "What it follows from."]


class Missing(NamedTuple):
    """A number that was not observed, and does not follow."""

    what: Annotated[What, "Which number: a price, or how much is used, sold, bought or made."]
    good: Annotated[str, "The good."]
    firm: Annotated[str | None, "The firm that uses or makes it."]


class Note(NamedTuple):
    """Something about the diagnosis that a reader should know."""

    code: Annotated[Literal["no-equilibrium", "not-feasible"], "What kind of warning."]
    message: Annotated[str, "The warning in words."]


@dataclass(frozen=True, slots=True)
class Diagnosis(Document):
    """Where an observed market is out of equilibrium; gaps by the money on the table, goods in chain order.

    Numbers are doubles, or decimals that no double can hold. With a numeraire all money is in units of it.
    """

    path: Annotated[str, "The file as it was named."]
    title: Annotated[str, "The spec's title."]
    sha256: Annotated[str, "The SHA-256 of the file's bytes."]
    observed: Annotated[str, "The file with the observed market."]
    tolerance: Annotated[float, "The relative tolerance."]
    within_tolerance: Annotated[
        bool, "Whether no gap, excess or price that is known is beyond the tolerance."
    ]
    allocation: Annotated[Literal["given", "competitive"], "How quantities come about in equilibrium."]
    numeraire: Annotated[str | None, "The good that money is counted in; null where money is money."]
    money: Annotated[str, "The unit of prices, empty where the spec gives none."]
    total_value: Annotated[Number | None, "Total value at the observed quantities; null where not known."]
    equilibrium_value: Annotated[
        Number | None, "Total value in equilibrium; null where the spec has no equilibrium."
    ]
    to_gain: Annotated[
        Number | None, "What moving to the equilibrium would add to total value; null where not known."
    ]
    gaps: Annotated[tuple[Gap, ...], "Every use, the largest gain first."]
    goods: Annotated[tuple[GoodRow, ...], "Every good in chain order, primaries first."]
    inferred: Annotated[tuple[Inferred, ...], "What was not observed, and follows."]
    missing: Annotated[tuple[Missing, ...], "What was not observed, and does not follow."]
    warnings: Annotated[tuple[Note, ...], "What a reader should know."]

    FORM: ClassVar = FORMAT

    KEYS: ClassVar = (
        *("observed", "tolerance", "within_tolerance", "allocation", "numeraire", "money"),
        *("total_value", "equilibrium_value", "to_gain"),
        *("gaps", "goods", "inferred", "missing", "warnings"),
    )
    """What the JSON says about the market, in this order."""
