"""Production functions and marginal products; nothing here knows about markets.

A production function is a formula whose names are the firm's inputs and constants. Where it bends
(`min`, `max`, `abs`), it is settled first: at given quantities each bend is one of its smooth
branches, or, exactly on the kink, the mean of the branches that meet there. Marginal products are
sympy's derivatives of the settled function.
"""

from __future__ import annotations

import decimal
from collections.abc import Container, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from chainprice import differentiation, gradients, undefined
from chainprice.arithmetic import CONSTANTS, DECIMALS, evaluate, rational, working_digits
from chainprice.bound import Bound
from chainprice.errors import Problem, UndefinedError, short, some
from chainprice.figures import Figure
from chainprice.formula import KINKED, Formula, Shape, ShapeBuilder
from chainprice.gradients import Gradient
from chainprice.network import Network
from chainprice.programs import program
from chainprice.spec import Spec
from chainprice.spec.model import NOTHING
from chainprice.templates import Template
from chainprice.terms import slot_name
from chainprice.undefined import Cause

Point = Mapping[str, Decimal]
"""Quantities of a firm's inputs."""


class ProductionFunction(NamedTuple):
    """How much of `output` a firm makes of its inputs.

    `inputs` are the goods that the formula names; `parameters` what its other names are worth.
    """

    firm: str
    output: str
    formula: Formula
    inputs: tuple[str, ...]
    parameters: Mapping[str, Formula]

    def values(self, point: Point) -> list[Decimal]:
        """The numbers that fill the formula's name slots at a point."""
        names = self.formula.names
        if len(self.inputs) == len(names):
            return [point[name] for name in names]
        return [point[name] if name in point else self._constant(name) for name in names]

    def _constant(self, name: str) -> Decimal:
        return evaluate(self.parameters[name]) if name in self.parameters else CONSTANTS[name]()

    def amount(self, point: Point) -> Decimal:
        """The quantity of output at a point; raises ArithmeticError where there is none."""
        value: Decimal = program(self.formula.shape).run(self.values(point), self.formula.numbers)[0]
        return value

    def is_unsure(self, point: Point, unsure: Container[str]) -> bool:
        """Whether the output depends on what was rounded away, or on goods of which that is so (`unsure`)."""
        values = self.values(point)
        slots = [name in unsure for name in self.formula.names]
        return _unsure_steps(self.formula.shape, values, self.formula.numbers, slots)[-1]

    def settled(self, point: Point, weights: Weights = MappingProxyType({})) -> Settled:
        """The smooth function that this one is at a point, with these weights at its bends."""
        if not self.formula.shape.kinked:
            return _as_written(self.formula.shape)
        return settle(self.formula, self.values(point), weights)

    def bound(self, shape: Shape) -> Bound:
        """A settled shape with the parameters that are fractions filled in."""
        return Bound(shape, self.formula.numbers, self.constants())

    def constants(self) -> tuple[tuple[int, Fraction | str], ...]:
        """The names that are no inputs: their slots, with their values where these are fractions."""
        if len(self.inputs) == len(self.formula.names):
            return ()
        constants: list[tuple[int, Fraction | str]] = []
        for slot, name in enumerate(self.formula.names):
            if name in self.parameters:
                exact = rational(self.parameters[name])
                if exact is not None:
                    constants.append((slot, exact))
            elif name not in self.inputs:
                constants.append((slot, name))
        return tuple(constants)


Weights = Mapping[int, tuple[Decimal, ...]]
"""For each bend's step in a formula's shape, how much each of its arguments counts; they sum to 1."""


class Settled(NamedTuple):
    """A smooth shape, and whether the point that it was taken at lies on a kink.

    `weights` fill the name slots that the shape has beyond those of the formula. On a kink `is_near` says
    that something is between its branches, though next to nothing: more digits may tell them apart.
    """

    shape: Shape
    on_kink: bool
    weights: tuple[Decimal, ...] = ()
    is_near: bool = False


class MarginalProduct(NamedTuple):
    """dF/dz of one output by one input: its value, and a formula in the firm's own names.

    `slot` is the place of the input among the formula's names.
    """

    output: str
    input: str
    value: Decimal
    function: ProductionFunction
    settled: Settled
    slot: int

    def is_unsure(self, point: Point, unsure: Container[str]) -> bool:
        """Whether the value depends on what was rounded away, as in `ProductionFunction.is_unsure`."""
        function, gradient = self.function, gradients.gradient(self.settled.shape)
        names = [*function.values(point), *self.settled.weights]
        slots = [name in unsure for name in function.formula.names]
        try:
            values = gradient.slots(names, function.formula.numbers)
            steps = _unsure_steps(gradient.program, values, gradient.literals, slots)
        except ArithmeticError:
            return any(slots)
        return steps[gradient.results[self.slot]]

    @property
    def formula(self) -> str:
        """sympy's derivative as text; raises UndefinedError if it cannot be written down."""
        pattern, figures = self.template
        return self.filled(pattern, figures)

    @property
    def template(self) -> Template:
        """The formula with places for numbers and names: firms that differ in these share its pattern."""
        function = self.function
        return _template(self.settled.shape, function.formula.numbers, function.constants(), self.slot)

    def filled(self, pattern: str, figures: Sequence[Figure]) -> str:
        """A pattern with these numbers, the firm's own names, and its weights at a kink."""
        names, weights = self.function.formula.names, self.settled.weights
        if not weights:
            return pattern.format(*figures, *names)
        return pattern.format(*figures, *names, *(f"{float(weight):.6g}" for weight in weights))


@lru_cache(maxsize=65_536)
def _template(
    shape: Shape, numbers: tuple[Decimal, ...], constants: tuple[tuple[int, Fraction | str], ...], slot: int
) -> Template:
    return differentiation.template(Bound(shape, numbers, constants), slot)


@lru_cache(maxsize=8192)
def _as_written(shape: Shape) -> Settled:
    """A shape without bends."""
    return Settled(shape, on_kink=False)


Technology = Mapping[str, tuple[ProductionFunction, ...]]
"""Each firm's production functions, outputs in alphabetical order."""


def build(spec: Spec, network: Network) -> Technology:
    """The technology of a spec."""
    return MappingProxyType(
        {
            name: tuple([_function(spec, network, name, output) for output in network.outputs[name]])
            for name in network.firms
        }
    )


def _function(spec: Spec, network: Network, firm: str, output: str) -> ProductionFunction:
    formula = spec.firms[firm].production[output]
    if network.inputs[firm] is formula.names:
        return ProductionFunction(firm, output, formula, formula.names, NOTHING)
    inputs = tuple(filter(network.uses.__contains__, formula.names))
    parameters = {
        name: parameter
        for name in formula.names
        if name not in inputs and (parameter := spec.parameter(firm, name)) is not None
    }
    return ProductionFunction(firm, output, formula, inputs, MappingProxyType(parameters))


def amount(spec: Spec, function: ProductionFunction, point: Point) -> Decimal:
    """The quantity of output; raises UndefinedError, with the place, where there is none."""
    try:
        return function.amount(point)
    except ArithmeticError:
        cause = undefined.of_value(function.formula, function.values(point))
        raise UndefinedError(_undefined(spec, function, point, "has no finite real value", cause)) from None


def produce(function: ProductionFunction, point: Point) -> tuple[Decimal, tuple[MarginalProduct, ...]] | None:
    """The quantity of output and the marginal products, by one program.

    None where that cannot be: the formula has bends, or something in the program has no value.
    """
    formula, output = function.formula, function.output
    smooth = _smooth(formula.shape)
    if smooth is None:
        return None
    settled, gradient = smooth
    try:
        value, *slopes = gradient.in_order(function.values(point), formula.numbers)
    except ArithmeticError:
        return None
    return value, tuple(
        [
            MarginalProduct(output, name, slopes[slot], function, settled, slot)
            for slot, name in enumerate(formula.names)
            if name in point
        ]
    )


@lru_cache(maxsize=8192)
def _smooth(shape: Shape) -> tuple[Settled, Gradient] | None:
    """A shape without bends, with its gradient; None for one that has bends."""
    return None if shape.kinked else (_as_written(shape), gradients.gradient(shape))


def marginal_products(
    spec: Spec,
    function: ProductionFunction,
    point: Point,
    weights: Weights = MappingProxyType({}),
    near: Point | None = None,
) -> tuple[MarginalProduct, ...]:
    """The marginal product of each input at a point, in the formula's order of inputs.

    `weights` say how much each argument counts of a bend that the point lies on; a slope that does not
    exist at the point is taken `near` it, if that is given.

    Raises UndefinedError, with the place, where the function has no slope.
    """
    settled = function.settled(point, weights)
    if settled.shape is not function.formula.shape:
        _fail_if_nowhere_beside(spec, function, point)
    points = (point,) if near is None else (point, near)
    if settled.on_kink and not weights:
        for side in (0, 1):
            branch = settle(function.formula, function.values(point), side=side)
            _slopes(spec, function, branch, points)
    slopes = _slopes(spec, function, settled, points)
    products = tuple(
        [
            MarginalProduct(function.output, name, slopes[slot], function, settled, slot)
            for slot, name in enumerate(function.formula.names)
            if name in point
        ]
    )
    if weights or not settled.on_kink or len(products) * len(function.formula.shape.steps) > _FEW:
        return products
    return tuple([_between_its_sides(product, point) for product in products])


def _fail_if_nowhere_beside(spec: Spec, function: ProductionFunction, point: Point) -> None:
    """Raise UndefinedError where a branch of a bend, be it another one, has a value at this point alone.

    So has a power of a negative number: the next unit would leave the whole function without a value.
    """
    shape, names = function.formula.shape, function.values(point)
    if not any(operation == "pow" for operation, _ in shape.steps):
        return
    values = shape.trace(DECIMALS, names, function.formula.numbers)
    slots: list[set[int]] = []
    for operation, operands in shape.steps:
        if operation == "name":
            slots.append({operands[0]} if function.formula.names[operands[0]] in point else set())
        else:
            slots.append(set().union(*(slots[o] for o in operands)) if operation != "number" else set())
        if operation == "pow" and values[operands[0]] < 0 and slots[operands[1]]:
            error = _SlopelessError(min(slots[operands[1]]), None, names)
            raise UndefinedError(_slopeless(spec, function, point, error))


def of_first_unit(product: MarginalProduct, point: Point) -> MarginalProduct:
    """The product of an input of which there is none, at a kink: a market uses no less than none of it."""
    return next(_beside(product, point, (1,)), product)


def _between_its_sides(product: MarginalProduct, point: Point) -> MarginalProduct:
    """The product, or that of one more unit where the mean of branches is not between both sides' slopes.

    So it is where bends meet that know of each other, as in min(abs(x), tan(x)) at 0, and at the edge of
    where a function has values.
    """
    sides = [*_beside(product, point, (1, -1))]
    slopes = [side.value for side in sides]
    return product if not sides or min(slopes) <= product.value <= max(slopes) else sides[0]


def _beside(product: MarginalProduct, point: Point, ways: Sequence[int]) -> Iterator[MarginalProduct]:
    """The product by the branches that hold a little to the right (1) or to the left (-1) of a point."""
    there = point[product.input]
    step = (abs(there) or Decimal(1)).scaleb(-working_digits() // _BESIDE)
    for way in ways:
        beside = {**point, product.input: there + way * step}
        try:
            settled = product.function.settled(beside)
            _finite_slopes(product.function, settled, (beside,))
            slope = _finite_slopes(product.function, settled, (point,))[product.slot]
        except (ArithmeticError, UndefinedError, _SlopelessError):
            continue
        yield product._replace(value=slope, settled=settled)


_FEW = 1_000
"""Inputs times steps of a formula up to which its bends are looked at from both sides of each input."""

_BESIDE = 3
"""The distance to a point beside another has so many digits: the working digits over this."""


def _slopes(
    spec: Spec, function: ProductionFunction, settled: Settled, points: Sequence[Point]
) -> dict[int, Decimal]:
    """The slope by each name slot of an input at the first of the points, or else at the next.

    Raises UndefinedError, with the place, where there is none.
    """
    try:
        return _finite_slopes(function, settled, points)
    except _SlopelessError as error:
        raise UndefinedError(_slopeless(spec, function, points[0], error)) from None


class _SlopelessError(Exception):
    """There is no slope by this slot; `derivative` has no value where its names have these `values`.

    A place costs a look through the whole file, and who tries another point needs none.
    """

    def __init__(self, slot: int, derivative: Formula | None, values: Sequence[Decimal]) -> None:
        super().__init__(slot)
        self.slot, self.derivative, self.values = slot, derivative, values


def _finite_slopes(
    function: ProductionFunction, settled: Settled, points: Sequence[Point]
) -> dict[int, Decimal]:
    """The same; raises _SlopelessError where there is none."""
    slots = [[*function.values(at), *settled.weights] for at in points]
    gradient = _gradient(settled.shape, slots[0], function.formula.numbers)
    slopes: dict[int, Decimal] = {}
    for slot, name in enumerate(function.formula.names):
        if name not in points[0]:
            continue
        value = gradient.get(slot)
        if value is None:
            try:
                derivative = differentiation.derivative(function.bound(settled.shape), slot)
            except UndefinedError:
                raise _SlopelessError(slot, None, slots[0]) from None
            value = _first_defined(derivative, slots)
            if value is None:
                raise _SlopelessError(slot, derivative, slots[0])
        slopes[slot] = value
    return slopes


def _gradient(shape: Shape, values: Sequence[Decimal], numbers: Sequence[Decimal]) -> dict[int, Decimal]:
    """The derivative by each name slot; empty where one of them has no value as it is written."""
    try:
        return gradients.gradient(shape).run(values, numbers)[1]
    except ArithmeticError:
        return {}


def _first_defined(slope: Formula, points: Sequence[Sequence[Decimal]]) -> Decimal | None:
    for values in points:
        try:
            return evaluate(slope, _by_slot(values))
        except ArithmeticError:
            continue
    return None


def _filling(derivative: Formula, values: Sequence[Decimal]) -> list[Decimal]:
    """The values of a derivative's names."""
    by_slot = _by_slot(values)
    return [by_slot[name] if name in by_slot else CONSTANTS[name]() for name in derivative.names]


def _by_slot(values: Sequence[Decimal]) -> dict[str, Decimal]:
    return {slot_name(i): value for i, value in enumerate(values)}


def _slopeless(spec: Spec, function: ProductionFunction, point: Point, error: _SlopelessError) -> Problem:
    failure = None
    if error.derivative is not None:
        failure = undefined.of_value(error.derivative, _filling(error.derivative, error.values))
    cause = undefined.of_slope(function.formula, function.values(point), error.slot, failure)
    what = f"has no finite slope in '{function.formula.names[error.slot]}'"
    return _undefined(spec, function, point, what, cause)


def _undefined(
    spec: Spec, function: ProductionFunction, point: Point, what: str, cause: Cause | None
) -> Problem:
    where = some([f"{name} = {point[name]:.6g}" for name in function.inputs])
    at = f" at {where}" if where else ""
    why = f": {cause.reason}" if cause else ""
    path = ("firms", function.firm, "production", function.output)
    return Problem(
        f"'{short(function.formula.text)}' {what}{at}{why} "
        f"(production of '{function.output}' by firm '{function.firm}')",
        spec.place_in(cause.span, *path) if cause else spec.place(*path),
        (cause.hint if cause else "") or "change the quantities supplied, or the formula",
    )


_LEVELS_OFF = frozenset({"erf", "tanh", "cos", "cosh", "exp"})
"""Functions that are 1 in all digits, far out or near 0, where they are not."""


def _unsure_steps(
    shape: Shape, names: Sequence[Decimal], numbers: Sequence[Decimal], slots: Sequence[bool]
) -> list[bool]:
    """For each step, whether it depends on what was rounded away: 1 + 1e-500, erf(99), or an unsure name."""
    values = shape.trace(DECIMALS, names, numbers)
    unsure: list[bool] = []
    for (operation, operands), value in zip(shape.steps, values, strict=True):
        if operation in ("name", "number"):
            unsure.append(operation == "name" and operands[0] < len(slots) and slots[operands[0]])
            continue
        arguments = [values[operand] for operand in operands]
        if operation in ("add", "sub"):
            small, large = sorted(map(abs, arguments))
            is_lost = 0 < small <= large.scaleb(-working_digits())
        else:
            is_lost = operation in _LEVELS_OFF and abs(value) == 1 and bool(arguments[0])
        is_plain = (operation in ("sub", "div") and operands[0] == operands[1]) or (
            operation in ("mul", "div", "pow")
            and any(not values[operand] and not unsure[operand] for operand in operands)
        )
        unsure.append(is_lost or (not is_plain and any(unsure[operand] for operand in operands)))
    return unsure


def settle(
    formula: Formula,
    names: Sequence[Decimal],
    weights: Weights = MappingProxyType({}),
    side: int | None = None,
) -> Settled:
    """The smooth function that a formula is where its names have these values.

    A branch, or the mean of the branches that tie, is put in the place of each kinked step; where
    `weights` has the step, the weighted sum of its arguments. With a `side` it is the first (0) or the last
    (1) of the branches that tie.
    """
    if weights:
        return _weighted(formula, names, weights)
    shape = formula.shape
    values = shape.trace(DECIMALS, names, formula.numbers)
    blurs = _blurs(shape, values)
    steps = list(shape.steps)
    on_kink = is_near = False
    for index, (operation, operands) in enumerate(steps):
        if operation not in KINKED:
            continue
        if operation == "abs":
            value = values[operands[0]]
            tied = abs(value) <= blurs[operands[0]]
            if tied and side is None:
                steps[index] = ("sub", operands * 2)
            else:
                rises = value > 0 if not tied else side == 0
                steps[index] = ("mean" if rises else "neg", operands)
            on_kink |= tied
            is_near |= tied and bool(value)
        else:
            value = values[index]
            blurred = (o for o in operands if abs(values[o] - value) <= max(blurs[o], blurs[index]))
            active = tuple(dict.fromkeys(blurred))
            steps[index] = ("mean", active if side is None else (active[-side],))
            on_kink |= len(active) > 1
            is_near |= any(values[o] != value for o in active)
    return Settled(Shape(tuple(steps), shape.names, shape.numbers), on_kink, is_near=is_near)


def _weighted(formula: Formula, names: Sequence[Decimal], weights: Weights) -> Settled:
    """A formula with weighted sums at its bends; each weight that is neither 0 nor 1 has a name slot."""
    plain = settle(formula, names).shape
    builder = ShapeBuilder()
    made: list[int] = []
    extra: list[Decimal] = []
    for index, (operation, operands) in enumerate(formula.shape.steps):
        if index not in weights:
            kept, of = plain.steps[index]
            made.append(builder.step(kept, *(of if kept in ("name", "number") else [made[o] for o in of])))
            continue
        arguments = [made[operand] for operand in operands]
        if operation == "abs":
            arguments.append(builder.step("neg", arguments[0]))
        terms = []
        for argument, weight in zip(arguments, weights[index], strict=True):
            if weight == 1:
                terms.append(argument)
            elif weight:
                slot = builder.step("name", formula.shape.names + len(extra))
                extra.append(weight)
                terms.append(builder.step("mul", slot, argument))
        while len(terms) > 1:
            terms[:2] = [builder.step("add", *terms[:2])]
        made.append(terms[0])
    shape = builder.build(formula.shape.names + len(extra), formula.shape.numbers, made[-1])
    return Settled(shape, on_kink=bool(extra), weights=tuple(extra))


def _blurs(shape: Shape, values: Sequence[Decimal]) -> list[Decimal]:
    """By how much each step's value may be off through rounding, with 8 digits to spare.

    Errors of operands go on with the operation's slope (Higham, Accuracy and Stability of Numerical
    Algorithms, 3.3), and each value is rounded. Where nothing is added, values are as good as their digits.
    """
    unit = Decimal(1).scaleb(8 - working_digits())
    if _KEEP_DIGITS.issuperset(operation for operation, _ in shape.steps):
        return [abs(value) * unit for value in values]
    blurs: list[Decimal] = []
    with decimal.localcontext(_ROUGH):
        for (operation, operands), value in zip(shape.steps, values, strict=True):
            passed = Decimal(0)
            if operation not in ("name", "number"):
                arguments = [values[operand] for operand in operands]
                passed = _passed_on(operation, arguments, value, [blurs[operand] for operand in operands])
            blur = passed + abs(value) * unit
            blurs.append(blur if blur.is_finite() else abs(value) * unit)
    return blurs


def _passed_on(
    operation: str, arguments: Sequence[Decimal], value: Decimal, blurs: Sequence[Decimal]
) -> Decimal:
    """The part of a value's error that is its operands'."""
    if operation in ("add", "sub", "mean", "neg", "abs", "min", "max"):
        return sum(blurs, Decimal(0))
    if operation in _GENTLE:
        return 2 * blurs[0]
    parts = [blur / abs(argument) if blur else blur for argument, blur in zip(arguments, blurs, strict=True)]
    if operation in ("ln", "log"):
        return sum(parts, Decimal(0))
    if operation == "exp":
        return abs(value) * blurs[0]
    if operation == "pow":
        base, exponent = arguments
        return abs(value) * (abs(exponent) * parts[0] + (abs(abs(base).ln()) * blurs[1] if base else 0))
    return abs(value) * sum(parts, Decimal(0))


_ROUGH = decimal.Context(prec=6, Emin=decimal.MIN_EMIN, Emax=decimal.MAX_EMAX, traps=[])

_KEEP_DIGITS = frozenset({"name", "number", "mul", "div", "pow", "sqrt", "neg", "min", "max", "abs", "mean"})
"""Operations whose value has as many right digits as their operands."""

_GENTLE = frozenset({"sin", "cos", "atan", "tanh", "erf"})
"""Functions whose slope is never much above 1."""
