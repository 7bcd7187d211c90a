"""Enclosures of all prices where quantities follow from the spec (MODEL.md sections 2 and 5).

A gift of t units of a good is sent through the chain as a power series in t, through one formula after the
other: the composed function, differentiated directly. The price is the coefficient of t in what total value
gains. Large chains are enclosed by the same series, one formula and one input at a time, whose
slopes are then added up along all ways to the demands, from the demands on.

A stronger enclosure takes more bits: they are doubled until every ball is narrow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from flint import arb

from chainprice import limits, progress
from chainprice.formula import KINKED
from chainprice.spec import DEMAND
from chainprice.verification.certification.balls import (
    BALLS,
    Ball,
    Moved,
    coefficient,
    constant,
    moved,
    number,
    overlap,
    working,
)
from chainprice.verification.certification.enclosure import Enclosure, between, is_narrow
from chainprice.verification.composition import Composition, Production


def enclosures(
    composition: Composition, digits: Mapping[str, int], numeraire: str | None
) -> dict[str, Enclosure]:
    """What is surely known of the prices of these goods, each to so many digits if they are to be had.

    Prices are in money, or in units of the numeraire.
    """
    by_series = _is_short(composition)
    found: dict[str, Enclosure] = {}
    pending = list(digits)
    bits = limits.CERTIFY_BITS
    while pending:
        progress.report(f"enclosing {len(pending)} prices with {bits} bits")
        is_last = 2 * bits > limits.CERTIFY_MOST_BITS
        with working(bits):
            chain = measure(composition)
            wanted = pending if numeraire is None else [*pending, numeraire]
            prices = chain.by_series(wanted) if by_series else chain.by_slopes()
            for good in pending:
                ball = prices[good] if numeraire is None else prices[good] / prices[numeraire]
                if is_narrow(ball, digits[good]):
                    found[good] = Enclosure(ball, digits[good])
                elif is_last:
                    found[good] = Enclosure(ball, digits[good], chain.reason(good, ball))
        pending = [good for good in pending if good not in found]
        bits *= 2
    return found


def _is_short(composition: Composition) -> bool:
    """Whether one series for each good, through all that is downstream, is little enough work."""
    work = 0
    for good in composition.goods:
        work += len(composition.downstream(good))
        if work > limits.CERTIFY_WORK:
            return False
    return True


class Frame(NamedTuple):
    """A production function, what its names and numbers are worth, and by slot its goods and shares."""

    production: Production
    names: Sequence[Ball]
    numbers: Sequence[Ball]
    shares: Mapping[int, tuple[str, Ball]]

    def run(self, changes: Mapping[int, Moved]) -> Moved:
        """Its value where the names in some slots are moved."""
        names = list(self.names)
        for slot, value in changes.items():
            names[slot] = value
        return self.production.formula.shape.run(BALLS, names, self.numbers)

    def slope(self, slot: int) -> Ball:
        """What one more unit of an input makes."""
        return coefficient(self.run({slot: moved(self.names[slot], arb(1))}), 1)

    def problem(self) -> str | None:
        """What keeps its slopes from being enclosed."""
        formula, firm = self.production.formula, self.production.firm
        values = formula.shape.trace(BALLS, self.names, self.numbers)
        if not values[-1].is_finite():
            return f"no value of '{formula}' (firm '{firm}') could be enclosed"
        for operation, operands in formula.shape.steps:
            if operation in KINKED and _is_tied(operation, [values[operand] for operand in operands]):
                return f"'{formula}' (firm '{firm}') cannot be told from its kink"
        if not all(self.slope(slot).is_finite() for slot in self.shares):
            return f"no slope of '{formula}' (firm '{firm}') could be enclosed"
        return None


def _is_tied(operation: str, values: Sequence[Ball]) -> bool:
    """Whether two branches of a bend meet, as far as can be told."""
    if operation == "abs":
        return overlap(values[0], arb(0))
    best = values[0]
    for value in values[1:]:
        best = best.min(value) if operation == "min" else best.max(value)
    return sum(overlap(value, best) for value in values) > 1


@dataclass(frozen=True)
class BallChain:
    """A composed chain at its operating point, in balls."""

    composition: Composition
    quantities: Mapping[str, Ball]
    frames: Sequence[Frame]

    def by_series(self, goods: Sequence[str]) -> dict[str, Ball]:
        """dW/dg of each good: a gift of it as a power series, through all that is downstream."""
        return {good: self._by_series(good) for good in goods}

    def _by_series(self, good: str) -> Ball:
        slopes = {good: arb(1)}
        for index in self.composition.downstream(good):
            frame = self.frames[index]
            changes = {
                slot: moved(self.quantities[name] * share, slopes[name] * share)
                for slot, (name, share) in frame.shares.items()
                if name in slopes
            }
            output = frame.production.output
            slopes[output] = slopes.get(output, arb(0)) + coefficient(frame.run(changes), 1)
        worth = self._worth
        return sum((worth[name] * slope for name, slope in slopes.items() if name in worth), arb(0))

    def by_slopes(self) -> dict[str, Ball]:
        """dW/dg of every good: slopes from the demands on, added up over all ways."""
        prices = {good: self._worth.get(good, arb(0)) for good in self.composition.goods}
        for frame in reversed(self.frames):
            gain = prices[frame.production.output]
            for slot, (name, share) in frame.shares.items():
                prices[name] += gain * frame.slope(slot) * share
        return prices

    def reason(self, good: str, ball: Ball) -> str:
        """Why a price is not enclosed narrowly, with as many bits as are spent."""
        cause = self._problems.get(good) or f"{limits.CERTIFY_MOST_BITS:,} bits are not enough"
        return f"{cause}; {between(ball)}" if ball.is_finite() else cause

    @cached_property
    def _problems(self) -> dict[str, str]:
        """By good the first thing, on its way to the demands, that could not be enclosed."""
        found = {
            good: f"no demand price of '{good}' could be enclosed"
            for good, worth in self._worth.items()
            if not worth.is_finite()
        }
        for frame in reversed(self.frames):
            problem = frame.problem() or found.get(frame.production.output)
            if problem is not None:
                found.update((name, problem) for name, _ in frame.shares.values())
        return found

    @cached_property
    def _worth(self) -> dict[str, Ball]:
        """What is paid for one more unit of each demanded good."""
        return dict(self._demands())

    def _demands(self) -> Iterator[tuple[str, Ball]]:
        spec = self.composition.spec
        for good, demand in spec.demand.items():
            if demand.price is not None and good in self.quantities:
                split = spec.note(good).split
                share = constant(split[DEMAND]) if split else arb(1)
                values = {
                    name: self.quantities[good] * share
                    if name == "q"
                    else constant(spec.parameters.get(name), name)
                    for name in demand.price.names
                }
                yield good, demand.price.evaluate(BALLS, values) * share


def measure(composition: Composition) -> BallChain:
    """The quantity of every good in balls; nan where a formula has no value, or none that is enclosed."""
    spec = composition.spec
    quantities = {good: arb(0) for good in composition.goods}
    for good, supply in spec.supply.items():
        if supply.quantity is not None:
            quantities[good] = constant(supply.quantity)
    frames = []
    for production in composition.productions:
        frame = _frame(production, quantities)
        frames.append(frame)
        quantities[production.output] += frame.run({})
    return BallChain(composition, quantities, frames)


def _frame(production: Production, quantities: Mapping[str, Ball]) -> Frame:
    names, shares = [], {}
    for slot, name in enumerate(production.formula.names):
        if name in production.shares:
            part = production.shares[name]
            share = arb(1) if part is None else constant(part)
            shares[slot] = (name, share)
            names.append(quantities[name] * share)
        else:
            names.append(constant(production.parameters.get(name), name))
    return Frame(production, names, [number(value) for value in production.formula.numbers], shares)
