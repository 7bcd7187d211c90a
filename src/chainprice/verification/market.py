"""Verification of a competitive table: every condition of MODEL.md section 3, from plain numbers.

The table's quantities and prices are put into the composed problem, formula by formula, in mpmath.
Slopes are exact differences of the functions themselves, not derivatives by any rule. Three questions:
do the balances hold; would any firm, buyer or seller do something else; and does total value change by
the price when a unit is added, first along the uses that are there (all other quantities held), then
by solving again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from random import Random
from typing import Literal

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

Revalue = Callable[[Mapping[str, str]], str | None]
"""Total value of the market solved again with gifts of some goods (decimal strings), None if unsolvable."""

STEP = mpf("1e-20")
"""The relative step of a difference of a formula."""

GIFT = mpf("1e-10")
"""The relative step when the market is solved again."""

LONG_GIFT = mpf("1e-5")
"""The same where a market is so near to several corners that a smaller step cannot be told from none."""

_NOISE = mpf("1e-26")
"""A change of total value that is smaller than this part of it is rounding."""

_FIRST = mpf("1e-6")
"""The value of a first unit, as part of all that is traded, where there is none to begin with."""

_BEND = mpf("1e-8")
"""Slopes to the left and to the right that differ by more are two."""

_FACTORS = ("0.001", "0.1", "0.5", "0.9", "1.1", "2", "10", "1000")
_MIXES = 24


@dataclass(frozen=True, slots=True)
class Direct:
    """What one more unit of a good adds to total value, and one fewer takes; how it was found."""

    low: mpf
    high: mpf
    method: Literal["composed", "envelope"]


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
            return max(_relative(self.paid[use], price) for use in uses)
        shares = [constant(note.split[use[1] or DEMAND]) if note.split else mpf(1) for use in uses]
        return _relative(mpmath.fsum(s * self.paid[use] for s, use in zip(shares, uses, strict=True)), price)

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
        nothing = _none(quantity, self.available[good])
        most = self.limit(section, good)
        if most is not None and most <= 0:
            return Gap("stationarity", where, mpf(0))
        try:
            edge = self.trade_price(section, good, mpf(0) if nothing else quantity)
        except UndefinedError:
            return Gap("stationarity", where, mpf(1))
        gain = (edge - paid) if section == "demand" else (paid - edge)
        size = max(abs(edge), abs(paid)) if paid else self._fall(section, good, quantity)
        error = gain / (size or mpf(1))
        if nothing:
            error = max(mpf(0), error)
        elif most is not None and _relative(quantity, most) < _BEND:
            error = max(mpf(0), -error)
        return Gap("stationarity", where, abs(error))

    def _fall(self, section: str, good: str, quantity: mpf) -> mpf:
        """What a price moves by along half of its curve: beside that a price is 0 at the curve's end."""
        return abs(self.trade_price(section, good, quantity / 2) - self.trade_price(section, good, quantity))

    def _stationarity(self, firm: str) -> Iterator[Gap]:
        """One unit more of an input gains nothing, one fewer loses nothing."""
        for good in self.inputs(firm):
            z, price = self.used[good, firm], self.paid[good, firm]
            nothing = _none(z, self.available[good])
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

    # Direct differentiation.

    def direct(self, good: str) -> Direct | None:
        """dW/dg along the uses that are there, all else held; None where no smooth way leads on."""
        routes = self._routes
        if good not in routes:
            return None
        step = (abs(self.available[good]) or mpf(1)) * STEP
        more, fewer = self._gain(good, step) / step, -self._gain(good, -step) / step
        if not (mpmath.isfinite(more) and mpmath.isfinite(fewer)):
            return None
        if abs(more - fewer) > _BEND * max(abs(more), abs(fewer)):
            return None
        middle = (more + fewer) / 2
        return Direct(middle, middle, "composed")

    def _gain(self, good: str, by: mpf) -> mpf:
        """What total value gains when `by` more of a good goes along its way."""
        if not by:
            return mpf(0)
        total = mpf(0)
        for use, share in self._routes[good]:
            total += self._gain_of(use, good, share * by)
        return total

    def _gain_of(self, use: str, good: str, by: mpf) -> mpf:
        if use in ("demand", "supply"):
            start = self.used[good, ""] if use == "demand" else self.bought[good]
            move = by if use == "demand" else -by
            prices = [self.trade_price(use, good, start + move * part / 2) for part in range(3)]
            area = move * (prices[0] + 4 * prices[1] + prices[2]) / 6
            return area if use == "demand" else -area
        firm = use.removeprefix("firm ")
        changes = {o: self.change(firm, o, {good: by}) for o in self.spec.firms[firm].production}
        return mpmath.fsum(self._gain(output, change) for output, change in changes.items())

    @cached_property
    def _routes(self) -> dict[str, list[tuple[str, mpf]]]:
        """Where one more unit of each good goes: to a use, or in place of a purchase; nearest ends first."""
        routes: dict[str, list[tuple[str, mpf]]] = {}
        while True:
            found = {
                good: route
                for good in self.available
                if good not in routes and (route := self._route(good, routes)) is not None
            }
            if not found:
                return routes
            routes |= found

    def _route(self, good: str, known: Mapping[str, object]) -> list[tuple[str, mpf]] | None:
        balances = self._balances_of.get(good, [])
        note = self.spec.note(good)
        if note.rival and note.split is None:
            there, needed, uses = balances[0]
            if not uses:
                return [] if there > _BEND * self.sizes[good] else None
            if _relative(there, needed) > _BEND:
                return []
            if self._buys(good):
                return [("supply", mpf(1))]
            target = next((t for use in uses if (t := self._target(use, known)) is not None), None)
            return None if target is None else [(target, mpf(1))]
        route = []
        for there, needed, uses in balances:
            if _relative(there, needed) > _BEND:
                continue
            target = self._target(uses[0], known)
            if target is None:
                return None
            share = constant(note.split[uses[0][1] or DEMAND]) if note.split else mpf(1)
            route.append((target, share))
        return route

    @cached_property
    def _balances_of(self) -> dict[str, list[tuple[mpf, mpf, list[Use]]]]:
        found: dict[str, list[tuple[mpf, mpf, list[Use]]]] = {}
        for good, there, needed, uses in self.balances():
            found.setdefault(good, []).append((there, needed, uses))
        return found

    def _buys(self, good: str) -> bool:
        """Whether some of a good is bought at a price, and more could be."""
        supply = self.spec.supply.get(good)
        if supply is None or supply.price is None or _none(self.bought[good], self.available[good]):
            return False
        most = self.limit("supply", good)
        return most is None or _relative(self.bought[good], most) > _BEND

    def _target(self, use: Use, known: Mapping[str, object]) -> str | None:
        """A use that could take one more unit, whose outputs have a way of their own."""
        good, firm = use
        if _none(self.used[use], self.available[good]):
            return None
        if firm:
            outputs = self.spec.firms[firm].production
            return f"firm {firm}" if all(output in known for output in outputs) else None
        most = self.limit("demand", good)
        if self.spec.demand[good].price is None or (
            most is not None and _relative(self.used[use], most) < _BEND
        ):
            return None
        return "demand"


def again(point: MarketPoint, good: str, revalue: Revalue, base: mpf) -> Direct | None:
    """dW/dg by solving the market again with a little more and a little less of a good."""
    there = abs(point.available[good])
    for part in (GIFT, LONG_GIFT):
        step = there * part or _first_step(point, good)
        gain, loss = _one_sided(revalue, good, step, base), _one_sided(revalue, good, -step, base)
        if gain is not None and loss is not None:
            break
    if gain is None and loss is None:
        return None
    if gain is None or loss is None:
        one = gain if gain is not None else loss
        return Direct(
            one if gain is not None else mpf(0), one if loss is not None else mpmath.inf, "envelope"
        )
    if abs(gain - loss) <= _BEND * max(abs(gain), abs(loss)):
        gain = loss = (gain + loss) / 2
    else:  # two slopes: the curvature along each spoils the first digits
        half_gain, half_loss = (_one_sided(revalue, good, side * step / 2, base) for side in (1, -1))
        gain = gain if half_gain is None else 2 * half_gain - gain
        loss = loss if half_loss is None else 2 * half_loss - loss
    return Direct(min(gain, loss), max(gain, loss), "envelope")


def mismatch(point: MarketPoint, goods: Sequence[str], revalue: Revalue, base: mpf) -> mpf | None:
    """How far a gift of several goods at once is from being worth what the prices say, relatively."""
    random = Random(len(goods))  # noqa: S311 - reproducible gifts, nothing secret
    steps = {
        good: (abs(point.available[good]) * GIFT or _first_step(point, good)) * mpf(random.uniform(0.5, 1.5))
        for good in goods
    }
    worth = {good: point.prices[good] * step for good, step in steps.items()}
    size = mpmath.fsum(map(abs, worth.values())) or mpf(1)
    even = {good: step / (abs(worth[good]) or size) * size for good, step in steps.items()}
    more, fewer = (_revalued(revalue, {good: side * step for good, step in even.items()}) for side in (1, -1))
    if more is None and fewer is None:
        return None
    total = mpmath.fsum(point.prices[good] * step for good, step in even.items())
    size = mpmath.fsum(abs(point.prices[good] * step) for good, step in even.items()) or mpf(1)
    low = mpf(0) if more is None else more - base
    high = mpmath.inf if fewer is None else base - fewer
    nearest = min(max(total, min(low, high)), max(low, high))
    return abs(total - nearest) / size


def _one_sided(revalue: Revalue, good: str, step: mpf, base: mpf) -> mpf | None:
    """The slope of total value to one side; 0 where nothing but rounding is left of it."""
    value = _revalued(revalue, {good: step})
    if value is None:
        return None
    change = value - base
    return change / step if abs(change) > _NOISE * max(abs(value), abs(base)) else mpf(0)


def _first_step(point: MarketPoint, good: str) -> mpf:
    """A little of a good of which there is none: worth a small part of all that is traded.

    Where nothing is traded, of a unit of what is worth most.
    """
    traded = mpmath.fsum(abs(point.prices[g] * there) for g, there in point.available.items())
    price, size = point.prices[good], traded or max(map(abs, point.prices.values()))
    return _FIRST * size / price if price and size else _FIRST


def _revalued(revalue: Revalue, gifts: Mapping[str, mpf]) -> mpf | None:
    value = revalue({good: mpmath.nstr(gift, 40) for good, gift in gifts.items()})
    return None if value is None else mpf(value)


def base_value(revalue: Revalue) -> mpf | None:
    """Total value of the market solved again as it is."""
    return _revalued(revalue, {})


def _up(gain: mpf) -> mpf:
    """A gain as an error: nothing if it is a loss; whatever is undefined is no plan."""
    return max(mpf(0), gain) if mpmath.isfinite(gain) else mpf(0)


def _none(quantity: mpf, available: mpf) -> bool:
    return bool(abs(quantity) <= mpf(limits.NOTHING) * abs(available)) or not quantity


def _relative(a: mpf, b: mpf) -> mpf:
    size = max(abs(a), abs(b))
    return abs(a - b) / size if size else mpf(0)


def _name(use: Use) -> str:
    return f"{use[1] or DEMAND}/{use[0]}"


def _mpf(value: object) -> mpf:
    return mpf(str(value))
