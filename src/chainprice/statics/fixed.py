"""A chain whose quantities are given, ready to be moved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from chainprice import limits
from chainprice.arithmetic import evaluate, number
from chainprice.pricing import Chain, Priced
from chainprice.statics import given
from chainprice.statics.branches import Branches
from chainprice.statics.chain import NoDerivativeError
from chainprice.statics.position import Position
from chainprice.statics.result import Holds, Range
from chainprice.technology import settle
from chainprice.value import PriceCurve

NOT_UNIQUE = "a function stands on its kink; a price that is not unique is here the one of the price table"


class FixedStatics:
    """A chain at its given quantities."""

    def __init__(self, chain: Chain, priced: Priced) -> None:
        self._chain, self._priced = chain, priced

    @property
    def can_be_solved_again(self) -> bool:
        """Whether it is small enough."""
        return len(self._chain.network.firms) <= limits.SOLVED_AGAIN

    def here(self) -> Position:
        """Where it stands."""
        return given.position(self._chain)

    def where_loose(self) -> Sequence[Position] | None:
        """Nothing is loose, but on a kink nothing is sure."""
        return None if self._kinked() else ()

    def between(self, slopes: Sequence[Decimal]) -> tuple[Decimal | None, Decimal | None] | None:  # noqa: ARG002
        """Nothing is told without solving again."""
        return None

    def note_on(self, good: str) -> str | None:  # noqa: ARG002
        """That prices upstream of a kink are not unique."""
        return NOT_UNIQUE if self._kinked() else None

    def with_more_of(self, good: str) -> Position:
        """With slopes along one more unit of a good."""
        if self._kinked() or self._curve_on_kink():
            raise NoDerivativeError("a function or a price stands exactly on a kink here")
        try:
            return given.position(self._chain, good)
        except given.NoSlopeError as error:
            raise NoDerivativeError(str(error)) from None

    def _kinked(self) -> bool:
        used = self._priced.quantities.used
        return any(
            function.formula.shape.kinked and function.settled(used[firm]).on_kink
            for firm, functions in self._chain.technology.items()
            for function in functions
        )

    def _curve_on_kink(self) -> bool:
        spec, sold = self._chain.spec, self._priced.quantities.sold
        return any(
            settle(demand.price, PriceCurve(demand.price, spec.parameters).values(sold[good])).on_kink
            for good, demand in spec.demand.items()
            if demand.price is not None and demand.price.shape.kinked
        )

    def ranges(self, priced: Priced) -> Iterable[Range]:
        """How far each supply can move until some function bends, or has no value."""
        for good, supply in self._chain.spec.supply.items():
            if supply.quantity is not None:
                yield self._range(good, evaluate(supply.quantity), priced.prices.of[good])

    def _range(self, good: str, quantity: Decimal, price: Decimal) -> Range:
        if len(self._chain.network.firms) * len(self._chain.spec.supply) > limits.RANGED_WORK:
            reason = "the chain is too large to be looked through"
            return Range(
                f"supply.{good}.quantity",
                good,
                number(quantity),
                number(price),
                "pattern",
                None,
                None,
                reason,
                reason,
                "none",
            )
        branches = Branches(self._chain, good)
        unit = abs(quantity) or Decimal(1)
        low = (
            branches.end([-quantity * step / _STEPS_DOWN for step in range(1, _STEPS_DOWN)])
            if quantity > 0
            else None
        )
        high = branches.end([unit * (Decimal(10) ** (step / _A_DECADE) - 1) for step in _STEPS_UP])
        least, at_low = (Decimal(0), "nothing of it is left") if low is None else (quantity + low[0], low[1])
        most, at_high = (None, "nothing") if high is None else (quantity + high[0], high[1])
        holds: Holds = "price" if branches.price_holds(price, low, high, unit) else "pattern"
        return Range(
            f"supply.{good}.quantity",
            good,
            number(quantity),
            number(price),
            holds,
            number(least),
            None if most is None else number(most),
            at_low,
            at_high,
            "search",
        )


_STEPS_DOWN = 64
_A_DECADE = Decimal(16)
_STEPS_UP = range(1, 6 * 16 + 1)
"""A supply is looked at in 64 steps down to 0, and in 16 steps for each of six powers of ten up."""
