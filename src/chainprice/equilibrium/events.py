"""What changes where a market's active set does, as users know it."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from chainprice.equilibrium.programme import Balance, Programme

Event = tuple[str, int]
"""A bound or a constraint that changes sides: its kind (`Response.margins`), and its index."""


class End(NamedTuple):
    """How far something can move, None where no end was found, and what changes there."""

    at: Decimal | None
    event: str


_OF_VARIABLES = {
    "zero": ("begins", "begin"),
    "low": ("ends", "end"),
    "upper": ("is below its limit", "are below their limit"),
    "high": ("reaches its limit", "reach their limit"),
}


def event_of(event: Event, programme: Programme) -> str:
    """An event in words."""
    kind, index = event
    if kind in ("held", "slack"):
        constraint = programme.constraints[index]
        if isinstance(constraint, Balance):
            return f"{constraint.good} is {'left over' if kind == 'held' else 'used up'}"
        what = "bend" if constraint.piece.variables else "capacity"
        ends = "stops to bind" if kind == "held" else "binds"
        return f"the {what} of {constraint.firm} ({constraint.output}) {ends}"
    variable = programme.variables[index]
    singular, plural = _OF_VARIABLES[kind]
    if variable.kind == "use":
        return f"use of {variable.good} by {variable.user} {singular}"
    return f"{variable.kind}s of {variable.good} {plural}"
