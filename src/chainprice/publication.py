"""A published price table against its spec as it is now: what has gone stale, what is new, what is gone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal

from chainprice import allocation, limits, network
from chainprice.errors import NoAnswerError
from chainprice.gate import verify
from chainprice.solution import Solution
from chainprice.solver import solve
from chainprice.spec import Spec
from chainprice.verification import (
    Certificate,
    Check,
    Condition,
    Method,
    PriceTable,
    Publication,
    Stale,
    Verdict,
    table_of,
    uses_of,
)
from chainprice.verification.result import as_number

PRICES_ONLY = "prices only"
NO_FIRMS = "no firms, no uses"

_ZERO = Decimal(0)


def verify_published(
    spec: Spec,
    table: PriceTable,
    *,
    tolerance: float = limits.TOLERANCE,
    method: Method = "auto",
    certify: bool = False,
) -> Verdict:
    """Check all that a table says, and that it says all that its form has room for.

    Where something does not hold, the spec is solved, so that the verdict can say what each price is now. A
    table that does not say its numeraire has the spec's.

    Raises what `verify` raises.
    """
    if table.form != "solve":
        table = replace(table, numeraire=spec.numeraire)
    verdict = _direct(spec, table, tolerance, method, certify=certify)
    wholeness = tuple(_wholeness(spec, table))
    publication = _publication(spec, table)
    if verdict is None or not (verdict.verified and all(row.passed for row in wholeness)):
        try:
            now = solve(replace(spec, numeraire=table.numeraire))
        except NoAnswerError:
            if verdict is None:
                raise
        else:
            stale = _stale(table, table_of(now.to_dict()), Decimal(str(tolerance)))
            publication = replace(publication, stale=tuple(stale))
            verdict = _as_of_now(spec, table, verdict, now, tolerance)
    if certify and not any(check.certificate for check in verdict.checks):
        verdict = _uncertified(verdict)
    return replace(verdict, conditions=(*verdict.conditions, *wholeness), table=publication)


def _is_market(spec: Spec) -> bool:
    return allocation.allocation_of(spec, network.build(spec)) == "competitive"


def _direct(
    spec: Spec, table: PriceTable, tolerance: float, method: Method, *, certify: bool
) -> Verdict | None:
    """The verdict by direct differentiation; None where a market's table says too little for that."""
    if _is_market(spec) and not _describes_market(spec, table):
        return None
    verdict = verify(spec, table, tolerance=tolerance, method=method, certify=certify)
    return verdict if verdict.error is None else None


def _describes_market(spec: Spec, table: PriceTable) -> bool:
    """Whether a table is about the goods and uses of this spec, and tells all quantities."""
    goods = network.build(spec).goods
    return {*goods} == table.prices.keys() == table.quantities.keys() and table.uses.keys() == uses_of(spec)


def _as_of_now(
    spec: Spec, table: PriceTable, direct: Verdict | None, now: Solution, tolerance: float
) -> Verdict:
    """A verdict that says what prices are now.

    At a market that has changed, derivatives at the quantities of then are prices of neither then nor now.
    """
    if direct is not None and (table.sha256 == spec.sha256 or not _is_market(spec)):
        return direct
    compared = _compared(table, table_of(now.to_dict()), verify(spec, now, tolerance=tolerance))
    if direct is None:
        return compared
    has_changed = not all(check.passed for check in compared.checks)
    return replace(direct, checks=compared.checks) if has_changed else direct


def _uncertified(verdict: Verdict) -> Verdict:
    """The same, and that no price of it has an interval."""
    reason = "the table does not tell all quantities of this market"
    checks = tuple(replace(check, certificate=Certificate(None, None, reason)) for check in verdict.checks)
    where = next((check.good for check in checks), None)
    return replace(
        verdict,
        checks=checks,
        conditions=(*verdict.conditions, Condition("certified", 1.0, where, passed=False)),
    )


def _compared(table: PriceTable, now: PriceTable, verdict: Verdict) -> Verdict:
    """A table against that of now and the verdict on it."""
    tolerance = Decimal(str(verdict.tolerance))
    known = {check.good: check for check in verdict.checks}
    checks = [_check(good, table, now, known.get(good), tolerance) for good in table.prices]
    lacking = _apart(now.prices, table.prices)
    checks += [replace(known[good], price=None, relative_error=None, passed=False) for good in lacking]
    conditions = [
        *_worst("quantities", table.quantities, now.quantities, tolerance),
        *_worst("values", table.values, now.values, tolerance),
        *_worst("price ranges", _ends(table), _ends(now), tolerance),
    ]
    return replace(verdict, checks=tuple(checks), conditions=tuple(conditions))


def _check(good: str, table: PriceTable, now: PriceTable, known: Check | None, tolerance: Decimal) -> Check:
    price = table.prices[good]
    if known is None:
        return Check(good, as_number(price), None, None, None, passed=False)
    nearest = _nearest(good, price, now)
    error = _gap(price, nearest)
    passed = known.passed and error <= tolerance
    return Check(good, as_number(price), as_number(nearest), as_number(error), known.method, passed=passed)


def _worst(
    condition: str, published: Mapping[str, Decimal], now: Mapping[str, Decimal], tolerance: Decimal
) -> Iterator[Condition]:
    errors = {good: _gap(figure, now[good]) for good, figure in published.items() if good in now}
    if errors:
        where = max(errors, key=lambda good: errors[good])
        yield Condition(condition, as_number(errors[where]), where, errors[where] <= tolerance)


def _ends(table: PriceTable) -> dict[str, Decimal]:
    """Both ends of every interval of prices that has them."""
    ends = {}
    for good, (low, high) in table.ranges.items():
        ends[good] = low
        if high is not None:
            ends[f"{good} (to)"] = high
    return ends


def _nearest(good: str, price: Decimal, now: PriceTable) -> Decimal:
    """The price now; of a price that is not unique, the one nearest to what was published."""
    if good not in now.ranges:
        return now.prices[good]
    low, high = now.ranges[good]
    return max(price, low) if high is None else min(max(price, low), high)


def _gap(figure: Decimal, now: Decimal) -> Decimal:
    return _ZERO if figure == now else abs(figure - now) / (abs(now) or abs(figure))


# What a table has and lacks.


def _wholeness(spec: Spec, table: PriceTable) -> Iterator[Condition]:
    """That a table has all that its form has room for, and the spec's firms."""
    if table.form == "solve":
        lacking = ", ".join(table.lacks)
        yield Condition("completeness", float(bool(lacking)), lacking or "all", passed=not lacking)
    else:
        yield Condition("completeness", 0.0, PRICES_ONLY if table.form == "prices" else NO_FIRMS, passed=True)
        if table.units:
            goods = network.build(spec).makers
            wrong = [g for g, unit in table.units.items() if g in goods and unit != spec.unit(g)]
            yield Condition("units", float(bool(wrong)), ", ".join(wrong) or "all", passed=not wrong)
    if table.lists_firms:
        others = sorted(spec.firms.keys() ^ table.firms.keys())
        yield Condition("firms", float(bool(others)), ", ".join(others) or "all", passed=not others)


def _publication(spec: Spec, table: PriceTable) -> Publication:
    goods = network.build(spec).goods
    return Publication(
        path=table.path,
        form=table.form,
        sha256_matches=None if table.sha256 is None else table.sha256 == spec.sha256,
        new=_apart(goods, table.prices),
        gone=_apart(table.prices, goods),
        new_firms=_apart(spec.firms, table.firms) if table.lists_firms else (),
        gone_firms=_apart(table.firms, spec.firms) if table.lists_firms else (),
    )


def _apart(these: Collection[str], others: Collection[str]) -> tuple[str, ...]:
    return tuple(name for name in these if name not in others)


def _stale(table: PriceTable, now: PriceTable, tolerance: Decimal) -> Iterator[Stale]:
    for good, price in table.prices.items():
        if good in now.prices and _gap(price, _nearest(good, price, now)) > tolerance:
            current = now.prices[good]
            change = as_number((current - price) / abs(price)) if price else None
            yield Stale(good, as_number(price), as_number(current), change)
