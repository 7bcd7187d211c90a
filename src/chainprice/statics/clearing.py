"""What the levers of a market are worth, and how its prices answer to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from chainprice import limits
from chainprice.arithmetic import evaluate
from chainprice.duals import ZERO, Dual, Real
from chainprice.equilibrium import Market
from chainprice.equilibrium.loose import Direction, centred, extremes, loose_directions
from chainprice.equilibrium.response import Change, NoResponseError, Response
from chainprice.pricing import Chain, Priced
from chainprice.statics.chain import NoDerivativeError
from chainprice.statics.cleared import position
from chainprice.statics.position import Position
from chainprice.statics.ranging import Ranging
from chainprice.statics.result import Range

NOT_UNIQUE = "the price is not unique: this is the one of the price table, what one more unit adds"


class MarketStatics:
    """A market at its optimum."""

    def __init__(self, chain: Chain, market: Market) -> None:
        self._chain, self._market = chain, market
        self.response: Response = market.response()
        self.loose: Sequence[Direction] | None = loose_directions(self.response)

    def here(self) -> Position:
        """Where it stands."""
        optimum = self.response.optimum
        return position(self._chain, self.response, optimum.x, optimum.multipliers)

    def where_loose(self) -> list[Position] | None:
        """The same with slopes along each direction in which quantities or prices may move at no loss."""
        if self.loose is None:
            return None
        optimum = self.response.optimum
        try:
            return [
                position(
                    self._chain,
                    self.response,
                    _along(optimum.x, direction.x),
                    _along(optimum.multipliers, direction.multipliers),
                )
                for direction in self.loose
            ]
        except ArithmeticError:  # an endless slope at 0
            return None

    def between(self, slopes: Sequence[Decimal]) -> tuple[Decimal | None, Decimal | None] | None:
        """What a little more adds and a little less takes beyond what the table's optimum says.

        Of what has these slopes along the loose directions: of several plans, a higher price moves to that
        which gains most; of several price systems, more of a supply to that in which it is worth least
        (Danskin 1967, Gol'shtein 1972). None where that cannot be told.
        """
        parts = [(d, s) for d, s in zip(self.loose or (), slopes, strict=True) if s]
        kinds = {bool(direction.x) for direction, _ in parts}
        if len(kinds) != 1:
            return None
        of_quantities = kinds == {True}
        chosen = [d for d in self.loose or () if bool(d.x) == of_quantities]
        known = [s for d, s in zip(self.loose or (), slopes, strict=True) if bool(d.x) == of_quantities]
        ends = extremes(self.response, chosen, known)
        if ends is None:
            return None
        low, high = (None if end is None else Decimal(f"{end:.13g}") for end in ends)
        return (high, low) if of_quantities else (low, high)

    def note_on(self, good: str) -> str | None:
        """That the price is not unique."""
        return NOT_UNIQUE if good in self._market.ranges() else None

    def with_more_of(self, good: str) -> Position:
        """The same with slopes along one more unit of a good; raises NoDerivativeError where it has none."""
        if good not in self.response.programme.network.goods:
            raise NoDerivativeError("the good leads to no demand")
        if self._varies(good):
            raise NoDerivativeError("its price is not unique here")
        try:
            settled = self._settled()
            x, multipliers = settled.along(Change(gifts={good: Decimal(1)}))
            return position(self._chain, settled, x, multipliers, good)
        except NoResponseError as error:
            raise NoDerivativeError(str(error)) from None
        except ArithmeticError:
            raise NoDerivativeError("a function has no slope here") from None

    def _varies(self, good: str) -> bool:
        """Whether the price of a good is another one in another price system that supports the optimum."""
        prices = self.response.conditions.prices
        count = len(self.response.optimum.multipliers)
        return any(
            prices([d.multipliers.get(j, ZERO) for j in range(count)])[good]
            for d in self.loose or ()
            if d.multipliers
        )

    def _settled(self) -> Response:
        """The optimum where everything that holds has a clear reason to; raises NoResponseError."""
        if self.loose is None:
            raise NoResponseError("the market is too large to tell whether its prices are unique")
        settled = centred(self.response, self.loose)
        if settled is None:
            raise NoResponseError("prices or quantities are not unique here")
        settled.fail_if_unsettled()
        return settled

    @property
    def can_be_solved_again(self) -> bool:
        """Whether it is small enough."""
        return len(self._chain.network.firms) <= limits.SOLVED_AGAIN

    def ranges(self, priced: Priced) -> Iterable[Range]:
        """How far each supply can move: its quantity or its limit, or else its price."""
        here: Response | str
        try:
            here = self._settled()
        except NoResponseError as error:
            here = str(error)
        ranging = Ranging(self._chain.spec, self.response, here, is_sure=self.loose is not None)
        for good, supply in self._chain.spec.supply.items():
            if supply.quantity is not None:
                yield ranging.of_quantity(good, evaluate(supply.quantity), priced.prices.of[good])
            else:
                yield ranging.of_price(good, priced.prices.of[good])


def _along(values: Sequence[Decimal], slopes: Mapping[int, Decimal]) -> list[Real]:
    return [Dual(value, slopes[i]) if i in slopes else value for i, value in enumerate(values)]
