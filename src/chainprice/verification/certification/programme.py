"""A market as its Lagrangian, and which of its conditions are active at the point of a table.

What the table says is only where to look: a use of nothing stays at 0, a limit that is reached stays reached,
a balance with something left has price 0, arguments of a bend that meet go on meeting. Whether that is right
is proved afterwards (`market`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial, reduce

import mpmath
from flint import arb
from mpmath import mpf

from chainprice.formula import KINKED, Formula
from chainprice.spec import DEMAND, Spec
from chainprice.spec.model import Trade
from chainprice.verification.certification.balls import Ball, constant, number
from chainprice.verification.certification.lagrangian import (
    Argument,
    Balance,
    Curve,
    Lagrangian,
    Output,
    Piece,
    Slot,
    Variable,
)
from chainprice.verification.market import MarketPoint
from chainprice.verification.rows import uses_of

_NOTHING = 1e-9
"""The part of what there is of a good that counts as none of it, beside a table of doubles."""

_TIE = 1e-8
"""What differs by less, relatively, is meant to be equal."""


@dataclass(frozen=True)
class Programme:
    """A market near a point: `x` and `m` where the table is, and what is not free there.

    `fixed_x` are functions that give the balls of variables that are not free: at 0, at a limit, or `held` at
    the table's value because nothing depends on them. `zero_m` are the multipliers that are 0. `idle` are the
    balances and `idle_bends` the bends (with their arguments' multipliers) of goods and firms with which
    nothing happens: there the active conditions say nothing.
    """

    lagrangian: Lagrangian
    x: tuple[Ball, ...]
    m: tuple[Ball, ...]
    fixed_x: Mapping[int, Callable[[], Ball]]
    zero_m: frozenset[int]
    idle: frozenset[int]
    idle_bends: Mapping[int, tuple[int, ...]]
    held: frozenset[int] = frozenset()

    def holding(self, indices: Iterable[int]) -> Programme:
        """The same with these variables held where the table has them."""
        held = {index: partial(_itself, self.x[index].mid()) for index in indices}
        return replace(self, fixed_x={**self.fixed_x, **held}, held=self.held | held.keys())

    @property
    def free_x(self) -> list[int]:
        """The variables that the active conditions determine."""
        return [i for i in range(len(self.x)) if i not in self.fixed_x]

    @property
    def free_m(self) -> list[int]:
        """The multipliers that the active conditions determine."""
        of_idle = {j for arguments in self.idle_bends.values() for j in arguments}
        return [j for j in range(len(self.m)) if j not in self.zero_m | self.idle | of_idle]


def build(spec: Spec, point: MarketPoint) -> Programme:
    """A spec near the point of a table; raises UndefinedError where a formula has no value there."""
    return _Builder(spec, point).build()


def goods_of(spec: Spec) -> tuple[str, ...]:
    """Every good that is supplied or made."""
    made = (good for firm in spec.firms.values() for good in firm.production)
    return tuple(dict.fromkeys((*spec.supply, *made)))


def ball_of(value: mpf) -> Ball:
    """A number of mpmath, to its digits."""
    return arb(mpmath.nstr(value, mpmath.mp.dps))


@dataclass
class _Builder:
    """Collects variables, pieces, and the states of both."""

    spec: Spec
    point: MarketPoint
    variables: list[Variable] = field(default_factory=list)
    x: list[Ball] = field(default_factory=list)
    fixed: dict[int, Callable[[], Ball]] = field(default_factory=dict)
    outputs: list[Output] = field(default_factory=list)
    arguments: list[Argument] = field(default_factory=list)
    tied: list[bool] = field(default_factory=list)
    index: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def build(self) -> Programme:
        self._add_uses()
        self._add_trades()
        for firm, of_firm in self.spec.firms.items():
            for good, formula in of_firm.production.items():
                self._add_output(firm, good, formula)
        balances = [balance for good in goods_of(self.spec) for balance in self._balances(good)]
        lagrangian = Lagrangian(
            tuple(self.variables),
            tuple(balances),
            tuple(self.outputs),
            tuple(self.arguments),
            tuple(self._curves()),
        )
        return self._with_states(lagrangian)

    def _add(self, variable: Variable, start: Ball) -> int:
        self.variables.append(variable)
        self.x.append(start)
        self.index[variable.kind, variable.good, variable.user] = len(self.variables) - 1
        return len(self.variables) - 1

    def _add_uses(self) -> None:
        for good, firm in sorted(uses_of(self.spec)):
            if firm:
                self._add_chosen(Variable("use", good, firm), self.point.used[good, firm])

    def _add_trades(self) -> None:
        for good, demand in self.spec.demand.items():
            if _is_chosen(demand):
                sold = self.point.used[good, ""]
                self._add_chosen(Variable("sale", good, upper=demand.quantity), sold)
        for good, supply in self.spec.supply.items():
            if _is_chosen(supply):
                bought = self.point.bought[good]
                self._add_chosen(Variable("purchase", good, upper=supply.quantity), bought)

    def _add_chosen(self, variable: Variable, quantity: mpf) -> None:
        index = self._add(variable, ball_of(quantity))
        if quantity <= _NOTHING * self.point.sizes[variable.good]:
            self.fixed[index] = partial(arb, 0)
        elif variable.upper is not None:
            most = constant(variable.upper)
            if abs(ball_of(quantity) - most) <= _TIE * most:
                self.fixed[index] = partial(constant, variable.upper)

    def _add_output(self, firm: str, good: str, formula: Formula) -> None:
        slots = tuple(self._slot(firm, name) for name in formula.names)
        cuts: dict[int, int] = {}
        for step, (operation, operands) in enumerate(formula.shape.steps):
            if operation in KINKED:
                self._add_bend(Output(firm, good, Piece(formula, step, slots, cuts)), operation, operands)
        self.outputs.append(Output(firm, good, Piece(formula, len(formula.shape.steps) - 1, slots, cuts)))

    def _slot(self, firm: str, name: str) -> Slot:
        if ("use", name, firm) in self.index:
            return self.index["use", name, firm]
        return partial(constant, self.spec.parameter(firm, name), name)

    def _add_bend(self, output: Output, operation: str, operands: Sequence[int]) -> None:
        """A variable for a bend on its kink; one that is clear of it is smooth there."""
        piece, cuts = output.piece, output.piece.cuts
        parts = [piece._replace(step=operand) for operand in dict.fromkeys(operands)]
        sides = [(part, sign) for part in parts for sign in ((1, -1) if operation == "abs" else (1,))]
        values = [(sign * part.run(dict(enumerate(self.x)))).mid() for part, sign in sides]
        side = 1 if operation == "min" else -1
        best = reduce(lambda a, b: a if side * a <= side * b else b, values)
        tied = [abs(value - best) <= _TIE * max(abs(value), abs(best)) for value in values]
        if sum(tied) < 2:
            return
        assert isinstance(cuts, dict)  # noqa: S101 - its own, and growing
        bend = self._add(Variable("bend", f"{output.good}:{piece.step}", output.firm), best)
        if all(index in self.fixed for part in parts for index in part.variables):
            self.fixed[bend] = partial(self._least, tuple(sides), side)
        for (part, sign), is_tied in zip(sides, tied, strict=True):
            self.arguments.append(Argument(bend, side, part, sign))
            self.tied.append(is_tied)
        cuts[piece.step] = bend

    def _least(self, sides: Sequence[tuple[Piece, int]], side: int) -> Ball:
        """The value of a bend whose arguments stay what they are."""
        x = {index: value() for index, value in self.fixed.items() if self.variables[index].kind != "bend"}
        for index in sorted({i for part, _ in sides for i in part.variables if i not in x}):
            x[index] = self.fixed[index]()
        values = [side * sign * part.run(x) for part, sign in sides]
        return side * reduce(lambda a, b: a.min(b), values)

    def _balances(self, good: str) -> Iterator[Balance]:
        spec, note = self.spec, self.spec.note(good)
        users = self._users.get(good, [])
        supply = spec.supply.get(good)
        endowment = supply.quantity if supply is not None and supply.price is None else None
        purchase = self.index.get(("purchase", good, ""))
        if (note.rival and note.split is None) or not users:
            uses = tuple(index for firm in users for index in self._chosen(good, firm))
            yield Balance(good, None, uses, purchase, endowment, self._delivered(good))
            return
        for firm in users:
            share = note.split[firm or DEMAND] if note.split else None
            delivered = None if firm else self._delivered(good)
            yield Balance(good, share, self._chosen(good, firm), purchase, endowment, delivered)

    @cached_property
    def _users(self) -> dict[str, list[str]]:
        users: dict[str, list[str]] = {}
        for good, firm in sorted(uses_of(self.spec)):
            users.setdefault(good, []).append(firm)
        return users

    def _chosen(self, good: str, firm: str) -> tuple[int, ...]:
        index = self.index.get(("use", good, firm) if firm else ("sale", good, ""))
        return () if index is None else (index,)

    def _delivered(self, good: str) -> Formula | None:
        demand = self.spec.demand.get(good)
        return demand.quantity if demand is not None and demand.price is None else None

    def _curves(self) -> Iterator[Curve]:
        trades: tuple[tuple[str, int, Mapping[str, Trade]], ...] = (
            ("sale", 1, self.spec.demand),
            ("purchase", -1, self.spec.supply),
        )
        for kind, sign, section in trades:
            for good, trade in section.items():
                index = self.index.get((kind, good, ""))
                if index is not None and trade.price is not None:
                    slots = tuple(self._curve_slot(name, index) for name in trade.price.names)
                    yield Curve(index, sign, Piece(trade.price, len(trade.price.shape.steps) - 1, slots, {}))

    def _curve_slot(self, name: str, index: int) -> Slot:
        return index if name == "q" else partial(constant, self.spec.parameters.get(name), name)

    # What is active.

    def _with_states(self, lagrangian: Lagrangian) -> Programme:
        prices = self._start_prices(lagrangian)
        zero, idle = set(), set()
        moving = {
            output.good for output in self.outputs if any(i not in self.fixed for i in output.piece.variables)
        }
        for j, balance in enumerate(lagrangian.balances):
            if self._is_slack(balance):
                zero.add(j)
            elif balance.good not in moving and all(i in self.fixed for i in balance.variables):
                idle.add(j)
        idle_bends: dict[int, tuple[int, ...]] = {}
        first = len(lagrangian.balances)
        for j, (argument, tied) in enumerate(zip(self.arguments, self.tied, strict=True), first):
            if not tied:
                zero.add(j)
            elif argument.bend in self.fixed:
                idle_bends[argument.bend] = (*idle_bends.get(argument.bend, ()), j)
        m = [*prices, *(self._start_of(lagrangian, argument, prices) for argument in self.arguments)]
        return Programme(
            lagrangian,
            tuple(self.x),
            tuple(m),
            dict(self.fixed),
            frozenset(zero),
            frozenset(idle),
            idle_bends,
        )

    def _is_slack(self, balance: Balance) -> bool:
        """Whether something is left of a good."""
        share = arb(1) if balance.coefficient is None else constant(balance.coefficient)
        there = share * ball_of(self.point.available[balance.good])
        needed = sum((self.x[index] for index in balance.uses), arb(0))
        if balance.delivered is not None:
            needed += constant(balance.delivered)
        return bool(there - needed > _NOTHING * ball_of(self.point.sizes[balance.good]))

    def _start_prices(self, lagrangian: Lagrangian) -> list[Ball]:
        """The table's prices in money: what each use pays."""
        table, spec = self.point.table, self.spec
        paid = []
        for balance in lagrangian.balances:
            note, price = spec.note(balance.good), table.prices[balance.good]
            if (not note.rival or note.split) and balance.uses:
                user = self.variables[balance.uses[0]].user
                price = table.uses[balance.good, user].price
            paid.append(number(price))
        money = next(self._money(lagrangian, paid), arb(1)) if table.numeraire is not None else arb(1)
        return [price * money for price in paid]

    def _money(self, lagrangian: Lagrangian, paid: Sequence[Ball]) -> Iterator[Ball]:
        """What a unit of the table's money is worth, by what some trade pays or would pay."""
        for curve in lagrangian.curves:
            if curve.variable not in self.fixed:
                good = self.variables[curve.variable].good
                share = lagrangian.weight(good, paid)
                if share > 0:
                    yield (curve.piece.run(dict(enumerate(self.x))) / share).mid()

    def _start_of(self, lagrangian: Lagrangian, argument: Argument, prices: Sequence[Ball]) -> Ball:
        """An argument's part of what its bend is worth: about that of the output."""
        bend = self.variables[argument.bend]
        return argument.side * lagrangian.weight(bend.good.split(":")[0], prices) / 2


def _itself(value: Ball) -> Ball:
    return value


def _is_chosen(trade: Trade) -> bool:
    """Whether a quantity of it is chosen at all."""
    return trade.price is not None and (trade.quantity is None or bool(constant(trade.quantity) > 0))
