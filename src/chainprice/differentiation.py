"""The derivatives of shapes as formulas of our own language. Each distinct shape is differentiated once.

What sympy finds is printed as a formula and read back through the same whitelist as any other, so that one
kind of formula is all that is ever evaluated or shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any

from chainprice import cache
from chainprice.algebra import Expression, expression_of
from chainprice.bound import Bound, Settled, in_fractions, settled_slots
from chainprice.errors import UndefinedError
from chainprice.figures import NotWritableError
from chainprice.formula import DERIVED, Formula, FormulaError, Shape, Step, read
from chainprice.gradients import gradient, is_long
from chainprice.kept import checked, fail_if_foreign, key_of, slots_of
from chainprice.longhand import PIECES, Longhand, Piece
from chainprice.opening import left_open
from chainprice.templates import Exact, OpenForm, Template
from chainprice.terms import Sum, from_data, slot_name, to_data


def template(bound: Bound, slot: int) -> Template:
    """A derivative's text with places for the names of the shape's name slots.

    Raises what `derivative` raises.
    """
    if is_long(bound.shape):
        return Template(_longhand(bound).derivative(slot))
    shape, known, named = bound.shape, bound.known, bound.named
    decimal = bound.is_decimal
    try:
        for opened in (left_open(shape, known, named), ()):
            derivatives = _derivatives_of(shape, settled_slots(shape, {**named, **known}, opened), opened)
            found = derivatives.template(slot, [known[each] for each in opened], decimal=decimal)
            if found is not None:
                return found
    except FormulaError as error:
        raise _has_no_real_value(error) from None
    except ValueError:  # Python's limit on writing long integers
        raise UndefinedError("a derivative has a constant too long to be written down") from None
    raise UndefinedError("a derivative has no real value")


@lru_cache(maxsize=65_536)
def derivative(bound: Bound, slot: int) -> Formula:
    """The partial derivative of a smooth shape by one of its name slots.

    Raises UndefinedError if a constant part of it has no real value that can be written down.
    """
    if is_long(bound.shape):
        return _joined_derivative(bound, slot)
    text = template(bound, slot).filled([*map(slot_name, range(bound.shape.names))])
    try:
        return read(text, DERIVED)
    except FormulaError as error:
        raise _has_no_real_value(error) from None


@lru_cache(maxsize=16)
def _longhand(bound: Bound) -> Longhand:
    """With a place for the name of each slot that is no constant."""
    names = [Piece(f"{{{slot}}}") for slot in range(bound.shape.names)]
    for slot, value in bound.constants:
        names[slot] = (
            PIECES["div"](*map(Piece, map(str, value.as_integer_ratio())))
            if isinstance(value, Fraction)
            else Piece("exp(1)" if value == "e" else value)
        )
    return Longhand(bound.shape, names, bound.numbers)


def _joined_derivative(bound: Bound, slot: int) -> Formula:
    """As it is in the gradient, with the formula's numbers as numbers."""
    shape, whole = bound.shape, gradient(bound.shape)
    known = range(shape.names, shape.names + shape.numbers)
    steps: list[Step] = []
    for operation, operands in whole.program.steps[: whole.results[slot] + 1]:
        if operation == "name" and operands[0] in known:
            steps.append(("number", (operands[0] - shape.names,)))
        elif operation == "name" and operands[0] >= known.stop:
            steps.append(("name", (operands[0] - shape.numbers,)))
        elif operation == "number":
            steps.append(("number", (operands[0] + shape.numbers,)))
        else:
            steps.append((operation, operands))
    names = (*map(slot_name, range(shape.names)), *whole.constants)
    numbers = (*bound.numbers, *whole.literals)
    return Formula(
        f"slope by {slot_name(slot)}", Shape(tuple(steps), len(names), len(numbers)), names, numbers
    )


def _has_no_real_value(error: FormulaError) -> UndefinedError:
    return UndefinedError(f"a derivative has no real value: {error}")


class _Derivatives:
    """The derivatives of a shape with some slots settled and some left open, each found once."""

    def __init__(self, shape: Shape, settled: Settled, opened: tuple[int, ...]) -> None:
        self._shape, self._opened = shape, opened
        self._settled = in_fractions(settled)
        self._known: dict[int, OpenForm] = {}
        self._is_filled: dict[int, bool] = {}

    def derivative(self, slot: int) -> Sum:
        """By the symbol of a slot."""
        settled = ",".join(f"{place}={value}" for place, value in self._settled)
        form: Sum = cache.remembered(
            lambda: self._expression.derivative(slot),
            to_data,
            self._from_data,
            "derivative",
            *(*key_of(self._shape), settled, sorted(self._opened), slot),
        )
        return form

    def template(self, slot: int, opened: Sequence[Exact], *, decimal: bool) -> Template | None:
        """By the symbol of a slot, with numbers for the open slots; None where these have another form.

        Raises FormulaError where it is no formula, and ValueError for more digits than Python writes.
        """
        form = self._known.get(slot)
        if form is None:
            form = self._known[slot] = OpenForm(self.derivative(slot), [*map(slot_name, self._opened)])
        try:
            template = form.template(opened, decimal=decimal)
        except NotWritableError:
            return None
        if slot not in self._is_filled:
            self._is_filled[slot] = self._has_no_open_slot(template)
        return template if self._is_filled[slot] else None

    def _has_no_open_slot(self, template: Template) -> bool:
        """Raises FormulaError where it is no formula. Other texts of the form have other numbers only."""
        names = [*map(slot_name, range(self._shape.names + self._shape.numbers))]
        formula = checked(read(template.filled(names), DERIVED))
        return set(self._opened).isdisjoint(slots_of(formula))

    @cached_property
    def _expression(self) -> Expression:
        return expression_of(self._shape, self._settled, frozenset(self._opened))

    def _from_data(self, data: Any) -> Sum:
        fail_if_foreign(self._shape, data)
        return from_data(data)


@lru_cache(maxsize=4096)
def _derivatives_of(shape: Shape, settled: Settled, opened: tuple[int, ...]) -> _Derivatives:
    return _Derivatives(shape, settled, opened)
