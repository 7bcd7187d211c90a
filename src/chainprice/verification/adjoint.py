"""Method 3: all prices of a large chain at once (MODEL.md section 5).

A little of every good is handed to the chain together: t*e_g of good g, with random weights in e.
What W gains must be t times the sum of P_g e_g. Each e_g is scaled so that every row weighs about
the same in the sum: a single wrong price shows, however small it is beside the others. If the sum
is off, halving the set of goods finds the rows. Each round costs two evaluations of the chain.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

import mpmath
from mpmath import mpf

from chainprice import limits
from chainprice.verification.composition import Composition
from chainprice.verification.numeric import STEP

ROUNDS = 2
"""Fresh weights this often: two wrong rows that hide each other once do not do so twice."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The rows that failed, and the worst mismatch of the sums in units of one row's weight."""

    failed: frozenset[str]
    worst: mpf


@dataclass(frozen=True, slots=True)
class Probe:
    """A chain at its operating point with the prices to be tested, in units of money."""

    composition: Composition
    prices: Mapping[str, mpf]
    base: Mapping[str, mpf]
    step: mpf

    def mismatch(self, weights: Mapping[str, mpf]) -> mpf:
        """How far W's gain is from the sum over the rows, per unit of weight."""
        gifts = {good: self._gift(good, weight) for good, weight in weights.items()}
        gain = (self._gain(gifts, self.step) - self._gain(gifts, -self.step)) / (2 * self.step)
        return abs(gain - mpmath.fsum(self.prices[good] * gift for good, gift in gifts.items()))

    def _gain(self, gifts: Mapping[str, mpf], step: mpf) -> mpf:
        scaled = {good: step * gift for good, gift in gifts.items()}
        return self.composition.gain(self.base, self.composition.changes(self.base, scaled))

    def _gift(self, good: str, weight: mpf) -> mpf:
        """A gift that is worth `weight` by the table; for a worthless good, as much as the step allows."""
        if self.prices[good]:
            return weight / self.prices[good]
        return weight * (abs(self.base[good]) or mpf(1)) * mpf(10) ** -STEP / self.step


def verify(
    composition: Composition, base: Mapping[str, mpf], prices: Mapping[str, mpf], tolerance: mpf
) -> Outcome:
    """Which of these prices are wrong by more than the tolerance, and by how much the sums are off."""
    values = [abs(price * base[good]) for good, price in prices.items() if price and base[good]]
    probe = Probe(composition, prices, base, min(values, default=mpf(1)) * mpf(10) ** -STEP)
    random = Random(_seed(prices))  # noqa: S311 - reproducible weights, nothing secret
    worst = mpf(0)
    failed: set[str] = set()
    for _ in range(ROUNDS):
        left = [good for good in prices if good not in failed]
        mismatch, found = _search(probe, left, tolerance, random)
        worst = max(worst, mismatch)
        failed |= found
    return Outcome(frozenset(failed), worst)


def _search(probe: Probe, goods: Sequence[str], tolerance: mpf, random: Random) -> tuple[mpf, set[str]]:
    """Halve what is off until single rows are left; beyond a budget a whole group counts as failed."""
    worst = mpf(0)
    failed: set[str] = set()
    groups: list[Sequence[str]] = [goods]
    for budget in range(limits.ADJOINT_PROBES, -1, -1):
        if not groups:
            break
        group = groups.pop()
        mismatch = probe.mismatch({good: _weight(random) for good in group})
        worst = max(worst, mismatch)
        if mismatch <= tolerance:
            continue
        if len(group) == 1 or budget == 0:
            failed.update(group)
        else:
            middle = len(group) // 2
            groups += [group[:middle], group[middle:]]
    for group in groups:
        failed.update(group)
    return worst, failed


def _weight(random: Random) -> mpf:
    """Between 1 and 2, of either sign."""
    return mpf(random.uniform(1, 2)) * random.choice((-1, 1))


def _seed(prices: Mapping[str, mpf]) -> int:
    """Weights that depend on the table, so that no table can be made to fit them."""
    digest = hashlib.sha256()
    for good, price in sorted(prices.items()):
        digest.update(f"{good}={mpmath.nstr(price, 20)};".encode())
    return int.from_bytes(digest.digest()[:8], "big")
