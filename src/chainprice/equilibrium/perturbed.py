"""The optimum of a market that differs a little from one that is solved: some gifts more.

The same bounds and constraints hold, if nothing is degenerate: then a few of Newton's steps are enough.
Otherwise which of them matter after the change is itself a linear programme.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import numpy as np

from chainprice.equilibrium.conditions import Conditions
from chainprice.equilibrium.corner import NoRoomError, at_corner, corner
from chainprice.equilibrium.ipopt import Nlp
from chainprice.equilibrium.optimum import NotPolishedError, Optimum
from chainprice.equilibrium.polish import polish

_SETS = 8
"""Active sets that are tried: those next to the optimum that is known, or else a solver has to look."""


def perturbed(optimum: Optimum, nlp: Nlp, conditions: Conditions) -> Optimum:
    """The optimum under conditions like those of another one, of which `nlp` is the programme.

    In the digits of the context. Raises NotPolishedError, or ArithmeticError, where it is not next to it:
    NoRoomError where a linear market has none at all.
    """
    try:
        return polish(optimum.point, nlp, conditions, optimum, 1)
    except NotPolishedError:
        return _with_other_sets(optimum, nlp, conditions)


def _with_other_sets(optimum: Optimum, nlp: Nlp, conditions: Conditions) -> Optimum:
    """With what is worth something when the market changes this way."""
    slacks = conditions.slacks(optimum.x, conditions.local(optimum.x, optimum.near))
    changes = [now - before for now, before in zip(slacks, optimum.slacks, strict=True)]
    inside = [value or near for value, near in zip(optimum.x, optimum.near, strict=True)]
    try:
        found = corner(nlp, conditions, *map(_doubles, (optimum.x, slacks, changes, inside)))
    except NoRoomError:
        if nlp.curved:
            raise NotPolishedError("slopes alone do not tell") from None
        raise
    if not nlp.curved:
        return at_corner(found, nlp, conditions)
    multipliers = tuple(Decimal(value) for value in found.multipliers.tolist())
    begin = replace(optimum, multipliers=multipliers, active=found.pressing)
    return polish(optimum.point, nlp, conditions, begin, _SETS)


def _doubles(numbers: Sequence[Decimal]) -> np.ndarray:
    return np.array([float(number) for number in numbers])
