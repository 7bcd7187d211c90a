"""The rows of a table that follow from others of it, or from the spec: none may say something else.

A table gives a use under its good and again under its firm, marginal products and what they are worth,
limits and whether they bind. Slopes are exact differences here too; at a bend any number between
the two one-sided slopes is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

import mpmath
from mpmath import mpf

from chainprice import limits
from chainprice.errors import UndefinedError
from chainprice.spec import DEMAND
from chainprice.verification.composition import constant
from chainprice.verification.difference import ON_BENDS, Moving
from chainprice.verification.market import STEP, Gap, MarketPoint, uses_of

WRONG = mpf(1)
RIGHT = mpf(0)


def gaps(point: MarketPoint, allocation: str) -> Iterator[Gap]:
    """Every row that is there, with its relative error; `allocation` is what the table must say it is."""
    yield from _Rows(point, allocation).gaps()


@dataclass(frozen=True)
class _Rows:
    point: MarketPoint
    allocation: str

    def gaps(self) -> Iterator[Gap]:
        if self.point.table.allocation is not None:
            yield Gap("rows", "allocation", self._same(self.point.table.allocation, self.allocation))
        yield from self._uses()
        yield from self._goods()
        yield from self._limits()
        if self.point.table.firms:
            for firm in sorted(self.point.spec.firms.keys() | self.point.table.firms.keys()):
                yield Gap(
                    "rows", firm, self._same(firm in self.point.table.firms, firm in self.point.spec.firms)
                )
        for firm in self.point.table.firms:
            if firm in self.point.spec.firms:
                yield from self._firm(firm)

    def _same(self, a: object, b: object) -> mpf:
        return RIGHT if a == b else WRONG

    def _goods(self) -> Iterator[Gap]:
        table, spec = self.point.table, self.point.spec
        for good, unit in table.units.items():
            yield Gap("rows", f"unit of {good}", self._same(unit, spec.unit(good)))
        made = {good for firm in spec.firms.values() for good in firm.production}
        read = {n for firm in spec.firms.values() for f in firm.production.values() for n in f.names}
        for good, role in table.roles.items():
            if good in spec.supply and good not in made:
                right = "primary"
            else:
                right = "final" if good in spec.demand and good not in read else "intermediate"
            yield Gap("rows", f"role of {good}", self._same(role, right))

    def _uses(self) -> Iterator[Gap]:
        """Every use under its good: its gap, its corner, its share."""
        known = uses_of(self.point.spec)
        for (good, firm), row in self.point.table.uses.items():
            where = f"{firm or DEMAND}/{good}"
            yield Gap("rows", where, RIGHT if (good, firm) in known else WRONG)
            worth = row.figures.get("marginal_value")
            if worth is not None and "gap" in row.figures:
                size = max(abs(_mpf(worth)), abs(_mpf(row.price)))
                yield Gap("rows", where, _error(row.figures["gap"], _mpf(worth) - _mpf(row.price), size))
            if worth is not None and not firm and good in self.point.spec.demand:
                yield Gap("rows", where, self._off_demand(good, worth))
            if row.corner is not None:
                is_corner = self.allocation == "competitive" and row.quantity == 0
                yield Gap("rows", where, self._same(row.corner, is_corner))
            split = self.point.spec.note(good).split
            if split is not None and "share" in row.figures and (firm or DEMAND) in split:
                yield Gap("rows", where, _error(row.figures["share"], constant(split[firm or DEMAND])))

    def _off_demand(self, good: str, worth: Decimal) -> mpf:
        """What a unit is worth to buyers is the price on their curve."""
        try:
            price = self.point.trade_price("demand", good, self.point.used[good, ""])
        except UndefinedError:
            return WRONG
        return _error(worth, price / self.point.money)

    def _firm(self, firm: str) -> Iterator[Gap]:
        point, rows = self.point, self.point.table.firms[firm]
        production = point.spec.firms[firm].production
        for good in production if rows.outputs else ():
            row = rows.outputs.get(good)
            yield Gap("rows", f"{firm}/{good}", RIGHT if row else WRONG)
            if row:
                yield Gap("rows", f"{firm}/{good}", _error(row.get("quantity"), point.amount(firm, good)))
                yield Gap("rows", f"{firm}/{good}", _error(row.get("price"), _mpf(point.table.prices[good])))
        for good in point.inputs(firm) if rows.inputs else ():
            row, use = rows.inputs.get(good), point.table.uses[good, firm]
            yield Gap("rows", f"{firm}/{good}", RIGHT if row else WRONG)
            for name, figure in (row or {}).items():
                twin = {"quantity": use.quantity, "price": use.price, **use.figures}.get(name)
                yield Gap("rows", f"{firm}/{good}", RIGHT if twin is None else _error(figure, _mpf(twin)))
        yield from self._slopes(firm)
        yield from self._returns(firm)

    def _slopes(self, firm: str) -> Iterator[Gap]:
        """Marginal products, and what they are worth at the table's prices."""
        point, slopes = self.point, self.point.table.firms[firm].derivatives
        for (output, good), slope in slopes.items():
            if output not in point.spec.firms[firm].production or (good, firm) not in point.used:
                yield Gap("rows", f"{firm}/{output}/{good}", WRONG)
                continue
            z = point.used[good, firm]
            if z > mpf(limits.NOTHING) * abs(point.available[good]):
                step = z * STEP
                ends = [point.change(firm, output, {good: by}) / by for by in (step, -step)]
                yield Gap("rows", f"{firm}/{output}/{good}", _outside(_mpf(slope), ends))
        for good in point.inputs(firm) if slopes else ():
            worth = point.table.uses[good, firm].figures.get("marginal_value")
            of = [(o, slope) for (o, i), slope in slopes.items() if i == good and o in point.table.prices]
            if worth is not None and all(o in point.spec.firms[firm].production for o, _ in of):
                parts = [_mpf(point.table.prices[o]) * _mpf(slope) for o, slope in of]
                size = mpmath.fsum(map(abs, parts))
                yield Gap("rows", f"{firm}/{good}", _error(worth, mpmath.fsum(parts), size))

    def _returns(self, firm: str) -> Iterator[Gap]:
        """The elasticity of output when all inputs grow in step; joint outputs weighted by their value."""
        point, rows = self.point, self.point.table.firms[firm]
        production = point.spec.firms[firm].production
        weights = {o: point.prices[o] if len(production) > 1 else mpf(1) for o in production}
        output = mpmath.fsum(weights[o] * point.amount(firm, o) for o in production)
        known = {(o, i) for o in production for i in point.inputs(firm) if i in production[o].names}
        if rows.returns is None or not output or not known or not rows.derivatives.keys() >= known:
            return
        growth = [weights[o] * _mpf(rows.derivatives[o, i]) * point.used[i, firm] for o, i in known]
        size = max(mpmath.fsum(map(abs, growth)) / abs(output), mpf(limits.NOTHING))
        error = _error(rows.returns, mpmath.fsum(growth) / output, size)
        yield Gap("rows", f"returns to scale of {firm}", error)

    def _capacities(self) -> Iterator[Gap]:
        """Each capacity is a constant in a `min`; what a firm's inputs and capacities earn is what they make.

        All of them grown in step, the firm grows along its bends, where single slopes may not exist.
        """
        point, rows = self.point, self.point.table.limits
        for (kind, good, firm), row in rows.items():
            if kind == "capacity":
                where = f"limit: capacity of {firm}/{good}"
                made = point.spec.firms[firm].production if firm in point.spec.firms else {}
                sizes = [size for _, size in self._constants(firm, good)] if good in made else []
                is_one = any(_error(row.quantity, size) <= mpf(limits.TOLERANCE) for size in sizes)
                yield Gap("rows", where, RIGHT if is_one else WRONG)
        for firm, technology in point.spec.firms.items():
            capacities = {good: self._constants(firm, good) for good in technology.production}
            uses = [point.table.uses[good, firm].figures.get("marginal_value") for good in point.inputs(firm)]
            if not rows or not any(capacities.values()) or None in uses or not self._is_active(firm):
                continue
            earned = [
                _mpf(worth) * point.used[good, firm]
                for good, worth in zip(point.inputs(firm), uses, strict=True)
                if worth is not None
            ]
            rents = [
                _mpf(row.rent) * _mpf(row.quantity)
                for (kind, _, owner), row in rows.items()
                if kind == "capacity" and owner == firm and row.rent is not None and row.quantity is not None
            ]
            ends = [
                mpmath.fsum(
                    _mpf(point.table.prices[o]) * self._grown(firm, o, by) for o in technology.production
                )
                / by
                for by in (STEP, -STEP)
            ]
            yield Gap("rows", f"rents of {firm}", _outside(mpmath.fsum([*earned, *rents]), ends))

    def _is_active(self, firm: str) -> bool:
        return all(self.point.used[good, firm] for good in self.point.inputs(firm))

    def _constants(self, firm: str, good: str) -> list[tuple[int, mpf]]:
        """The step and the value of each argument of a `min` that names no good."""
        formula = self.point.spec.firms[firm].production[good]
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
        arguments = {o for operation, of in steps if operation == "min" for o in of} - moving
        values = [moved.value for moved in self._trace(firm, good, {}, {})]
        return [(step, values[step]) for step in sorted(arguments)]

    def _grown(self, firm: str, good: str, by: mpf) -> mpf:
        """How much more is made when all inputs and capacities grow by a part of themselves."""
        inputs = {name: by * self.point.used[name, firm] for name in self.point.inputs(firm)}
        capacities = {step: by * size for step, size in self._constants(firm, good)}
        return self._trace(firm, good, inputs, capacities)[-1].change

    def _trace(
        self, firm: str, good: str, inputs: Mapping[str, mpf], capacities: Mapping[int, mpf]
    ) -> list[Moving]:
        """Every step of a production function on its way."""
        formula = self.point.spec.firms[firm].production[good]
        values = self.point.moving(firm, formula, inputs)
        trace: list[Moving] = []
        for index, (operation, operands) in enumerate(formula.shape.steps):
            if operation == "name":
                step = values[formula.names[operands[0]]]
            elif operation == "number":
                step = ON_BENDS["number"](formula.numbers[operands[0]])
            else:
                step = ON_BENDS[operation](*(trace[operand] for operand in operands))
            trace.append(Moving(step.value, step.change + capacities.get(index, mpf(0))))
        return trace

    def _limits(self) -> Iterator[Gap]:
        """The quantity of each limit, and whether it binds."""
        point = self.point
        for (kind, good, _), row in point.table.limits.items():
            where = f"limit: {kind} of {good}"
            if kind not in ("supply", "demand", "capacity"):
                yield Gap("rows", where, WRONG)
                continue
            if kind == "capacity":
                yield Gap(
                    "rows", where, RIGHT if row.binding is None else self._same(row.binding, row.rent != 0)
                )
                continue
            most = point.limit(kind, good) if good in getattr(point.spec, kind) else None
            if most is None:
                yield Gap("rows", where, WRONG)
                continue
            yield Gap("rows", where, RIGHT if row.quantity is None else _error(row.quantity, most))
            traded = point.bought[good] if kind == "supply" else point.used[good, ""]
            is_full = _error(traded, most) <= mpf(limits.TOLERANCE)
            if row.binding and not is_full:
                yield Gap("rows", where, WRONG)
            if row.rent and not row.binding and row.binding is not None:
                yield Gap("rows", where, WRONG)
        yield from self._lacking()
        yield from self._capacities()

    def _lacking(self) -> Iterator[Gap]:
        """A table with limits has all of them."""
        spec, table = self.point.spec, self.point.table
        if table.limits:
            for kind, trades in (("supply", spec.supply), ("demand", spec.demand)):
                trade: Mapping[str, object] = trades
                for good in trade:
                    is_limit = trades[good].quantity is not None and (
                        trades[good].price is not None or kind == "supply"
                    )
                    is_used = any(use[0] == good for use in self.point.used)
                    if is_limit and is_used:
                        known = (kind, good, "") in table.limits
                        yield Gap("rows", f"limit: {kind} of {good}", RIGHT if known else WRONG)


def _outside(value: mpf, ends: list[mpf]) -> mpf:
    """How far a value is outside of an interval; nothing where an end is not known."""
    known = [end for end in ends if mpmath.isfinite(end)]
    if len(known) < len(ends):
        return RIGHT
    nearest = min(max(value, min(known)), max(known))
    return _error(value, nearest)


def _error(value: Decimal | mpf | None, direct: mpf, size: mpf | None = None) -> mpf:
    if value is None:
        return RIGHT
    figure = _mpf(value)
    scale = size or max(abs(figure), abs(direct))
    return abs(figure - direct) / scale if scale else RIGHT


def _mpf(value: Decimal | mpf) -> mpf:
    return mpf(str(value)) if isinstance(value, Decimal) else value
