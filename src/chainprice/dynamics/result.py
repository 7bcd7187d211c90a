"""The result of `simulate`, as immutable values; `to_dict` gives its JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from chainprice.dynamics.choices import Maker
from chainprice.dynamics.track import Track
from chainprice.dynamics.verdict import Outcome

FORMAT = "chainprice.simulate/1"
"""The JSON of `simulate`, and its version."""


class Era(NamedTuple):
    """A stretch of the path in one world: from which step, what changed, and where its equilibrium is.

    Without an equilibrium, `prices` and `total_value` are None and `reason` says why.
    """

    step: int
    change: str
    prices: Mapping[str, float] | None
    total_value: float | None
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Simulation:
    """The path of a market and its end.

    `prices` and `uses` are those of the last step (`uses` by firm, and of `demand` and `supply`), and
    `averages` the mean prices over the last half of the path or more. `distance` is how far the farthest
    price is from equilibrium at the end, relatively; None if there is no equilibrium. `step_size` is in
    units of time, of which `safe_step` is the longest that the market's curvature allows.
    """

    path: str
    title: str
    sha256: str
    money: str
    units: Mapping[str, str]
    maker: Maker
    liquidity: float
    step_size: float
    safe_step: float
    foresight: float
    noise: float
    seed: int
    steps: int
    outcome: Outcome
    reason: str
    distance: float | None
    eras: tuple[Era, ...]
    goods: tuple[str, ...]
    track: Track
    averages: Mapping[str, float]
    averages_distance: float | None
    prices: Mapping[str, float]
    uses: Mapping[str, Mapping[str, float]]

    def to_dict(self) -> dict[str, Any]:
        """The JSON of `simulate`, format chainprice.simulate/1."""
        return {"format": FORMAT, **dict(self._contents())}

    def _contents(self) -> Iterator[tuple[str, Any]]:
        yield "spec", {"path": self.path, "title": self.title, "sha256": self.sha256}
        for key in ("maker", "liquidity", "step_size", "safe_step", "foresight", "noise", "seed", "steps"):
            yield key, getattr(self, key)
        for key in ("outcome", "reason", "distance"):
            yield key, getattr(self, key)
        yield "eras", [era._asdict() for era in self.eras]
        yield "recorded_steps", list(self.track.steps)
        yield "distances", [None if np.isnan(d) else d for d in self.track.distances]
        columns = zip(
            self.goods,
            self.track.prices.T.tolist(),
            self.track.quantities.T.tolist(),
            self.track.excess.T.tolist(),
            strict=True,
        )
        yield (
            "goods",
            [
                {"good": good, "unit": self.units[good], "prices": p, "quantities": q, "excess_demands": e}
                for good, p, q, e in columns
            ],
        )
        yield "averages", dict(self.averages)
        yield "averages_distance", self.averages_distance
        yield "prices", dict(self.prices)
        yield "uses", {user: dict(goods) for user, goods in self.uses.items()}
