"""The comparison: every row of a table against the direct derivative, by the strongest method that fits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

import mpmath
from mpmath import mpf

from chainprice import limits, progress
from chainprice.errors import NumeraireError, Problem, TableError, UsageError
from chainprice.formula import suggestion
from chainprice.spec import DEMAND, Spec
from chainprice.verification import adjoint, numeric, rows, symbolic
from chainprice.verification.composition import Composition, Production, compose, constant
from chainprice.verification.market import MarketPoint, uses_of
from chainprice.verification.numeric import Direct
from chainprice.verification.result import Check, Condition, UsedMethod, Verdict, as_number
from chainprice.verification.table import PriceTable

Method = Literal["auto", "symbolic", "numeric", "adjoint"]

METHODS: tuple[Method, ...] = ("auto", "symbolic", "numeric", "adjoint")


def verify_table(
    spec: Spec, table: PriceTable, *, tolerance: float = limits.TOLERANCE, method: Method = "auto"
) -> Verdict:
    """Check every price of a table, and all else in it, against the composed function of a spec.

    `tolerance` is relative. Quantities must follow from the spec (MODEL.md section 2).

    Raises UndefinedError where the composed function has no value, UsageError for a tolerance
    that is not a number between 0 and 1.
    """
    if not 0 < tolerance < 1:
        raise UsageError(f"the tolerance must be between 0 and 1, not {tolerance:g}")
    digits = max(60, int(-mpmath.log10(tolerance)) + 40)
    with mpmath.workdps(digits):
        composition = compose(spec)
        base = composition.evaluate()
        _fail_if_numeraire_unknown(table, composition)
        comparison = _Comparison(composition, base, table, mpf(tolerance))
        chosen = _method(composition, method)
        money = comparison.unit_of_account(chosen)
        checks = comparison.checks(chosen, money)
        conditions = tuple(comparison.conditions(money))
    return Verdict(spec.source.path, "given", tolerance, checks, conditions)


def _fail_if_numeraire_unknown(table: PriceTable, composition: Composition) -> None:
    if table.numeraire is not None and table.numeraire not in composition.goods:
        hint = suggestion(table.numeraire, composition.goods)
        raise TableError(Problem(f"unknown good '{table.numeraire}' as the table's numeraire", None, hint))


def _method(composition: Composition, method: Method) -> Method:
    """The strongest method that fits the size of the chain, unless one is asked for."""
    bends = any(production.formula.shape.kinked for production in composition.productions)
    if method == "symbolic" and bends:
        raise UsageError(
            Problem("min, max and abs cannot be verified symbolically", None, "use method numeric")
        )
    if method != "auto":
        return method
    steps = [len(production.formula.shape.steps) for production in composition.productions]
    work = _work(composition)
    short = sum(steps) <= limits.SYMBOLIC_STEPS and max(steps) <= limits.SYMBOLIC_FORMULA
    if not bends and short and work <= limits.SYMBOLIC_WORK:
        return "symbolic"
    return "numeric" if work <= limits.NUMERIC_WORK else "adjoint"


def _work(composition: Composition) -> int:
    """Firm evaluations that it takes to cut the chain at every good once; counted no further than needed."""
    work = 0
    for good in composition.goods:
        work += len(composition.downstream(good))
        if work > limits.NUMERIC_WORK:
            break
    return work


def _one_by_one(method: Method) -> Literal["symbolic", "numeric"]:
    """The method for a single good, where the rest of the table is verified by `method`."""
    return "symbolic" if method == "symbolic" else "numeric"


@dataclass(frozen=True, slots=True)
class _Row:
    """What direct differentiation says of one good: a value and its method, or only that it failed."""

    direct: Direct | None
    method: UsedMethod
    mismatch: mpf | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class _Comparison:
    """One table against one composed function."""

    composition: Composition
    base: Mapping[str, mpf]
    table: PriceTable
    tolerance: mpf

    def checks(self, method: Method, money: mpf) -> tuple[Check, ...]:
        """A row for every good of the table, then one for each good that it lacks."""
        known = [good for good in self.table.prices if good in self.base]
        lacking = [good for good in self.composition.goods if good not in self.table.prices]
        rows = self._rows(method, known, money)
        checks = []
        for good, price in self.table.prices.items():
            if good in rows:
                checks.append(self._check(good, _mpf(price), rows[good], money))
            else:
                checks.append(Check(good, as_number(_mpf(price)), None, None, None, passed=False))
        priced = self._rows(_one_by_one(method), lacking[: limits.LACKING_PRICED], money)
        for good in lacking:
            direct = priced[good].direct if good in priced else None
            number = None if direct is None else as_number(direct.low / money)
            checks.append(Check(good, None, number, None, _one_by_one(method), passed=False))
        return tuple(checks)

    def unit_of_account(self, method: Method) -> mpf:
        """What the table's numeraire is worth in money, by direct differentiation."""
        numeraire = self.table.numeraire
        if numeraire is None:
            return mpf(1)
        row = self._rows(_one_by_one(method), [numeraire], mpf(1))[numeraire]
        price = row.direct.low if row.direct else mpf(0)
        if price == 0:
            raise NumeraireError(
                f"the price of the numeraire '{numeraire}' is 0, so nothing can be priced in it"
            )
        return price

    def _rows(self, method: Method, goods: Sequence[str], money: mpf) -> dict[str, _Row]:
        if not goods:
            return {}
        if method == "symbolic":
            derivatives = symbolic.derivatives(self.composition, self.base, goods)
            # A slope may have cancelled to nothing (1 - tanh(x)**2 far out): a zero needs a second opinion.
            return {
                good: _Row(Direct(slope, slope), "symbolic") if slope else self._numeric(good)
                for good, slope in derivatives.items()
            }
        if method == "numeric":
            return {good: self._numeric(good) for good in goods}
        return self._adjoint(goods, money)

    def _numeric(self, good: str) -> _Row:
        progress.report(f"verifying the price of {good}")
        direct = numeric.derivative(self.composition, self.base, good)
        return _Row(direct, "numeric" if direct.smooth else "one-sided")

    def _adjoint(self, goods: Sequence[str], money: mpf) -> dict[str, _Row]:
        """All goods together, save those whose price a kink leaves open: these one by one."""
        bent = self.composition.upstream_of_kinks(self.base)
        together = [good for good in goods if good not in bent]
        rows = {good: self._numeric(good) for good in goods if good in bent}
        if together:
            prices = {good: _mpf(self.table.prices[good]) * money for good in together}
            outcome = adjoint.verify(self.composition, self.base, prices, self.tolerance)
            rows |= {good: _Row(None, "adjoint", outcome.worst, good in outcome.failed) for good in together}
        return rows

    def _check(self, good: str, price: mpf, row: _Row, money: mpf) -> Check:
        if row.direct is None:
            error = row.mismatch if row.mismatch is not None else mpf(0)
            return Check(good, as_number(price), None, as_number(error), row.method, passed=not row.failed)
        low, high = sorted((row.direct.low / money, row.direct.high / money))
        direct = min(max(price, low), high)
        error = _relative_error(price, direct)
        passed = bool(error <= self.tolerance)
        return Check(good, as_number(price), as_number(direct), as_number(error), row.method, passed=passed)

    def conditions(self, money: mpf) -> Iterator[Condition]:
        """What else the table says, against the composed function and the table's own prices."""
        known = [good for good in self.table.prices if good in self.base]
        price = {good: _mpf(self.table.prices[good]) for good in known}
        yield from self._condition(
            "quantities",
            {g: _gap(self.table.quantities[g], self.base[g]) for g in self.table.quantities if g in known},
        )
        yield from self._condition(
            "values",
            {g: _gap(self.table.values[g], price[g] * self.base[g]) for g in self.table.values if g in known},
        )
        yield from self._condition("price ranges", dict(self._ranges(known, money)))
        yield from self._condition("uses", dict(self._uses(price)))
        yield from self._condition("rows", self._rows_of_uses_and_firms(money))
        yield from self._condition("accounts", dict(self._accounts(price)))
        if self.table.total_value is not None:
            total = self.composition.total_value(self.base)
            if total is not None:
                value, size = (figure / money for figure in total)
                yield from self._condition("total value", {"W": _gap(self.table.total_value, value, size)})

    def _uses(self, price: Mapping[str, mpf]) -> Iterator[tuple[str, mpf]]:
        """How much each use has, and what it pays where all pay the same."""
        known = uses_of(self.composition.spec)
        for good, firm in known - self.table.uses.keys() if self.table.uses else ():
            yield f"{firm or DEMAND}/{good}", mpf(1)
        for (good, firm), row in self.table.uses.items():
            note = self.composition.spec.note(good)
            where = f"{firm or DEMAND}/{good}"
            if good not in price or (good, firm) not in known:
                yield where, mpf(1)
                continue
            share = mpf(1) if note.split is None else constant(note.split[firm or DEMAND])
            yield where, _gap(row.quantity, share * self.base[good])
            if note.rival:
                yield f"{where} (price)", _gap(row.price, price[good])

    def _rows_of_uses_and_firms(self, money: mpf) -> dict[str, mpf]:
        """The worst of each row, where the table has them all."""
        worst: dict[str, mpf] = {}
        if self.table.uses.keys() >= uses_of(self.composition.spec) and self.table.quantities:
            point = MarketPoint(self.composition.spec, self.table, money)
            for gap in rows.gaps(point, "given"):
                worst[gap.where] = max(gap.error, worst.get(gap.where, mpf(0)))
        return worst

    def _ranges(self, goods: Sequence[str], money: mpf) -> Iterator[tuple[str, mpf]]:
        """The intervals of prices that are not unique, against both one-sided derivatives."""
        for good in goods:
            if good in self.table.ranges:
                direct = numeric.derivative(self.composition, self.base, good)
                ends = sorted((direct.low / money, direct.high / money))
                for end, value in zip(ends, self.table.ranges[good], strict=True):
                    size = max(abs(ends[0]), abs(ends[1]))
                    yield good, mpf(1) if value is None else _gap(value, end, size)

    def _accounts(self, price: Mapping[str, mpf]) -> Iterator[tuple[str, mpf]]:
        """Revenue, cost and profit of each firm, from the table's prices and the composed quantities."""
        by_firm: dict[str, list[Production]] = {}
        for production in self.composition.productions:
            by_firm.setdefault(production.firm, []).append(production)
        for firm, row in self.table.accounts.items():
            productions = by_firm.get(firm, [])
            inputs = {good: p for p in productions for good in p.shares}
            if not productions or not price.keys() >= inputs.keys() | {p.output for p in productions}:
                continue
            revenue = mpmath.fsum(
                price[p.output] * self.composition.produced(p, self.base) for p in productions
            )
            cost = mpmath.fsum(
                self._paid(good, productions, price) * self.composition.used(p, good, self.base)
                for good, p in inputs.items()
            )
            direct = {"revenue": revenue, "cost": cost, "profit": revenue - cost}
            for key, value in row.items():
                yield f"{firm}/{key}", _gap(value, direct[key], max(abs(revenue), abs(cost)))

    def _paid(self, good: str, productions: Sequence[Production], price: Mapping[str, mpf]) -> mpf:
        """What a firm pays for an input: its price, or its own marginal value if it is non-rival."""
        if self.composition.spec.note(good).rival:
            return price[good]
        gift = {good: (abs(self.base[good]) or mpf(1)) * mpf(10) ** -numeric.STEP}
        worth = (
            price[p.output]
            * (
                self.composition.change(p, self.base, gift)
                - self.composition.change(p, self.base, {good: -gift[good]})
            )
            for p in productions
            if good in p.shares
        )
        return mpmath.fsum(worth) / (2 * gift[good])

    def _condition(self, name: str, gaps: Mapping[str, mpf]) -> Iterator[Condition]:
        if gaps:
            where = max(gaps, key=lambda key: gaps[key])
            passed = bool(gaps[where] <= self.tolerance)
            yield Condition(name, as_number(gaps[where]), where, passed)


def _relative_error(value: mpf, direct: mpf) -> mpf:
    """Relative to the direct value; to the other one where that is 0."""
    scale = abs(direct) or abs(value)
    return abs(value - direct) / scale if scale else mpf(0)


def _gap(value: Decimal, direct: mpf, size: mpf | None = None) -> mpf:
    """The relative error of a figure of the table; `size` is what it is the difference of."""
    figure = _mpf(value)
    return abs(figure - direct) / size if size else _relative_error(figure, direct)


def _mpf(value: Decimal) -> mpf:
    return mpf(str(value))
