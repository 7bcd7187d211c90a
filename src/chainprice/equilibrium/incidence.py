"""What each piece and each variable of the programme adds to each constraint: sparse matrices as entries."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainprice.equilibrium.programme import Programme
from chainprice.equilibrium.start import constant

Entries = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Of a sparse matrix: rows, columns, and what stands there; what stands in one place is added up."""


def made(programme: Programme) -> Entries:
    """What a unit of each piece adds to each constraint, piece by piece: outputs, and arguments of bends."""
    entries: list[tuple[int, int, float]] = []
    of_good: dict[str, list[tuple[int, float]]] = {}
    for j, balance in enumerate(programme.balances):
        of_good.setdefault(balance.good, []).append((j, _coefficient(balance.coefficient)))
    for index, production in enumerate(programme.productions):
        entries += [(index, j, factor) for j, factor in of_good.get(production.output, ())]
    first = len(programme.productions)
    for number, argument in enumerate(programme.arguments):
        entries.append((first + number, len(programme.balances) + number, argument.side))
    return _entries(entries)


def taken(programme: Programme) -> Entries:
    """What a unit of each variable adds to each constraint: it is used there, or bought."""
    entries: list[tuple[int, int, float]] = []
    for j, balance in enumerate(programme.balances):
        if balance.good in programme.purchases:
            entries.append((j, programme.purchases[balance.good], _coefficient(balance.coefficient)))
        entries += [(j, index, -1.0) for index in balance.uses]
    for j, argument in enumerate(programme.arguments, len(programme.balances)):
        entries.append((j, argument.bend, -argument.side))
    return _entries(entries)


def fixed(programme: Programme) -> list[float]:
    """What each constraint has by itself: coefficient * (supplied + given) - delivered."""
    amounts = []
    for balance in programme.balances:
        given = float(programme.gifts.get(balance.good, 0))
        if balance.good in programme.endowments:
            given += constant(programme.endowments[balance.good])
        delivered = 0.0 if balance.delivered is None else constant(balance.delivered)
        amounts.append(_coefficient(balance.coefficient) * given - delivered)
    return amounts + [0.0] * len(programme.arguments)


def _coefficient(value: Any) -> float:
    return 1.0 if value is None else constant(value)


def _entries(entries: list[tuple[int, int, float]]) -> Entries:
    rows, columns, values = zip(*entries, strict=True) if entries else ((), (), ())
    return np.array(rows, dtype=int), np.array(columns, dtype=int), np.array(values, dtype=float)
