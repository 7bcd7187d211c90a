"""Which branches the functions of a chain are on as one of its supplies moves, where quantities are given."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from chainprice.duals import value_of
from chainprice.errors import UndefinedError
from chainprice.pricing import Chain
from chainprice.quantities import flow
from chainprice.statics import given
from chainprice.statics.levers import Lever, moved
from chainprice.technology import Settled

_BISECTIONS = 60
_SAME = Decimal("1e-15")

Bend = tuple[Decimal, str]
"""How far a supply can move until something bends, and what that is."""


class Branches:
    """Which branches the functions of a chain are on, as one supply moves."""

    def __init__(self, chain: Chain, good: str) -> None:
        self._chain = chain
        self._lever = Lever("supply quantity", f"supply.{good}.quantity", good)
        self._kinked = [
            function
            for functions in chain.technology.values()
            for function in functions
            if function.formula.shape.kinked
        ]
        self._here = self._at(Decimal(0))

    def end(self, steps: Iterable[Decimal]) -> Bend | None:
        """The first place along some steps where a branch changes; None where none does."""
        before = Decimal(0)
        for step in steps:
            there = self._at(step)
            if there != self._here:
                return self._between(before, step)
            before = step
        return None

    def _between(self, good: Decimal, bad: Decimal) -> Bend:
        for _ in range(_BISECTIONS):
            middle = (good + bad) / 2
            if self._at(middle) == self._here:
                good = middle
            else:
                bad = middle
        return good, self._difference(self._at(bad))

    def _difference(self, there: tuple[Settled, ...] | None) -> str:
        if there is None:
            return "a function has no value beyond"
        for function, a, b in zip(self._kinked, self._here or (), there, strict=True):
            if a != b:
                return f"a bend of {function.firm} ({function.output})"
        return "nothing"

    def _at(self, by: Decimal) -> tuple[Settled, ...] | None:
        """The branches after a move; None where a function has no value."""
        spec = moved(self._chain.spec, self._lever, by)
        try:
            used = flow(spec, self._chain.network, self._chain.technology).used
            return tuple(function.settled(used[function.firm]) for function in self._kinked)
        except (UndefinedError, ArithmeticError):
            return None

    def price_holds(self, price: Decimal, low: Bend | None, high: Bend | None, unit: Decimal) -> bool:
        """Whether the price itself is the same at two places within the range."""
        down = -unit / 2 if low is None else low[0] / 2
        up = unit if high is None else high[0] / 2
        try:
            prices = [self._price(by) for by in (down, up) if by]
        except (UndefinedError, ArithmeticError, given.NoSlopeError):
            return False
        return all(abs(other - price) <= _SAME * abs(price) for other in prices)

    def _price(self, by: Decimal) -> Decimal:
        there = replace(self._chain, spec=moved(self._chain.spec, self._lever, by))
        return value_of(given.position(there).prices[self._lever.good or ""])
