"""The rows of a table that follow from others of it, or from the spec: none may say something else.

A table gives a use under its good and again under its firm, marginal products and what they are worth,
limits and whether they bind. Slopes are exact differences here too; at a bend any number between
the two one-sided slopes is one.

A point has numbers of its own kind: decimals where quantities follow from the spec, mpmath's at a market.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from chainprice import limits
from chainprice.errors import UndefinedError
from chainprice.formula import Formula, Functions, Shape
from chainprice.spec import DEMAND, Spec
from chainprice.spec.model import Trade
from chainprice.verification.difference import Moving
from chainprice.verification.table import PriceTable

Use = tuple[str, str]
"""A good and the firm that uses it; "" for its demand."""

Number = Any
"""A number of the point's kind."""

WRONG = 1
RIGHT = 0

_NOTHING = Decimal(str(limits.NOTHING))


class Gap(NamedTuple):
    """How far something is from what it must be, relatively, and where."""

    condition: str
    where: str
    error: Number


class Point(Protocol):
    """A spec at its quantities, and a table with its prices: what rows are compared with."""

    @property
    def spec(self) -> Spec:
        """What the table is about."""

    @property
    def table(self) -> PriceTable:
        """The table whose rows these are."""

    @property
    def money(self) -> Number:
        """What a unit of the table's money is worth."""

    @property
    def step(self) -> Number:
        """The relative step of a difference."""

    @property
    def functions(self) -> Functions:
        """Exact differences, where what is nearly equal is meant to be."""

    @property
    def prices(self) -> Mapping[str, Number]:
        """The table's prices in money."""

    @property
    def used(self) -> Mapping[Use, Number]:
        """How much each use has."""

    @property
    def available(self) -> Mapping[str, Number]:
        """What there is of each good."""

    @property
    def bought(self) -> Mapping[str, Number]:
        """What is bought of each supplied good."""

    def number(self, value: Decimal) -> Number:
        """A figure of the table."""

    def constant(self, formula: Formula) -> Number:
        """The value of a constant formula."""

    def inputs(self, firm: str) -> tuple[str, ...]:
        """The goods that a firm's formulas name."""

    def amount(self, firm: str, good: str) -> Number:
        """What a firm makes of an output."""

    def moving(self, firm: str, formula: Formula, change: Mapping[str, Number]) -> Mapping[str, Moving]:
        """What a formula's names are worth, and how far each goes."""

    def ends(self, firm: str, output: str, good: str) -> list[Number]:
        """The slopes of an output by an input to the right and to the left; empty where one is not known."""

    def trade_price(self, section: str, good: str, quantity: Number) -> Number:
        """The price on a supply or demand curve; raises UndefinedError where there is none."""

    def blur(self, section: str, good: str, quantity: Number) -> Number:
        """By how much a price on a curve may be off, as far as the quantity is known."""

    def limit(self, section: str, good: str) -> Number | None:
        """The most that can be traded."""


def gaps(point: Point, allocation: str) -> Iterator[Gap]:
    """Every row that is there, with its relative error; `allocation` is what the table must say it is."""
    yield from _Rows(point, allocation).gaps()


def uses_of(spec: Spec) -> set[Use]:
    """Every use of a good that a spec has."""
    goods = {*spec.supply, *(good for firm in spec.firms.values() for good in firm.production)}
    return {
        (name, firm)
        for firm, made in spec.firms.items()
        for formula in made.production.values()
        for name in formula.names
        if name in goods
    } | {(good, "") for good in spec.demand}


@dataclass(frozen=True)
class _Rows:
    point: Point
    allocation: str

    def gaps(self) -> Iterator[Gap]:
        spec, table = self.point.spec, self.point.table
        yield Gap("rows", "the table", RIGHT)
        if table.allocation is not None:
            yield from self._same("allocation", table.allocation, self.allocation)
        yield from self._uses()
        yield from self._goods()
        yield from self._limits()
        if table.lists_firms:
            for firm in sorted(spec.firms.keys() - table.firms.keys()):
                yield Gap("rows", firm, WRONG)
        for firm in table.firms:
            if firm in spec.firms:
                yield from self._firm(firm)
            else:
                yield Gap("rows", firm, WRONG)

    def _same(self, where: str, a: object, b: object) -> Iterator[Gap]:
        """Words and flags that must be the same: a gap only where they are not, for most are."""
        if a != b:
            yield Gap("rows", where, WRONG)

    def _goods(self) -> Iterator[Gap]:
        table, spec = self.point.table, self.point.spec
        for good, unit in table.units.items():
            yield from self._same(f"unit of {good}", unit, spec.unit(good))
        made = {good for firm in spec.firms.values() for good in firm.production}
        read = {n for firm in spec.firms.values() for f in firm.production.values() for n in f.names}
        for good, role in table.roles.items():
            if good in spec.supply and good not in made:
                right = "primary"
            else:
                right = "final" if good in spec.demand and good not in read else "intermediate"
            yield from self._same(f"role of {good}", role, right)

    def _uses(self) -> Iterator[Gap]:
        """Every use under its good: its gap, its corner, its share."""
        known, number = uses_of(self.point.spec), self.point.number
        for (good, firm), row in self.point.table.uses.items():
            where = f"{firm or DEMAND}/{good}"
            if (good, firm) not in known:
                yield Gap("rows", where, WRONG)
            worth = row.figures.get("marginal_value")
            if worth is not None and "gap" in row.figures:
                value, price = number(worth), number(row.price)
                gap = number(row.figures["gap"])
                yield Gap("rows", where, _error(gap, value - price, max(abs(value), abs(price))))
            if worth is not None and not firm and good in self.point.spec.demand:
                yield Gap("rows", where, self._off_demand(good, worth))
            if row.corner is not None:
                is_corner = self.allocation == "competitive" and row.quantity == 0
                yield from self._same(where, row.corner, is_corner)
            split = self.point.spec.note(good).split
            if split is not None and "share" in row.figures and (firm or DEMAND) in split:
                share = self.point.constant(split[firm or DEMAND])
                yield Gap("rows", where, _error(number(row.figures["share"]), share))

    def _off_demand(self, good: str, worth: Decimal) -> Number:
        """What a unit is worth to buyers is the price on their curve.

        At the curve's end that is 0 but for rounding, which is measured by the fall along half of it.
        """
        sold = self.point.used[good, ""]
        try:
            price = self.point.trade_price("demand", good, sold)
            blur = self.point.blur("demand", good, sold)
            fall = None if worth else abs(self.point.trade_price("demand", good, sold / 2) - price)
        except UndefinedError:
            return WRONG
        money = self.point.money
        said = self.point.number(worth) * money
        return _error(said, min(max(said, price - blur), price + blur), fall)

    def _firm(self, firm: str) -> Iterator[Gap]:
        point, rows = self.point, self.point.table.firms[firm]
        production = point.spec.firms[firm].production
        for good in production if rows.outputs else ():
            row = rows.outputs.get(good)
            right = {"quantity": point.amount(firm, good), "price": point.number(point.table.prices[good])}
            yield from self._row(f"{firm}/{good}", row, right)
        for good in point.inputs(firm) if rows.inputs else ():
            use = point.table.uses[good, firm]
            twin = {"quantity": use.quantity, "price": use.price, **use.figures}
            if rows.inputs.get(good) != twin:
                right = {name: point.number(value) for name, value in twin.items()}
                yield from self._row(f"{firm}/{good}", rows.inputs.get(good), right)
        yield from self._slopes(firm)
        yield from self._returns(firm)

    def _row(
        self, where: str, row: Mapping[str, Decimal] | None, right: Mapping[str, Number]
    ) -> Iterator[Gap]:
        """A row that must be there, and say the right thing as far as it says it."""
        if not row:
            yield Gap("rows", where, WRONG)
            return
        for name, figure in row.items():
            if name in right:
                yield Gap("rows", where, _error(self.point.number(figure), right[name]))

    def _slopes(self, firm: str) -> Iterator[Gap]:
        """Marginal products, and what they are worth at the table's prices."""
        point, slopes = self.point, self.point.table.firms[firm].derivatives
        production, number = point.spec.firms[firm].production, point.number
        worth: dict[str, list[Number]] = {}
        nothing, used, available, prices = number(_NOTHING), point.used, point.available, point.table.prices
        for (output, good), slope in slopes.items():
            if output not in production or (good, firm) not in used:
                yield Gap("rows", f"{firm}/{output}/{good}", WRONG)
                continue
            if output in prices:
                worth.setdefault(good, []).append(number(prices[output]) * number(slope))
            if used[good, firm] > nothing * abs(available[good]):
                ends = point.ends(firm, output, good)
                yield Gap("rows", f"{firm}/{output}/{good}", _outside(number(slope), ends))
        for good in point.inputs(firm) if slopes else ():
            value = point.table.uses[good, firm].figures.get("marginal_value")
            if value is not None:
                parts = worth.get(good, [])
                error = _error(number(value), sum(parts), sum(map(abs, parts)))
                yield Gap("rows", f"{firm}/{good}", error)

    def _returns(self, firm: str) -> Iterator[Gap]:
        """The elasticity of output when all inputs grow in step; joint outputs weighted by their value."""
        point, rows = self.point, self.point.table.firms[firm]
        production = point.spec.firms[firm].production
        known = {(o, i) for i in point.inputs(firm) for o in production if i in production[o].names}
        if rows.returns is None or not known or not rows.derivatives.keys() >= known:
            return
        weights = {o: point.prices[o] if len(production) > 1 else 1 for o in production}
        output = sum(weights[o] * point.amount(firm, o) for o in production)
        if not output:
            return
        growth = [weights[o] * point.number(rows.derivatives[o, i]) * point.used[i, firm] for o, i in known]
        size = max(sum(map(abs, growth)) / abs(output), point.number(_NOTHING))
        error = _error(point.number(rows.returns), sum(growth) / output, size)
        yield Gap("rows", f"returns to scale of {firm}", error)

    def _capacities(self) -> Iterator[Gap]:
        """Each capacity is a constant in a `min`; what a firm's inputs and capacities earn is what they make.

        All of them grown in step, the firm grows along its bends, where single slopes may not exist.
        """
        point, rows = self.point, self.point.table.limits
        rents: dict[str, list[Number]] = {}
        for row in rows:
            good, firm = row.good, row.firm
            if row.kind == "capacity":
                made = point.spec.firms[firm].production if firm in point.spec.firms else {}
                sizes = [size for _, size in self._constants(firm, good)] if good in made else []
                quantity = None if row.quantity is None else point.number(row.quantity)
                is_one = any(_error(quantity, size) <= limits.TOLERANCE for size in sizes)
                if not is_one:
                    yield Gap("rows", f"limit: capacity of {firm}/{good}", WRONG)
                if row.rent is not None and quantity is not None:
                    rents.setdefault(firm, []).append(point.number(row.rent) * quantity)
        for firm, technology in point.spec.firms.items() if rows else ():
            if not any(self._constants(firm, good) for good in technology.production):
                continue
            uses = [point.table.uses[good, firm].figures.get("marginal_value") for good in point.inputs(firm)]
            if None in uses or not self._is_active(firm):
                continue
            earned = [
                point.number(worth) * point.used[good, firm]
                for good, worth in zip(point.inputs(firm), uses, strict=True)
                if worth is not None
            ]
            ends = [
                sum(
                    point.number(point.table.prices[o]) * self._grown(firm, o, by)
                    for o in technology.production
                )
                / by
                for by in (point.step, -point.step)
            ]
            yield Gap("rows", f"rents of {firm}", _outside(sum([*earned, *rents.get(firm, [])]), ends))

    def _is_active(self, firm: str) -> bool:
        return all(self.point.used[good, firm] for good in self.point.inputs(firm))

    def _constants(self, firm: str, good: str) -> list[tuple[int, Number]]:
        """The step and the value of each argument that names no good, of a `min` of which another does."""
        formula = self.point.spec.firms[firm].production[good]
        if not _has_min(formula.shape):
            return []
        steps = formula.shape.steps
        goods = {formula.names.index(name) for name in self.point.inputs(firm) if name in formula.names}
        moving: set[int] = set()
        for index, (operation, operands) in enumerate(steps):
            if (
                operands[0] in goods
                if operation == "name"
                else operation != "number" and moving & {*operands}
            ):
                moving.add(index)
        bounds = (of for operation, of in steps if operation == "min" and moving & {*of})
        arguments = {operand for of in bounds for operand in of} - moving
        values = [moved.value for moved in self._trace(firm, good, {}, {})]
        return [(step, values[step]) for step in sorted(arguments)]

    def _grown(self, firm: str, good: str, by: Number) -> Number:
        """How much more is made when all inputs and capacities grow by a part of themselves."""
        inputs = {name: by * self.point.used[name, firm] for name in self.point.inputs(firm)}
        capacities = {step: by * size for step, size in self._constants(firm, good)}
        return self._trace(firm, good, inputs, capacities)[-1].change

    def _trace(
        self, firm: str, good: str, inputs: Mapping[str, Number], capacities: Mapping[int, Number]
    ) -> list[Moving]:
        """Every step of a production function on its way."""
        formula, functions = self.point.spec.firms[firm].production[good], self.point.functions
        values = self.point.moving(firm, formula, inputs)
        trace: list[Moving] = []
        for index, (operation, operands) in enumerate(formula.shape.steps):
            if operation == "name":
                step = values[formula.names[operands[0]]]
            elif operation == "number":
                step = functions["number"](formula.numbers[operands[0]])
            else:
                step = functions[operation](*(trace[operand] for operand in operands))
            trace.append(Moving(step.value, step.change + capacities.get(index, 0)))
        return trace

    def _limits(self) -> Iterator[Gap]:
        """The quantity of each limit, and whether it binds."""
        point = self.point
        for row in point.table.limits:
            kind, good = row.kind, row.good
            where = f"limit: {kind} of {good}"
            if kind == "capacity":
                if row.binding is not None:
                    yield from self._same(where, row.binding, row.rent != 0)
                continue
            is_known = kind in ("supply", "demand") and good in getattr(point.spec, kind)
            most = point.limit(kind, good) if is_known else None
            if most is None:
                yield Gap("rows", where, WRONG)
                continue
            if row.quantity is not None:
                yield Gap("rows", where, _error(point.number(row.quantity), most))
            traded = point.bought[good] if kind == "supply" else point.used[good, ""]
            is_full = _error(traded, most) <= limits.TOLERANCE
            if row.binding and not is_full:
                yield Gap("rows", where, WRONG)
            if row.rent and not row.binding and row.binding is not None:
                yield Gap("rows", where, WRONG)
        yield from self._lacking()
        yield from self._capacities()

    def _lacking(self) -> Iterator[Gap]:
        """A table with limits has all of them."""
        spec, table = self.point.spec, self.point.table
        used = {good for good, _ in self.point.used} if table.limits else set()
        listed = {(row.kind, row.good) for row in table.limits}
        for kind, trades in (("supply", spec.supply), ("demand", spec.demand)):
            named: Mapping[str, Trade] = trades
            for good, trade in named.items():
                is_limit = trade.quantity is not None and (trade.price is not None or kind == "supply")
                if is_limit and good in used and (kind, good) not in listed:
                    yield Gap("rows", f"limit: {kind} of {good}", WRONG)


@lru_cache(maxsize=65_536)
def _has_min(shape: Shape) -> bool:
    return any(operation == "min" for operation, _ in shape.steps)


def _outside(value: Number, ends: list[Number]) -> Number:
    """How far a value is outside of an interval; nothing where its ends are not known."""
    return _error(value, min(max(value, min(ends)), max(ends))) if ends else RIGHT


def _error(figure: Number | None, direct: Number, size: Number | None = None) -> Number:
    if figure is None or figure == direct:
        return RIGHT
    scale = size or max(abs(figure), abs(direct))
    return abs(figure - direct) / scale if scale else RIGHT
