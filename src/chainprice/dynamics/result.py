"""The result of `simulate`, as immutable values; `to_dict` gives its JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, NamedTuple

from chainprice.dynamics.choices import Maker
from chainprice.dynamics.track import Track
from chainprice.dynamics.verdict import Outcome
from chainprice.solution import Document

FORMAT = "chainprice.simulate/1"
"""The JSON of `simulate`, and its version."""


def known(numbers: Iterable[float]) -> tuple[float | None, ...]:
    """Numbers with None for what has no value."""
    return tuple([None if math.isnan(number) else number for number in numbers])


class Era(NamedTuple):
    """A stretch of the path in one world."""

    step: Annotated[int, "The step at which it begins."]
    change: Annotated[str, "What changed, as --set writes it; empty at the start."]
    prices: Annotated[
        Mapping[str, float] | None, "Every good's equilibrium price; null where there is no equilibrium."
    ]
    total_value: Annotated[float | None, "Total value in equilibrium."]
    reason: Annotated[str, "Why there is no equilibrium; empty where there is one."]


class GoodPath(NamedTuple):
    """What a good went through, a number for each recorded step."""

    good: Annotated[str, "The good's name."]
    unit: Annotated[str, "The unit of its quantity, empty where the spec gives none."]
    prices: Annotated[tuple[float, ...], "Its price."]
    quantities: Annotated[
        tuple[float | None, ...], "What there was of it; null where a function has no value."
    ]
    excess_demands: Annotated[tuple[float | None, ...], "How much more was wanted than there was."]


@dataclass(frozen=True, slots=True, eq=False)
class Simulation(Document):
    """The path of a market and its end.

    `units` has every good in chain order. A `step_size` is a time, in which a gain of the size of a price
    moves a use by about its own size; no longer one than `safe_step` is sure to come to rest.
    """

    path: Annotated[str, "The file as it was named."]
    title: Annotated[str, "The spec's title."]
    sha256: Annotated[str, "The SHA-256 of the file's bytes."]
    money: Annotated[str, "The unit of prices, empty where the spec gives none."]
    units: Mapping[str, str]
    maker: Annotated[Maker, "The market makers' cost function."]
    liquidity: Annotated[float, "How deep market makers are, beside balanced ones."]
    step_size: Annotated[float, "The time in a step."]
    safe_step: Annotated[float, "The longest step that the market's own curvature allows."]
    foresight: Annotated[float, "How far agents expected the last change to go on."]
    noise: Annotated[float, "The part by which agents misjudged prices and quantities."]
    seed: Annotated[int, "The seed of the noise."]
    steps: Annotated[int, "The number of the last step."]
    outcome: Annotated[Outcome, "How the path ended."]
    reason: Annotated[str, "Why, in a sentence."]
    distance: Annotated[
        float | None, "How far the farthest price is from equilibrium at last, relatively; null without one."
    ]
    eras: Annotated[tuple[Era, ...], "The worlds that it went through: the spec's, and one for each shock."]
    track: Track
    averages: Annotated[Mapping[str, float], "Mean prices over the last half of the path, or more of it."]
    averages_distance: Annotated[float | None, "How far the farthest of these is from equilibrium."]
    prices: Annotated[Mapping[str, float], "Every good's price at the last step."]
    uses: Annotated[
        Mapping[str, Mapping[str, float]],
        "How much each firm used of each good at last; demand what was sold, supply what was bought.",
    ]

    FORM: ClassVar = FORMAT

    KEYS: ClassVar = (
        *("maker", "liquidity", "step_size", "safe_step", "foresight", "noise", "seed", "money"),
        *("steps", "outcome", "reason", "distance", "eras", "recorded_steps", "distances", "goods"),
        *("averages", "averages_distance", "prices", "uses"),
    )
    """What the JSON says about the path, in this order."""

    @property
    def recorded_steps(self) -> tuple[int, ...]:
        """The steps that were written down."""
        return self.track.steps

    @property
    def distances(self) -> tuple[float | None, ...]:
        """At each recorded step how far the farthest price was from equilibrium, relatively."""
        return known(self.track.distances)

    @property
    def goods(self) -> tuple[GoodPath, ...]:
        """Every good's path."""
        track = self.track
        sides = (track.prices.T.tolist(), track.quantities.T.tolist(), track.excess.T.tolist())
        return tuple(
            GoodPath(good, unit, tuple(prices), known(quantities), known(excess))
            for (good, unit), prices, quantities, excess in zip(self.units.items(), *sides, strict=True)
        )
