"""Both passes over a chunk of points at once, in doubles with bounds: allocation `given`.

What a bound does not vouch for is left to `solve`: a point is priced here only where every number of its
row is sure to `TOLERANCE`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any, NamedTuple

import numpy as np

from chainprice import antiderivatives, gradients, network, technology
from chainprice.arithmetic import DOUBLE_DIGITS, digits, evaluate, rational
from chainprice.bound import Bound
from chainprice.formula import KINKED, Formula, Shape
from chainprice.network import Network, Use
from chainprice.spec import Spec
from chainprice.spec.model import Trade
from chainprice.sweeping.bounded import (
    OPERATIONS,
    Bounded,
    add,
    as_written,
    constant,
    div,
    exact,
    is_within,
    mul,
    rounded,
    sub,
)
from chainprice.technology import ProductionFunction
from chainprice.terms import slot_name
from chainprice.value import CURVE_VARIABLE

TOLERANCE = 1e-12
"""How far a number may be from that of `solve`, relative."""

Key = tuple[str, ...]
"""What varies, as the keys of a spec lead to it: ("parameters", name), ("supply", good, "price"), ..."""


class NotFollowedError(Exception):
    """Something in the chain has no vectorised form: its points are solved one by one."""


class Columns(NamedTuple):
    """What was found: total value, quantities and prices by good, and where all of them are sure."""

    total_value: Any
    quantities: Mapping[str, Any]
    prices: Mapping[str, Any]
    is_sure: Any


class Passes:
    """A chain whose quantities are given, ready to be priced at many points."""

    def __init__(self, spec: Spec, keys: Sequence[Key], numeraire: str | None) -> None:
        """`keys` say what varies. Raises NotFollowedError where something is not known here."""
        self._spec, self._keys, self._numeraire = spec, keys, numeraire
        self._network: Network = network.build(spec)
        self._technology = technology.build(spec, self._network)
        for functions in self._technology.values():
            for function in functions:
                _fail_if_unknown(function.formula.shape)
        for trade in (*spec.supply.values(), *spec.demand.values()):
            if trade.price is not None:
                _fail_if_unknown(trade.price.shape)
        self._curves = {
            (section, good): _Curve(trade.price, self._global_names(trade.price), keys, spec)
            for section, trades in (("supply", spec.supply), ("demand", spec.demand))
            for good, trade in trades.items()
            if trade.price is not None
            and CURVE_VARIABLE in trade.price.names
            and (section, good, "price") not in keys
        }

    def at(self, columns: Sequence[Sequence[float]]) -> Columns:
        """Everything at the points with these values of what varies."""
        with np.errstate(all="ignore"), digits(DOUBLE_DIGITS):
            points = len(columns[0])
            varied = {
                key: as_written(np.array(column)) for key, column in zip(self._keys, columns, strict=True)
            }
            return _Run(self, varied, points).columns()

    def _global_names(self, price: Formula) -> list[str]:
        return [name for name in price.names if name in self._spec.parameters]


class _Curve:
    """A price along the quantity traded, and its integral from 0."""

    def __init__(self, price: Formula, parameters: Sequence[str], keys: Sequence[Key], spec: Spec) -> None:
        if price.shape.kinked:
            raise NotFollowedError("a price curve with bends")
        self.price, self._parameters = price, parameters
        known: list[tuple[int, Any]] = []
        for slot, name in enumerate(price.names):
            if name in parameters:
                with digits(DOUBLE_DIGITS):
                    value = rational(spec.parameters[name])
                if ("parameters", name) not in keys and value is not None:
                    known.append((slot, value))
            elif name != CURVE_VARIABLE:
                known.append((slot, name))
        bound = Bound(price.shape, price.numbers, tuple(known))
        self._slot = price.names.index(CURVE_VARIABLE)
        integral = antiderivatives.antiderivative(bound, self._slot)
        if integral is None:
            raise NotFollowedError("a price curve without a written antiderivative")
        _fail_if_unknown(integral.shape)
        self._integral = integral

    def values(self, names: Sequence[Bounded]) -> tuple[Bounded, Bounded]:
        """The price where the names have these values, and its integral from 0 to there."""
        price, numbers = self.price, [rounded(number) for number in self.price.numbers]
        at_zero = [*names[: self._slot], exact(0.0), *names[self._slot + 1 :]]
        low, high = (self._integrated([*filled, *numbers]) for filled in (at_zero, names))
        return price.shape.run(OPERATIONS, names, numbers), sub(high, low)

    def _integrated(self, filled: Sequence[Bounded]) -> Bounded:
        places = {slot_name(slot): value for slot, value in enumerate(filled)}
        integral = self._integral
        names = [places[name] if name in places else constant(name) for name in integral.names]
        number: Bounded = integral.shape.run(OPERATIONS, names, [rounded(n) for n in integral.numbers])
        return number


class _Run:
    """One pass forward and one backward, over all points of a chunk."""

    def __init__(self, passes: Passes, varied: Mapping[Key, Bounded], points: int) -> None:
        self._passes, self._varied, self._points = passes, varied, points
        self._spec, self._network = passes._spec, passes._network
        self._slopes: dict[tuple[str, str], list[tuple[str, Bounded]]] = {}
        """By firm and input: each output and its slope."""

    def columns(self) -> Columns:
        available, bought = self._forward()
        sold = {good: self._part(available[good], self._use_of_demand(good)) for good in self._spec.demand}
        demand = {good: self._traded("demand", good, amount) for good, amount in sold.items()}
        prices = self._backward({good: price for good, (price, _) in demand.items()})
        total = reduce(add, (value for _, value in demand.values()), exact(0.0))
        for good, supply in self._spec.supply.items():
            if supply.price is not None or ("supply", good, "price") in self._varied:
                total = sub(total, self._traded("supply", good, bought[good])[1])
        if self._passes._numeraire is not None:
            unit = prices[self._passes._numeraire]
            prices = {good: div(price, unit) for good, price in prices.items()}
            total = div(total, unit)
        numbers = [total, *available.values(), *prices.values()]
        is_sure = reduce(np.logical_and, (is_within(number, TOLERANCE) for number in numbers))
        return Columns(
            self._column(total),
            {good: self._column(number) for good, number in available.items()},
            {good: self._column(number) for good, number in prices.items()},
            np.broadcast_to(is_sure & self._is_allowed(), self._points),
        )

    def _column(self, number: Bounded) -> Any:
        return np.broadcast_to(number[0], self._points) + 0.0  # no -0.0

    def _is_allowed(self) -> Any:
        """Where no quantity is one that a spec may not have."""
        amounts = [values for key, (values, _) in self._varied.items() if key[-1:] == ("quantity",)]
        return reduce(np.logical_and, (values >= 0 for values in amounts), np.True_)

    def _forward(self) -> tuple[dict[str, Bounded], dict[str, Bounded]]:
        graph = self._network
        bought = {good: self._endowment(good, trade) for good, trade in self._spec.supply.items()}
        available = {**{good: exact(0.0) for good in graph.goods}, **bought}
        parts = {use.key: use for uses in graph.uses.values() for use in uses if use.share is not None}
        for firm in graph.firms:
            point = {
                good: self._part(available[good], parts.get((good, firm))) for good in graph.inputs[firm]
            }
            for function in self._passes._technology[firm]:
                value, slopes = self._produced(function, point)
                made = graph.makers[function.output]
                is_more = len(made) > 1 or function.output in bought
                there = available[function.output]
                available[function.output] = add(there, value) if is_more else value
                for name, slope in slopes.items():
                    self._slopes.setdefault((firm, name), []).append((function.output, slope))
        return available, bought

    def _endowment(self, good: str, trade: Trade) -> Bounded:
        key = ("supply", good, "quantity")
        if key in self._varied:
            return self._varied[key]
        return exact(0.0) if trade.quantity is None else rounded(evaluate(trade.quantity))

    def _use_of_demand(self, good: str) -> Use | None:
        return next((use for use in self._network.uses[good] if use.is_demand), None)

    def _part(self, amount: Bounded, use: Use | None) -> Bounded:
        if use is None or use.share is None:
            return amount
        return mul(amount, rounded(evaluate(use.share)))

    def _produced(
        self, function: ProductionFunction, point: Mapping[str, Bounded]
    ) -> tuple[Bounded, dict[str, Bounded]]:
        formula = function.formula
        names = [point[name] if name in point else self._parameter(function, name) for name in formula.names]
        numbers = [rounded(number) for number in formula.numbers]
        if not formula.shape.kinked:
            value, slopes = _gradient(formula.shape, names, numbers)
        else:
            value, slopes = self._bent(formula.shape, names, numbers)
        return value, {
            name: slopes[slot]
            for slot, name in enumerate(formula.names)
            if name in function.inputs and slot in slopes
        }

    def _parameter(self, function: ProductionFunction, name: str) -> Bounded:
        own, shared = ("firms", function.firm, "parameters", name), ("parameters", name)
        if own in self._varied:
            return self._varied[own]
        if shared in self._varied and name not in self._spec.firms[function.firm].parameters:
            return self._varied[shared]
        if name in function.parameters:
            return rounded(evaluate(function.parameters[name]))
        return constant(name)

    def _bent(
        self, shape: Shape, names: Sequence[Bounded], numbers: Sequence[Bounded]
    ) -> tuple[Bounded, dict[int, Bounded]]:
        """Branch by branch: points on the same branches of all bends go together."""
        names = [
            (np.broadcast_to(values, self._points), np.broadcast_to(errors, self._points))
            for values, errors in names
        ]
        steps = shape.trace(OPERATIONS, names, numbers)
        sides, is_sure = _sides(shape, steps, self._points)
        value = np.full(self._points, np.nan), np.full(self._points, np.inf)
        slopes: dict[int, Bounded] = {}
        patterns, of_points = np.unique(sides, axis=1, return_inverse=True)
        of_points = of_points.reshape(-1)
        for place in range(patterns.shape[1]):
            chosen = np.nonzero((of_points == place) & is_sure)[0]
            if not len(chosen):
                continue
            settled = _on_sides(shape, patterns[:, place].tolist())
            there = [(values[chosen], errors[chosen]) for values, errors in names]
            found, of_branch = _gradient(settled, there, numbers)
            for target, source in [
                (value, found),
                *((_empty(slopes, s, self._points), n) for s, n in of_branch.items()),
            ]:
                target[0][chosen], target[1][chosen] = source
        return value, slopes

    def _traded(self, section: str, good: str, amount: Bounded) -> tuple[Bounded, Bounded]:
        """The price of what is traded, and what all of it is worth."""
        curve = self._passes._curves.get((section, good))
        if curve is not None:
            return curve.values([self._in_curve(name, amount) for name in curve.price.names])
        price = self._varied.get((section, good, "price"))
        if price is None:
            trades: Mapping[str, Trade] = self._spec.supply if section == "supply" else self._spec.demand
            formula = trades[good].price
            price = exact(0.0) if formula is None else self._constant(formula)
        return price, mul(price, amount)

    def _constant(self, price: Formula) -> Bounded:
        """A price that is the same for any quantity; its parameters may vary."""
        if not price.names:
            return rounded(evaluate(price))
        names = [self._of_market(name) for name in price.names]
        number: Bounded = price.shape.run(OPERATIONS, names, [rounded(n) for n in price.numbers])
        return number

    def _in_curve(self, name: str, amount: Bounded) -> Bounded:
        return amount if name == CURVE_VARIABLE else self._of_market(name)

    def _of_market(self, name: str) -> Bounded:
        """What a name in a price stands for."""
        if ("parameters", name) in self._varied:
            return self._varied["parameters", name]
        if name in self._spec.parameters:
            return rounded(evaluate(self._spec.parameters[name]))
        return constant(name)

    def _backward(self, demand: Mapping[str, Bounded]) -> dict[str, Bounded]:
        prices: dict[str, Bounded] = {}
        for good in reversed(self._network.goods):
            worths = []
            for use in self._network.uses[good]:
                worth = demand[good] if use.is_demand else self._marginal_value(use, prices)
                worths.append(self._part(worth, use))
            prices[good] = reduce(add, worths) if worths else exact(0.0)
        return {good: prices[good] for good in self._network.goods}

    def _marginal_value(self, use: Use, prices: Mapping[str, Bounded]) -> Bounded:
        terms = [mul(prices[output], slope) for output, slope in self._slopes.get((use.user, use.good), ())]
        return reduce(add, terms) if terms else exact(0.0)


def _fail_if_unknown(shape: Shape) -> None:
    unknown = {operation for operation, _ in shape.steps} - OPERATIONS.keys() - {"name", "number"}
    if unknown:
        raise NotFollowedError(", ".join(sorted(unknown)))


def _gradient(
    shape: Shape, names: Sequence[Bounded], numbers: Sequence[Bounded]
) -> tuple[Bounded, dict[int, Bounded]]:
    """The value of a smooth shape, and its slope by each name slot."""
    gradient = gradients.gradient(shape)
    filled = [*names, *numbers, *(_constant_or_nan(name) for name in gradient.constants)]
    literals = [rounded(number) for number in gradient.literals]
    _fail_if_unknown(gradient.program)
    values = gradient.program.trace(OPERATIONS, filled, literals)
    return values[gradient.value], {slot: values[step] for slot, step in gradient.results.items()}


def _constant_or_nan(name: str) -> Bounded:
    """pi or e; nan for what sympy calls a derivative without a value."""
    try:
        return constant(name)
    except KeyError:
        return exact(float("nan"))


def _sides(shape: Shape, steps: Sequence[Bounded], points: int) -> tuple[Any, Any]:
    """Of each bend and point the argument that counts, and where all are sure.

    Of `abs` it is 0 above zero and 1 below.
    """
    sides, is_sure = [], np.ones(points, dtype=bool)
    for index, (operation, operands) in enumerate(shape.steps):
        if operation not in KINKED:
            continue
        is_sure &= np.isfinite(np.broadcast_to(steps[index][1], points))
        if operation == "abs":
            sides.append(np.broadcast_to(steps[operands[0]][0] < 0, points).astype(int))
            continue
        values = np.stack([np.broadcast_to(steps[operand][0], points) for operand in operands])
        sides.append(values.argmin(axis=0) if operation == "min" else values.argmax(axis=0))
    return np.stack(sides), is_sure


def _on_sides(shape: Shape, sides: Sequence[int]) -> Shape:
    """The smooth branch on these sides of all bends, as `technology.settle` writes it."""
    steps = list(shape.steps)
    waiting = iter(sides)
    for index, (operation, operands) in enumerate(steps):
        if operation == "abs":
            steps[index] = ("neg" if next(waiting) else "mean", operands)
        elif operation in KINKED:
            steps[index] = ("mean", (operands[next(waiting)],))
    return Shape(tuple(steps), shape.names, shape.numbers)


def _empty(slopes: dict[int, Bounded], slot: int, points: int) -> Bounded:
    """The slope by a slot, nan where no branch has said anything yet."""
    if slot not in slopes:
        slopes[slot] = np.full(points, np.nan), np.full(points, np.inf)
    return slopes[slot]
