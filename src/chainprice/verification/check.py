"""The comparison: every row of a table against the direct derivative, by the strongest method that fits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Literal

import mpmath
from mpmath import mpf

from chainprice import limits, progress
from chainprice.errors import NumeraireError, Problem, TableError, UndefinedError, UsageError
from chainprice.formula import suggestion
from chainprice.spec import DEMAND, Spec
from chainprice.verification import adjoint, numeric, rows, symbolic
from chainprice.verification.chain import Chain, measure
from chainprice.verification.composition import Composition, Production, compose
from chainprice.verification.given import GivenPoint
from chainprice.verification.numbers import DIGITS, as_decimal, constant, decimals
from chainprice.verification.result import Check, Condition, UsedMethod, Verdict, as_number
from chainprice.verification.rows import Gap, uses_of
from chainprice.verification.table import PriceTable

Method = Literal["auto", "symbolic", "numeric", "adjoint"]

METHODS: tuple[Method, ...] = ("auto", "symbolic", "numeric", "adjoint")

_GUARD = 40
"""Digits beyond those of the tolerance."""

_AGAIN = 5
"""The factor by which digits grow before a table is called wrong: perhaps more cancel in its chain."""

_SHARP = Decimal("1e-3")
"""The part of the tolerance by which numbers may change as digits grow."""

_ZERO = Decimal(0)
_ONE = Decimal(1)


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
    count = max(DIGITS, int(-mpmath.log10(tolerance)) + _GUARD)
    try:
        verdict = _verdict(spec, table, tolerance, method, count)
    except UndefinedError:
        if len(table.prices) > limits.NUMERIC_GOODS:
            raise
        # Perhaps only rounding made a tanh(100) 1, and the logarithm of what it lacks of 1 undefined.
        return _verdict(spec, table, tolerance, method, count * _AGAIN)
    if verdict.verified or len(table.prices) > limits.NUMERIC_GOODS:
        return verdict
    with decimals(count).working():
        coarse = measure(compose(spec), decimals(count))
    if _is_sharp(spec, coarse, tolerance, count * _AGAIN):
        return verdict
    return _verdict(spec, table, tolerance, method, count * _AGAIN, coarse)


def _is_sharp(spec: Spec, coarse: Chain, tolerance: float, count: int) -> bool:
    """Whether quantities and slopes are those with more digits."""
    with decimals(count).working():
        fine = measure(compose(spec), decimals(count))
        within = Decimal(tolerance) * _SHARP
        pairs = zip(_numbers(coarse), _numbers(fine), strict=True)
        return all(abs(a - b) <= within * abs(b) for a, b in pairs)


def _numbers(chain: Chain) -> list[Decimal]:
    return [*chain.made, *(slope for slopes in chain.slopes for slope in slopes.values())]


def _verdict(  # noqa: PLR0917 - what `verify_table` takes, and two more
    spec: Spec, table: PriceTable, tolerance: float, method: Method, count: int, coarse: Chain | None = None
) -> Verdict:
    """The verdict with so many digits; `coarse` is the chain with fewer."""
    arithmetic = decimals(count)
    with arithmetic.working():
        composition = compose(spec)
        _fail_if_numeraire_unknown(table, composition)
        chosen = _method(composition, method)
        chain = measure(composition, arithmetic, coarse)
        comparison = _Comparison(chain, table, Decimal(tolerance), chosen)
        checks = comparison.checks()
        conditions = tuple(comparison.conditions())
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
    if len(composition.goods) > limits.NUMERIC_GOODS:
        return "adjoint"
    steps = [len(production.formula.shape.steps) for production in composition.productions]
    work = _work(composition)
    short = sum(steps) <= limits.SYMBOLIC_STEPS and max(steps) <= limits.SYMBOLIC_FORMULA
    if not bends and short and work <= limits.SYMBOLIC_WORK:
        return "symbolic"
    return "numeric" if work <= limits.NUMERIC_WORK else "adjoint"


def _work(composition: Composition) -> int:
    """Firm evaluations that it takes to cut the chain at every good once; counted no further than needed."""
    weights = [1 + len(made.formula.shape.steps) // _WEIGHED for made in composition.productions]
    work = 0
    for good in composition.goods:
        work += sum(weights[index] for index in composition.downstream(good))
        if work > limits.NUMERIC_WORK:
            break
    return work


_WEIGHED = 50
"""Steps of a formula that count as an evaluation of a firm."""


@dataclass(frozen=True, slots=True)
class _Row:
    """What direct differentiation says of one good: the derivatives to both sides, or only that it failed."""

    method: UsedMethod
    direct: tuple[Decimal, Decimal] | None
    mismatch: Decimal = _ZERO
    failed: bool = False


@dataclass(frozen=True)
class _Comparison:
    """One table against one composed chain."""

    chain: Chain
    table: PriceTable
    tolerance: Decimal
    method: Method

    @property
    def composition(self) -> Composition:
        """The chain as one function."""
        return self.chain.composition

    @cached_property
    def base(self) -> Mapping[str, mpf]:
        """The quantities again, for the methods that differentiate with mpmath."""
        return self.composition.evaluate()

    @cached_property
    def fine_base(self) -> Mapping[str, mpf]:
        """The same in twice the digits."""
        return numeric.finer(self.composition)

    @cached_property
    def money(self) -> Decimal:
        """What the table's numeraire is worth in money, by direct differentiation."""
        numeraire = self.table.numeraire
        if numeraire is None:
            return _ONE
        direct = self._one_by_one([numeraire])[numeraire].direct
        if direct is None or not direct[0]:
            raise NumeraireError(
                f"the price of the numeraire '{numeraire}' is 0, so nothing can be priced in it"
            )
        return direct[0]

    # The prices.

    def checks(self) -> tuple[Check, ...]:
        """A row for every good of the table, then one for each good that it lacks."""
        known = [good for good in self.table.prices if good in self.chain.quantities]
        lacking = [good for good in self.composition.goods if good not in self.table.prices]
        found = self._together(known) if self.method == "adjoint" else self._one_by_one(known)
        checks = []
        for good, price in self.table.prices.items():
            if good in found:
                checks.append(self._check(good, price, found[good]))
            else:
                checks.append(Check(good, as_number(price), None, None, None, passed=False))
        priced = self._one_by_one(lacking[: limits.LACKING_PRICED])
        for good in lacking:
            row = priced.get(good)
            number = as_number(row.direct[0] / self.money) if row and row.direct else None
            checks.append(Check(good, None, number, None, row.method if row else None, passed=False))
        return tuple(checks)

    def _check(self, good: str, price: Decimal, row: _Row) -> Check:
        if row.direct is None:
            error, passed = as_number(row.mismatch), not row.failed
            return Check(good, as_number(price), None, error, row.method, passed=passed)
        low, high = sorted(end / self.money for end in row.direct)
        direct = min(max(price, low), high)
        gap = _gap(price, direct)
        passed = gap <= self.tolerance
        return Check(good, as_number(price), as_number(direct), as_number(gap), row.method, passed=passed)

    def _one_by_one(self, goods: Sequence[str]) -> dict[str, _Row]:
        """Each good on its own, by the strongest method that fits."""
        if self.chain.is_settled:
            bent = self.chain.upstream_of_kinks
            zeros = [good for good in goods if good not in bent and not self.chain.gain({good: _ONE})]
            goods = [good for good in goods if good not in zeros]
            return dict.fromkeys(zeros, _Row("adjoint", (_ZERO, _ZERO))) | self._by_method(goods)
        return self._by_method(goods)

    def _by_method(self, goods: Sequence[str]) -> dict[str, _Row]:
        if self.method == "symbolic" and goods:
            derivatives = symbolic.derivatives(self.composition, self.base, goods)
            # A slope may have cancelled to nothing (1 - tanh(x)**2 far out): a zero needs a second opinion.
            return {
                good: _Row("symbolic", (as_decimal(slope),) * 2) if slope else self._numeric(good)
                for good, slope in derivatives.items()
            }
        if self.method == "numeric":
            return {good: self._numeric(good) for good in goods}
        bent = self.chain.upstream_of_kinks
        return {
            good: self._numeric(good)
            if good in bent
            else _Row("adjoint", (self.chain.gain({good: _ONE}),) * 2)
            for good in goods
        }

    def _together(self, goods: Sequence[str]) -> dict[str, _Row]:
        """All goods at once, save those whose price a kink leaves open."""
        bent = self.chain.upstream_of_kinks
        prices = {good: self.table.prices[good] * self.money for good in goods if good not in bent}
        found = {good: self._numeric(good) for good in goods if good in bent}
        if prices:
            outcome = adjoint.verify(self.chain, prices, self.tolerance)
            passed, failed = (_Row("adjoint", None, outcome.worst, failed) for failed in (False, True))
            found |= {good: failed if good in outcome.failed else passed for good in prices}
        return found

    def _numeric(self, good: str) -> _Row:
        progress.report(f"verifying the price of {good}")
        direct = numeric.derivative(self.composition, self.base, good, self.fine_base)
        method: UsedMethod = "numeric" if direct.smooth else "one-sided"
        return _Row(method, (as_decimal(direct.low), as_decimal(direct.high)))

    # What else the table says, against the composed chain and the table's own prices.

    def conditions(self) -> Iterator[Condition]:
        """Each condition at its worst place."""
        for gaps in (
            self._quantities(),
            self._values(),
            self._ranges(),
            self._uses(),
            self._rows(),
            self._accounts(),
            self._total_value(),
        ):
            worst = max(gaps, key=lambda gap: gap.error, default=None)
            if worst is not None:
                passed = bool(worst.error <= self.tolerance)
                yield Condition(worst.condition, as_number(worst.error), worst.where, passed)

    def _quantities(self) -> Iterator[Gap]:
        for good, quantity in self.table.quantities.items():
            if good in self.chain.quantities:
                yield Gap("quantities", good, _gap(quantity, self.chain.quantities[good]))

    def _values(self) -> Iterator[Gap]:
        for good, value in self.table.values.items():
            if good in self.chain.quantities:
                direct = self.table.prices[good] * self.chain.quantities[good]
                yield Gap("values", good, _gap(value, direct))

    def _ranges(self) -> Iterator[Gap]:
        """The intervals of prices that are not unique, against both one-sided derivatives."""
        for good, bounds in self.table.ranges.items():
            if good in self.chain.quantities:
                direct = self._numeric(good).direct or (_ZERO, _ZERO)
                ends = sorted(end / self.money for end in direct)
                for end, value in zip(ends, bounds, strict=True):
                    error = _ONE if value is None else _gap(value, end, max(map(abs, ends)))
                    yield Gap("price ranges", good, error)

    def _uses(self) -> Iterator[Gap]:
        """How much each use has, and what it pays where all pay the same."""
        known, spec = uses_of(self.composition.spec), self.composition.spec
        for good, firm in known - self.table.uses.keys() if self.table.uses else ():
            yield Gap("uses", f"{firm or DEMAND}/{good}", _ONE)
        for (good, firm), row in self.table.uses.items():
            note = spec.note(good)
            where = f"{firm or DEMAND}/{good}"
            if good not in self.table.prices or (good, firm) not in known:
                yield Gap("uses", where, _ONE)
                continue
            share = _ONE if note.split is None else constant(note.split[firm or DEMAND])
            yield Gap("uses", where, _gap(row.quantity, share * self.chain.quantities[good]))
            if note.rival:
                yield Gap("uses", f"{where} (price)", _gap(row.price, self.table.prices[good]))

    def _rows(self) -> Iterator[Gap]:
        """All rows, where the table has them all."""
        table = self.table
        if (
            table.quantities
            and table.prices.keys() >= self.chain.quantities.keys()
            and table.uses.keys() >= uses_of(self.composition.spec)
        ):
            yield from rows.gaps(GivenPoint(self.chain, table, self.money), "given")

    def _accounts(self) -> Iterator[Gap]:
        """Revenue, cost and profit of each firm, from the table's prices and the composed quantities."""
        if self.table.lists_firms:
            for firm in sorted(self.composition.spec.firms.keys() - self.table.firms.keys()):
                yield Gap("accounts", firm, _ONE)
        price = self.table.prices
        by_firm: dict[str, list[int]] = {}
        for index, production in enumerate(self.composition.productions):
            by_firm.setdefault(production.firm, []).append(index)
        for firm, row in self.table.accounts.items():
            made = {self.composition.productions[index].output: index for index in by_firm.get(firm, ())}
            inputs = {
                good: self.composition.productions[index]
                for index in made.values()
                for good in self.composition.productions[index].shares
            }
            if not made or not price.keys() >= inputs.keys() | made.keys():
                continue
            sales = [price[good] * self.chain.made[index] for good, index in made.items()]
            costs = [self._cost(good, production, made) for good, production in inputs.items()]
            terms = {"revenue": sales, "cost": costs, "profit": [*sales, *(-cost for cost in costs)]}
            for key, value in row.items():
                size = max(map(abs, terms[key]), default=_ZERO)
                yield Gap("accounts", f"{firm}/{key}", _gap(value, sum(terms[key], _ZERO), size))

    def _cost(self, good: str, production: Production, made: Mapping[str, int]) -> Decimal:
        """What a firm pays for an input: its price, or its own marginal value if it is non-rival."""
        paid = self.table.prices[good]
        if not self.composition.spec.note(good).rival:
            slopes = ((output, self.chain.slopes[index].get(good, _ZERO)) for output, index in made.items())
            paid = sum((self.table.prices[output] * slope for output, slope in slopes), _ZERO)
        return paid * self.chain.used(production, good)

    def _total_value(self) -> Iterator[Gap]:
        total = self.chain.total_value() if self.table.total_value is not None else None
        if total is not None and self.table.total_value is not None:
            value, size = (figure / self.money for figure in total)
            yield Gap("total value", "W", _gap(self.table.total_value, value, size))


def _gap(value: Decimal, direct: Decimal, size: Decimal | None = None) -> Decimal:
    """The relative error of a figure of the table; `size` is what it is the difference of."""
    if value == direct:
        return _ZERO
    return abs(value - direct) / (size or abs(direct) or abs(value))
