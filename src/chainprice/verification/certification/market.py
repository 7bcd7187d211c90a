"""Enclosures of the prices of a market that chooses its quantities (MODEL.md section 3).

The conditions that are active at the table's point are a square system in quantities and multipliers;
Krawczyk's test encloses its one solution there. Then every condition that is not active is shown to hold:
nobody gains by a use that is not there, no limit is passed, no multiplier has the wrong sign. Together these
are all conditions of an equilibrium (Karush, Kuhn, Tucker). That such a point is the optimum is a matter of
concavity, which is not proved here: `solve` and the condition `profits` of `verify` look after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import mpmath
from flint import arb
from mpmath import mpf

from chainprice import limits, progress
from chainprice.errors import UndefinedError
from chainprice.spec import Spec
from chainprice.verification.certification.balls import Ball, constant, working
from chainprice.verification.certification.enclosure import Enclosure, between, is_narrow
from chainprice.verification.certification.krawczyk import NotEnclosedError, SingularError, enclose
from chainprice.verification.certification.lagrangian import Derivatives, Variable
from chainprice.verification.certification.programme import Programme, build
from chainprice.verification.market import MarketPoint
from chainprice.verification.table import PriceTable

_BITS_PER_DIGIT = 8
"""The box begins with half of the bits wide, and a digit takes more than three."""

_NOT_TRADED = "nobody trades it, and its price is not unique"


class TooLargeError(NotEnclosedError):
    """A market with more unknowns than are worth the work."""


def enclosures(spec: Spec, table: PriceTable, digits: Mapping[str, int]) -> dict[str, Enclosure]:
    """What is surely known of the price of every good, in the table's money.

    All prices of a market hang together: either all that are unique are enclosed, or none is.
    """
    reason = ""
    bits = max(limits.CERTIFY_BITS, _BITS_PER_DIGIT * max(digits.values(), default=0))
    for tried in (bits, 4 * bits):
        progress.report(f"enclosing the market's conditions with {tried} bits")
        with working(tried, 3), mpmath.workprec(tried):
            try:
                prices = _prices(build(spec, MarketPoint(spec, table, mpf(1))))
                return {good: _enclosure(prices, good, table, digits[good]) for good in digits}
            except (SingularError, TooLargeError) as error:
                reason = str(error)
                break
            except (NotEnclosedError, UndefinedError) as error:
                reason = str(error)
    return {good: Enclosure(arb.nan(), count, reason) for good, count in digits.items()}


def _enclosure(prices: Mapping[str, Ball | None], good: str, table: PriceTable, digits: int) -> Enclosure:
    price = prices[good]
    money = arb(1) if table.numeraire is None else prices[table.numeraire]
    if price is None or money is None:
        return Enclosure(arb.nan(), digits, _NOT_TRADED)
    ball = price / money
    return Enclosure(ball, digits, None if is_narrow(ball, digits) else between(ball))


def _prices(programme: Programme) -> dict[str, Ball | None]:
    """The price of every good in money; None where it is not unique. Raises NotEnclosedError."""
    count, most = len(programme.free_x) + len(programme.free_m), limits.CERTIFY_UNKNOWNS
    if count > most:
        raise TooLargeError(f"the market has {count:,} unknowns; Krawczyk's test is taken up to {most:,}")
    programme = programme.holding(_of_no_matter(programme))
    solution = enclose(lambda unknowns: _equations(programme, unknowns), _start(programme))
    x, m = _filled(programme, solution)
    proof = _Proof(programme, x, m)
    proof.settle_idle()
    for failure in proof.failures():
        raise NotEnclosedError(failure)
    lagrangian = programme.lagrangian
    goods = dict.fromkeys(balance.good for balance in lagrangian.balances)
    open_goods = {lagrangian.balances[j].good for j in proof.open}
    return {good: None if good in open_goods else lagrangian.weight(good, m) for good in goods}


def _start(programme: Programme) -> list[Ball]:
    return [*(programme.x[i] for i in programme.free_x), *(programme.m[j] for j in programme.free_m)]


def _of_no_matter(programme: Programme) -> list[int]:
    """The variables on which no active condition depends: how much is taken of what is left over."""
    values, jacobian = _equations(programme, _start(programme))
    return [
        i
        for i, value, row in zip(programme.free_x, values, jacobian, strict=False)
        if value.is_zero() and all(entry.is_zero() for entry in row)
    ]


def _filled(programme: Programme, unknowns: Sequence[Ball]) -> tuple[list[Ball], list[Ball]]:
    """All variables and all multipliers; those that are not free as they are fixed, idle ones 0."""
    free_x, free_m = programme.free_x, programme.free_m
    x = [programme.fixed_x[i]() if i in programme.fixed_x else arb(0) for i in range(len(programme.x))]
    m = [arb(0)] * len(programme.m)
    for i, value in zip(free_x, unknowns, strict=False):
        x[i] = value
    for j, value in zip(free_m, unknowns[len(free_x) :], strict=True):
        m[j] = value
    return x, m


def _equations(programme: Programme, unknowns: Sequence[Ball]) -> tuple[list[Ball], list[list[Ball]]]:
    """The gradient of the Lagrangian by all that is free, and its Hessian, which is symmetric."""
    free_x, free_m = programme.free_x, programme.free_m
    found = programme.lagrangian.at(*_filled(programme, unknowns), frozenset(free_x))
    place = {i: row for row, i in enumerate(free_x)}
    row_of = {j: row for row, j in enumerate(free_m, len(free_x))}
    jacobian = [[arb(0)] * len(unknowns) for _ in unknowns]
    for (first, second), value in found.curvature.items():
        jacobian[place[first]][place[second]] = value
    for (j, i), value in found.slopes.items():
        if j in row_of and i in place:
            jacobian[row_of[j]][place[i]] = jacobian[place[i]][row_of[j]] = value
    return [*(found.by_x[i] for i in free_x), *(found.by_m[j] for j in free_m)], jacobian


@dataclass
class _Proof:
    """The solution of the active conditions, and the search for what contradicts the others.

    `open` are the balances whose price is not unique, and not the least that it can be; `settled` the
    variables whose condition an idle good's price was made to meet.
    """

    programme: Programme
    x: list[Ball]
    m: list[Ball]
    open: set[int] = field(default_factory=set)
    settled: set[int] = field(default_factory=set)

    @property
    def now(self) -> Derivatives:
        """The gradient at the solution, with the idle multipliers as far as they are known."""
        return self.programme.lagrangian.at(self.x, self.m)

    # Goods and firms with which nothing happens.

    def settle_idle(self) -> None:
        """Prices of goods that nobody trades, from the ends of the chain on; raises NotEnclosedError."""
        waiting, bends = set(self.programme.idle), dict(self.programme.idle_bends)
        while waiting or bends:
            known = self._ready_bends(waiting, bends)
            if known:
                self._share(known[0], bends.pop(known[0]))
                continue
            ready = [j for j in sorted(waiting) if self._is_ready(j, waiting, bends)]
            if ready:
                self._set_lowest(ready[0])
                waiting.remove(ready[0])
                continue
            waiting.remove(self._set_highest(waiting))

    def _is_ready(self, j: int, waiting: set[int], bends: Mapping[int, object]) -> bool:
        """Whether all that a good's idle uses make has its price."""
        lagrangian = self.programme.lagrangian
        uses = set(lagrangian.balances[j].uses)
        for output in lagrangian.outputs:
            if uses.intersection(output.piece.variables):
                if waiting.intersection(lagrangian.balances_of(output.good)):
                    return False
                if any(bend in bends for bend in output.piece.cuts.values()):
                    return False
        return True

    def _set_lowest(self, j: int) -> None:
        """The price of a good at what its first unit would add, if all that it leads to is priced so."""
        found, idle = self.now, self.programme.idle
        uses = [i for i in self.programme.lagrangian.balances[j].uses if self._is_none(i)]
        price = arb(0)
        for index in uses:
            price = price.max(found.by_x[index])  # nan stays nan
        self.m[j] = price
        self.settled.update(uses)
        to_idle = [(k, slope) for (k, i), slope in found.slopes.items() if i in uses and k in idle and k != j]
        if not price.is_zero() and any(k in self.open or not slope >= 0 for k, slope in to_idle):
            self.open.add(j)

    def _set_highest(self, waiting: set[int]) -> int:
        """A good that could be bought, at what it would cost: one of the prices that it may have."""
        lagrangian = self.programme.lagrangian
        for j in sorted(waiting):
            purchase = lagrangian.balances[j].purchase
            if (
                purchase is not None
                and self._is_none(purchase)
                and lagrangian.balances[j].coefficient is None
            ):
                self.m[j] = -self.now.by_x[purchase]
                self.open.add(j)
                self.settled.add(purchase)
                return j
        good = lagrangian.balances[min(waiting)].good if waiting else "an idle firm's bend"
        raise NotEnclosedError(f"no price could be shown to keep those idle who are: '{good}'")

    def _ready_bends(self, waiting: set[int], bends: Mapping[int, tuple[int, ...]]) -> list[int]:
        """Idle bends whose worth and whose arguments' costs are known, outer ones first."""
        lagrangian = self.programme.lagrangian
        ready = []
        for bend in sorted(bends, reverse=True):
            good = lagrangian.variables[bend].good.split(":")[0]
            outer = [b for b in bends if b > bend and self._is_same_output(b, bend)]
            pieces = [a.piece for a in lagrangian.arguments if a.bend == bend]
            needed = {i for piece in pieces for i in piece.variables if self._kind(i) == "use"}
            costs = {j for j, balance in enumerate(lagrangian.balances) if needed.intersection(balance.uses)}
            if not outer and not waiting.intersection({*lagrangian.balances_of(good), *costs}):
                ready.append(bend)
        return ready

    def _share(self, bend: int, arguments: tuple[int, ...]) -> None:
        """What a bend is worth, shared among its arguments by what one more unit of each would cost."""
        gains, slopes = self.now.by_x, self.now.slopes
        costs = [self._cost(j, gains, slopes) for j in arguments]
        total = sum(costs, arb(0))
        worth = gains[bend]
        for j, cost in zip(arguments[1:], costs[1:], strict=True):
            self.m[j] = worth * cost / total if cost else arb(0)
        self.m[arguments[0]] = worth - sum((self.m[j] for j in arguments[1:]), arb(0))

    def _cost(self, j: int, gains: Sequence[Ball], slopes: Mapping[tuple[int, int], Ball]) -> Ball:
        """What one more unit of an argument costs, by the input that makes it most cheaply; near enough."""
        costs = [
            -gains[i] / slope
            for (row, i), slope in slopes.items()
            if row == j and self._kind(i) == "use" and slope > 0
        ]
        return min((cost.mid() for cost in costs), default=arb(0))

    def _is_same_output(self, first: int, second: int) -> bool:
        a, b = (self.programme.lagrangian.variables[i] for i in (first, second))
        return a.user == b.user and a.good.split(":")[0] == b.good.split(":")[0]

    def _kind(self, index: int) -> str:
        return self.programme.lagrangian.variables[index].kind

    def _is_none(self, index: int) -> bool:
        return index in self.programme.fixed_x and bool(self.x[index].is_zero())

    # What must hold besides.

    def failures(self) -> Iterator[str]:
        """What is not shown to hold, in words."""
        found, lagrangian = self.now, self.programme.lagrangian
        for i, variable in enumerate(lagrangian.variables):
            if variable.kind != "bend" and i not in self.settled:
                yield from self._variable(i, variable, found.by_x[i])
        for j, balance in enumerate(lagrangian.balances):
            if not self.m[j].is_finite():
                yield f"what a first unit of '{balance.good}' is worth could not be enclosed"
            yield from _unless(self.m[j], f"whether the price of '{balance.good}' is above 0")
            if j not in self.programme.free_m:
                yield from _unless(found.by_m[j], f"whether there is enough of '{balance.good}'")
        yield from self._arguments(found)

    def _variable(self, i: int, variable: Variable, gain: Ball) -> Iterator[str]:
        if i not in self.programme.fixed_x:
            yield from _unless(self.x[i], f"whether {variable} is above 0")
            if variable.upper is not None:
                yield from _unless(
                    constant(variable.upper) - self.x[i], f"whether {variable} is in its limit"
                )
        elif i in self.programme.held:
            yield from _unless(-abs(gain), f"whether {variable} does not matter")
        elif self._is_none(i):
            yield from _unless(-gain, f"whether {variable}, which is 0, would gain nothing")
        else:
            yield from _unless(gain, f"whether {variable}, which is at its limit, is worth it")

    def _arguments(self, found: Derivatives) -> Iterator[str]:
        lagrangian = self.programme.lagrangian
        first = len(lagrangian.balances)
        for j, argument in enumerate(lagrangian.arguments, first):
            bend = lagrangian.variables[argument.bend]
            where = f"a bend of '{bend.good.split(':')[0]}' (firm '{bend.user}')"
            if j in self.programme.zero_m:
                yield from _unless(argument.side * found.by_m[j], f"which arguments meet in {where}")
            else:
                yield from _unless(argument.side * self.m[j], f"whether {where} holds back its output")


def _unless(value: Ball, what: str) -> Iterator[str]:
    """A failure unless a number is surely not negative."""
    if not (value > 0 or value.is_zero()):
        yield f"it could not be shown {what}"
