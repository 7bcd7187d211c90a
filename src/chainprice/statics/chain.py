"""What a chain must be able to tell for its sensitivities, whoever chose its quantities."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Protocol

from chainprice.pricing import Priced
from chainprice.statics.position import Position
from chainprice.statics.result import Range


class NoDerivativeError(Exception):
    """There is no one second derivative here; the message says why."""


class ChainStatics(Protocol):
    """A priced chain, ready to be moved."""

    @property
    def can_be_solved_again(self) -> bool:
        """Whether it is small enough to be solved again for each lever."""

    def here(self) -> Position:
        """Where it stands."""

    def where_loose(self) -> Sequence[Position] | None:
        """Positions whose slopes say what may move at no loss; None where nothing is sure."""

    def between(self, slopes: Sequence[Decimal]) -> tuple[Decimal | None, Decimal | None] | None:
        """What a little more adds and a little less takes beyond what `here` says.

        Of what has these slopes at the positions of `where_loose`; None where that cannot be told.
        """

    def note_on(self, good: str) -> str | None:
        """What to know of the price of a good before it is differentiated."""

    def with_more_of(self, good: str) -> Position:
        """Where it stands, with slopes along one more unit of a good; raises NoDerivativeError."""

    def ranges(self, priced: Priced) -> Iterable[Range]:
        """How far each supply can move."""
