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
from chainprice.verify.composition import Composition
from chainprice.verify.numeric import STEP

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
    digits: int

    def mismatch(self, weights: Mapping[str, mpf]) -> mpf:
        """How far W's gain is from the sum over the rows, per unit of weight."""
        gifts = {good: self._gift(good, weight) for good, weight in weights.items()}
        forward = self.composition.evaluate({good: self.step * gift for good, gift in gifts.items()})
        backward = self.composition.evaluate({good: -self.step * gift for good, gift in gifts.items()})
        gain = self.composition.gain(backward, forward) / (2 * self.step)
        return abs(gain - mpmath.fsum(self.prices[good] * gift for good, gift in gifts.items()))

    def _gift(self, good: str, weight: mpf) -> mpf:
        """A gift that is worth `weight` by the table; for a worthless good, as much as the step allows."""
        if self.prices[good]:
            return weight / self.prices[good]
        return weight * (abs(self.base[good]) or mpf(1)) * mpf(10) ** -STEP / self.step


def verify(composition: Composition, prices: Mapping[str, mpf], tolerance: mpf) -> Outcome:
    """Which of these prices are wrong by more than the tolerance, and by how much the sums are off."""
    probe = _probe(composition, prices)
    random = Random(_seed(prices))  # noqa: S311 - reproducible weights, nothing secret
    worst = mpf(0)
    failed: set[str] = set()
    with mpmath.workdps(probe.digits):
        for _ in range(ROUNDS):
            mismatch, found = _search(probe, tuple(prices), tolerance, random)
            worst = max(worst, mismatch)
            failed |= found
    return Outcome(frozenset(failed), worst)


def _probe(composition: Composition, prices: Mapping[str, mpf]) -> Probe:
    """A probe with a step small enough for every good, and with the digits that such a step needs."""
    base = composition.evaluate()
    values = [abs(price * base[good]) for good, price in prices.items() if price and base[good]]
    smallest = min(values, default=mpf(1))
    step = smallest * mpf(10) ** -STEP
    sales = composition.spec.demand
    size = mpmath.fsum(abs(composition.gain({good: mpf(0)}, {good: base[good]})) for good in sales)
    needed = 3 * STEP + int(max(mpf(0), mpmath.log10((size or mpf(1)) / smallest)))
    digits = min(max(mpmath.mp.dps, needed), limits.VERIFY_DIGITS)
    with mpmath.workdps(digits):
        return Probe(composition, prices, composition.evaluate(), step, digits)


def _search(
    probe: Probe, goods: Sequence[str], tolerance: mpf, random: Random
) -> tuple[mpf, set[str]]:
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
