"""Verification of a competitive table: every condition of MODEL.md section 3, from plain numbers.

The table's quantities and prices are put into the composed problem, formula by formula, in mpmath.
Slopes are exact differences of the functions themselves, not derivatives by any rule. Two questions:
do the balances hold; and would any firm, buyer or seller do something else. Whether total value changes by
the price when a unit is added is asked in `composed` and `envelope`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from random import Random

import mpmath
from mpmath import mpf

from chainprice import limits
from chainprice.errors import UndefinedError
from chainprice.formula import Formula, Functions
from chainprice.spec import DEMAND, Spec
from chainprice.verification.composition import constant, real
from chainprice.verification.difference import ON_BENDS, Moving
from chainprice.verification.rows import Gap, Use
from chainprice.verification.table import PriceTable

STEP = mpf("1e-20")
"""The relative step of a difference of a formula."""

BEND = mpf("1e-8")
"""Slopes to the left and to the right that differ by more are two."""

LAST_DIGIT = mpf(2) ** -53
"""The relative rounding of a double."""

_FACTORS = ("0.001", "0.1", "0.5", "0.9", "1.1", "2", "10", "1000")
_MIXES = 24


@dataclass(frozen=True)
class MarketPoint:
    """A spec at the quantities of a table, and its prices in money."""

    spec: Spec
    table: PriceTable
    money: mpf

    # What the table says.

    @property
    def step(self) -> mpf:
        """The relative step of a difference."""
        return STEP

    @property
    def functions(self) -> Functions:
        """Exact differences at quantities that are known to the digits of a double."""
        return ON_BENDS

    def number(self, value: Decimal) -> mpf:
        """A figure of the table."""
        return _mpf(value)

    def constant(self, formula: Formula) -> mpf:
        """The value of a constant formula."""
        return constant(formula)

    @cached_property
    def prices(self) -> dict[str, mpf]:
        """The table's prices in money."""
        return {good: _mpf(price) * self.money for good, price in self.table.prices.items()}

    @cached_property
    def used(self) -> dict[Use, mpf]:
        """How much each use has."""
        return {use: _mpf(row.quantity) for use, row in self.table.uses.items()}

    @cached_property
    def paid(self) -> dict[Use, mpf]:
        """What a unit costs each use."""
        return {use: _mpf(row.price) * self.money for use, row in self.table.uses.items()}

    @cached_property
    def available(self) -> dict[str, mpf]:
        """What there is of each good."""
        return {good: _mpf(quantity) for good, quantity in self.table.quantities.items()}

    @cached_property
    def bought(self) -> dict[str, mpf]:
        """What is bought of each supplied good: what there is and nobody made."""
        return {good: self.available[good] - self.made.get(good, mpf(0)) for good in self.spec.supply}

    @cached_property
    def made(self) -> dict[str, mpf]:
        """What is made of each good at the quantities used."""
        made: dict[str, mpf] = {}
        for firm in self.spec.firms:
            for good in self.spec.firms[firm].production:
                made[good] = made.get(good, mpf(0)) + self.amount(firm, good)
        return made

    @cached_property
    def sizes(self) -> dict[str, mpf]:
        """The largest part of what there is of each good: all of it, or what one firm makes or uses up."""
        sizes = {good: abs(there) for good, there in self.available.items()}
        for firm in self.spec.firms:
            for good in self.spec.firms[firm].production:
                sizes[good] = max(sizes[good], abs(self.amount(firm, good)))
        return sizes

    def inputs(self, firm: str) -> tuple[str, ...]:
        """The goods that a firm's formulas name."""
        names = {name: None for f in self.spec.firms[firm].production.values() for name in f.names}
        return tuple(name for name in names if (name, firm) in self.used)

    def moving(self, firm: str, formula: Formula, change: Mapping[str, mpf]) -> dict[str, Moving]:
        """What a formula's names are worth, and how far each goes."""
        values = {}
        for name in formula.names:
            if (name, firm) in self.used:
                values[name] = Moving(self.used[name, firm], change.get(name, mpf(0)))
            else:
                parameter = self.spec.parameter(firm, name)
                values[name] = Moving(constant(parameter, name), mpf(0))
        return values

    def amount(self, firm: str, good: str) -> mpf:
        """What a firm makes of an output; raises UndefinedError where there is no such number."""
        formula = self.spec.firms[firm].production[good]
        values = {name: moving.value for name, moving in self.moving(firm, formula, {}).items()}
        return real(formula, values, lambda: self.spec.place("firms", firm, "production", good))

    def change(self, firm: str, good: str, change: Mapping[str, mpf]) -> mpf:
        """How much more of an output a firm makes when its inputs change; nan if it has no such value."""
        formula = self.spec.firms[firm].production[good]
        try:
            moved = formula.evaluate(ON_BENDS, self.moving(firm, formula, change)).change
        except (ArithmeticError, ValueError, TypeError):
            return mpmath.nan
        return moved if isinstance(moved, mpf) and mpmath.isfinite(moved) else mpmath.nan

    def ends(self, firm: str, output: str, good: str) -> list[mpf]:
        """The slopes of an output by an input to the right and to the left; empty if one is not known."""
        step = self.used[good, firm] * STEP
        slopes = [self.change(firm, output, {good: by}) / by for by in (step, -step)]
        return slopes if all(map(mpmath.isfinite, slopes)) else []

    def profit_change(self, firm: str, change: Mapping[str, mpf]) -> mpf:
        """How much more profit a firm makes when its inputs change."""
        revenue = (
            self.prices[good] * self.change(firm, good, change) for good in self.spec.firms[firm].production
        )
        return mpmath.fsum(revenue) - mpmath.fsum(self.paid[g, firm] * by for g, by in change.items())

    def turnover(self, firm: str) -> mpf:
        """Revenue and cost of a firm together."""
        cost = (abs(self.paid[good, firm] * self.used[good, firm]) for good in self.inputs(firm))
        revenue = (
            abs(self.prices[good] * self.amount(firm, good)) for good in self.spec.firms[firm].production
        )
        return mpmath.fsum(cost) + mpmath.fsum(revenue)

    def trade_price(self, section: str, good: str, quantity: mpf) -> mpf:
        """The price on a supply or demand curve; raises UndefinedError where there is none."""
        price = (self.spec.demand if section == "demand" else self.spec.supply)[good].price
        if price is None:
            return mpf(0)
        values = {n: quantity if n == "q" else constant(self.spec.parameters.get(n), n) for n in price.names}
        return real(price, values, lambda: self.spec.place(section, good, "price"))

    def blur(self, section: str, good: str, quantity: mpf) -> mpf:
        """By how much a price on a curve may be off, as the quantity has the digits of a double."""
        try:
            ends = [self.trade_price(section, good, quantity * (1 + side * LAST_DIGIT)) for side in (1, -1)]
        except UndefinedError:
            return mpf(0)
        return abs(ends[0] - ends[1]) / 2

    def limit(self, section: str, good: str) -> mpf | None:
        """The most that can be traded."""
        trade = (self.spec.demand if section == "demand" else self.spec.supply)[good]
        return None if trade.quantity is None else constant(trade.quantity)

    # The conditions.

    def gaps(self) -> Iterator[Gap]:
        """Every condition at every place, with its relative error."""
        yield from self._feasibility()
        yield from self._signs()
        yield from self._complementarity()
        yield from self._trades()
        for firm in self.spec.firms:
            yield from self._stationarity(firm)
            yield from self._better_plans(firm)

    def balances(self) -> Iterator[tuple[str, mpf, mpf, list[Use]]]:
        """(good, what there is for them, what they use, the uses) for every balance."""
        for good, there in self.available.items():
            uses = [use for use in self.used if use[0] == good]
            note = self.spec.note(good)
            if note.rival and note.split is None:
                yield good, there, mpmath.fsum(self.used[use] for use in uses), uses
                continue
            for use in uses:
                share = constant(note.split[use[1] or DEMAND]) if note.split else mpf(1)
                yield good, share * there, self.used[use], [use]

    def _feasibility(self) -> Iterator[Gap]:
        for good, there, needed, _ in self.balances():
            yield Gap("feasibility", good, max(mpf(0), needed - there) / (abs(there) + abs(needed) or mpf(1)))
        for use, quantity in self.used.items():
            yield Gap("feasibility", _name(use), mpf(0) if quantity >= 0 else mpf(1))
        for good, there in self.available.items():
            made = self.made.get(good, mpf(0))
            if good not in self.spec.supply:
                yield Gap("feasibility", good, abs(there - made) / (self.sizes[good] or mpf(1)))
            yield Gap("feasibility", good, max(mpf(0), -there) / (self.sizes[good] or mpf(1)))
        for good, bought in self.bought.items():
            yield Gap("feasibility", f"supply of {good}", self._off_limits("supply", good, bought))
        for good in self.spec.demand:
            sold = self.used.get((good, ""), mpf(0))
            yield Gap("feasibility", f"demand for {good}", self._off_limits("demand", good, sold))

    def _off_limits(self, section: str, good: str, quantity: mpf) -> mpf:
        """How far a traded quantity is outside of what its limit allows."""
        most = self.limit(section, good)
        trade = (self.spec.demand if section == "demand" else self.spec.supply)[good]
        size = max(abs(quantity), most or mpf(0), abs(self.available[good])) or mpf(1)
        if trade.price is None and most is not None:
            return abs(quantity - most) / size
        return max(mpf(0), -quantity, quantity - most if most is not None else mpf(0)) / size

    def _signs(self) -> Iterator[Gap]:
        for good, price in self.prices.items():
            yield Gap("signs", good, mpf(0) if price >= 0 else mpf(1))
        for use, price in self.paid.items():
            yield Gap("signs", _name(use), mpf(0) if price >= 0 else mpf(1))
        for good, price in self.prices.items():
            yield Gap("signs", good, self._composition_of_price(good, price))

    def _composition_of_price(self, good: str, price: mpf) -> mpf:
        """A good's price against what its uses pay: all the same, or together, or by share."""
        uses = [use for use in self.used if use[0] == good]
        note = self.spec.note(good)
        if not uses:
            return mpf(0)
        if note.rival and note.split is None:
            return max(relative(self.paid[use], price) for use in uses)
        shares = [constant(note.split[use[1] or DEMAND]) if note.split else mpf(1) for use in uses]
        return relative(mpmath.fsum(s * self.paid[use] for s, use in zip(shares, uses, strict=True)), price)

    def _complementarity(self) -> Iterator[Gap]:
        """What is thrown away costs nothing."""
        for good, there, needed, uses in self.balances():
            left = there - needed
            price = self.paid[uses[0]] if uses else self.prices[good]
            if left > 0 and price:
                yield Gap("complementarity", good, left / there)
        for good, price in self.prices.items():
            if not any(use[0] == good for use in self.used) and price:
                yield Gap("complementarity", good, self.available[good] / (self.sizes[good] or mpf(1)))

    def _trades(self) -> Iterator[Gap]:
        """Sales at no less than the price, purchases at no more; equal where neither 0 nor the limit."""
        for good in self.spec.demand:
            if self.spec.demand[good].price is not None:
                sold = self.used[good, ""]
                yield self._trade("demand", good, sold, self.paid[good, ""])
        for good, bought in self.bought.items():
            if self.spec.supply[good].price is not None:
                yield self._trade("supply", good, bought, self.prices[good])

    def _trade(self, section: str, good: str, quantity: mpf, paid: mpf) -> Gap:
        where = f"{section} {'for' if section == 'demand' else 'of'} {good}"
        nothing = is_none(quantity, self.available[good])
        most = self.limit(section, good)
        if most is not None and most <= 0:
            return Gap("stationarity", where, mpf(0))
        try:
            edge = self.trade_price(section, good, mpf(0) if nothing else quantity)
        except UndefinedError:
            return Gap("stationarity", where, mpf(1))
        gain = (edge - paid) if section == "demand" else (paid - edge)
        gain = max(mpf(0), abs(gain) - self.blur(section, good, quantity)) * (1 if gain > 0 else -1)
        size = max(abs(edge), abs(paid)) if paid else self._fall(section, good, quantity)
        error = gain / (size or mpf(1))
        if nothing:
            error = max(mpf(0), error)
        elif most is not None and relative(quantity, most) < BEND:
            error = max(mpf(0), -error)
        return Gap("stationarity", where, abs(error))

    def _fall(self, section: str, good: str, quantity: mpf) -> mpf:
        """What a price moves by along half of its curve: beside that a price is 0 at the curve's end."""
        return abs(self.trade_price(section, good, quantity / 2) - self.trade_price(section, good, quantity))

    def _stationarity(self, firm: str) -> Iterator[Gap]:
        """One unit more of an input gains nothing, one fewer loses nothing."""
        for good in self.inputs(firm):
            z, price = self.used[good, firm], self.paid[good, firm]
            nothing = is_none(z, self.available[good])
            step = (max(abs(z), abs(self.available[good]) * STEP) or mpf(1)) * STEP
            more = self.profit_change(firm, {good: step}) / step
            size = max(abs(price), abs(more + price)) or mpf(1)
            yield Gap("stationarity", f"{firm}/{good}", _up(more) / size)
            if not nothing:
                fewer = self.profit_change(firm, {good: -step}) / step
                size = max(abs(price), abs(price - fewer)) or mpf(1)
                yield Gap("stationarity", f"{firm}/{good}", _up(fewer) / size)

    def _better_plans(self, firm: str) -> Iterator[Gap]:
        """No other plan makes more profit: nearby in every direction that is tried, and far away."""
        inputs = self.inputs(firm)
        if not inputs:
            return
        scale = {g: self.used[g, firm] or self.available[g] or mpf(1) for g in inputs}
        turnover = self.turnover(firm)
        random = Random(firm)  # noqa: S311 - reproducible directions, nothing secret
        worst = mpf(0)
        for weights in [
            dict.fromkeys(inputs, 1.0),
            *({g: random.uniform(-1, 1) for g in inputs} for _ in range(_MIXES)),
        ]:
            for side in (1, -1):
                step = {g: side * STEP * mpf(w) * scale[g] for g, w in weights.items()}
                if all(self.used[g, firm] + by >= 0 for g, by in step.items()):
                    size = (
                        mpmath.fsum(abs(by) * self.paid[g, firm] for g, by in step.items()) or STEP * turnover
                    )
                    worst = max(worst, _up(self.profit_change(firm, step)) / (size or mpf(1)))
        for plan in self._far_plans(inputs, scale, random):
            step = {g: plan[g] - self.used[g, firm] for g in inputs}
            gain = self.profit_change(firm, step)
            size = turnover + mpmath.fsum(abs(by) * self.paid[g, firm] for g, by in step.items())
            if mpmath.isfinite(gain) and gain > 0:
                worst = max(worst, gain / (size or mpf(1)))
        yield Gap("profits", firm, worst)

    def _far_plans(
        self, inputs: Sequence[str], scale: Mapping[str, mpf], random: Random
    ) -> Iterator[Mapping[str, mpf]]:
        yield dict.fromkeys(inputs, mpf(0))
        for factor in _FACTORS:
            yield {g: scale[g] * mpf(factor) for g in inputs}
        for _ in range(_MIXES):
            yield {g: scale[g] * mpf(10) ** random.uniform(-1, 1) for g in inputs}


def _up(gain: mpf) -> mpf:
    """A gain as an error: nothing if it is a loss; whatever is undefined is no plan."""
    return max(mpf(0), gain) if mpmath.isfinite(gain) else mpf(0)


def is_none(quantity: mpf, available: mpf) -> bool:
    """Whether a quantity counts as none beside what there is."""
    return bool(abs(quantity) <= mpf(limits.NOTHING) * abs(available)) or not quantity


def relative(a: mpf, b: mpf) -> mpf:
    """How far apart two numbers are, relative to the larger one."""
    size = max(abs(a), abs(b))
    return abs(a - b) / size if size else mpf(0)


def _name(use: Use) -> str:
    return f"{use[1] or DEMAND}/{use[0]}"


def _mpf(value: object) -> mpf:
    return mpf(str(value))
