"""Method 3: all prices of a large chain at once (MODEL.md section 5).

A little of every good is handed to the chain together, with random weights. What W gains must be what the
table says of it. Each gift is worth about the same by the table, so that every row weighs the same in the
sum: a single wrong price shows, however small it is beside the others. If the sum is off, halving the set
of goods finds the rows. Gifts go forwards through the chain, from goods to demands, by slopes that exact
differences have measured (`chain`): no price comes up on the way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from random import Random

from chainprice import limits, progress
from chainprice.verification.chain import Chain

ROUNDS = 2
"""Fresh weights this often: two wrong rows that hide each other once do not do so twice."""

_UNIT = 1 << 20
"""Weights are whole numbers from this to twice as much, of either sign: whole numbers are fast."""

_ZERO = Decimal(0)
_ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The rows that failed, and the worst mismatch of the sums in units of one row's weight."""

    failed: frozenset[str]
    worst: Decimal


@dataclass(frozen=True)
class Probe:
    """A chain at its operating point with the prices to be tested, in units of money."""

    chain: Chain
    prices: Mapping[str, Decimal]

    def mismatch(self, weights: Mapping[str, int]) -> Decimal:
        """How far W's gain is from the sum over the rows, in units of weight."""
        gifts = {good: self._gift(good, weight) for good, weight in weights.items()}
        worth = sum(weight for good, weight in weights.items() if self.prices[good])
        return abs(self.chain.gain(gifts) - worth) / _UNIT

    def _gift(self, good: str, weight: int) -> Decimal:
        """A gift that is worth `weight` by the table; of a worthless good a part like that of the others."""
        if self.prices[good]:
            return weight / self.prices[good]
        return weight * (abs(self.chain.quantities[good]) or _ONE) / self._least

    @cached_property
    def _least(self) -> Decimal:
        """The smallest value of all that there is of a good."""
        quantities = self.chain.quantities
        values = (abs(price * quantities[good]) for good, price in self.prices.items())
        return min((value for value in values if value), default=_ONE)


def verify(chain: Chain, prices: Mapping[str, Decimal], tolerance: Decimal) -> Outcome:
    """Which of these prices are wrong by more than the tolerance, and by how much the sums are off."""
    probe = Probe(chain, prices)
    random = Random(_seed(prices))  # noqa: S311 - reproducible weights, nothing secret
    worst = _ZERO
    failed: set[str] = set()
    for _ in range(ROUNDS):
        left = [good for good in prices if good not in failed]
        mismatch, found = _search(probe, left, tolerance, random)
        worst = max(worst, mismatch)
        failed |= found
    return Outcome(frozenset(failed), worst)


def _search(
    probe: Probe, goods: Sequence[str], tolerance: Decimal, random: Random
) -> tuple[Decimal, set[str]]:
    """Halve what is off until single rows are left; beyond a budget a whole group counts as failed."""
    worst = _ZERO
    failed: set[str] = set()
    groups: list[Sequence[str]] = [goods]
    for budget in range(limits.ADJOINT_PROBES, -1, -1):
        if not groups:
            break
        group = groups.pop()
        progress.report(f"verifying {len(group)} prices together")
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


def _weight(random: Random) -> int:
    """Between one unit and two, of either sign."""
    bits = random.getrandbits(21)
    return _UNIT + (bits >> 1) if bits & 1 else -_UNIT - (bits >> 1)


def _seed(prices: Mapping[str, Decimal]) -> int:
    """Weights that depend on the table, so that no table can be made to fit them."""
    text = ";".join(f"{good}={price}" for good, price in sorted(prices.items()))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
