"""How far a market's supplies can move: by a linear programme where functions are linear, else by a path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from chainprice import limits
from chainprice.arithmetic import evaluate, number, written
from chainprice.duals import ZERO, value_of
from chainprice.equilibrium.events import End
from chainprice.equilibrium.following import estimated_end, followed_end
from chainprice.equilibrium.partition import linear_ends
from chainprice.equilibrium.programme import Programme
from chainprice.equilibrium.response import Change, NoResponseError, Response
from chainprice.formula import DERIVED, read
from chainprice.spec import Spec
from chainprice.statics.result import Holds, Method, Range

ONE = Decimal(1)

_FARTHEST = Decimal("1e6")
"""How many times what there is a supply may grow until its range counts as endless."""

_LEAST = Decimal("1e-6")
"""The part of a supply that is as good as nothing."""

_ROUNDING = Decimal("1e-15")

_NOTHING_LEFT = "nothing of it is left"
_FREE = "its price is 0"
_ENDLESS = "nothing"


class Move(NamedTuple):
    """Something that moves in a programme: what it changes a unit, and the programme with it moved so far."""

    change: Change
    moved: Callable[[Decimal], Programme]

    def back(self) -> Move:
        """The same the other way."""
        gifts, uppers, pulls = ({key: -by for key, by in part.items()} for part in self.change)
        return Move(Change(gifts, uppers, pulls), lambda by: self.moved(-by))  # type: ignore[arg-type]


class Ranging:
    """The ranges of one market; `here` is its optimum ready to be moved, or why it is not."""

    def __init__(self, spec: Spec, response: Response, here: Response | str, *, is_sure: bool) -> None:
        self._spec, self._response, self._here, self._is_sure = spec, response, here, is_sure
        self._programme = response.programme
        work = len(self._programme.variables) * len(spec.supply)
        self._method: Method = "path" if work <= limits.FOLLOWED_WORK else "slopes"

    def of_quantity(self, good: str, quantity: Decimal, price: Decimal) -> Range:
        """Of a fixed supply, or of a limit."""
        name, linear = f"supply.{good}.quantity", self._response.is_linear
        move = self._quantity_move(good)
        if move is None:  # nobody can use it, or the limit is 0
            ends = End(-quantity, _NOTHING_LEFT), End(None, _ENDLESS)
            return _range(name, good, quantity, price, "price", ends, "linear programme")
        try:
            if linear and self._is_sure:
                ends = linear_ends(self._response, move.change, -quantity)
                return _range(name, good, quantity, price, "price", ends, "linear programme")
            ends = self._followed(move, quantity, _NOTHING_LEFT)
        except NoResponseError as error:
            return _unknown(name, good, quantity, price, "pattern", str(error))
        return _range(name, good, quantity, price, "pattern", ends, self._method)

    def of_price(self, good: str, price: Decimal) -> Range:
        """Of a supply that has nothing but a price; along a curve, of all of it."""
        name = f"supply.{good}.price"
        formula = self._spec.supply[good].price
        assert formula is not None  # noqa: S101 - what has no quantity has a price
        index = self._programme.purchases.get(good)
        if index is None:
            known = {
                n: evaluate(self._spec.parameters[n]) for n in formula.names if n in self._spec.parameters
            }
            standing = evaluate(formula, {"q": ZERO, **known})
            ends = End(-standing, _FREE), End(None, _ENDLESS)
            return _range(name, good, standing, price, "quantities", ends, "path")
        place = next(i for i, c in enumerate(self._programme.curves) if c.variable == index)
        standing = value_of(self._response.conditions.trade_price(place, self._response.optimum.x))
        holds: Holds = "quantities" if self._response.is_linear else "pattern"
        try:
            ends = self._followed(self._price_move(place), standing, _FREE)
        except NoResponseError as error:
            return _unknown(name, good, standing, price, holds, str(error))
        return _range(name, good, standing, price, holds, ends, self._method)

    def _followed(self, move: Move, standing: Decimal, at_nothing: str) -> tuple[End, End]:
        """The ends below and above, by following the optimum."""
        if isinstance(self._here, str):
            raise NoResponseError(self._here)
        unit = abs(standing) or ONE
        up = self._end(self._here, move, unit * _FARTHEST, unit)
        most = standing * (1 - _LEAST)
        down = self._end(self._here, move.back(), most, unit) if most > 0 else End(None, at_nothing)
        if down.at is None:
            return End(-max(standing, ZERO), at_nothing), up
        return End(-down.at, down.event), up

    def _end(self, here: Response, move: Move, most: Decimal, unit: Decimal) -> End:
        if self._method == "slopes":
            return estimated_end(here, move.change, most)
        return followed_end(here, move.moved, move.change, most, unit)

    def _quantity_move(self, good: str) -> Move | None:
        programme = self._programme
        if good in programme.endowments:
            gifts = programme.gifts
            return Move(
                Change(gifts={good: ONE}),
                lambda by: replace(programme, gifts={**gifts, good: gifts.get(good, ZERO) + by}),
            )
        if good not in programme.purchases:
            return None
        index = programme.purchases[good]
        variable = programme.variables[index]
        limit = variable.upper
        assert limit is not None  # noqa: S101 - only supplies with a quantity are moved

        def limited(by: Decimal) -> Programme:
            wider = replace(variable, upper=read(f"({limit.text}) + ({written(by)})", DERIVED))
            variables = (*programme.variables[:index], wider, *programme.variables[index + 1 :])
            return replace(programme, variables=variables)

        return Move(Change(uppers={index: ONE}), limited)

    def _price_move(self, place: int) -> Move:
        programme = self._programme
        curve = programme.curves[place]
        formula = curve.piece.formula

        def dearer(by: Decimal) -> Programme:
            moved = read(f"({formula.text}) + ({written(by)})", DERIVED)
            piece = replace(curve.piece, formula=moved)
            curves = (*programme.curves[:place], replace(curve, piece=piece), *programme.curves[place + 1 :])
            return replace(programme, curves=curves)

        return Move(Change(pulls={curve.variable: -ONE}), dearer)


def _range(  # noqa: PLR0917 - the columns of a row
    name: str,
    good: str,
    standing: Decimal,
    price: Decimal,
    holds: Holds,
    ends: tuple[End, End],
    method: Method,
) -> Range:
    low, high = ends
    return Range(
        name,
        good,
        number(standing),
        number(price),
        holds,
        None if low.at is None else number(_moved(standing, low.at)),
        None if high.at is None else number(_moved(standing, high.at)),
        low.event,
        high.event,
        method,
    )


def _moved(standing: Decimal, by: Decimal) -> Decimal:
    """Where a move ends; 0 where all that is left is rounding."""
    there = standing + by
    return there if abs(there) > _ROUNDING * abs(by) else ZERO


def _unknown(  # noqa: PLR0917 - the columns of a row
    name: str, good: str, standing: Decimal, price: Decimal, holds: Holds, reason: str
) -> Range:
    return Range(name, good, number(standing), number(price), holds, None, None, reason, reason, "none")
