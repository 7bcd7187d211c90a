"""The verdict on a competitive table (MODEL.md sections 3 and 5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, partial

import mpmath
from mpmath import mpf

from chainprice import limits
from chainprice.errors import NumeraireError, TableError, UndefinedError, UsageError
from chainprice.spec import Spec
from chainprice.verification import envelope, rows
from chainprice.verification.composed import Composed, Direct
from chainprice.verification.composition import integral
from chainprice.verification.envelope import Revalue
from chainprice.verification.market import MarketPoint
from chainprice.verification.result import Check, Condition, Verdict, as_number
from chainprice.verification.rows import Gap, uses_of
from chainprice.verification.table import PriceTable

_DIGITS = 60

_ONE_SIDED = mpf("1e-8")
"""How near the ends of an interval of prices are known from outside, relatively."""

_FROM_NOTHING = mpf("1e-4")
"""The same for a good of which there is none: its first step is a long one."""

_ORDER = ("stationarity", "complementarity", "feasibility", "signs", "profits", "envelope")


def verify_market(
    spec: Spec, table: PriceTable, revalue: Revalue, *, tolerance: float = limits.TOLERANCE
) -> Verdict:
    """Check a competitive table: prices, quantities and all that follows from them.

    `revalue` solves the market again with gifts, and gives its total value. The table needs the
    quantity and the price of every use.

    Raises TableError where the table lacks them, UsageError for a tolerance that is not a number
    between 0 and 1.
    """
    if not 0 < tolerance < 1:
        raise UsageError(f"the tolerance must be between 0 and 1, not {tolerance:g}")
    _fail_if_uses_lack(spec, table)
    with mpmath.workdps(_DIGITS):
        try:
            comparison = _Comparison.of(spec, table, revalue, mpf(tolerance))
            checks = tuple(comparison.checks())
            conditions = tuple(comparison.conditions())
        except UndefinedError as error:
            return Verdict(spec.source.path, "competitive", tolerance, error=error.reason)
    return Verdict(spec.source.path, "competitive", tolerance, checks, conditions)


def _fail_if_uses_lack(spec: Spec, table: PriceTable) -> None:
    uses = uses_of(spec)
    goods = {*spec.supply, *(good for firm in spec.firms.values() for good in firm.production)}
    if not (goods <= table.prices.keys() and goods <= table.quantities.keys() and uses <= table.uses.keys()):
        lacking = sorted(goods - table.prices.keys()) or sorted(good for good, _ in uses - table.uses.keys())
        raise TableError(
            f"the table lacks what is needed to verify a competitive market: the quantity, the price and the "
            f"uses of {', '.join(lacking) or 'every good'}"
        )


_UNCERTAIN = mpf("1e-6")
"""The part of all there is of a good that a purchase of nothing but rounding may be, over the tolerance."""


@dataclass(frozen=True)
class _Comparison:
    """One table against one market."""

    point: MarketPoint
    revalue: Revalue
    base: mpf | None
    tolerance: mpf
    directs: dict[str, Direct]

    @classmethod
    def of(cls, spec: Spec, table: PriceTable, revalue: Revalue, tolerance: mpf) -> _Comparison:
        """With all derivatives taken: along the uses where that leads somewhere, else by solving again."""
        base = envelope.base_value(revalue)
        raw = MarketPoint(spec, table, mpf(1))
        composed = Composed(raw)
        directs = {good: found for good in raw.available if (found := composed.direct(good)) is not None}
        rest = [good for good in raw.available if good not in directs]
        if base is not None:
            for good in rest[: limits.ENVELOPE_GOODS]:
                found = envelope.again(raw, good, revalue, base)
                if found is not None:
                    directs[good] = found
        return cls(
            MarketPoint(spec, table, cls._unit_of_account(table, directs)), revalue, base, tolerance, directs
        )

    @staticmethod
    def _unit_of_account(table: PriceTable, directs: Mapping[str, Direct]) -> mpf:
        """What the table's numeraire is worth in money."""
        if table.numeraire is None:
            return mpf(1)
        direct = directs.get(table.numeraire)
        if direct is None or not direct.low:
            raise NumeraireError(
                f"the price of the numeraire '{table.numeraire}' is 0, so nothing can be priced in it"
            )
        return direct.low

    def checks(self) -> Iterator[Check]:
        """A row for every good of the table."""
        for good, price in self.point.prices.items():
            shown = as_number(mpf(str(self.point.table.prices[good])))
            direct = self.directs.get(good)
            if direct is None and good in self._together:
                error = self._together[good]
                passed = bool(error <= self.tolerance)
                yield Check(good, shown, None, as_number(error), "envelope", passed=passed)
                continue
            if direct is None:
                yield Check(good, shown, None, None, None, passed=False)
                continue
            nearest = min(max(price, direct.low), direct.high)
            size = max(abs(nearest), abs(price)) if direct.low != direct.high else abs(nearest) or abs(price)
            error = abs(price - nearest) / size if size else mpf(0)
            value = as_number(nearest / self.point.money)
            yield Check(
                good, shown, value, as_number(error), direct.method, passed=bool(error <= self.tolerance)
            )

    @cached_property
    def _together(self) -> dict[str, mpf]:
        """The mismatch of each good that was not solved for on its own, in groups that go wrong or right.

        A random gift of all of them at once must be worth what the table says; a group that is off is
        halved until single goods are left.
        """
        rest = [good for good in self.point.prices if good not in self.directs]
        errors: dict[str, mpf] = {}
        waiting = [rest] if rest and self.base is not None else []
        for _ in range(limits.ENVELOPE_GOODS):
            if not waiting:
                break
            group = waiting.pop()
            error = envelope.mismatch(self.point, group, self.revalue, self.base or mpf(0))
            if error is None or error > self.tolerance:
                halves = (group[: len(group) // 2], group[len(group) // 2 :])
                waiting += [half for half in halves if half] if len(group) > 1 else []
                errors.update(dict.fromkeys(group, mpf(1) if error is None else error))
            else:
                errors.update(dict.fromkeys(group, error))
        return errors

    def conditions(self) -> Iterator[Condition]:
        """Every condition of the market at its worst place, and the rest of the table."""
        gaps = [*self.point.gaps(), *self._envelope()]
        for name in _ORDER:
            yield from self._worst(gap for gap in gaps if gap.condition == name)
        yield from self._worst(self._books())
        yield from self._worst(self._values())
        yield from self._worst(self._ranges())
        yield from self._worst(self._rents())
        yield from self._worst(self._total())
        yield from self._worst(rows.gaps(self.point, "competitive"))

    def _worst(self, gaps: Iterable[Gap]) -> Iterator[Condition]:
        worst = max(gaps, key=lambda gap: gap.error, default=None)
        if worst is not None:
            passed = bool(worst.error <= self.tolerance)
            yield Condition(worst.condition, as_number(worst.error), worst.where, passed)

    def _envelope(self) -> Iterator[Gap]:
        """Every supply moved by +-h and the market solved again."""
        if self.base is None:
            yield Gap("envelope", "the market", mpf(1))
            return
        for good in list(self.point.spec.supply)[: limits.ENVELOPE_GOODS]:
            direct = self.directs.get(good)
            if direct is None or direct.method != "envelope":
                direct = envelope.again(self.point, good, self.revalue, self.base)
            if direct is not None:
                price = self.point.prices[good]
                nearest = min(max(price, direct.low), direct.high)
                yield Gap("envelope", good, _error(price, nearest))

    def _values(self) -> Iterator[Gap]:
        for good, value in self.point.table.values.items():
            yield Gap(
                "values",
                good,
                _error(self._money(value), self.point.prices[good] * self.point.available[good]),
            )

    def _money(self, value: Decimal) -> mpf:
        return mpf(str(value)) * self.point.money

    def _books(self) -> Iterator[Gap]:
        """Revenue, cost and profit of each firm."""
        for firm, row in self.point.table.accounts.items():
            if firm not in self.point.spec.firms:
                yield Gap("accounts", firm, mpf(1))
                continue
            terms = self._account(firm)
            for key, value in row.items():
                size = max(map(abs, terms[key]), default=mpf(0))
                error = _error(self._money(value), mpmath.fsum(terms[key]), size)
                yield Gap("accounts", f"{firm}/{key}", error)

    def _account(self, firm: str) -> dict[str, list[mpf]]:
        """What each figure is the sum of: its error is measured by the greatest of them."""
        point = self.point
        made = point.spec.firms[firm].production
        sales = [point.prices[good] * point.amount(firm, good) for good in made]
        costs = [point.paid[good, firm] * point.used[good, firm] for good in point.inputs(firm)]
        return {"revenue": sales, "cost": costs, "profit": [*sales, *(-cost for cost in costs)]}

    def _ranges(self) -> Iterator[Gap]:
        """The ends of prices that are not unique, against the two one-sided derivatives."""
        for good, (low, high) in self.point.table.ranges.items():
            direct = self.directs.get(good)
            if direct is None or direct.method != "envelope":
                continue
            size = max(abs(direct.low), abs(direct.high) if mpmath.isfinite(direct.high) else mpf(0))
            traded = self.point.available[good] > 0
            yield Gap(
                "price ranges", good, _beyond(_error(self._money(low), direct.low, size), traded=traded)
            )
            if high is None:
                yield Gap("price ranges", good, mpf(bool(mpmath.isfinite(direct.high))))
            elif mpmath.isfinite(direct.high):  # else the market with less of it was not to be solved
                yield Gap(
                    "price ranges", good, _beyond(_error(self._money(high), direct.high, size), traded=traded)
                )

    def _rents(self) -> Iterator[Gap]:
        """What the limits of supplies and demands are worth."""
        point = self.point
        for row in point.table.limits:
            kind, good, value = row.kind, row.good, row.rent
            if value is None:
                continue
            if kind == "supply" and good in point.spec.supply:
                edge = point.trade_price("supply", good, point.bought[good])
                free = point.spec.supply[good].price is None
                rent = point.prices[good] - edge if free or value else mpf(0)
                yield Gap(
                    "rents", f"supply of {good}", _error(self._money(value), rent, abs(point.prices[good]))
                )
            elif kind == "demand" and good in point.spec.demand and value:
                edge = point.trade_price("demand", good, point.used[good, ""])
                rent = edge - point.paid[good, ""]
                yield Gap("rents", f"demand for {good}", _error(self._money(value), rent, abs(edge)))

    def _area(self, section: str, good: str, quantity: mpf) -> mpf | None:
        """The integral of a price over what is traded."""
        return integral(partial(self.point.trade_price, section, good), quantity)

    def _at_stake(self, good: str) -> mpf:
        """What it would cost to buy all there is of a good."""
        there = self.point.available[good]
        try:
            return abs(self.point.trade_price("supply", good, there) * there)
        except UndefinedError:
            return mpf(0)

    def _total(self) -> Iterator[Gap]:
        """Total value from the quantities, and the incomes that it is the sum of."""
        spec, point, table = self.point.spec, self.point, self.point.table
        earned = [self._area("demand", good, point.used[good, ""]) for good in spec.demand]
        paid = [self._area("supply", good, point.bought[good]) for good in spec.supply]
        incomes = [self._money(value) for value in table.incomes.values()]
        if incomes and table.total_value is not None:
            size = mpmath.fsum(abs(income) for income in incomes)
            yield Gap(
                "total value", "incomes", _error(mpmath.fsum(incomes), self._money(table.total_value), size)
            )
        if None in earned or None in paid:
            return
        total = mpmath.fsum(earned) - mpmath.fsum(paid)
        size = mpmath.fsum(abs(value) for value in (*earned, *paid) if value is not None)
        size += _UNCERTAIN * mpmath.fsum(self._at_stake(good) for good in spec.supply)
        if table.total_value is not None:
            yield Gap("total value", "W", _error(self._money(table.total_value), total, size))
        if self.base is not None:
            yield Gap("total value", "W, solved again", _error(self.base, total, size))
        if "profits" in table.incomes:
            profits = mpmath.fsum(term for firm in spec.firms for term in self._account(firm)["profit"])
            yield Gap("total value", "profits", _error(self._money(table.incomes["profits"]), profits, size))
        if "factor_incomes" in table.incomes:
            factors = mpmath.fsum(point.prices[g] * point.bought[g] for g in spec.supply) - mpmath.fsum(paid)
            direct = self._money(table.incomes["factor_incomes"])
            yield Gap("total value", "factor incomes", _error(direct, factors, size))


def _beyond(error: mpf, *, traded: bool) -> mpf:
    """What is left of an error after what a one-sided slope over a step of finite length may be off."""
    return max(mpf(0), error - (_ONE_SIDED if traded else _FROM_NOTHING))


def _error(value: mpf, direct: mpf, size: mpf | None = None) -> mpf:
    scale = size or max(abs(value), abs(direct))
    return abs(value - direct) / scale if scale else mpf(0)
