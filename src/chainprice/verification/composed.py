"""The composed total value of a market, differentiated along the uses that are there, all else held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import mpmath
from mpmath import mpf

from chainprice import limits
from chainprice.spec import DEMAND
from chainprice.verification.composition import constant
from chainprice.verification.market import BEND, LAST_DIGIT, STEP, MarketPoint, is_none, relative
from chainprice.verification.rows import Use


@dataclass(frozen=True, slots=True)
class Direct:
    """What one more unit of a good adds to total value, and one fewer takes; how it was found."""

    low: mpf
    high: mpf
    method: Literal["composed", "envelope"]


_EXACT = mpf(1)


class Composed:
    """A market's total value as a function of what there is of each good."""

    def __init__(self, point: MarketPoint, nudge: mpf = _EXACT) -> None:
        """`nudge` is what part of the table's quantities is taken to be traded."""
        self._point, self._nudge = point, nudge

    def direct(self, good: str) -> Direct | None:
        """dW/dg along the uses that are there, all else held; None where no smooth way leads on."""
        routes = self._routes
        if good not in routes:
            return None
        middle = self._slope(good)
        if middle is None:
            return None
        ends = [middle]
        if (
            relative(middle, self._point.prices[good]) > limits.TOLERANCE
        ):  # near the end of a curve digits cancel
            ends += [end for side in (1, -1) if (end := self._nudged(side)._slope(good)) is not None]
        return Direct(min(ends), max(ends), "composed")

    def _nudged(self, side: int) -> Composed:
        """The same where what is traded is as much more or less as a double rounds away."""
        return Composed(self._point, 1 + side * LAST_DIGIT)

    def _slope(self, good: str) -> mpf | None:
        step = (abs(self._point.available[good]) or mpf(1)) * STEP
        more, fewer = self._gain(good, step) / step, -self._gain(good, -step) / step
        if not (mpmath.isfinite(more) and mpmath.isfinite(fewer)):
            return None
        if abs(more - fewer) > BEND * max(abs(more), abs(fewer)):
            return None
        return (more + fewer) / 2

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
            traded = self._point.used[good, ""] if use == "demand" else self._point.bought[good]
            start = self._nudge * traded
            move = by if use == "demand" else -by
            prices = [self._point.trade_price(use, good, start + move * part / 2) for part in range(3)]
            area = move * (prices[0] + 4 * prices[1] + prices[2]) / 6
            return area if use == "demand" else -area
        firm = use.removeprefix("firm ")
        changes = {
            o: self._point.change(firm, o, {good: by}) for o in self._point.spec.firms[firm].production
        }
        return mpmath.fsum(self._gain(output, change) for output, change in changes.items())

    @cached_property
    def _routes(self) -> dict[str, list[tuple[str, mpf]]]:
        """Where one more unit of each good goes: to a use, or in place of a purchase; nearest ends first."""
        routes: dict[str, list[tuple[str, mpf]]] = {}
        while True:
            found = {
                good: route
                for good in self._point.available
                if good not in routes and (route := self._route(good, routes)) is not None
            }
            if not found:
                return routes
            routes |= found

    def _route(self, good: str, known: Mapping[str, object]) -> list[tuple[str, mpf]] | None:
        balances = self._balances_of.get(good, [])
        note = self._point.spec.note(good)
        if note.rival and note.split is None:
            there, needed, uses = balances[0]
            if not uses:
                return [] if there > BEND * self._point.sizes[good] else None
            if relative(there, needed) > BEND:
                return []
            if self._buys(good):
                return [("supply", mpf(1))]
            target = next((t for use in uses if (t := self._target(use, known)) is not None), None)
            return None if target is None else [(target, mpf(1))]
        route = []
        for there, needed, uses in balances:
            if relative(there, needed) > BEND:
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
        for good, there, needed, uses in self._point.balances():
            found.setdefault(good, []).append((there, needed, uses))
        return found

    def _buys(self, good: str) -> bool:
        """Whether some of a good is bought at a price, and more could be."""
        supply = self._point.spec.supply.get(good)
        if (
            supply is None
            or supply.price is None
            or is_none(self._point.bought[good], self._point.available[good])
        ):
            return False
        most = self._point.limit("supply", good)
        return most is None or relative(self._point.bought[good], most) > BEND

    def _target(self, use: Use, known: Mapping[str, object]) -> str | None:
        """A use that could take one more unit, whose outputs have a way of their own."""
        good, firm = use
        if is_none(self._point.used[use], self._point.available[good]):
            return None
        if firm:
            outputs = self._point.spec.firms[firm].production
            return f"firm {firm}" if all(output in known for output in outputs) else None
        most = self._point.limit("demand", good)
        if self._point.spec.demand[good].price is None or (
            most is not None and relative(self._point.used[use], most) < BEND
        ):
            return None
        return "demand"
