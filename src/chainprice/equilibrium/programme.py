"""The market as one nonlinear programme, as data (MODEL.md section 3).

    maximise    W(x) = integrals of the demand prices less integrals of the supply prices
    subject to  c_j(x) >= 0 with multiplier l_j >= 0, and 0 <= x <= upper

The variables x are firms' uses of goods, sales and purchases. A bend that is concave (`min` in an
output) becomes a variable of its own, held below each argument by a constraint with its own
multiplier, so that everything a solver sees is smooth.

Nothing here computes; the pieces run in any arithmetic, like the formulas that they come from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Literal

from chainprice.arithmetic import CONSTANTS, digits, evaluate
from chainprice.equilibrium.bends import split_at_bends
from chainprice.formula import Formula, Functions
from chainprice.network import Network, Use
from chainprice.spec import Spec
from chainprice.technology import Technology

BEND_DIGITS = 20
"""Digits in which it is found out whether a bend is concave."""

Kind = Literal["use", "sale", "purchase", "bend"]

Constant = Formula | str
"""What is known before solving: a constant formula, or the name of pi or e."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A quantity that the market chooses: never negative, save for the value of a bend.

    `user` is the firm of a use; `upper` the limit of a sale or a purchase, if it has one.
    """

    kind: Kind
    good: str
    user: str = ""
    upper: Formula | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A function of the variables: a formula, and what fills each of its names.

    `slots` has the index of a variable, or a constant.
    """

    formula: Formula
    slots: tuple[int | Constant, ...]

    @property
    def variables(self) -> tuple[int, ...]:
        """The variables that it depends on."""
        named = {operands[0] for operation, operands in self.formula.shape.steps if operation == "name"}
        return tuple(slot for i, slot in enumerate(self.slots) if isinstance(slot, int) and i in named)

    def values(self, x: Sequence[Any] | Mapping[int, Any], constant: Callable[[Constant], Any]) -> list[Any]:
        """What the names are worth at a point."""
        return [x[slot] if isinstance(slot, int) else constant(slot) for slot in self.slots]

    def run(self, functions: Functions, x: Sequence[Any], constant: Callable[[Constant], Any]) -> Any:
        """The value at a point, in any arithmetic."""
        numbers = [functions["number"](number) for number in self.formula.numbers]
        return self.formula.shape.run(functions, self.values(x, constant), numbers)


@dataclass(frozen=True, slots=True)
class Production:
    """One output of one firm."""

    firm: str
    output: str
    piece: Piece


@dataclass(frozen=True, slots=True)
class Curve:
    """The price of a sale or a purchase, a piece in that variable (`sign` 1 or -1 in W)."""

    section: Literal["demand", "supply"]
    good: str
    variable: int
    piece: Piece

    @property
    def sign(self) -> int:
        """Whether the trade adds to total value or takes from it."""
        return 1 if self.section == "demand" else -1


@dataclass(frozen=True, slots=True)
class Balance:
    """coefficient * (supplied + made) - uses >= 0 for one good; its multiplier prices the good.

    A rival good has one balance over all uses. Of a good with a stated split, or a non-rival one,
    each `use` has a balance of its own. `delivered` must leave whatever it costs.
    """

    good: str
    use: Use | None
    coefficient: Formula | None
    uses: tuple[int, ...]
    delivered: Formula | None


@dataclass(frozen=True, slots=True)
class Argument:
    """side * (argument - bend) >= 0: `min` stays below its arguments (side 1), `max` above (-1)."""

    firm: str
    output: str
    bend: int
    side: int
    piece: Piece
    step: int
    position: int


@dataclass(frozen=True, slots=True)
class Programme:
    """All of it; a constraint's index counts the balances first, then the arguments of bends."""

    spec: Spec
    network: Network
    variables: tuple[Variable, ...]
    productions: tuple[Production, ...]
    curves: tuple[Curve, ...]
    balances: tuple[Balance, ...]
    arguments: tuple[Argument, ...]
    purchases: Mapping[str, int]
    uses: Mapping[str, tuple[int, ...]]
    endowments: Mapping[str, Formula]
    gifts: Mapping[str, Decimal]

    @property
    def constraints(self) -> tuple[Balance | Argument, ...]:
        """Every constraint, in the order of the multipliers."""
        return (*self.balances, *self.arguments)


def build(
    spec: Spec, network: Network, technology: Technology, gifts: Mapping[str, Decimal] = MappingProxyType({})
) -> Programme:
    """The programme of a spec; `gifts` are handed to the market for free."""
    builder = _Builder(spec, network, gifts)
    builder.add_trades()
    builder.add_firms(technology)
    return builder.build()


class _Builder:
    """Collects variables and what is made of them."""

    def __init__(self, spec: Spec, network: Network, gifts: Mapping[str, Decimal]) -> None:
        self._spec, self._network, self._gifts = spec, network, gifts
        self._variables: list[Variable] = []
        self._productions: list[Production] = []
        self._arguments: list[Argument] = []
        self._sales: dict[str, int] = {}
        self._purchases: dict[str, int] = {}
        self._uses: dict[tuple[str, str], int] = {}

    def _variable(self, variable: Variable) -> int:
        self._variables.append(variable)
        return len(self._variables) - 1

    def add_trades(self) -> None:
        """Sales and purchases at a price; what is free is all there, a limit of 0 leaves no choice."""
        for good in sorted(self._spec.demand):
            demand = self._spec.demand[good]
            if demand.price is not None and not is_nothing(demand.quantity):
                self._sales[good] = self._variable(Variable("sale", good, upper=demand.quantity))
        for good in sorted(self._spec.supply):
            supply = self._spec.supply[good]
            bought = supply.price is not None and not is_nothing(supply.quantity)
            if bought and good in self._network.uses:
                self._purchases[good] = self._variable(Variable("purchase", good, upper=supply.quantity))

    def add_firms(self, technology: Technology) -> None:
        """Each firm's uses of its inputs, and its production functions without their concave bends."""
        for firm in self._network.firms:
            for good in self._network.inputs[firm]:
                self._uses[firm, good] = self._variable(Variable("use", good, firm))
            for function in technology[firm]:
                slots: list[int | Constant] = []
                for name in function.formula.names:
                    if name in function.inputs:
                        slots.append(self._uses[firm, name])
                    else:
                        slots.append(function.parameters.get(name, name))
                self._add_production(firm, function.output, Piece(function.formula, tuple(slots)))

    def _add_production(self, firm: str, output: str, whole: Piece) -> None:
        with digits(BEND_DIGITS):
            known = {
                name: evaluate(slot) if isinstance(slot, Formula) else CONSTANTS[slot]()
                for name, slot in zip(whole.formula.names, whole.slots, strict=True)
                if not isinstance(slot, int)
            }
            root, bends = split_at_bends(whole.formula, known)
        slots = whole.slots
        for bend in bends:
            index = self._variable(Variable("bend", output, firm))
            for position, argument in enumerate(bend.arguments):
                piece = _piece(argument, slots)
                argument_of = Argument(firm, output, index, bend.side, piece, bend.step, position)
                self._arguments.append(argument_of)
            slots = (*slots, index)
        self._productions.append(Production(firm, output, _piece(root, slots)))

    def build(self) -> Programme:
        spec = self._spec
        return Programme(
            spec=spec,
            network=self._network,
            variables=tuple(self._variables),
            productions=tuple(self._productions),
            curves=(
                *(self._curve("demand", good, index) for good, index in self._sales.items()),
                *(self._curve("supply", good, index) for good, index in self._purchases.items()),
            ),
            balances=tuple(balance for good in self._network.goods for balance in self._balances(good)),
            arguments=tuple(self._arguments),
            purchases=MappingProxyType(dict(self._purchases)),
            uses=MappingProxyType(
                {
                    firm: tuple(self._uses[firm, good] for good in self._network.inputs[firm])
                    for firm in self._network.firms
                }
            ),
            endowments=MappingProxyType(
                {
                    good: supply.quantity
                    for good, supply in spec.supply.items()
                    if supply.price is None and supply.quantity is not None and good in self._network.uses
                }
            ),
            gifts=self._gifts,
        )

    def _curve(self, section: Literal["demand", "supply"], good: str, index: int) -> Curve:
        trade = self._spec.demand[good] if section == "demand" else self._spec.supply[good]
        price = trade.price
        assert price is not None  # noqa: S101 - only priced trades are variables
        slots: list[int | Constant] = [
            index if name == "q" else self._spec.parameters.get(name, name) for name in price.names
        ]
        return Curve(section, good, index, Piece(price, tuple(slots)))

    def _balances(self, good: str) -> list[Balance]:
        demand = self._spec.demand.get(good)
        delivered = demand.quantity if demand is not None and demand.price is None else None
        uses = self._network.uses[good]
        note = self._spec.note(good)
        if uses and (not note.rival or note.split is not None):
            return [
                Balance(good, use, use.share, self._chosen(use), delivered if use.is_demand else None)
                for use in uses
            ]
        return [Balance(good, None, None, tuple(i for use in uses for i in self._chosen(use)), delivered)]

    def _chosen(self, use: Use) -> tuple[int, ...]:
        """The variable of a use; none where the demand must be delivered."""
        if not use.is_demand:
            return (self._uses[use.user, use.good],)
        return (self._sales[use.good],) if use.good in self._sales else ()


def is_nothing(limit: Formula | None) -> bool:
    """Whether a limit leaves no room at all."""
    with digits(BEND_DIGITS):
        return limit is not None and evaluate(limit) <= 0


def _piece(part: Formula, slots: tuple[int | Constant, ...]) -> Piece:
    return Piece(part, slots[: len(part.names)])
