"""From a solution to its graph."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from chainprice.arithmetic import Number
from chainprice.diagram.model import Diagram, Edge, InnerChain, Mark, Node, NodeKind
from chainprice.solution import Limit, PricedFirm, PricedGood, Solution
from chainprice.solver import solve
from chainprice.spec import Spec

_NOISE = 1e-9
"""A supply below this part of what there is, is what rounding has left."""


def graph(spec: Spec, *, numeraire: str | None = None) -> Diagram:
    """The graph of goods and firms of a spec, priced (MODEL.md sections 2 and 3).

    Raises what `solve` raises.
    """
    return diagram_of(spec, solve(spec, numeraire=numeraire))


def diagram_of(spec: Spec, solution: Solution) -> Diagram:
    """The graph of a spec that has been solved, with details."""
    return _Drawing(spec, solution).diagram()


def node_id(kind: NodeKind, name: str) -> str:
    """What a node is called by its edges."""
    return f"{kind}:{name}"


class _Drawing:
    """What is looked up on the way."""

    def __init__(self, spec: Spec, solution: Solution) -> None:
        self._spec, self._solution = spec, solution
        self._made = {output.good for firm in solution.firms for output in firm.outputs}
        self._sold = {row.good: use for row in solution.goods for use in row.uses if use.kind == "demand"}
        self._binding = [limit for limit in solution.limits if limit.binding]
        self._left_over = {w.good for w in solution.warnings if w.code == "thrown-away"}

    def diagram(self) -> Diagram:
        solution = self._solution
        return Diagram(
            path=solution.path,
            title=solution.title,
            sha256=solution.sha256,
            allocation=solution.allocation,
            numeraire=solution.numeraire,
            money=solution.money,
            total_value=solution.total_value,
            nodes=tuple(self._nodes()),
            edges=tuple(self._edges()),
            chains=tuple(self._chains()),
        )

    def _chains(self) -> Iterator[InnerChain]:
        """Each before those that are inside it."""
        chains = self._solution.chains
        names = {row.chain for row in chains}
        for row in chains:
            firms = [node_id("firm", firm) for firm in row.firms if firm not in names]
            goods = [node_id("good", good) for good in row.goods]
            yield InnerChain(row.chain, row.parent, row.title, (*goods, *firms))

    def _nodes(self) -> Iterator[Node]:
        yield from map(self._good, self._solution.goods)
        yield from map(self._firm, self._solution.firms)
        for row in self._solution.goods:
            if self._has_supply_node(row):
                yield self._outside("supply", row, self._bought(row))
            if self._has_demand_node(row):
                yield self._outside("demand", row, self._sold[row.good].quantity)

    def _has_supply_node(self, row: PricedGood) -> bool:
        return row.good in self._spec.supply and row.good in self._made

    def _has_demand_node(self, row: PricedGood) -> bool:
        return row.good in self._sold and row.role != "final"

    def _good(self, row: PricedGood) -> Node:
        return Node(
            id=node_id("good", row.good),
            kind="good",
            name=row.good,
            unit=row.unit,
            quantity=row.quantity,
            price=row.price,
            value=row.value,
            profit=None,
            marks=tuple(self._good_marks(row)),
        )

    def _good_marks(self, row: PricedGood) -> Iterator[Mark]:
        if row.good in self._spec.goods and not self._spec.goods[row.good].rival:
            yield Mark("non-rival")
        elif any(use.share is not None for use in row.uses):
            yield Mark("split")
        elif len(row.uses) > 1:
            yield Mark("shared")
        for limit in self._binding:
            is_here = limit.good == row.good and (
                (limit.kind == "supply" and not self._has_supply_node(row))
                or (limit.kind == "demand" and not self._has_demand_node(row))
            )
            if is_here:
                yield _limit_mark(limit)
        if row.good in self._left_over:
            yield Mark("left-over")
        if row.price_range is not None:
            yield Mark("not-unique", price_range=row.price_range)

    def _firm(self, firm: PricedFirm) -> Node:
        marks = [_limit_mark(limit) for limit in self._binding if limit.firm == firm.firm]
        if firm.outputs and not any(output.quantity for output in firm.outputs):
            marks.append(Mark("idle"))
        return Node(
            id=node_id("firm", firm.firm),
            kind="firm",
            name=firm.firm,
            unit="",
            quantity=None,
            price=None,
            value=firm.revenue,
            profit=firm.profit,
            marks=tuple(marks),
        )

    def _outside(self, kind: NodeKind, row: PricedGood, quantity: Number) -> Node:
        price = self._sold[row.good].price if kind == "demand" else row.price
        limits = [limit for limit in self._binding if limit.kind == kind and limit.good == row.good]
        return Node(
            id=node_id(kind, row.good),
            kind=kind,
            name=row.good,
            unit=row.unit,
            quantity=quantity,
            price=price,
            value=_times(quantity, price),
            profit=None,
            marks=tuple(map(_limit_mark, limits)),
        )

    def _bought(self, row: PricedGood) -> Number:
        """What is supplied of a good that firms make too."""
        made = [o.quantity for firm in self._solution.firms for o in firm.outputs if o.good == row.good]
        bought = float(row.quantity) - sum(map(float, made))
        return bought if abs(bought) > _NOISE * abs(float(row.quantity)) else 0.0

    def _edges(self) -> Iterator[Edge]:
        for firm in self._solution.firms:
            here = node_id("firm", firm.firm)
            for output in firm.outputs:
                there = node_id("good", output.good)
                value = _times(output.quantity, output.price)
                yield Edge(here, there, output.good, output.quantity, output.price, value, None)
        for row in self._solution.goods:
            here = node_id("good", row.good)
            if self._has_supply_node(row):
                bought = self._bought(row)
                source = node_id("supply", row.good)
                yield Edge(source, here, row.good, bought, row.price, _times(bought, row.price), None)
            for use in row.uses:
                if use.kind == "firm":
                    there = node_id("firm", use.user)
                elif self._has_demand_node(row):
                    there = node_id("demand", row.good)
                else:
                    continue
                value = _times(use.quantity, use.price)
                yield Edge(here, there, row.good, use.quantity, use.price, value, use.share)


def _times(quantity: Number, price: Number) -> Number:
    """A value; a decimal where one of the two is no double."""
    if isinstance(quantity, Decimal) or isinstance(price, Decimal):
        return Decimal(quantity) * Decimal(price)
    return quantity * price


def _limit_mark(limit: Limit) -> Mark:
    return Mark("limit", limit.quantity, limit.rent)
