"""The derivatives of total value and of prices by every lever, in digits that can be believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from chainprice import limits, progress
from chainprice.arithmetic import Number, digits, number
from chainprice.duals import Real, slope_of, value_of
from chainprice.errors import NoAnswerError, PrecisionError, Problem
from chainprice.pricing import Chain, Priced
from chainprice.spec import Spec
from chainprice.statics.chain import ChainStatics, NoDerivativeError
from chainprice.statics.differences import Sides, Target, price_of, sides, total_value
from chainprice.statics.levers import Lever, is_limit, setting
from chainprice.statics.position import ZERO, Position, worth
from chainprice.statics.result import Sensitivity
from chainprice.statics.rewriting import Rewriting

_LOOSE = Decimal("1e-9")
"""What changes by less than this part of all that is traded does not change."""

_ROUNDING = Decimal("1e-25")
"""What a market's rounding may leave beside what changes; it is solved in 34 digits or more."""

_DOUBLE = 12
"""Digits of which a double is sure after a linear programme."""

_SAME = Decimal("1e-16")

NOT_UNIQUE = "a little more of it adds another amount than a little less takes"
TOO_LARGE = "one of several optima; the chain is too large to be solved again for both sides of each number"
SPECIAL = "beside this value a form has another formula"
NO_LESS = "a quantity cannot be below 0"
NO_SLOPE = "a formula has no second derivative here"


_NO_SIDE = "to either side it jumps, is endlessly steep, or has no answer"


class Derivative(NamedTuple):
    """What a lever's derivative is; or both sides, or why there is none."""

    lever: Lever
    standing: Decimal
    derivative: Decimal | None
    both: Sides | None = None
    reason: str | None = None

    def sensitivity(self, base: Decimal) -> Sensitivity:
        """As a row of the result, of what is `base`."""
        elasticity, reason = None, self.reason
        if self.derivative is not None:
            if base and self.standing:
                elasticity = self.derivative * self.standing / base
            else:
                reason = f"no elasticity: {'what changes' if self.standing else 'it'} is 0"
        return Sensitivity(
            self.lever.name,
            self.lever.kind,
            self.lever.good,
            self.lever.firm,
            number(self.standing),
            _number(self.derivative),
            _number(elasticity),
            reason,
            None if self.both is None else (_number(self.both.right), _number(self.both.left)),
        )


def _number(value: Decimal | None) -> Number | None:
    return None if value is None else number(value)


Derivatives = Mapping[str | None, Sequence[Derivative]]
"""Those of total value (under None), and of the prices of goods."""


def steady(  # noqa: PLR0917 - a chain, and what is asked of it
    chain: Chain, priced: Priced, statics: ChainStatics, found: Sequence[Lever], of: Sequence[str], count: int
) -> Derivatives:
    """The derivatives in `count` digits or more: where quantities are given, in so many that twice as many
    change nothing. A number that goes on shrinking as digits grow is a zero.

    Raises PrecisionError where they do not settle.
    """

    rewriting = Rewriting(chain.spec, found)

    def at(working: int) -> Derivatives:
        with digits(working):
            rows = _Rows(chain, priced, statics, rewriting)
            return {None: rows.of_value(found), **{good: rows.of_price(good, found) for good in of}}

    coarse = at(count)
    if chain.market is not None:  # it has been refined against residuals
        return coarse
    for _ in range(limits.ROUNDS):
        count = 2 * count
        fine = at(count)
        pairs = {key: list(zip(coarse[key], fine[key], strict=True)) for key in fine}
        wrong = [(key, b) for key, rows in pairs.items() for a, b in rows if not _is_same(a, b, count)]
        if not wrong:
            return {key: [_without_noise(a, b) for a, b in rows] for key, rows in pairs.items()}
        coarse = fine
    good, row = wrong[0]
    what = "total value" if good is None else f"the price of '{good}'"
    message = f"the derivative of {what} by {row.lever.name} could not be reached with {count} digits"
    raise PrecisionError(Problem(message, chain.spec.place()))


def _is_same(a: Derivative, b: Derivative, count: int) -> bool:
    if a.derivative is None or b.derivative is None:
        return a.derivative is b.derivative
    is_fading = abs(b.derivative) <= abs(a.derivative).scaleb(-count // 8)
    return is_fading or abs(a.derivative - b.derivative) <= _SAME * abs(b.derivative)


def _without_noise(a: Derivative, b: Derivative) -> Derivative:
    if a.derivative is None or b.derivative is None:
        return b
    is_noise = abs(a.derivative - b.derivative) > _SAME * abs(b.derivative)
    return b._replace(derivative=ZERO) if is_noise else b


class _Rows:
    """Derivatives in the digits of the context."""

    def __init__(self, chain: Chain, priced: Priced, statics: ChainStatics, rewriting: Rewriting) -> None:
        self._rewriting = rewriting
        self._chain, self._spec, self._priced, self._statics = chain, chain.spec, priced, statics
        progress.report("differentiating total value")
        self._at = statics.here()
        available, prices = priced.quantities.available, priced.prices.of
        self._size = sum((abs(prices[g] * there) for g, there in available.items()), abs(priced.total_value))

    def of_value(self, found: Sequence[Lever]) -> list[Derivative]:
        """How total value changes."""
        loose = self._statics.where_loose()
        return [self._of_value(lever, loose) for lever in found]

    def _of_value(self, lever: Lever, loose: Sequence[Position] | None) -> Derivative:
        apart = self._apart(lever, total_value, self._priced.total_value)
        if apart is not None:
            return apart
        here = self._worth(lever, self._at)
        slopes = None if loose is None else self._slopes(lever, loose)
        if here is None or slopes is None:
            return self._by_sides(lever, total_value, self._priced.total_value, NOT_UNIQUE)
        if not any(slopes):
            return self._unless_noise(lever, value_of(here), self._size)
        ends = self._statics.between(slopes)
        if ends is None:
            return self._by_sides(lever, total_value, self._priced.total_value, NOT_UNIQUE)
        base = value_of(here)
        if _is_noise(base, self._standing(lever), self._size):
            base = ZERO
        return self._of_sides(
            lever, Sides(*(None if end is None else _sum(base, end) for end in ends)), NOT_UNIQUE
        )

    def of_price(self, good: str, found: Sequence[Lever]) -> list[Derivative]:
        """How a price changes."""
        progress.report(f"differentiating the price of {good}")
        base = self._priced.prices.of[good]
        try:
            moving = self._statics.with_more_of(good)
        except NoDerivativeError as error:
            return [
                self._apart(lever, price_of(good), base)
                or self._by_sides(lever, price_of(good), base, str(error))
                for lever in found
            ]
        rows = []
        loose = self._statics.where_loose() or ()
        for lever in found:
            apart = self._apart(lever, price_of(good), base)
            if apart is not None:
                rows.append(apart)
                continue
            slope = self._worth(lever, moving)
            slopes = self._slopes(lever, loose)
            if slope is None or slopes is None or any(slopes):
                why = NOT_UNIQUE if slopes and any(slopes) else NO_SLOPE
                rows.append(self._by_sides(lever, price_of(good), base, why))
            else:
                rows.append(self._unless_noise(lever, slope_of(slope), abs(base)))
        return rows

    def _unless_noise(self, lever: Lever, derivative: Decimal, size: Decimal) -> Derivative:
        """0 for what rounding leaves in a market beside `size`; given quantities tell it by more digits."""
        standing = self._standing(lever)
        if self._chain.market is not None and _is_noise(derivative, standing, size):
            derivative = ZERO
        return Derivative(lever, standing, derivative)

    def _apart(self, lever: Lever, target: Target, base: Decimal) -> Derivative | None:
        """Of what the formulas here do not tell; None where they do."""
        refusal = self._rewriting.refused.get(lever)
        if refusal is not None:
            return Derivative(lever, self._standing(lever), None, None, refusal)
        if lever in self._rewriting.special:
            return self._by_sides(lever, target, base, SPECIAL)
        if self._is_limit_of_0(lever):
            return self._by_sides(lever, target, base, NO_LESS)
        return None

    def _is_limit_of_0(self, lever: Lever) -> bool:
        """Whether a market may trade none of a good, and is priced without that trade."""
        return (
            self._chain.market is not None and is_limit(self._spec, lever) and setting(self._spec, lever) == 0
        )

    def _worth(self, lever: Lever, at: Position) -> Real | None:
        return worth(lever, self._spec, self._chain.network, at)

    def _slopes(self, lever: Lever, loose: Sequence[Position]) -> list[Decimal] | None:
        """How what the lever is worth changes along each loose direction, 0 where it does not."""
        size = abs(self._standing(lever)) or Decimal(1)
        slopes = []
        for at in loose:
            slope = self._worth(lever, at)
            if slope is None:
                return None
            is_some = abs(slope_of(slope)) * size > _LOOSE * self._size
            slopes.append(slope_of(slope) if is_some else ZERO)
        return slopes

    def _standing(self, lever: Lever) -> Decimal:
        """Where a lever stands; a price along a curve at the quantity traded."""
        known = setting(self._spec, lever)
        if known is not None:
            return known
        return value_of(self._at.trade_prices.get((lever.section, lever.good or ""), ZERO))

    def _by_sides(self, lever: Lever, target: Target, base: Decimal, why: str) -> Derivative:
        """By solving again with the lever moved to either side."""
        if not self._statics.can_be_solved_again:
            return Derivative(lever, self._standing(lever), None, None, TOO_LARGE)
        progress.report(f"solving again with {lever.name} moved")

        def move(by: Decimal) -> Spec:
            if by < 0 and self._is_limit_of_0(lever):
                raise NoAnswerError(Problem(NO_LESS))
            return self._rewriting.moved(lever, by)

        return self._of_sides(lever, sides(self._spec, move, self._standing(lever), target, abs(base)), why)

    def _of_sides(self, lever: Lever, both: Sides, why: str) -> Derivative:
        standing, derivative = self._standing(lever), both.derivative
        if derivative is not None:
            return Derivative(lever, standing, derivative)
        if both == (None, None):
            return Derivative(lever, standing, None, None, f"{why}; {_NO_SIDE}")
        return Derivative(lever, standing, None, both, why)


def _is_noise(derivative: Decimal, standing: Decimal, size: Decimal) -> bool:
    """Whether neither a whole unit nor all that stands there changes anything beside what changes."""
    return abs(derivative) * max(abs(standing), Decimal(1)) <= _ROUNDING * size


def _sum(base: Decimal, more: Decimal) -> Decimal:
    """In the digits that a double is sure of, beside the larger of the two; 0 where nothing is left."""
    if not more:
        return base
    size, total = max(abs(base), abs(more)), base + more
    if abs(total) <= _LOOSE * size:
        return ZERO
    return total.quantize(Decimal(1).scaleb(size.adjusted() + 1 - _DOUBLE))
