"""The graph of a priced chain, as immutable values; `to_dict` gives its JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from chainprice.arithmetic import Number
from chainprice.keys import SOMETIMES
from chainprice.solution import Document, as_dict

FORMAT = "chainprice.graph/1"
"""The JSON of `graph`, and its version."""

NodeKind = Literal["good", "firm", "supply", "demand"]

MarkKind = Literal["shared", "split", "non-rival", "limit", "left-over", "not-unique", "idle"]


class Mark(NamedTuple):
    """Something about a node that a picture should show."""

    kind: Annotated[
        MarkKind,
        "shared: a rival good with several uses; split: one whose shares are stated; non-rival; limit: a "
        "limit that binds; left-over: more than anybody wants; not-unique: an interval of prices; idle: a "
        "firm that makes nothing.",
    ]
    quantity: Annotated[Number | None, "The limit; null for other marks."] = None
    rent: Annotated[Number | None, "What one more unit of the limit would add; null for other marks."] = None
    price_range: Annotated[
        tuple[Number, Number | None] | None,
        "What one more unit adds, and what one fewer takes (null where one fewer is impossible), where the "
        "price is not unique; null for other marks.",
    ] = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON of one mark."""
        return as_dict(self)


class Node(NamedTuple):
    """A good, a firm, or the outside world where it sells or buys a good that has other business too.

    A good that is only supplied has no supply node, and one that is only sold no demand node: it is its own.
    Of a firm, `value` is its revenue, and quantity and price are None.
    """

    id: Annotated[str, "The kind and the name, as in good:steel."]
    kind: Annotated[NodeKind, "What it is; supply and demand are the outside world's."]
    name: Annotated[str, "The good's or the firm's name."]
    unit: Annotated[str, "The unit of its quantity, empty where there is none."]
    quantity: Annotated[Number | None, "What is available of the good, supplied or sold; null for a firm."]
    price: Annotated[Number | None, "The price of the good; null for a firm."]
    value: Annotated[Number, "price * quantity; of a firm, its revenue."]
    profit: Annotated[Number | None, "What the firm earns; null for all else."]
    marks: Annotated[tuple[Mark, ...], "What is special about it."]

    def to_dict(self) -> dict[str, Any]:
        """The JSON of one node."""
        return as_dict(self)


class Edge(NamedTuple):
    """A good on its way: from its maker or its supply to itself, or from itself to a use.

    The quantity goes from `source` to `target`; the price comes back.
    """

    source: Annotated[str, "The id of the node that the good comes from."]
    target: Annotated[str, "The id of the node that it goes to."]
    good: Annotated[str, "The good."]
    quantity: Annotated[Number, "How much of it."]
    price: Annotated[Number, "What a unit is paid with here."]
    value: Annotated[Number, "price * quantity."]
    share: Annotated[Number | None, "The use's share of the good, where a split is stated."]

    def to_dict(self) -> dict[str, Any]:
        """The JSON of one edge."""
        return as_dict(self)


class InnerChain(NamedTuple):
    """A firm that is a chain, and what is inside it (MODEL.md section 7): a frame in pictures."""

    chain: Annotated[str, "The name of the firm that is a chain."]
    parent: Annotated[str | None, "The chain that it is inside of, null where that is the spec."]
    title: Annotated[str, "The title in its file, empty where there is none."]
    nodes: Annotated[tuple[str, ...], "The ids of its nodes, but for those inside the chains in it."]

    def to_dict(self) -> dict[str, Any]:
        """The JSON of one chain."""
        return as_dict(self)


@dataclass(frozen=True, slots=True)
class Diagram(Document):
    """What a picture of a priced chain shows. Nodes and edges in chain order."""

    path: Annotated[str, "The file as it was named."]
    title: Annotated[str, "The spec's title."]
    sha256: Annotated[str, "The SHA-256 of the file's bytes."]
    allocation: Annotated[Literal["given", "competitive"], "How quantities came about."]
    numeraire: Annotated[str | None, "The good that money is counted in; null where money is money."]
    money: Annotated[str, "The unit of prices, empty where the spec gives none."]
    total_value: Annotated[Number, "Sales less purchases; along curves, their integrals."]
    nodes: Annotated[tuple[Node, ...], "Goods, then firms, then the outside world."]
    edges: Annotated[tuple[Edge, ...], "Every way that a good goes."]
    chains: Annotated[
        tuple[InnerChain, ...], "Firms that are chains themselves; left out where there are none.", SOMETIMES
    ] = ()

    FORM: ClassVar = FORMAT

    KEYS: ClassVar = ("allocation", "numeraire", "money", "total_value", "nodes", "edges", "chains")
    """What the JSON says about the graph, in this order."""

    LEFT_OUT: ClassVar = ("chains",)

    @property
    def price_unit(self) -> str:
        """What prices are counted in: the numeraire, or else money; "" if neither has a name."""
        return self.numeraire or self.money
