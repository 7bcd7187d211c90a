"""What each user of a good would rather do at the observed prices (MODEL.md section 6).

A firm's gap is what the first unit more would add to its profit, mv - P with the observed prices of all
that it makes, its other inputs held. At a bend one more unit is worth something else than the last one: a
price between the two is no gap. Nor is one that leads below nothing, or beyond a limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from chainprice import quantities
from chainprice.arithmetic import digits, evaluate
from chainprice.diagnosis.inference import ZERO, Scene, has_one_price
from chainprice.diagnosis.result import Kind
from chainprice.errors import Problem, UndefinedError
from chainprice.network import Use
from chainprice.spec import Spec
from chainprice.technology import MarginalProduct, Point, ProductionFunction, amount, marginal_products
from chainprice.value import Section, trade_price, trade_value

NOISE = Decimal("1e-12")
"""What is left, relatively, of a difference of observed numbers that are equal: they are doubles."""

_FIRST = Decimal("1e-9")
"""The part of what there is of a good that counts as its first unit, where there is no slope at nothing."""

_NEAR = Decimal("1e-9")
"""How near to the best quantity is near enough, as a part of the way: what is lost is the square of it."""


_LEVEL = Decimal("1e-7")
"""The part of the first slope that is level enough: what is lost is the square of it."""

_STEPS = 200

_DIGITS = 22
"""Digits in which the best quantity is looked for."""

Curve = Callable[[Decimal], Decimal]


class Worth(NamedTuple):
    """What one more unit is worth to a user, and what the last one is: `low` and `high`, equal off a bend.

    `size` is that of the terms which they are the sums of.
    """

    low: Decimal
    high: Decimal
    size: Decimal

    def nearest(self, price: Decimal) -> Decimal:
        """Of all that the next unit may be worth, what is nearest to a price."""
        return min(max(price, self.low), self.high)


class Position(NamedTuple):
    """A user of a good (`name` is a firm's, "demand" or "supply") and its gap; None for what is not known.

    `has_some` says that it uses, buys or sells some; a `gap` that is not `open` is none: it is within the
    tolerance, or leads beyond a corner.
    """

    kind: Kind
    name: str
    good: str
    quantity: Decimal | None
    price: Decimal | None
    worth: Worth | None
    has_some: bool
    gap: Decimal | None = None
    is_corner: bool = False
    is_open: bool = False
    gain: Decimal | None = None


def positions(scene: Scene, tolerance: Decimal, cheap: Mapping[str, Decimal]) -> list[Position]:
    """Every use of a good in the chain's order, and with a market every supply at a price.

    `cheap` is what a price is measured by at the least, of goods that are free in equilibrium.

    Raises UndefinedError, with every place, where a function has no slope at the observed quantities.
    """
    return _Positions(scene, tolerance, cheap).all()


class _Positions:
    def __init__(self, scene: Scene, tolerance: Decimal, cheap: Mapping[str, Decimal]) -> None:
        self._scene, self._tolerance, self._cheap = scene, tolerance, cheap
        self._spec, self._network = scene.spec, scene.network
        self._shares = quantities.shares(scene.network)
        self._problems: list[Problem] = []

    def all(self) -> list[Position]:
        worths = {firm: self._worths(firm) for firm in self._network.firms}
        found: list[Position] = []
        for good in self._network.goods:
            for use in self._network.uses[good]:
                if not use.is_demand:
                    found.append(self._of_firm(use, worths[use.user].get(good)))
                elif self._spec.demand[good].price is not None:
                    found += self._checked(partial(self._of_demand, use))
            supply = self._spec.supply.get(good)
            if supply is not None and supply.price is not None and not self._scene.is_given:
                found += self._checked(partial(self._of_supply, good))
        if self._problems:
            raise UndefinedError(self._problems)
        return found

    def _checked(self, position: Callable[[], Position]) -> Iterator[Position]:
        try:
            yield position()
        except UndefinedError as error:
            self._problems += error.problems

    # What one more unit is worth.

    def _worths(self, firm: str) -> dict[str, Worth]:
        """What one more unit of each input is worth to a firm, of those for which that is known."""
        point = self._point(firm)
        if point is None:
            return {}
        sums = {good: [ZERO, ZERO, ZERO] for good in point}
        unknown: set[str] = set()
        for function in self._scene.technology[firm]:
            price = self._scene.prices.get(function.output)
            if price is None:
                unknown.update(function.inputs)
                continue
            try:
                sides = self._slopes(function, point)
            except UndefinedError as error:
                self._problems += error.problems
                continue
            for good, slopes in sides.items():
                more, last = (price * slope for slope in slopes)
                for place, part in enumerate((more, last, max(abs(more), abs(last)))):
                    sums[good][place] += part
        return {
            good: Worth(min(more, last), max(more, last), size)
            for good, (more, last, size) in sums.items()
            if good not in unknown
        }

    def _point(self, firm: str) -> dict[str, Decimal] | None:
        uses = {good: self._scene.uses.get((good, firm)) for good in self._network.inputs[firm]}
        known = {good: quantity for good, quantity in uses.items() if quantity is not None}
        return known if len(known) == len(uses) else None

    def _slopes(self, function: ProductionFunction, point: Point) -> dict[str, tuple[Decimal, Decimal]]:
        """The slope of an output by each input, to the right and to the left."""
        inputs = {good: point[good] for good in function.inputs}
        if function.formula.shape.kinked:
            return {good: self._sides(function, inputs, good) for good in inputs}
        return {good: (slope, slope) for good, slope in self._smooth(function, inputs).items()}

    def _smooth(self, function: ProductionFunction, inputs: Point) -> dict[str, Decimal]:
        """Where some input is not used there need not be a slope: then what its first unit makes, a unit."""
        try:
            return _by_input(_products(self._spec, function, inputs))
        except UndefinedError:
            if all(inputs.values()):
                raise
        near = {good: quantity or self._first_unit(good) for good, quantity in inputs.items()}
        slopes = _by_input(_products(self._spec, function, inputs, near))
        unused = [good for good in inputs if not inputs[good]]
        return slopes | {good: self._first_slope(function, inputs, good) for good in unused}

    def _sides(self, function: ProductionFunction, inputs: Point, good: str) -> tuple[Decimal, Decimal]:
        """Where there may be a bend: a little beside the point, as near as the tolerance sees."""
        quantity = inputs[good]
        if not quantity:
            slope = self._first_slope(function, inputs, good)
            return slope, slope
        step = abs(quantity) * max(self._tolerance, NOISE)
        beside = [{**inputs, good: quantity + way} for way in (step, -step)]
        try:
            if len({function.settled(at).shape for at in (inputs, *beside)}) > 1:
                more, last = (self._smooth(function, at)[good] for at in beside)
                return more, last
        except (ArithmeticError, UndefinedError):
            pass  # the point is the last of those that have a value
        slope = self._smooth(function, inputs)[good]
        return slope, slope

    def _first_slope(self, function: ProductionFunction, inputs: Point, good: str) -> Decimal:
        step = self._first_unit(good)
        more = amount(self._spec, function, {**inputs, good: step})
        return (more - amount(self._spec, function, inputs)) / step

    def _first_unit(self, good: str) -> Decimal:
        return (abs(self._scene.available.get(good, ZERO)) or Decimal(1)) * _FIRST

    # Who would do what.

    def _of_firm(self, use: Use, worth: Worth | None) -> Position:
        quantity = self._scene.uses.get(use.key)
        there = self._available_to(use)
        position = self._position("firm", use, quantity, worth, there)
        price = position.price
        if worth is None or price is None or quantity is None:
            return position
        gap = _difference(worth.nearest(price), price, worth.size)
        is_corner = not position.has_some and gap < 0
        firm = _Profit(self._scene, use, price)
        position = self._judged(position, gap, worth.size, firm.slope, is_corner=is_corner)
        if not position.is_open or there is None:
            return position
        end = max(there, quantity) if gap > 0 else min(ZERO, quantity)
        return position._replace(gain=_most(firm.value, firm.slope, quantity, end))

    def _of_demand(self, use: Use) -> Position:
        quantity, there = self._scene.uses.get(use.key), self._available_to(use)
        limit = self._limit("demand", use.good)
        worth = None
        is_full = quantity is not None and limit is not None and quantity >= limit * (1 - self._tolerance)
        if quantity is not None:
            price = self._trade_price("demand", use.good, quantity)
            worth = Worth(min(ZERO, price) if is_full else price, price, abs(price))
        position = self._position("demand", use, quantity, worth, there)
        if worth is None or position.price is None or quantity is None:
            return position
        gap = _difference(worth.high, position.price, worth.size)
        is_corner = (not position.has_some and gap < 0) or (is_full and gap > 0)
        position = self._judged(
            position,
            gap,
            worth.size,
            partial(trade_price, self._spec, "demand", use.good),
            is_corner=is_corner,
        )
        if not position.is_open or there is None:
            return position
        most = max(there, quantity) if limit is None else min(max(there, quantity), limit)
        return self._with_trade_gain(position, "demand", most)

    def _of_supply(self, good: str) -> Position:
        """What is offered; a unit more costs the supply price, and earns the price."""
        quantity, price = self._scene.bought.get(good), self._scene.prices.get(good)
        limit = self._limit("supply", good)
        most = limit if limit is not None else self._scene.available.get(good)
        has_some = quantity is not None and abs(quantity) > self._tolerance * abs(most or ZERO)
        worth = None
        if quantity is not None:
            cost = self._trade_price("supply", good, quantity)
            worth = Worth(cost, cost, abs(cost))
        position = Position("supply", "supply", good, quantity, price, worth, has_some)
        if worth is None or price is None or quantity is None:
            return position
        gap = _difference(price, worth.low, worth.size)
        is_full = limit is not None and quantity >= limit * (1 - self._tolerance)
        is_corner = (not has_some and gap < 0) or (is_full and gap > 0)
        position = self._judged(
            position, gap, worth.size, partial(trade_price, self._spec, "supply", good), is_corner=is_corner
        )
        if not position.is_open or most is None:
            return position
        return self._with_trade_gain(position, "supply", max(most, quantity))

    def _with_trade_gain(self, position: Position, section: Section, most: Decimal) -> Position:
        price, quantity, good = position.price or ZERO, position.quantity or ZERO, position.good
        sign = 1 if section == "demand" else -1

        def value(q: Decimal) -> Decimal:
            return sign * (trade_value(self._spec, section, good, q) - price * q)

        def slope(q: Decimal) -> Decimal:
            return sign * (trade_price(self._spec, section, good, q) - price)

        end = most if (position.gap or ZERO) > 0 else min(ZERO, quantity)
        return position._replace(gain=_most(value, slope, quantity, end))

    def _position(
        self, kind: Kind, use: Use, quantity: Decimal | None, worth: Worth | None, there: Decimal | None
    ) -> Position:
        has_some = quantity is not None and abs(quantity) > self._tolerance * abs(there or ZERO)
        return Position(kind, use.user, use.good, quantity, self._price(use), worth, has_some)

    def _price(self, use: Use) -> Decimal | None:
        """What a unit costs a use; none of a given split, for there nobody chooses."""
        if has_one_price(self._network, use.good):
            return self._scene.prices.get(use.good)
        if use.share is not None and self._scene.is_given:
            return None
        return self._scene.paid.get(use.key)

    def _available_to(self, use: Use) -> Decimal | None:
        there = self._scene.available.get(use.good)
        return there if there is None or use.share is None else there * self._shares[use.key]

    def _limit(self, section: Section, good: str) -> Decimal | None:
        trade = self._spec.demand[good] if section == "demand" else self._spec.supply[good]
        return None if trade.quantity is None else evaluate(trade.quantity)

    def _trade_price(self, section: Section, good: str, quantity: Decimal) -> Decimal:
        """On its curve; where that has no value at nothing, of the first unit."""
        try:
            return trade_price(self._spec, section, good, quantity)
        except UndefinedError:
            if quantity:
                raise
            return trade_price(self._spec, section, good, self._first_unit(good))

    def _judged(
        self, position: Position, gap: Decimal, size: Decimal, worth: Curve, *, is_corner: bool
    ) -> Position:
        """With the gap and what it means; `worth` is the curve along the quantity that it comes from."""
        scale = max(abs(position.price or ZERO), size, self._cheap.get(position.good, ZERO))
        is_open = not is_corner and abs(gap) > self._tolerance * scale
        if is_open and abs(gap) <= NOISE * _steepness(worth, position.quantity or ZERO):
            gap, is_open = ZERO, False
        gain = None if is_open else ZERO
        return position._replace(gap=gap, is_corner=is_corner, is_open=is_open, gain=gain)


class _Profit:
    """A firm's profit as it depends on how much it uses of one input, all else held."""

    def __init__(self, scene: Scene, use: Use, price: Decimal) -> None:
        self._scene, self._good, self._price = scene, use.good, price
        self._functions = [f for f in scene.technology[use.user] if use.good in f.inputs]
        self._point = {good: scene.uses[good, use.user] for good in scene.network.inputs[use.user]}

    def value(self, quantity: Decimal) -> Decimal:
        """Up to a constant; raises UndefinedError where there is none."""
        revenue = sum(
            (
                self._scene.prices[f.output] * amount(self._scene.spec, f, self._at(f, quantity))
                for f in self._functions
            ),
            ZERO,
        )
        return revenue - self._price * quantity

    def slope(self, quantity: Decimal) -> Decimal:
        """What one more unit adds; raises UndefinedError where there is none."""
        total = -self._price
        for f in self._functions:
            for product in _products(self._scene.spec, f, self._at(f, quantity)):
                if product.input == self._good:
                    total += self._scene.prices[f.output] * product.value
        return total

    def _at(self, function: ProductionFunction, quantity: Decimal) -> dict[str, Decimal]:
        return {good: quantity if good == self._good else self._point[good] for good in function.inputs}


def _steepness(curve: Curve, quantity: Decimal) -> Decimal:
    """By how much a curve would change over the whole quantity: what rounding of that is measured against.

    So 10 - q is next to nothing at a q that is next to 10.
    """
    try:
        return abs(curve(quantity * (1 + _NEAR)) - curve(quantity)) / _NEAR
    except UndefinedError:
        return ZERO


def _by_input(products: Sequence[MarginalProduct]) -> dict[str, Decimal]:
    return {product.input: product.value for product in products}


def _products(
    spec: Spec, function: ProductionFunction, inputs: Point, near: Point | None = None
) -> tuple[MarginalProduct, ...]:
    """The marginal products; raises UndefinedError also where a bend has no value, and so no side."""
    try:
        return marginal_products(spec, function, inputs, near=near)
    except ArithmeticError:
        amount(spec, function, inputs)
        raise


def _most(value: Curve, slope: Curve, start: Decimal, end: Decimal) -> Decimal | None:
    """The most that a concave function rises on the way from `start` to `end`; None where it has no value."""
    with digits(_DIGITS):
        best = _level(slope, start, end)
        try:
            before = value(start)
        except UndefinedError:
            return None
        risen = [ZERO]
        for place in (best, end):
            try:
                risen.append(value(place) - before)
            except UndefinedError:
                continue
        return max(risen)


def _level(slope: Curve, start: Decimal, end: Decimal) -> Decimal:
    """Where a function that rises at `start` rises no more, or `end`.

    By bisection on its slope, two steps of three by the secant, where an end that stays twice counts half
    (the Illinois rule). A place without a slope is not gone to; of nothing at all it is not asked.
    """
    if end == start:
        return end
    way = 1 if end > start else -1
    near, far = start, end - (end - start) * _NEAR
    up, down = _along(slope, near, way), _along(slope, far, way)
    if down is not None and down >= 0:
        return end
    enough, moved = abs(up or ZERO) * _LEVEL, ""
    for step in range(_STEPS):
        middle = (near + far) / 2
        if step % 3 and up is not None and up > 0 and down is not None and down < 0:
            middle = near + (far - near) * up / (up - down)
        at = _along(slope, middle, way)
        if abs(far - near) <= _NEAR * abs(end - start) or (at is not None and abs(at) <= enough):
            return middle
        if at is not None and at > 0:
            near, up = middle, at
            down = down / 2 if down is not None and moved == "near" else down
            moved = "near"
        else:
            far, down = middle, at
            up = up / 2 if up is not None and moved == "far" else up
            moved = "far"
    return near


def _along(slope: Curve, at: Decimal, way: int) -> Decimal | None:
    try:
        return slope(at) * way
    except UndefinedError:
        return None


def _difference(a: Decimal, b: Decimal, size: Decimal) -> Decimal:
    """a - b; 0 where nothing but rounding is left of it."""
    difference = a - b
    return ZERO if abs(difference) <= NOISE * max(abs(a), abs(b), size) else difference
