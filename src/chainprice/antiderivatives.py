"""Antiderivatives of shapes, where sympy finds them in our language."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from chainprice import cache
from chainprice.algebra import expression_of, symbol, sympy_functions
from chainprice.bound import Bound, in_fractions, settled_slots
from chainprice.formula import Formula, FormulaError, Functions, Shape, read
from chainprice.kept import checked, fail_if_foreign, key_of
from chainprice.notation import Writer
from chainprice.terms import Forms


@lru_cache(maxsize=1024)
def antiderivative(bound: Bound, slot: int) -> Formula | None:
    """An antiderivative by one of the name slots, or None if sympy finds none in our language.

    Its names are those of name slots and then of the shape's numbers, each of which has a slot here too.
    """
    shape = bound.shape
    # Without numbers too it is another question than that of `_open_antiderivative`.
    numbers = (*map(str, bound.numbers), *bound.constants) or ("none",)
    return _open_antiderivative(shape, slot) or _remembered_antiderivative(
        lambda: _bound_antiderivative(bound, slot), shape, slot, *numbers
    )


@lru_cache(maxsize=1024)
def _open_antiderivative(shape: Shape, slot: int) -> Formula | None:
    return _remembered_antiderivative(lambda: _of_polynomial(shape, slot), shape, slot)


def _remembered_antiderivative(
    find: Callable[[], Formula | None], shape: Shape, slot: int, *numbers: object
) -> Formula | None:
    def restored(data: Any) -> Formula | None:
        fail_if_foreign(shape, data)
        try:
            return checked(read(*data)) if data else None
        except (TypeError, FormulaError) as error:
            raise ValueError from error

    def taken_apart(formula: Formula | None) -> list[str]:
        return [formula.text] if formula else []

    return cache.remembered(find, taken_apart, restored, "antiderivative", *key_of(shape), slot, *numbers)


def _of_polynomial(shape: Shape, slot: int) -> Formula | None:
    """Whatever its numbers are."""
    import sympy

    symbols = [symbol(index) for index in range(shape.names + shape.numbers)]
    functions: Functions = sympy_functions({})
    expression = shape.run(functions, symbols[: shape.names], symbols[shape.names :])
    if not expression.is_polynomial(symbols[slot]):
        return None
    return read(Writer().write(Forms().form(sympy.integrate(expression, symbols[slot]))))


def _bound_antiderivative(bound: Bound, slot: int) -> Formula | None:
    import sympy
    from sympy.integrals.manualintegrate import manualintegrate

    settled = in_fractions(settled_slots(bound.shape, {**bound.named, **bound.known}, ()))
    expression = expression_of(bound.shape, settled, frozenset())
    if expression.has_far_powers():
        return None
    result = manualintegrate(expression.whole(), symbol(slot))
    if result.has(sympy.Integral, sympy.Piecewise):
        return None
    try:
        return checked(read(Writer(decimal=bound.is_decimal).write(Forms().form(result))))
    except (FormulaError, ValueError):  # a function that our language lacks, or a number of endless digits
        return None
