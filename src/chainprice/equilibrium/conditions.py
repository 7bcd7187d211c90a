"""The optimum's conditions in decimals: the gradient of the Lagrangian, and the constraints.

    L(x, l) = W(x) + sum of l_j * c_j(x)

Its derivative by a firm's use of g is the backward pass at that use, sum over outputs P_o * dF_o/dz_g,
less what the use pays for g. All slopes are sympy's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from chainprice.arithmetic import CONSTANTS, evaluate, working_digits
from chainprice.equilibrium.bends import value_and_slopes
from chainprice.equilibrium.programme import Argument, Balance, Constant, Piece, Programme
from chainprice.formula import Formula
from chainprice.programs import program

ZERO, ONE = Decimal(0), Decimal(1)

_ROUNDING = 10
"""Digits at the end of the working digits that sums of quantities may have lost."""

_SAME = Decimal("1e-9")
"""Two slopes along a ray that differ by less are one: constant returns."""


def constant(value: Constant) -> Decimal:
    """What a constant is worth, to the digits of the context."""
    return evaluate(value) if isinstance(value, Formula) else CONSTANTS[value]()


Value = Decimal | None
"""What a function or a slope is worth at a point; None where it has no value."""


@dataclass(frozen=True, slots=True)
class Local:
    """Every production and every argument of a bend at a point: its value and its slopes by variable."""

    productions: tuple[tuple[Value, Mapping[int, Value]], ...]
    arguments: tuple[tuple[Value, Mapping[int, Value]], ...]


class Conditions:
    """The conditions of one programme, in the digits of the context that it is made in."""

    def __init__(self, programme: Programme) -> None:
        self.programme = programme
        self.upper = [None if v.upper is None else evaluate(v.upper) for v in programme.variables]
        self._endowments = {good: evaluate(q) for good, q in programme.endowments.items()}
        self._coefficients = [
            ONE if b.coefficient is None else evaluate(b.coefficient) for b in programme.balances
        ]
        self._delivered = [ZERO if b.delivered is None else evaluate(b.delivered) for b in programme.balances]
        self._constants: dict[Constant, Decimal] = {}
        self._balances_of: dict[str, list[int]] = {}
        for index, balance in enumerate(programme.balances):
            self._balances_of.setdefault(balance.good, []).append(index)

    def constant(self, value: Constant) -> Decimal:
        """A constant, evaluated once."""
        if value not in self._constants:
            self._constants[value] = constant(value)
        return self._constants[value]

    def coefficient(self, index: int) -> Decimal:
        """What part of a good its balance has."""
        return self._coefficients[index]

    # Quantities.

    def output(self, index: int, x: Sequence[Decimal]) -> Decimal:
        """What a production makes; raises ArithmeticError where there is no such number."""
        return self.value(self.programme.productions[index].piece, x)

    def trade_price(self, index: int, x: Sequence[Decimal]) -> Decimal:
        """The price on a curve at the quantity traded."""
        return self.value(self.programme.curves[index].piece, x)

    def value(self, piece: Piece, x: Sequence[Decimal]) -> Decimal:
        """A piece's value; raises ArithmeticError where it has none."""
        formula = piece.formula
        value: Decimal = program(formula.shape).run(piece.values(x, self.constant), formula.numbers)[0]
        return value

    def outputs(self, x: Sequence[Decimal]) -> list[Decimal]:
        """What each production makes; raises ArithmeticError where one has no value."""
        return [self.output(index, x) for index in range(len(self.programme.productions))]

    def available(self, x: Sequence[Decimal], outputs: Sequence[Decimal]) -> dict[str, Decimal]:
        """What there is of each good: supplied, bought and made."""
        gifts = self.programme.gifts
        amounts = {
            good: self._endowments.get(good, ZERO) + gifts.get(good, ZERO)
            for good in self.programme.network.goods
        }
        largest = {good: abs(amount) for good, amount in amounts.items()}
        made = [(p.output, made) for p, made in zip(self.programme.productions, outputs, strict=True)]
        bought = [(good, x[variable]) for good, variable in self.programme.purchases.items()]
        for good, part in (*bought, *made):
            amounts[good] += part
            largest[good] = max(largest[good], abs(part))
        rounding = Decimal(10) ** (_ROUNDING - working_digits())
        return {good: ZERO if abs(a) <= rounding * largest[good] else a for good, a in amounts.items()}

    def tightened(self, x: Sequence[Decimal]) -> list[Decimal]:
        """The point with every bend at its arguments: where an output is worth nothing, it may hang below."""
        tight = list(x)
        least: dict[int, Decimal] = {}
        for argument in self.programme.arguments:
            value = argument.side * self.value(argument.piece, tight)
            least[argument.bend] = min(least.get(argument.bend, value), value)
            tight[argument.bend] = argument.side * least[argument.bend]
        return tight

    def slacks(self, x: Sequence[Decimal], local: Local) -> list[Decimal]:
        """c_j(x): what is left of each balance and below each argument of a bend.

        Raises ArithmeticError where a function has no value.
        """
        outputs = [_defined(value) for value, _ in local.productions]
        return [
            *self.leftovers(x, self.available(x, outputs)),
            *(
                argument.side * (_defined(value) - x[argument.bend])
                for argument, (value, _) in zip(self.programme.arguments, local.arguments, strict=True)
            ),
        ]

    def leftovers(self, x: Sequence[Decimal], available: Mapping[str, Decimal]) -> list[Decimal]:
        """What is left of each balance."""
        return [
            self._coefficients[index] * available[balance.good] - self._taken(x, index)
            for index, balance in enumerate(self.programme.balances)
        ]

    def _taken(self, x: Sequence[Decimal], index: int) -> Decimal:
        return sum((x[use] for use in self.programme.balances[index].uses), self._delivered[index])

    def sizes(self, x: Sequence[Decimal]) -> list[Decimal]:
        """How large the terms of each constraint are, to judge what is nothing beside them."""
        available = self.available(x, self.outputs(x))
        return [
            *(
                max(abs(self._coefficients[index] * available[balance.good]), abs(self._taken(x, index)))
                for index, balance in enumerate(self.programme.balances)
            ),
            *(abs(x[argument.bend]) for argument in self.programme.arguments),
        ]

    # Slopes and prices.

    def local(self, x: Sequence[Decimal], near: Sequence[Decimal]) -> Local:
        """Values and sympy's derivatives of all pieces.

        A firm of constant returns that stands idle has no slope at the origin; but along a mix of
        inputs it has one. There the inputs that are 0 are taken to be what they are in `near`.
        """
        moved = [value or close for value, close in zip(x, near, strict=True)]
        return Local(
            tuple(self._local(production.piece, x, moved) for production in self.programme.productions),
            tuple(self._local(argument.piece, x, moved) for argument in self.programme.arguments),
        )

    def _local(
        self, piece: Piece, x: Sequence[Decimal], moved: Sequence[Decimal]
    ) -> tuple[Value, dict[int, Value]]:
        value, at_point = self._at(piece, x)
        if None not in at_point.values() or all(x[i] == moved[i] for i in at_point):
            return value, at_point
        along = self._at(piece, moved)[1]
        farther = {i: x[i] or 2 * moved[i] for i in piece.slots if isinstance(i, int)}
        beyond = self._at(piece, farther)[1]
        return value, {
            i: slope if slope is not None else _constant(along[i], beyond[i]) for i, slope in at_point.items()
        }

    def slopes(self, piece: Piece, x: Sequence[Decimal]) -> Mapping[int, Value]:
        """A piece's slopes by the variables that it depends on, None where it has none."""
        return self._at(piece, x)[1]

    def _at(
        self, piece: Piece, x: Sequence[Decimal] | Mapping[int, Decimal]
    ) -> tuple[Value, dict[int, Value]]:
        """The value, and the slopes by each variable that the piece depends on."""
        value, slopes = value_and_slopes(piece.formula, piece.values(x, self.constant))
        by_variable: dict[int, Value] = {}
        for slot, slope in slopes.items():
            variable = piece.slots[slot]
            if isinstance(variable, int):
                by_variable[variable] = slope
        return value, by_variable

    def prices(self, multipliers: Sequence[Decimal]) -> dict[str, Decimal]:
        """The price of each good: what one more unit relaxes, over all its balances."""
        return {
            good: sum((self._coefficients[j] * multipliers[j] for j in balances), ZERO)
            for good, balances in self._balances_of.items()
        }

    def gradient(self, x: Sequence[Decimal], multipliers: Sequence[Decimal], local: Local) -> list[Value]:
        """dL/dx: marginal value less price for each variable, None where a slope is undefined."""
        programme = self.programme
        gradient: list[Value] = [ZERO] * len(programme.variables)

        def add(variable: int, weight: Decimal, slope: Value) -> None:
            known = gradient[variable]
            if weight:
                gradient[variable] = None if known is None or slope is None else known + weight * slope

        prices = self.prices(multipliers)
        for production, (_, by_variable) in zip(programme.productions, local.productions, strict=True):
            for variable, slope in by_variable.items():
                add(variable, prices[production.output], slope)
        for index, curve in enumerate(programme.curves):
            add(curve.variable, Decimal(curve.sign), self.trade_price(index, x))
        for good, variable in programme.purchases.items():
            add(variable, prices[good], ONE)
        for j, balance in enumerate(programme.balances):
            for variable in balance.uses:
                add(variable, -multipliers[j], ONE)
        first = len(programme.balances)
        for j, (argument, (_, by_variable)) in enumerate(
            zip(programme.arguments, local.arguments, strict=True)
        ):
            weight = argument.side * multipliers[first + j]
            for variable, slope in by_variable.items():
                add(variable, weight, slope)
            add(argument.bend, -weight, ONE)
        return gradient


def _defined(value: Value) -> Decimal:
    if value is None:
        raise ArithmeticError
    return value


def _constant(along: Value, beyond: Value) -> Value:
    """The slope along a ray where it is the same all along: constant returns."""
    if along is None or beyond is None or abs(along - beyond) > _SAME * abs(along):
        return None
    return along


def name_of(constraint: Balance | Argument) -> str:
    """A constraint as users know it."""
    if isinstance(constraint, Balance):
        return constraint.good
    return f"{constraint.firm}/{constraint.output}"
