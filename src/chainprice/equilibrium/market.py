"""From a spec to a market that clears, or to the reason why none does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import islice
from types import MappingProxyType

import numpy as np

from chainprice import limits, progress
from chainprice.arithmetic import digits, working_digits
from chainprice.equilibrium import clearing, gifts, idle, rounding, uniqueness
from chainprice.equilibrium.clearing import Clearing
from chainprice.equilibrium.conditions import Conditions
from chainprice.equilibrium.corner import NoRoomError
from chainprice.equilibrium.ipopt import Nlp
from chainprice.equilibrium.live import goods_owed, prune, restore
from chainprice.equilibrium.optimum import PROOF_DIGITS, NotPolishedError, Optimum
from chainprice.equilibrium.perturbed import perturbed
from chainprice.equilibrium.polish import polish
from chainprice.equilibrium.programme import Programme, build
from chainprice.equilibrium.reach import fail_if_out_of_reach
from chainprice.equilibrium.reasons import reason
from chainprice.equilibrium.response import Response
from chainprice.equilibrium.search import Found, Search
from chainprice.equilibrium.start import starting_points
from chainprice.errors import (
    InfeasibleError,
    NoAnswerError,
    NoConvergenceError,
    Problem,
)
from chainprice.network import Network
from chainprice.quantities import Quantities
from chainprice.spec import Spec
from chainprice.technology import Technology
from chainprice.value import total_value

_INSIDE = 1e-4
_STARTS = 6

_ALIKE = Decimal("1e-9")
"""How near the least price of an interval is to the one that was found, relatively."""


@dataclass(frozen=True, slots=True)
class Market:
    """An optimum that was found and proved; `clear` has it in the digits of the context."""

    programme: Programme
    _nlp: Nlp
    _proved: Optimum
    _network: Network
    _technology: Technology
    _digits: int = PROOF_DIGITS
    _cleared: Clearing | None = None

    def clear(self) -> Clearing:
        """Quantities and prices."""
        if self._cleared is not None and working_digits() == self._digits:
            return self._cleared
        optimum, conditions = self._optimum()
        cleared = clearing.read(optimum, conditions)
        return restore(cleared, self.programme.spec, self._network, self._technology)

    @property
    def optimum(self) -> Optimum:
        """What was proved, in doubles and decimals."""
        return self._proved

    @property
    def sizes(self) -> list[float]:
        """How large the variables are, or were expected to be."""
        return [float(size) for size in self._proved.point.sizes]

    @property
    def start(self) -> list[float]:
        """The variables as the solver left them, off their bounds: a start for a market much like this."""
        point = self._proved.point
        inside = np.maximum(point.x, _INSIDE * point.sizes)
        is_bend = np.array([variable.kind == "bend" for variable in self.programme.variables], dtype=bool)
        return [float(value) for value in np.where(is_bend, point.x, inside)]

    def response(self) -> Response:
        """The optimum in the digits of the context, and how it moves."""
        optimum, conditions = self._optimum()
        return Response(optimum, conditions, self._nlp)

    def lost_digits(self, flow: Quantities, value: Decimal) -> float:
        """How many digits rounding can have taken from the numbers of this market, cleared so."""
        return rounding.lost_digits(self._proved, self.programme, self._nlp, flow, value)

    def moved(self, programme: Programme) -> Market:
        """The optimum after gifts, in the digits of the context, if it is next to this one.

        Raises NotPolishedError or ArithmeticError where it is not.
        """
        optimum = perturbed(self._proved, self._nlp, Conditions(programme))
        return replace(self, programme=programme, _proved=optimum, _digits=working_digits(), _cleared=None)

    def ranges(self) -> dict[str, uniqueness.Range]:
        """The interval of each price that is not unique (good to about 9 digits)."""
        with digits(PROOF_DIGITS):
            optimum, conditions = self._optimum()
            ranges = uniqueness.price_ranges(optimum, conditions)
            is_smooth = not ranges or not idle.lacking_slopes(optimum, conditions)
            dead_ends = self._dead_ends()
            prices = self.clear().prices
            unlike = [good for good, (low, _) in ranges.items() if not _is_alike(low, prices[good])]
        if is_smooth and not dead_ends and not unlike:
            return ranges
        with digits(2 * PROOF_DIGITS):
            if (
                is_smooth
            ):  # the least price is the one that was found, or a linear programme in doubles lost it
                by_gifts = {good: self._range_by_gifts(good) for good in unlike}
                ranges |= {good: (known[0], ranges[good][1]) for good, known in by_gifts.items() if known}
            else:
                ranges = {good: self._range_by_gifts(good) or known for good, known in ranges.items()}
            by_gifts = {good: self._range_by_gifts(good) for good in dead_ends}
        return ranges | {good: known for good, known in by_gifts.items() if known and known[1] is not None}

    def _dead_ends(self) -> list[str]:
        """The goods that lead to no demand, of which there is none: one would have to be made."""
        live = set(self.programme.network.goods)
        dead = [good for good in self._network.goods if good not in live]
        if not dead or len(dead) * len(self._network.firms) > limits.DEAD_END_WORK:
            return []
        there = self.clear().quantities.available
        return [good for good in dead if not there[good]]

    def _range_by_gifts(self, good: str) -> uniqueness.Range | None:
        """By solving the market with a little more and less of a good; None if that finds no answer."""
        cleared = self.clear()
        there = cleared.quantities.available
        traded = sum((abs(cleared.prices[g] * there[g]) for g in there), Decimal(0))

        def value(gift: Decimal) -> Decimal | None:
            spec, network = self.programme.spec, self._network
            try:
                market = find(spec, network, self._technology, {good: gift}, self) if gift else self
                return total_value(spec, market.clear().quantities)
            except NoConvergenceError:
                raise
            except NoAnswerError:
                return None

        try:
            return gifts.price_range(value, there[good], cleared.prices[good], traded)
        except NoConvergenceError:
            return None

    def _optimum(self) -> tuple[Optimum, Conditions]:
        conditions = Conditions(self.programme)
        if working_digits() == self._digits:
            return self._proved, conditions
        try:
            optimum = self._polished(conditions)
        except NotPolishedError as error:
            raise NoConvergenceError(
                Problem(
                    f"the equilibrium could not be had in more digits: {error}", self.programme.spec.place()
                )
            ) from None
        return replace(optimum, near=idle.mixes(optimum, conditions)), conditions

    def _polished(self, conditions: Conditions) -> Optimum:
        """From the optimum that was proved, or else from the solver's point once more."""
        try:
            return polish(self._proved.point, self._nlp, conditions, self._proved)
        except NotPolishedError:
            return polish(self._proved.point, self._nlp, conditions)


def _fail_if_none_to_take(programme: Programme) -> None:
    """Raise InfeasibleError where something is to be taken of which there cannot be so much."""
    is_taken = any(gift < 0 for gift in programme.gifts.values())
    if is_taken and len(programme.network.firms) <= limits.REACH_FIRMS:
        fail_if_out_of_reach(programme)


def _is_alike(low: Decimal, price: Decimal) -> bool:
    return abs(low - price) <= _ALIKE * abs(price)


def find(
    spec: Spec,
    network: Network,
    technology: Technology,
    gifts: Mapping[str, Decimal] = MappingProxyType({}),
    near: Market | None = None,
    *,
    last: Market | None = None,
) -> Market:
    """The market's equilibrium; `gifts` are handed to it for free.

    The search begins at the quantities of `near`, a market much like this one, if there is one. Then total
    value is all that is wanted: which of the prices that support it are the least ones is not looked for,
    nor whether firms have better plans. It begins at the quantities of `last` too, a market of the same firms
    with other numbers, and then everything is proved as from any other start.

    Raises IncreasingReturnsError, UnboundedError, InfeasibleError or UndefinedError where there is
    none, naming firm or good; NoConvergenceError where none was found and none of these was shown.
    """
    needed = {good for good, gift in gifts.items() if gift < 0}
    progress.report(f"building the market of {len(network.firms):,} firms")
    live = prune(network, needed | goods_owed(network, technology, prune(network, needed)))
    if near is not None and near.programme.network == live:
        programme = replace(near.programme, gifts=gifts)
        _fail_if_none_to_take(programme)
        try:
            return near.moved(programme)
        except NoRoomError:
            message = f"the market cannot clear with a gift of {', '.join(gifts)}"
            raise InfeasibleError(Problem(message, spec.place())) from None
        except (NotPolishedError, ArithmeticError):
            pass
    else:
        programme = build(spec, live, technology, gifts)
        _fail_if_none_to_take(programme)
    search = Search(programme, network, technology, only_value=near is not None)

    def market_at(found: Found | None) -> Market | None:
        if found is None:
            return None
        return Market(programme, search.nlp, found.optimum, network, technology, _cleared=found.cleared)

    is_alike = near is not None and near.programme.variables == programme.variables
    if near is not None and is_alike and (market := market_at(search.try_from(near.start, near.sizes))):
        return market
    if last is not None and last.programme.variables == programme.variables:
        warm = search.try_next_to(last.optimum)
        if market := market_at(warm):
            return market
    for start in islice(starting_points(programme), _STARTS if near is None else 1):
        if market := market_at(search.try_from(start)):
            return market
    raise reason(programme, search.nlp, search.tried)
