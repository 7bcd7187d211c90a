"""The point that rows are compared with where quantities follow from the spec: the composed chain's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from chainprice.formula import Formula, Functions
from chainprice.spec import Spec
from chainprice.spec.model import Trade
from chainprice.verification.chain import Chain, endowment
from chainprice.verification.difference import Moving
from chainprice.verification.numbers import constant
from chainprice.verification.rows import Use
from chainprice.verification.table import PriceTable

_STEP = 20

_LEVEL = Decimal("1e-15")
"""An elasticity below this may be rounding: then any slope between those to both sides will do."""

_ZERO = Decimal(0)


@dataclass(frozen=True)
class GivenPoint:
    """A composed chain, and a table with its prices; `money` is what a unit of the table's money is worth."""

    chain: Chain
    table: PriceTable
    money: Decimal

    @property
    def spec(self) -> Spec:
        """What the table is about."""
        return self.chain.composition.spec

    @property
    def step(self) -> Decimal:
        """The relative step of a difference."""
        return Decimal(1).scaleb(-_STEP)

    @property
    def functions(self) -> Functions:
        """Exact differences, where what is nearly equal is meant to be."""
        return self.chain.arithmetic.on_bends

    @cached_property
    def prices(self) -> dict[str, Decimal]:
        """The table's prices in money."""
        return {good: price * self.money for good, price in self.table.prices.items()}

    @cached_property
    def used(self) -> dict[Use, Decimal]:
        """How much each use has."""
        chain = self.chain
        used = {
            (good, production.firm): chain.used(production, good)
            for production in chain.composition.productions
            for good in production.shares
        }
        return used | {(good, ""): chain.sold(good) for good in self.spec.demand}

    @property
    def available(self) -> Mapping[str, Decimal]:
        """What there is of each good."""
        return self.chain.quantities

    @cached_property
    def bought(self) -> dict[str, Decimal]:
        """What is supplied of each good."""
        return {good: endowment(self.spec, good) for good in self.spec.supply}

    @cached_property
    def by_firm(self) -> dict[str, dict[str, int]]:
        """Where the production of each output of each firm is."""
        by_firm: dict[str, dict[str, int]] = {}
        for index, production in enumerate(self.chain.composition.productions):
            by_firm.setdefault(production.firm, {})[production.output] = index
        return by_firm

    @cached_property
    def _inputs(self) -> dict[str, tuple[str, ...]]:
        productions = self.chain.composition.productions
        return {
            firm: tuple({good: None for index in outputs.values() for good in productions[index].shares})
            for firm, outputs in self.by_firm.items()
        }

    def inputs(self, firm: str) -> tuple[str, ...]:
        """The goods that a firm's formulas name."""
        return self._inputs[firm]

    def number(self, value: Decimal) -> Decimal:
        """A figure of the table."""
        return value

    def constant(self, formula: Formula) -> Decimal:
        """The value of a constant formula."""
        return constant(formula)

    def amount(self, firm: str, good: str) -> Decimal:
        """What a firm makes of an output."""
        return self.chain.made[self.by_firm[firm][good]]

    def moving(self, firm: str, formula: Formula, change: Mapping[str, Decimal]) -> dict[str, Moving]:
        """What a formula's names are worth, and how far each goes."""
        return {
            name: Moving(self.used[name, firm], change.get(name, _ZERO))
            if (name, firm) in self.used
            else Moving(constant(self.spec.parameter(firm, name), name), _ZERO)
            for name in formula.names
        }

    def ends(self, firm: str, output: str, good: str) -> list[Decimal]:
        """The slopes of an output by an input to the right and to the left, one where they are the same."""
        index = self.by_firm[firm][output]
        slope = self.chain.slopes[index].get(good, _ZERO)
        formula = self.chain.composition.productions[index].formula
        is_level = abs(slope * self.used[good, firm]) <= _LEVEL * abs(self.chain.made[index])
        is_zero = self.chain.is_settled and not slope and not formula.shape.kinked
        if good not in formula.names or is_zero or not (is_level or formula.shape.kinked):
            return [slope]
        ends = self.chain.marginal(index).ends(formula.names.index(good), self.functions, _STEP)
        return ends if len(ends) == 2 else []

    def trade_price(self, section: str, good: str, quantity: Decimal) -> Decimal:
        """The price on a supply or demand curve; raises UndefinedError where there is none."""
        return self.chain.trade_price(section, good, quantity)

    def blur(self, section: str, good: str, quantity: Decimal) -> Decimal:  # noqa: ARG002
        """Nothing: quantities follow from the spec, with all their digits."""
        return _ZERO

    def limit(self, section: str, good: str) -> Decimal | None:
        """The most that can be traded."""
        trades: Mapping[str, Trade] = self.spec.supply if section == "supply" else self.spec.demand
        quantity = trades[good].quantity
        return None if quantity is None else constant(quantity)
