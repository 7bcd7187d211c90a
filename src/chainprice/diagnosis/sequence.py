"""From a spec and an observation to a diagnosis: the sequence."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from math import isfinite
from typing import Any, NamedTuple

from chainprice import allocation, limits, network, progress, technology
from chainprice.arithmetic import Number, digits, number
from chainprice.diagnosis.gaps import NOISE, Position, positions
from chainprice.diagnosis.inference import ZERO, Scene, infer
from chainprice.diagnosis.result import Diagnosis, Gap, GoodRow, Inferred, Missing, Move, Note
from chainprice.diagnosis.verdicts import Benchmark, Judged, judge
from chainprice.errors import NoAnswerError, NumeraireError, Problem, UsageError, some
from chainprice.observation import Observation, observation_of
from chainprice.solution import Solution
from chainprice.solver import solve
from chainprice.spec import Spec
from chainprice.value import total_value, trade_value

_DIGITS = (34, 100, 400, 1200)
"""Digits in which an observed market is looked at, the first that more would change nothing of."""

_SOLVED_DIGITS = 25
"""Digits of the equilibrium."""


def diagnose(
    spec: Spec,
    observed: Observation | Solution | Mapping[str, Any] | str | os.PathLike[str],
    *,
    tolerance: float = limits.OBSERVED_TOLERANCE,
) -> Diagnosis:
    """Where an observed market is out of equilibrium (MODEL.md section 6).

    `observed` is a result of `solve`, an object as in JSON, a file, or a text. `tolerance` is relative: a gap
    is measured by the price of its good, an excess by what there is.

    Raises ObservationError for what is no observed market of this spec, UndefinedError where a function has
    no value or slope at the observed quantities, NumeraireError where money is counted in a good, and nothing
    says what that is worth.
    """
    if not (isfinite(tolerance) and tolerance >= 0):
        raise UsageError(f"the tolerance must be a number from 0 up, not {tolerance}")
    graph = network.build(spec)
    if isinstance(observed, Solution):
        observed = observed.to_dict()
    if not isinstance(observed, Observation):
        observed = observation_of(observed, spec)
    progress.report("looking for the equilibrium")
    benchmark, notes = _benchmark(spec)
    progress.report("comparing the observed market with it")
    numeraire = observed.numeraire if observed.prices or observed.paid else None
    with digits(_DIGITS[0]):
        unit, observed = _in_money(spec, observed, numeraire, benchmark)
    is_given = allocation.allocation_of(spec, graph) == "given"
    count, scene = _scene(observed, spec, graph, is_given=is_given)
    with digits(count):
        limit = Decimal(repr(float(tolerance)))
        found = positions(scene, limit, {} if benchmark is None else benchmark.cheap)
        judged = judge(scene, found, benchmark, limit, unit)
        account = _Account(observed.path, numeraire, unit, float(tolerance), benchmark, notes)
        return _Rows(scene, account).diagnosis(found, judged)


def _scene(observed: Observation, spec: Spec, graph: network.Network, *, is_given: bool) -> tuple[int, Scene]:
    """What follows from an observation, and in how many digits that can be told.

    An output may be a small difference of large numbers: ln(1 + x) where x is 1e-40.
    """
    functions = technology.build(spec, graph)
    known: tuple[int, Scene] | None = None
    for count in _DIGITS:
        with digits(count):
            scene = infer(observed, spec, graph, functions, is_given=is_given)
            if known is not None and _same(known[1], scene):
                return known
        known = count, scene
    return count, scene


def _same(coarse: Scene, fine: Scene) -> bool:
    return all(abs(coarse.made[key] - made) <= NOISE * abs(made) for key, made in fine.made.items())


def _benchmark(spec: Spec) -> tuple[Benchmark | None, tuple[Note, ...]]:
    """The equilibrium; or None, and why there is none."""
    try:
        solution = solve(replace(spec, numeraire=None), count=_SOLVED_DIGITS, details=False)
    except NoAnswerError as error:
        message = f"there is no equilibrium to compare with: {error.reason}"
        return None, (Note("no-equilibrium", message),)
    prices = {good: _decimal(price) for good, price in solution.prices.items()}
    ranges = {
        row.good: (_decimal(row.price_range[0]), _optional(row.price_range[1]))
        for row in solution.goods
        if row.price_range is not None
    }
    return Benchmark(prices, ranges, _decimal(solution.total_value), _cheap(solution, prices)), ()


def _cheap(solution: Solution, prices: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Of each good that a market has for free, the price at which it would take all the money."""
    amounts = {good: abs(_decimal(quantity)) for good, quantity in solution.quantities.items()}
    spent = (abs(price) * amounts[good] for good, price in prices.items())
    most = max(*spent, abs(_decimal(solution.total_value)))
    return {good: most / amounts[good] for good in prices if prices[good] <= 0 and amounts[good]}


def _decimal(value: Number) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(repr(value))


def _optional(value: Number | None) -> Decimal | None:
    return None if value is None else _decimal(value)


def _in_money(
    spec: Spec, observed: Observation, numeraire: str | None, benchmark: Benchmark | None
) -> tuple[Decimal, Observation]:
    """What a unit of account is in money, and the observation with its prices in money.

    In units of a good only relative prices are known. The good itself is taken to cost what it does in
    equilibrium.
    """
    if numeraire is None:
        return Decimal(1), observed
    unit = ZERO if benchmark is None else benchmark.prices[numeraire]
    own = observed.prices.get(numeraire, Decimal(1))
    if not unit or not own:
        why = "there is no equilibrium" if benchmark is None else "its price is 0"
        place = spec.place("numeraire") if numeraire == spec.numeraire else None
        message = f"nothing says what a price in '{numeraire}' is in money: {why}"
        raise NumeraireError(Problem(message, place, "give the prices in money, and name no numeraire"))
    factor = unit / own
    prices = {good: price * factor for good, price in observed.prices.items()} | {numeraire: unit}
    paid = {key: price * factor for key, price in observed.paid.items()}
    return unit, replace(observed, prices=prices, paid=paid)


class _Account(NamedTuple):
    """What a market is compared with, and what `unit` of money its rows are counted in."""

    observed: str
    numeraire: str | None
    unit: Decimal
    tolerance: float
    benchmark: Benchmark | None
    notes: tuple[Note, ...]


class _Rows:
    """Turns decimals into rows, money in units of account."""

    def __init__(self, scene: Scene, account: _Account) -> None:
        self._scene, self._account, self._unit = scene, account, account.unit

    def diagnosis(self, found: Sequence[Position], judged: Sequence[Judged]) -> Diagnosis:
        """The result."""
        spec, account, benchmark = self._scene.spec, self._account, self._account.benchmark
        value, to_gain = self._values(benchmark)
        fine = {"in equilibrium", "not known"}
        return Diagnosis(
            path=spec.source.path,
            title=spec.title,
            sha256=spec.sha256,
            observed=account.observed,
            tolerance=account.tolerance,
            within_tolerance=all(row.verdict in fine for row in judged) and not any(p.is_open for p in found),
            allocation="given" if self._scene.is_given else "competitive",
            numeraire=account.numeraire,
            money=account.numeraire or spec.money,
            total_value=self._money(value),
            equilibrium_value=None if benchmark is None else self._money(benchmark.total_value),
            to_gain=self._money(to_gain),
            gaps=tuple(self._gap(position) for position in sorted(found, key=_by_money)),
            goods=tuple(self._good(row) for row in judged),
            inferred=tuple(self._inferred()),
            missing=tuple(Missing(*fact) for fact in self._scene.missing),
            warnings=(*account.notes, *_shortages(judged)),
        )

    def _values(self, benchmark: Benchmark | None) -> tuple[Decimal | None, Decimal | None]:
        """Total value at the observed quantities, and what the equilibrium has beyond that."""
        known = self._scene.quantities()
        if known is None:
            return None, None
        spec = self._scene.spec
        value = total_value(spec, known)
        if benchmark is None:
            return value, None
        to_gain = benchmark.total_value - value
        sold = sum((abs(trade_value(spec, "demand", g, q)) for g, q in known.sold.items()), ZERO)
        is_noise = abs(to_gain) <= NOISE * max(sold, abs(value), abs(benchmark.total_value))
        return value, ZERO if is_noise else to_gain

    def _gap(self, position: Position) -> Gap:
        worth, price = position.worth, position.price
        value = None if worth is None else worth.high
        is_bent = worth is not None and worth.low != worth.high and position.kind == "firm"
        if worth is not None and position.kind == "firm" and price is not None:
            value = worth.nearest(price)
        return Gap(
            firm=position.name,
            kind=position.kind,
            good=position.good,
            quantity=_plain(position.quantity),
            price=self._money(price),
            marginal_value=self._money(value),
            marginal_range=self._range(worth.low, worth.high) if worth is not None and is_bent else None,
            gap=self._money(position.gap),
            corner=position.is_corner,
            move=_move(position),
            gain=self._money(position.gain),
        )

    def _range(self, low: Decimal, high: Decimal) -> tuple[Number, Number]:
        ends = sorted((low / self._unit, high / self._unit))
        return number(ends[0]), number(ends[1])

    def _good(self, row: Judged) -> GoodRow:
        return GoodRow(
            good=row.good,
            price=self._money(row.price),
            equilibrium_price=self._money(row.right),
            marginal_value=self._money(row.worth),
            available=_plain(row.available),
            used=_plain(row.used),
            excess_demand=_plain(row.excess),
            spread=self._money(row.spread),
            verdict=row.verdict,
            reason=row.reason,
        )

    def _inferred(self) -> Iterator[Inferred]:
        for (what, good, firm), (value, reason) in self._scene.inferred.items():
            shown = number(value / self._unit if what == "price" else value)
            yield Inferred(what, good, firm, shown, reason)

    def _money(self, value: Decimal | None) -> Number | None:
        return None if value is None else number(value / self._unit)


def _shortages(judged: Sequence[Judged]) -> Iterator[Note]:
    short = [f"'{row.good}'" for row in judged if row.verdict == "short"]
    if short:
        yield Note(
            "not-feasible",
            f"there is not enough of {some(short)}: total value counts what is sold all the same",
        )


def _plain(value: Decimal | None) -> Number | None:
    return None if value is None else number(value)


def _move(position: Position) -> Move | None:
    if position.gap is None:
        return None
    if not position.is_open:
        return "stay"
    return "more" if position.gap > 0 else "less"


def _by_money(position: Position) -> tuple[object, ...]:
    """The largest gain first, then the largest gap; what is not known comes last."""
    gain, gap = position.gain, position.gap
    return (gain is None, -(gain or ZERO), gap is None, -abs(gap or ZERO), position.good, position.name)
