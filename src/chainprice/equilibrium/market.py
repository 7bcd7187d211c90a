"""From a spec to a market that clears, or to the reason why none does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import islice
from types import MappingProxyType

import numpy as np

from chainprice import limits, progress
from chainprice.arithmetic import digits, working_digits
from chainprice.equilibrium import clearing, gifts, idle, rounding, uniqueness
from chainprice.equilibrium.active import guess
from chainprice.equilibrium.agents import Better, better_plans
from chainprice.equilibrium.clearing import Clearing
from chainprice.equilibrium.conditions import Conditions
from chainprice.equilibrium.corner import NoRoomError, at_corner, corner
from chainprice.equilibrium.ipopt import Nlp, Point
from chainprice.equilibrium.live import prune, restore
from chainprice.equilibrium.optimum import NoSlopeError, NotPolishedError, Optimum
from chainprice.equilibrium.perturbed import perturbed
from chainprice.equilibrium.polish import MANY_SETS, is_degenerate, polish
from chainprice.equilibrium.programme import Balance, Programme, build
from chainprice.equilibrium.start import constant, run, starting_points
from chainprice.errors import (
    IncreasingReturnsError,
    InfeasibleError,
    NoAnswerError,
    NoConvergenceError,
    Place,
    Problem,
    UnboundedError,
    UndefinedError,
)
from chainprice.network import Network
from chainprice.quantities import Quantities
from chainprice.spec import Spec
from chainprice.technology import Technology
from chainprice.value import total_value

PROOF_DIGITS = 30
"""Digits in which a point must satisfy every condition to count as an optimum."""

AGREEMENT = 1e-5
"""How near the solver's own multipliers must be to the prices, relative to the price level."""

_ROUGH_AGREEMENT = 2e-2
"""The same where the solver stopped early; that its derivatives agree is then all the more to be seen."""

_SHORT = 1e-6
"""A part of a delivery that is missing for certain: more than a solver that stops early may be off."""

_LEAST_SHORT = 1e-10
"""The same where it is shown that no quantities at all would be enough."""

_INSIDE = 1e-4
_STARTS = 6
_MIXING = 6

_FEW_SETS = 4
"""Active sets that are tried next to a point that is only nearly an optimum."""


@dataclass(frozen=True, slots=True)
class Market:
    """An optimum that was found and proved; `clear` has it in the digits of the context."""

    programme: Programme
    _nlp: Nlp
    _proved: Optimum
    _network: Network
    _technology: Technology
    _digits: int = PROOF_DIGITS
    _cleared: Clearing | None = None

    def clear(self) -> Clearing:
        """Quantities and prices."""
        if self._cleared is not None and working_digits() == self._digits:
            return self._cleared
        optimum, conditions = self._optimum()
        cleared = clearing.read(optimum, conditions)
        return restore(cleared, self.programme.spec, self._network, self._technology)

    @property
    def sizes(self) -> list[float]:
        """How large the variables are, or were expected to be."""
        return [float(size) for size in self._proved.point.sizes]

    @property
    def start(self) -> list[float]:
        """The variables as the solver left them, off their bounds: a start for a market much like this."""
        point = self._proved.point
        inside = np.maximum(point.x, _INSIDE * point.sizes)
        is_bend = np.array([variable.kind == "bend" for variable in self.programme.variables], dtype=bool)
        return [float(value) for value in np.where(is_bend, point.x, inside)]

    def lost_digits(self, flow: Quantities, value: Decimal) -> float:
        """How many digits rounding can have taken from the numbers of this market, cleared so."""
        return rounding.lost_digits(self._proved, self.programme, self._nlp, flow, value)

    def moved(self, programme: Programme) -> Market:
        """The optimum after gifts, in the digits of the context, if it is next to this one.

        Raises NotPolishedError or ArithmeticError where it is not.
        """
        optimum = perturbed(self._proved, self._nlp, Conditions(programme))
        return replace(self, programme=programme, _proved=optimum, _digits=working_digits(), _cleared=None)

    def ranges(self) -> dict[str, uniqueness.Range]:
        """The interval of each price that is not unique (good to about 9 digits)."""
        with digits(PROOF_DIGITS):
            optimum, conditions = self._optimum()
            ranges = uniqueness.price_ranges(optimum, conditions)
            is_smooth = not ranges or not idle.lacking_slopes(optimum, conditions)
            dead_ends = self._dead_ends()
        if is_smooth and not dead_ends:
            return ranges
        with digits(2 * PROOF_DIGITS):
            if not is_smooth:
                ranges = {good: self._range_by_gifts(good) or known for good, known in ranges.items()}
            by_gifts = {good: self._range_by_gifts(good) for good in dead_ends}
        return ranges | {good: known for good, known in by_gifts.items() if known and known[1] is not None}

    def _dead_ends(self) -> list[str]:
        """The goods that lead to no demand, of which there is none: one would have to be made."""
        live = set(self.programme.network.goods)
        dead = [good for good in self._network.goods if good not in live]
        if not dead or len(dead) * len(self._network.firms) > limits.DEAD_END_WORK:
            return []
        there = self.clear().quantities.available
        return [good for good in dead if not there[good]]

    def _range_by_gifts(self, good: str) -> uniqueness.Range | None:
        """By solving the market with a little more and less of a good; None if that finds no answer."""
        cleared = self.clear()
        there = cleared.quantities.available
        traded = sum((abs(cleared.prices[g] * there[g]) for g in there), Decimal(0))

        def value(gift: Decimal) -> Decimal | None:
            spec, network = self.programme.spec, self._network
            try:
                market = find(spec, network, self._technology, {good: gift}, self) if gift else self
                return total_value(spec, market.clear().quantities)
            except NoConvergenceError:
                raise
            except NoAnswerError:
                return None

        try:
            return gifts.price_range(value, there[good], cleared.prices[good], traded)
        except NoConvergenceError:
            return None

    def _optimum(self) -> tuple[Optimum, Conditions]:
        conditions = Conditions(self.programme)
        if working_digits() == self._digits:
            return self._proved, conditions
        try:
            optimum = self._polished(conditions)
        except NotPolishedError as error:
            raise NoConvergenceError(
                Problem(f"the equilibrium could not be had in more digits: {error}", _place(self.programme))
            ) from None
        return replace(optimum, near=idle.mixes(optimum, conditions)), conditions

    def _polished(self, conditions: Conditions) -> Optimum:
        """From the optimum that was proved, or else from the solver's point once more."""
        try:
            return polish(self._proved.point, self._nlp, conditions, self._proved)
        except NotPolishedError:
            return polish(self._proved.point, self._nlp, conditions)


def find(
    spec: Spec,
    network: Network,
    technology: Technology,
    gifts: Mapping[str, Decimal] = MappingProxyType({}),
    near: Market | None = None,
) -> Market:
    """The market's equilibrium; `gifts` are handed to it for free.

    The search begins at the quantities of `near`, a market much like this one, if there is one. Then total
    value is all that is wanted: which of the prices that support it are the least ones is not looked for,
    nor whether firms have better plans.

    Raises IncreasingReturnsError, UnboundedError, InfeasibleError or UndefinedError where there is
    none, naming firm or good; NoConvergenceError where none was found and none of these was shown.
    """
    needed = {good for good, gift in gifts.items() if gift < 0}
    progress.report(f"building the market of {len(network.firms):,} firms")
    live = prune(network, needed)
    if near is not None and near.programme.network == live:
        programme = replace(near.programme, gifts=gifts)
        try:
            return near.moved(programme)
        except NoRoomError:
            message = f"the market cannot clear with a gift of {', '.join(gifts)}"
            raise InfeasibleError(Problem(message, spec.place())) from None
        except (NotPolishedError, ArithmeticError):
            pass
    else:
        programme = build(spec, live, technology, gifts)
    search = _Search(programme, network, technology, only_value=near is not None)
    is_alike = near is not None and near.programme.variables == programme.variables
    if near is not None and is_alike and (market := search.try_from(near.start, near.sizes)):
        return market
    for start in islice(starting_points(programme), _STARTS if near is None else 1):
        market = search.try_from(start)
        if market is not None:
            return market
    raise search.reason()


class _Search:
    """Tries one start after the other, and remembers why they failed."""

    def __init__(
        self, programme: Programme, network: Network, technology: Technology, *, only_value: bool
    ) -> None:
        self._programme, self._network, self._technology = programme, network, technology
        self._only_value = only_value
        self._nlp = Nlp(programme)
        self._better: list[Better] = []
        self._failures: list[str] = []
        self._no_slope: set[int] = set()
        self._points: list[Point] = []
        self._starts: list[Sequence[float]] = []

    def try_from(self, start: Sequence[float], sizes: Sequence[float] | None = None) -> Market | None:
        """The equilibrium that the solver finds from a start, by a short way or else by a long one."""
        self._starts.append(start)
        near = self._nlp.approach(start, sizes)
        if near.solved:
            try:
                market = self._market_at(near, _FEW_SETS, _ROUGH_AGREEMENT)
            except NoConvergenceError:
                market = None
            if market is not None or self._better:
                return market
            if not self._nlp.curved and (market := self._corner_market(near)):
                return market
        point = self._nlp.solve(start, sizes)
        self._points.append(point)
        return self._market_at(point, MANY_SETS, AGREEMENT)

    def _market_at(self, point: Point, sets: int, agreement: float) -> Market | None:
        """The equilibrium next to a point, after trying so many active sets; None if there is none.

        Raises NoConvergenceError where two sets of derivatives or multipliers disagree.
        """
        if point.far or not np.all(np.isfinite(point.x)):
            return None
        return self._market(lambda conditions: self._proved(point, conditions, sets, agreement))

    def _corner_market(self, point: Point) -> Market | None:
        """The equilibrium of linear functions by the simplex method; None if there is none."""
        slacks = self._nlp.slacks(point.x, point.scales) * point.scales.constraints

        def proved(conditions: Conditions) -> Optimum:
            found = corner(self._nlp, conditions, point.x, slacks, slacks, point.x)
            optimum = at_corner(found, self._nlp, conditions)
            self._fail_if_derivatives_disagree(optimum)
            return optimum

        return self._market(proved)

    def _market(self, prove: Callable[[Conditions], Optimum]) -> Market | None:
        """The equilibrium at an optimum; None, and what to remember, if there is none."""
        try:
            with digits(PROOF_DIGITS):
                conditions = Conditions(self._programme)
                optimum = prove(conditions)
                optimum = optimum if self._only_value else self._settled(optimum, conditions)
                market = Market(self._programme, self._nlp, optimum, self._network, self._technology)
                cleared = None if self._only_value else market.clear()
        except NoSlopeError as error:
            self._no_slope.add(error.variable)
        except (NotPolishedError, UndefinedError) as error:
            self._failures.append(str(error))
        except ArithmeticError:
            self._failures.append("a function has no value where the solver stopped")
        else:
            if cleared is None or not self._has_better_plans(cleared):
                return replace(market, _cleared=cleared)
        return None

    def _proved(self, point: Point, conditions: Conditions, sets: int, agreement: float) -> Optimum:
        """The optimum next to a point, all of whose conditions hold."""
        optimum = polish(point, self._nlp, conditions, sets=sets)
        self._fail_if_derivatives_disagree(optimum)
        clear = point.solved and optimum.active == guess(point, conditions, self._nlp)
        if clear and not is_degenerate(optimum, conditions):
            self._fail_if_multipliers_disagree(point, optimum, agreement)
        return optimum

    def _has_better_plans(self, cleared: Clearing) -> bool:
        """Whether anybody would rather do something else; the first to be found are remembered."""
        spec, network = self._programme.spec, self._programme.network
        better = list(better_plans(spec, network, self._technology, cleared))
        self._better = self._better or better
        return bool(better)

    def _settled(self, optimum: Optimum, conditions: Conditions) -> Optimum:
        """With idle firms at their best mixes, at the least prices: these and those depend on each other."""
        for _ in range(_MIXING):
            mixed = replace(optimum, near=idle.mixes(optimum, conditions))
            least = self._least(mixed, conditions)
            if mixed.near == optimum.near or least.multipliers == optimum.multipliers:
                return least
            optimum = least
        return optimum

    def _least(self, optimum: Optimum, conditions: Conditions) -> Optimum:
        """Where prices are not unique, the optimum with the least ones: what one more unit adds."""
        if uniqueness.is_unique(optimum, conditions):
            return optimum
        active = uniqueness.least(optimum, conditions)
        if active is None:
            return optimum
        try:
            return polish(optimum.point, self._nlp, conditions, replace(optimum, active=active))
        except NotPolishedError:
            return optimum

    def _fail_if_derivatives_disagree(self, optimum: Optimum) -> None:
        """What satisfies the conditions by sympy's derivatives must satisfy them by CasADi's."""
        point = optimum.point
        x = np.array([float(value or near) for value, near in zip(optimum.x, optimum.near, strict=True)])
        multipliers = np.array([float(value) for value in optimum.multipliers])
        relative = np.abs(self._nlp.pulls(x, multipliers, point.scales))
        for i in optimum.active.free(len(x)):
            if relative[i] > AGREEMENT:
                good = self._programme.variables[i].good
                raise NoConvergenceError(
                    Problem(
                        f"the derivatives of sympy and of CasADi disagree about '{good}': no price of it is "
                        "to be trusted",
                        _place(self._programme),
                        "please report this spec as a bug",
                    )
                )

    def _fail_if_multipliers_disagree(self, point: Point, optimum: Optimum, agreement: float) -> None:
        """The solver's multipliers come from other derivatives: a second opinion on every price."""
        for j, (mine, other) in enumerate(zip(optimum.multipliers, point.multipliers, strict=True)):
            size = max(abs(float(mine)), float(point.scales.multipliers[j]))
            if abs(float(mine) - other) > agreement * size:
                constraint = self._programme.constraints[j]
                good = constraint.good if isinstance(constraint, Balance) else constraint.output
                raise NoConvergenceError(
                    Problem(
                        f"the price of '{good}' is {float(mine):.10g} by the backward pass and {other:.10g} "
                        "by the solver's multipliers: neither is to be trusted",
                        _place(self._programme),
                        "please report this spec as a bug",
                    )
                )

    def reason(self) -> Exception:
        """Why there is no answer."""
        if self._better:
            return IncreasingReturnsError([self._increasing(better) for better in self._better])
        far = next((point for point in self._points if point.far), None)
        if far is not None:
            return UnboundedError(self._unbounded(far))
        slopeless = self._no_slope | self._starved()
        if slopeless:
            return UndefinedError([self._slopeless(index) for index in sorted(slopeless)])
        problems = self._short()
        if problems:
            return InfeasibleError(problems)
        undefined = self._undefined()
        if undefined:
            return UndefinedError(undefined)
        statuses = ", ".join(dict.fromkeys([p.status for p in self._points] + self._failures))
        return NoConvergenceError(
            Problem(
                f"no equilibrium was found, and none was shown to be impossible ({statuses})",
                _place(self._programme),
                "look for functions that bend the wrong way, or quantities of very different sizes",
            )
        )

    def _starved(self) -> set[int]:
        """The uses of goods of which there can be none, whose first unit would be worth endlessly much."""
        programme = self._programme
        with digits(PROOF_DIGITS):
            conditions = Conditions(programme)
            empty = [Decimal(0)] * len(programme.variables)
            local = conditions.local(empty, empty)
            outputs = self._outputs(conditions, empty)
            there = conditions.available(empty, outputs) if outputs else {}
        none = {
            good
            for good, amount in there.items()
            if not amount and not programme.network.makers[good] and good not in programme.purchases
        }
        infinite = {i for _, slopes in local.productions for i, slope in slopes.items() if slope is None}
        return {i for i in infinite if programme.variables[i].good in none}

    def _outputs(self, conditions: Conditions, x: Sequence[Decimal]) -> list[Decimal]:
        """What all firms make, nothing if one of them has no value there."""
        try:
            return conditions.outputs(x)
        except ArithmeticError:
            return []

    def _slopeless(self, index: int) -> Problem:
        variable, spec = self._programme.variables[index], self._programme.spec
        output = next(iter(self._programme.network.outputs[variable.user])) if variable.user else ""
        return Problem(
            f"firm '{variable.user}' has no finite marginal product of '{variable.good}' at the only "
            "quantity that is there"
            if variable.user
            else f"the price curve of '{variable.good}' has no value at the quantity traded",
            spec.place("firms", variable.user, "production", output) if variable.user else spec.place(),
            "supply some of it",
        )

    def _increasing(self, better: Better) -> Problem:
        spec = self._programme.spec
        if better.place[0] == "firms":
            return Problem(
                f"increasing returns: at the prices of the optimum firm '{better.agent}' would gain "
                f"{better.gain:.6g} {better.plan}, so no price-taking firm stays there",
                spec.place(*better.place),
                "a competitive equilibrium needs production functions that are concave",
            )
        return Problem(
            f"the price curve of '{better.agent}' bends the wrong way: {better.plan} would be better off",
            spec.place(*better.place),
            "a demand price falls with q, a supply price rises",
        )

    def _unbounded(self, point: Point) -> list[Problem]:
        programme = self._programme
        far = [programme.variables[i] for i in point.far]
        bought = sorted({v.good for v in far if v.kind == "purchase"})
        names = bought or sorted({v.good for v in far})
        problems = []
        for good in names:
            section = "supply" if good in bought else "demand" if good in programme.spec.demand else "goods"
            place = programme.spec.place(section, good) if section != "goods" else _place(programme)
            problems.append(
                Problem(
                    f"total value has no limit: every further unit of '{good}' adds to it",
                    place,
                    "give the supply or the demand a quantity, or a price that moves with q",
                )
            )
        return problems

    def _short(self) -> list[Problem]:
        """What is missing: of deliveries, or else of anything."""
        programme = self._programme
        problems: list[Problem] = []
        elastic = [isinstance(c, Balance) and c.delivered is not None for c in programme.constraints]
        shortfalls = self._nlp.shortfalls(self._starts[0], elastic) if any(elastic) else None
        if shortfalls is None:
            shortfalls = self._nlp.shortfalls(self._starts[0], [True] * len(elastic))
        if shortfalls is None:
            return problems
        with digits(PROOF_DIGITS):
            least = _LEAST_SHORT if shortfalls.certain else _SHORT
            for balance, short in zip(programme.balances, shortfalls.amounts, strict=False):
                delivered = balance.delivered
                needed = "" if delivered is None else f" of the {delivered} to be delivered"
                if short > least * (1.0 if delivered is None else abs(constant(delivered))):
                    message = f"the market cannot clear: of '{balance.good}' {short:.6g}{needed} are missing"
                    problems.append(
                        Problem(message, self._place_of(balance.good), "supply more, or deliver less")
                    )
        return problems

    def _place_of(self, good: str) -> Place:
        spec = self._programme.spec
        section = next((s for s in ("demand", "supply", "goods") if good in getattr(spec, s)), None)
        return _place(self._programme) if section is None else spec.place(section, good)

    def _undefined(self) -> list[Problem]:
        problems = []
        for production in self._programme.productions:
            if all(np.isnan(run(production.piece, start)) for start in self._starts):
                text = self._programme.spec.firms[production.firm].production[production.output]
                problems.append(
                    Problem(
                        f"'{text}' has no value at any quantities that were tried (production of "
                        f"'{production.output}' by firm '{production.firm}')",
                        self._programme.spec.place("firms", production.firm, "production", production.output),
                    )
                )
        return problems


def _place(programme: Programme) -> Place:
    return programme.spec.place()
