"""A market on its way: from a start, through shocks, to where it settles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np

from chainprice import progress
from chainprice.dynamics.choices import Choices, Shock
from chainprice.dynamics.pace import Pace, pace
from chainprice.dynamics.result import Era, Simulation
from chainprice.dynamics.track import Recorder
from chainprice.dynamics.verdict import FLUCTUATES, Course, Ending, ending
from chainprice.dynamics.walk import Manner, Move, State, mover
from chainprice.dynamics.world import World, carried, with_bends, world
from chainprice.equilibrium.programme import Programme
from chainprice.equilibrium.start import constant
from chainprice.errors import Problem, SpecError, UsageError
from chainprice.network import UseKey
from chainprice.observation import Observation
from chainprice.spec import Spec, load

_CHECKED = 10
"""Steps from one look at the distance to the next."""

_FAR = 1e9
"""A market that is so many units away from everything has left for good."""

_AT_REST = 100
"""How fast the fastest may still go, in tolerances, where prices have arrived."""

_FIRST_PRICE = 1e-3
"""Where prices move by factors they cannot begin at 0: the part of its unit at which each begins."""

_TOLD = 2_000
"""Steps from one word about the progress to the next."""


class _Stage(NamedTuple):
    """A world, and how its agents move."""

    world: World
    pace: Pace
    step: float
    move: Move


class Path:
    """A walk through one world after the other."""

    def __init__(self, spec: Spec, choices: Choices) -> None:
        self._spec, self._choices = spec, choices
        self._random = np.random.default_rng(choices.seed) if choices.noise else None
        self._waiting = _shocked(spec, choices.shocks)
        progress.report("looking for the equilibrium")
        self._stage = self._entered(world(spec))
        self._eras = [_era(0, "", self._stage.world)]
        self._state = _begun(self._stage.world, choices)
        self._recorder = Recorder(choices.every)
        self._begin_era()

    def _begin_era(self) -> None:
        """From here on it is looked where the path goes."""
        place, state = self._stage.world, self._state
        self._averages = _Averages()
        self._distances: list[float] = []
        self._reach = np.maximum(place.sizes, np.abs(state.x)), np.maximum(place.levels, state.multipliers)

    def _entered(self, place: World) -> _Stage:
        choices = self._choices
        speed = pace(place, choices.liquidity, choices.foresight)
        step = choices.step_size or speed.step
        manner = Manner(choices.maker, step, choices.foresight, choices.noise)
        return _Stage(place, speed, step, mover(place, speed, manner, self._random))

    def walk(self) -> Simulation:
        """The whole path."""
        steps = self._choices.steps
        for step in range(steps + 1):
            while self._waiting and self._waiting[0][0].step == step:
                self._be_shocked(*self._waiting.pop(0))
            end = self._ended_at(step, is_last=step == steps)
            if end is not None:
                return self._simulation(step, self._explained(end))
        raise AssertionError

    def _be_shocked(self, shock: Shock, spec: Spec) -> None:
        """The world changes; quantities and prices are what they were."""
        progress.report(f"step {shock.step:,}: {shock.setting}")
        before, state = self._stage.world, self._state
        self._stage = self._entered(world(spec))
        self._state = State(*carried(before, self._stage.world, state.x, state.multipliers))
        self._eras.append(_era(shock.step, shock.setting, self._stage.world))
        self._begin_era()

    def _ended_at(self, step: int, *, is_last: bool) -> Ending | None:
        """Look around, write down, and move on; how the path ended, if this was the last step."""
        stage, state = self._stage, self._state
        sight = stage.world.agents.look(state.x, state.multipliers)
        self._averages.add(state.multipliers)
        is_checked = step % _CHECKED == 0 or is_last
        if not (is_checked or self._recorder.is_due(step)):
            self._state = stage.move(state, sight)
            return None
        fault = self._fault(sight.values, sight.gains)
        seen = stage.world.agents.goods_seen(state.x, state.multipliers, sight)
        distance = self._distance(seen.prices)
        if self._recorder.is_due(step) or is_last or fault:
            self._recorder.write(step, seen, distance, is_last=is_last or bool(fault))
        if fault:
            return Ending("diverged", fault)
        if is_last:
            return FLUCTUATES if self._choices.noise else self._ending(step)
        self._state = stage.move(state, sight)
        if is_checked:
            moved = self._moved(state)
            self._distances.append(moved if np.isnan(distance) else distance)
            self._averages.go(self._between(self._state.multipliers, state.multipliers) * _CHECKED)
            if not self._waiting and self._is_there(distance, moved):
                self._state = state
                self._recorder.write(step, seen, distance, is_last=True)
                return _arrived(step, distance, self._choices.tolerance)
        if step % _TOLD == 0:
            progress.report(f"step {step:,}{_told(distance)}")
        return None

    def _distance(self, prices: np.ndarray) -> float:
        """Of the price that is farthest from equilibrium; nan where there is none."""
        distances = self._stage.world.distances(prices)
        return float("nan") if distances is None else float(np.max(distances, initial=0.0))

    def _moved(self, before: State) -> float:
        """How fast the fastest goes, in units by time."""
        place = self._stage.world
        x = np.abs(self._state.x - before.x) / place.sizes
        held = np.abs(self._state.multipliers - before.multipliers) / place.levels
        return float(max(np.max(x, initial=0.0), np.max(held, initial=0.0)) / self._stage.step)

    def _between(self, now: np.ndarray, before: np.ndarray) -> float:
        """How far prices are from others, in units; the mean of all, as one that trembles is no journey."""
        gone = (now - before) / self._stage.world.levels
        return float(np.sqrt(np.mean(gone**2))) if len(gone) else 0.0

    def _ending(self, steps: int) -> Ending:
        averages, state = self._averages, self._state
        centre = self._distance(self._stage.world.agents.prices(averages.mean()))
        net = self._between(state.multipliers, averages.begun)
        course = Course(
            self._distances, averages.way, net, centre, averages.drift, is_measured=not np.isnan(centre)
        )
        return ending(course, steps, self._choices.tolerance)

    def _is_there(self, distance: float, moved: float) -> bool:
        tolerance = self._choices.tolerance
        if np.isnan(distance):
            return moved < tolerance
        return distance <= tolerance and moved < _AT_REST * tolerance

    def _fault(self, values: np.ndarray, gains: np.ndarray) -> str:
        """Why the market cannot go on from here, "" if it can."""
        place = self._stage.world
        if not np.all(np.isfinite(values)):
            made = place.agents.programme.productions
            bad = [made[i] for i in np.flatnonzero(~np.isfinite(values)) if i < len(made)]
            where = f"the production of '{bad[0].output}' by firm '{bad[0].firm}'" if bad else "a function"
            return f"{where} has no value at the quantities that the market came to"
        sizes, levels = self._reach
        x, held = self._state.x / sizes, self._state.multipliers / levels
        if max(np.max(np.abs(x), initial=0.0), np.max(held, initial=0.0)) > _FAR:
            return "prices and quantities grow without end"
        return "" if np.all(np.isfinite(gains)) else "a marginal product has no value where the market came"

    def _explained(self, end: Ending) -> Ending:
        """The reason with what is known of its cause."""
        stage, causes = self._stage, []
        if end.outcome != "converged":
            if stage.step > stage.pace.step * (1 + 1e-9):
                causes.append(f"the step of {stage.step:.3g} is longer than the safe {stage.pace.step:.3g}")
            elif self._choices.foresight < 1 and end.outcome == "cycles":
                causes.append("linear markets circle where foresight is less than 1")
        if stage.world.reason:
            causes.append(f"solve has no answer: {stage.world.reason}")
        elif stage.world.note:
            causes.append(stage.world.note)
        return end._replace(reason="; ".join([end.reason, *causes]))

    def _simulation(self, steps: int, end: Ending) -> Simulation:
        spec, stage, choices = self._spec, self._stage, self._choices
        goods, track = stage.world.agents.goods, self._recorder.track()
        mean = stage.world.agents.prices(self._averages.mean())
        off, off_mean = self._distance(track.prices[-1]), self._distance(mean)
        x = self._state.x
        return Simulation(
            path=spec.source.path,
            title=spec.title,
            sha256=spec.sha256,
            money=spec.money,
            units={good: spec.unit(good) for good in goods},
            maker=choices.maker,
            liquidity=choices.liquidity,
            step_size=stage.step,
            safe_step=stage.pace.step,
            foresight=choices.foresight,
            noise=choices.noise,
            seed=choices.seed,
            steps=steps,
            outcome=end.outcome,
            reason=end.reason,
            distance=None if np.isnan(off) else off,
            eras=tuple(self._eras),
            track=track,
            averages=dict(zip(goods, mean.tolist(), strict=True)),
            averages_distance=None if np.isnan(off_mean) else off_mean,
            prices=dict(zip(goods, track.prices[-1].tolist(), strict=True)),
            uses=stage.world.agents.uses(np.where(x > 2 * stage.world.lower, x, 0.0)),
        )


class _Averages:
    """The mean over the last half of what has been, or more of it, and the way since then.

    Kept in two blocks, each twice as long as the one before: sums, counts, ways, and where they begin.
    """

    def __init__(self) -> None:
        self._sums: list[Any] = [0.0, 0.0]
        self._counts = [0, 0]
        self._ways = [0.0, 0.0]
        self._begins: list[Any] = [None, None]

    def add(self, values: np.ndarray) -> None:
        """A step's values."""
        if self._counts[1] >= 2 * self._counts[0]:
            self._sums, self._counts = [self._sums[1], 0.0], [self._counts[1], 0]
            self._ways, self._begins = [self._ways[1], 0.0], [self._begins[1], values]
        self._sums[1] = self._sums[1] + values
        self._counts[1] += 1

    def go(self, length: float) -> None:
        """A piece of the way."""
        self._ways[1] += length

    @property
    def begun(self) -> np.ndarray:
        """The values with which the first block begins."""
        begun: np.ndarray = self._begins[1] if self._begins[0] is None else self._begins[0]
        return begun

    @property
    def way(self) -> float:
        """How long the way was since then."""
        return sum(self._ways)

    @property
    def drift(self) -> float:
        """By how much the means of both blocks differ at the most, relatively; without two infinite."""
        if not self._counts[0]:
            return float("inf")
        first, second = (total / count for total, count in zip(self._sums, self._counts, strict=True))
        sizes = np.maximum(np.abs(first), np.abs(second))
        return float(np.max(np.abs(first - second) / np.where(sizes > 0, sizes, 1.0), initial=0.0))

    def mean(self) -> np.ndarray:
        """The mean since then."""
        mean: np.ndarray = (self._sums[0] + self._sums[1]) / sum(self._counts)
        return mean


def _shocked(spec: Spec, shocks: Sequence[Shock]) -> list[tuple[Shock, Spec]]:
    """Each shock with the spec that it leaves; raises what `load` raises for one that cannot be."""
    settings, worlds = list(spec.settings), []
    for shock in shocks:
        settings.append(shock.setting)
        try:
            worlds.append((shock, load(spec.source, settings)))
        except (SpecError, UsageError) as error:
            raise type(error)([_of_shock(problem, shock) for problem in error.problems]) from None
    return worlds


def _of_shock(problem: Problem, shock: Shock) -> Problem:
    """A problem with a setting, as one with the shock that it came by."""
    place, message = problem.place, problem.message.replace("--set ", "--shock ", 1)
    if place is not None and place.path == "--set":
        moved = len("--shock") - len("--set")
        text = f"--shock {shock.setting}@{shock.step}"
        place = place._replace(path="--shock", column=place.column + moved, text=text)
    return problem._replace(message=message, place=place, hint=problem.hint.replace("--set ", "--shock "))


def _begun(place: World, choices: Choices) -> State:
    """Where a market begins: what the start says, and cold in all else."""
    programme = place.agents.programme
    held = (_FIRST_PRICE if choices.maker == "exponential" else 0.0) * place.levels
    start = choices.start or Observation("cold")
    prices = {good: max(float(price), 0.0) for good, price in start.prices.items()}
    held = _held_at(programme, held, prices, start.paid)
    x = place.start.copy()
    for index, variable in enumerate(programme.variables):
        if variable.kind == "purchase":
            seen = start.bought.get(variable.good)
        else:
            seen = start.uses.get((variable.good, variable.user))
        if variable.kind != "bend" and seen is not None:
            x[index] = float(seen)
    x = np.clip(with_bends(programme, x), place.lower, place.upper)
    return State(x, _with_worth_of_bends(place, x, held, prices))


def _held_at(
    programme: Programme, held: np.ndarray, prices: Mapping[str, float], paid: Mapping[UseKey, Decimal]
) -> np.ndarray:
    """The multiplier of each balance at these prices.

    Where each use of a good has its own, those that are not known share alike in what is left of the price.
    """
    of_good: dict[str, list[int]] = {}
    for index, balance in enumerate(programme.balances):
        of_good.setdefault(balance.good, []).append(index)
    held = held.copy()
    for good, rows in of_good.items():
        left, unknown = prices.get(good), {}
        for row in rows:
            balance = programme.balances[row]
            part = 1.0 if balance.coefficient is None else constant(balance.coefficient)
            if balance.use is not None and balance.use.key in paid:
                held[row] = max(float(paid[balance.use.key]), 0.0)
                left = None if left is None else left - part * held[row]
            else:
                unknown[row] = part
        if left is not None and unknown:
            held[[*unknown]] = max(left, 0.0) / (sum(unknown.values()) or 1.0)
    return held


def _with_worth_of_bends(
    place: World, x: np.ndarray, held: np.ndarray, prices: Mapping[str, float]
) -> np.ndarray:
    """What each argument of a `min` is worth to its firm, if the firm is content with these prices.

    An input is worth its price, by the unit that it allows; a capacity has what is left of the output's.
    """
    programme, first = place.agents.programme, len(place.agents.programme.balances)
    rows, columns, slopes = place.agents.slopes(x)
    costs: dict[int, list[float]] = {}
    for row, column, slope in zip(rows.tolist(), columns.tolist(), slopes.tolist(), strict=True):
        variable = programme.variables[column]
        if row >= first and variable.kind == "use" and slope and variable.good in prices:
            costs.setdefault(row, []).append(prices[variable.good] / abs(slope))
    known = {row: sum(parts) / len(parts) for row, parts in costs.items()}
    of_bend: dict[int, list[int]] = {}
    for row, argument in enumerate(programme.arguments, first):
        of_bend.setdefault(argument.bend, []).append(row)
    held = held.copy()
    for rows_of_bend in of_bend.values():
        output = programme.arguments[rows_of_bend[0] - first].output
        if output not in prices:
            continue
        unknown = [row for row in rows_of_bend if row not in known]
        left = prices[output] - sum(known[row] for row in rows_of_bend if row in known)
        for row in rows_of_bend:
            held[row] = known[row] if row in known else max(left, 0.0) / len(unknown)
    return held


def _era(step: int, change: str, place: World) -> Era:
    solution = place.solution
    if solution is None:
        return Era(step, change, None, None, place.reason)
    prices = {good: float(price) for good, price in solution.prices.items()}
    return Era(step, change, prices, float(solution.total_value), "")


def _arrived(step: int, distance: float, tolerance: float) -> Ending:
    if np.isnan(distance):
        return Ending("converged", f"nothing moves any more at step {step:,}")
    return Ending("converged", f"every price is within {tolerance:g} of equilibrium at step {step:,}")


def _told(distance: float) -> str:
    return "" if np.isnan(distance) else f": prices within {distance:.1e} of equilibrium"
