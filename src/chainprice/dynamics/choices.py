"""How a market is to be simulated: what may be chosen, and what makes no sense."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from chainprice import limits
from chainprice.errors import Problem, UsageError
from chainprice.observation import Observation

Maker = Literal["quadratic", "exponential"]


class Shock(NamedTuple):
    """At a step the world changes: `setting` is NAME=VALUE as `--set` takes it."""

    setting: str
    step: int


@dataclass(frozen=True, slots=True)
class Choices:
    """See `simulate`; raises UsageError, with all that makes no sense, when it is made."""

    maker: Maker = "quadratic"
    liquidity: float = 1.0
    steps: int = limits.SIMULATED_STEPS
    step_size: float | None = None
    foresight: float = 1.0
    start: Observation | None = None
    shocks: tuple[Shock, ...] = ()
    noise: float = 0.0
    seed: int = 0
    every: int | None = None
    tolerance: float = limits.ARRIVED

    def __post_init__(self) -> None:
        problems = [Problem(message) for message in self._senseless()]
        if problems:
            raise UsageError(problems)

    def _senseless(self) -> Iterator[str]:
        if not 0 < self.liquidity < float("inf"):
            yield f"liquidity must be above 0, not {self.liquidity:g}"
        if self.steps < 1:
            yield f"there must be at least one step, not {self.steps}"
        if self.step_size is not None and not 0 < self.step_size < float("inf"):
            yield f"the step size must be above 0, not {self.step_size:g}"
        if not 0 <= self.foresight <= 1:
            yield f"foresight must be from 0 to 1, not {self.foresight:g}"
        if not 0 <= self.noise < float("inf"):
            yield f"noise must be 0 or more, not {self.noise:g}"
        if self.seed < 0:
            yield f"the seed must be 0 or more, not {self.seed}"
        if self.every is not None and self.every < 1:
            yield f"records must be at least one step apart, not {self.every}"
        if not 0 < self.tolerance < 1:
            yield f"the tolerance must be between 0 and 1, not {self.tolerance:g}"
        for shock in self.shocks:
            if not 0 <= shock.step < self.steps:
                yield f"--shock {shock.setting}@{shock.step}: its step must be from 0 to {self.steps - 1:,}"


def read_shocks(texts: Iterable[str]) -> list[Shock]:
    """Shocks written as NAME=VALUE@STEP; raises UsageError, with all that cannot be read."""
    shocks, problems = [], []
    for text in texts:
        setting, _, step = text.rpartition("@")
        if setting and step.strip().isdecimal():
            shocks.append(Shock(setting, int(step)))
        else:
            message = f"--shock {text}: it must end in @ and the number of a step"
            problems.append(Problem(message, None, "write --shock NAME=VALUE@STEP"))
    if problems:
        raise UsageError(problems)
    return shocks
