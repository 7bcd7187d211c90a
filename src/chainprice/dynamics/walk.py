"""The market, step by step (MODEL.md section 6; Arrow, Hurwicz and Uzawa 1958).

    dx/dt = pace * gain           each firm and trader, by its own profit gradient
    dP/dt = pace * excess demand  each market maker, by her own inventory

A market maker posts P = C'(Q), where Q is what she has sold less what she has bought and C is her cost
function. A quadratic C makes prices move by amounts, an exponential one by factors (mirror descent: Chen
and Vaughan, arXiv 1003.0034); above its usual price this C goes on as a quadratic one, or the steps there
would be longer than the safe one. With foresight an agent expects what it sees to go on changing as it did in
the last step (the optimistic gradient method of Popov, 1980): then linear markets come to rest too, which
circle for ever without.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from chainprice.dynamics.agents import Sight
from chainprice.dynamics.choices import Maker
from chainprice.dynamics.pace import Pace, care
from chainprice.dynamics.world import NOTHING, World

_LEAP = 0.5
"""The most that anything moves in one step, as part of itself (a price that rises, of its unit)."""

_FIRST = 0.01
"""The most that a quantity of 0 moves in one step, as part of its unit."""


class State(NamedTuple):
    """Quantities, multipliers, and the gains and slacks that were seen before."""

    x: np.ndarray
    multipliers: np.ndarray
    seen: tuple[np.ndarray, np.ndarray] | None = None


@dataclass(frozen=True, slots=True)
class Manner:
    """How the agents of a market move: market makers' cost function, length of a step, foresight, noise."""

    maker: Maker
    step: float
    foresight: float
    noise: float


Move = Callable[[State, Sight], State]


def mover(world: World, pace: Pace, manner: Manner, random: np.random.Generator | None) -> Move:
    """The function from a state, and what is seen there, to the next state."""
    foresight, is_free = manner.foresight, ~np.isfinite(world.lower)
    quickness, alertness = manner.step * pace.gains, manner.step * pace.slacks
    first, room = _FIRST * world.sizes, _LEAP * world.levels
    levels, by_factor = world.levels, None
    least = np.zeros(len(levels))
    if manner.maker == "exponential":
        by_factor = np.arange(len(least)) < len(world.agents.programme.balances)
        least = np.where(by_factor, NOTHING * levels, 0.0)
    costs, amounts = _usual(world)

    def noisy(seen: np.ndarray, usual: np.ndarray) -> np.ndarray:
        if random is None:
            return seen
        disturbed: np.ndarray = seen + manner.noise * random.standard_normal(len(seen)) * usual
        return disturbed

    def move(state: State, sight: Sight) -> State:
        gains, slacks = noisy(sight.gains, costs), noisy(sight.slacks, amounts)
        past_gains, past_slacks = state.seen or (gains, slacks)
        size = np.abs(state.x)
        ahead = (gains + foresight * (gains - past_gains)) * quickness * care(world, state.x)
        down = _LEAP * size
        up = np.maximum(down, first)
        ahead = np.minimum(np.maximum(ahead, -np.where(is_free, up, down)), up)
        x = np.minimum(np.maximum(state.x + ahead, world.lower), world.upper)
        behind = (slacks + foresight * (slacks - past_slacks)) * alertness
        held = state.multipliers
        added = held - np.minimum(np.maximum(behind, -room), np.maximum(room, _LEAP * held))
        if by_factor is not None:
            factors = np.exp(np.clip(-behind / np.maximum(levels, held), -_LEAP, _LEAP))
            added = np.where(by_factor, np.maximum(held, least) * factors, added)
        return State(x, np.maximum(added, least), (gains, slacks))

    return move


def _usual(world: World) -> tuple[np.ndarray, np.ndarray]:
    """What a unit of each variable usually costs, and how much of each constraint's good is usually moved."""
    programme = world.agents.programme
    levels: dict[str, float] = {}
    amounts: dict[str, float] = {}
    for balance, level in zip(programme.balances, world.levels.tolist(), strict=False):
        levels[balance.good] = max(level, levels.get(balance.good, 0.0))
    for variable, size in zip(programme.variables, world.sizes.tolist(), strict=True):
        amounts[variable.good] = max(size, amounts.get(variable.good, 0.0))
    goods = [
        *(balance.good for balance in programme.balances),
        *(argument.output for argument in programme.arguments),
    ]
    return (
        np.array([levels[variable.good] for variable in programme.variables]),
        np.array([amounts.get(good, 1.0) for good in goods]),
    )
