"""The market, step by step (MODEL.md section 6; Arrow, Hurwicz and Uzawa 1958).

    dx/dt = pace * gain           each firm and trader, by its own profit gradient
    dP/dt = pace * excess demand  each market maker, by her own inventory

A market maker posts P = C'(Q), where Q is what she has sold less what she has bought and C is her cost
function. A quadratic C makes prices move by amounts, an exponential one by factors (mirror descent: Chen
and Vaughan, arXiv 1003.0034). With foresight an agent expects what it sees to go on changing as it did in
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
from chainprice.dynamics.pace import Pace
from chainprice.dynamics.world import NOTHING, World

_LEAP = 0.5
"""The most that anything moves in one step, as part of itself (of prices, of their unit)."""

_LEAST = 1e-6
"""A use far below its unit moves slower in proportion, as its marginal value is the steeper; but not less."""

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
    step, foresight = manner.step, manner.foresight
    is_free = ~np.isfinite(world.lower)
    balances = len(world.agents.programme.balances)
    is_priced = np.arange(len(pace.multipliers)) < balances
    by_factor = is_priced & (manner.maker == "exponential")
    least = np.where(by_factor, NOTHING * world.levels, 0.0)
    grain = np.maximum(np.abs(world.multipliers), world.levels)

    costs, amounts = _usual(world)

    def noisy(seen: np.ndarray, usual: np.ndarray) -> np.ndarray:
        if random is None:
            return seen
        disturbed: np.ndarray = seen + manner.noise * random.standard_normal(len(seen)) * usual
        return disturbed

    def move(state: State, sight: Sight) -> State:
        gains = noisy(sight.gains, costs)
        slacks = noisy(sight.slacks, amounts)
        past_gains, past_slacks = state.seen or (gains, slacks)
        care = np.where(is_free, 1.0, np.clip(state.x / world.sizes, _LEAST, 1.0))
        ahead = step * (gains + foresight * (gains - past_gains)) * pace.gains * care
        behind = step * (slacks + foresight * (slacks - past_slacks)) * pace.slacks
        up, down = np.maximum(_LEAP * np.abs(state.x), _FIRST * world.sizes), _LEAP * np.abs(state.x)
        down = np.where(is_free, up, down)
        x = np.clip(state.x + np.clip(ahead, -down, up), world.lower, world.upper)
        held = state.multipliers
        room = _LEAP * world.levels
        added = held - np.clip(behind, -room, room)
        if by_factor.any():
            factors = np.exp(np.clip(-behind / grain, -_LEAP, _LEAP))
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
