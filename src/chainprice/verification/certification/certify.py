"""The sequence: enclose every price, hold the table against the enclosures, add that to the verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

from chainprice import limits
from chainprice.spec import Spec
from chainprice.verification.certification import given, market
from chainprice.verification.certification.balls import working
from chainprice.verification.certification.enclosure import Enclosure, digits_for
from chainprice.verification.certification.programme import goods_of
from chainprice.verification.composition import compose
from chainprice.verification.numbers import decimals
from chainprice.verification.result import Certificate, Check, Condition, Verdict, as_number
from chainprice.verification.table import PriceTable

_ONE = Decimal(1)


def certify(spec: Spec, table: PriceTable, verdict: Verdict) -> Verdict:
    """The verdict with a certificate in every row, and a condition `certified` over them all.

    A row fails where the table's number cannot have been rounded from any number of the enclosure. A
    price that could not be enclosed fails no row, but the condition.
    """
    if verdict.error is not None:
        return verdict
    if verdict.allocation == "given":
        composition = compose(spec)
        found = given.enclosures(composition, _digits(composition.goods, table), table.numeraire)
    else:
        found = market.enclosures(spec, table, _digits(goods_of(spec), table))
    with working(limits.CERTIFY_MOST_BITS), decimals().working():
        checks = tuple(_certified(check, table, found) for check in verdict.checks)
        return replace(verdict, checks=checks, conditions=(*verdict.conditions, _condition(checks, table)))


def _digits(goods: Iterable[str], table: PriceTable) -> dict[str, int]:
    return {good: digits_for(table.prices.get(good)) for good in goods}


def _certified(check: Check, table: PriceTable, found: Mapping[str, Enclosure]) -> Check:
    enclosure = found.get(check.good)
    if enclosure is None:
        return replace(check, certificate=Certificate(None, None, "the spec has no such good"))
    price = table.prices.get(check.good)
    passed = check.passed and (price is None or enclosure.allows(price))
    return replace(check, certificate=enclosure.certificate(), passed=passed)


def _condition(checks: tuple[Check, ...], table: PriceTable) -> Condition:
    """The largest relative distance of a price from the middle of its enclosure; 1 where there is none."""
    distances = {check.good: _distance(check, table.prices.get(check.good)) for check in checks}
    failing = [c.good for c in checks if not c.passed or c.certificate is None or c.certificate.reason]
    where = max(failing or distances, key=lambda good: distances[good], default=None)
    worst = distances[where] if where is not None else _ONE
    return Condition("certified", as_number(worst), where, passed=not failing)


def _distance(check: Check, price: Decimal | None) -> Decimal:
    certificate = check.certificate
    if price is None or certificate is None or certificate.midpoint is None:
        return _ONE
    midpoint = Decimal(certificate.midpoint)
    if price == midpoint:
        return Decimal(0)
    return abs(price - midpoint) / max(abs(midpoint), abs(price))
