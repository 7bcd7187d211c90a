"""A box that holds exactly one solution of a system of equations, proved by Krawczyk's test.

With m near the solution, Y near the inverse of the Jacobian there and a box X around m: if

    K(X) = m - Y F(m) + (I - Y F'(X)) (X - m)

lies in the interior of X, then X holds one solution of F = 0 and no more, and K(X) holds it too (R. Krawczyk,
Computing 4, 1969). Everything is computed in balls, so that no rounding is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flint import arb, arb_mat, ctx

from chainprice.verification.certification.balls import Ball

Equations = Callable[[Sequence[Ball]], tuple[list[Ball], list[list[Ball]]]]
"""The values of a system of equations, and its Jacobian, at a point or over a box."""

_STEPS = 40
"""Newton steps before a start is given up: from a table of doubles, five are many."""

_NEAR = arb(2) ** -30
"""Steps of this size, relatively, are near the solution."""

_CONTRACTIONS = 2
"""How often the box is put through the test again, to make it smaller."""


_SINGULAR = "the active conditions leave a quantity or a price open: it may not be unique"


class NotEnclosedError(Exception):
    """No box could be proved to hold a solution; the message says why."""


class SingularError(NotEnclosedError):
    """The equations do not determine their unknowns: no bits help."""


def enclose(equations: Equations, start: Sequence[Ball]) -> list[Ball]:
    """A box that holds the one solution near a start, at the bits of `working`; raises NotEnclosedError."""
    if not start:
        return []
    middle = _newton(equations, [value.mid() for value in start])
    values, jacobian = _finite(equations, middle)
    inverse = _inverse(jacobian)
    shift = inverse * _column(values)
    box = [_around(value, shift[i, 0]) for i, value in enumerate(middle)]
    image = _image(equations, middle, inverse, shift, box)
    if not all(value.contains_interior(part) for value, part in zip(box, image, strict=True)):
        raise NotEnclosedError("Krawczyk's test does not succeed on the active conditions")
    for _ in range(_CONTRACTIONS):  # the middle stays in the box: slopes must hold all the way from it
        box = [part.union(value) for part, value in zip(image, middle, strict=True)]
        image = _image(equations, middle, inverse, shift, box)
    return image


def _finite(equations: Equations, point: Sequence[Ball]) -> tuple[list[Ball], list[list[Ball]]]:
    """The equations, where all of them are defined: matrices would take 0 times nan for 0."""
    values, jacobian = equations(point)
    if not all(number.is_finite() for row in (values, *jacobian) for number in row):
        raise NotEnclosedError("a condition or its slope is not defined near the table's point")
    return values, jacobian


def _newton(equations: Equations, point: list[Ball]) -> list[Ball]:
    """A point as near to the solution as the bits go, or as steps lead; near it, slopes are kept."""
    size, inverse = arb(1), None
    for _ in range(_STEPS):
        values, jacobian = _finite(equations, point)
        if inverse is None or size > _NEAR:
            inverse = _inverse(jacobian)
        step = inverse * _column(values)
        point = [(value - step[i, 0]).mid() for i, value in enumerate(point)]
        last, size = size, max(_relative(step[i, 0].mid(), value) for i, value in enumerate(point))
        if not size.is_finite() or (size >= last and last < _NEAR):
            break
    return point


def _relative(step: Ball, value: Ball) -> Ball:
    return abs(step) / abs(value) if value else abs(step)


def _around(value: Ball, shift: Ball) -> Ball:
    """A box around a coordinate: half of the bits wide, and wider than what Newton would still do."""
    radius = abs(value) * arb(2) ** (-ctx.prec // 2) + 16 * shift.abs_upper() + arb(2) ** -ctx.prec
    return arb(value, radius)


def _image(
    equations: Equations, middle: list[Ball], inverse: arb_mat, shift: arb_mat, box: list[Ball]
) -> list[Ball]:
    """K(X)."""
    _, jacobian = _finite(equations, box)
    count = len(middle)
    identity = arb_mat(count, count, [int(i == j) for i in range(count) for j in range(count)])
    spread = (identity - inverse * arb_mat(jacobian)) * _column(
        [value - start for value, start in zip(box, middle, strict=True)]
    )
    return [value - shift[i, 0] + spread[i, 0] for i, value in enumerate(middle)]


def _inverse(jacobian: list[list[Ball]]) -> arb_mat:
    """Near the inverse: its midpoints."""
    try:
        return arb_mat(jacobian).inv().mid()
    except ZeroDivisionError:
        raise SingularError(_SINGULAR) from None


def _column(values: Sequence[Ball]) -> arb_mat:
    return arb_mat(len(values), 1, list(values))
