"""The derivatives of long formulas as text: by the sum, product and chain rules, as they come.

A sum or product of any length is differentiated as a whole, term by term or factor by factor, so that what
is written is no longer than its number of terms asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from chainprice.arithmetic import digits
from chainprice.formula import FUNCTIONS, Functions, Shape
from chainprice.joining import slope_of

_SUM, _PRODUCT, _POWER, _ATOM = range(4)
"""How tightly a piece of text holds together."""

_SUMS = ("add", "sub")
_PRODUCTS = ("mul", "div")


class Piece(NamedTuple):
    """A text with its sign apart."""

    text: str
    binds: int = _ATOM
    is_negative: bool = False

    def whole(self) -> str:
        """With its sign."""
        if self.is_negative:
            return f"-({self.text})" if self.binds == _SUM else f"-{self.text}"
        return self.text

    def beside(self, binds: int) -> str:
        """In parentheses unless it holds together at least so tightly."""
        return f"({self.whole()})" if self.is_negative or self.binds < binds else self.text

    def opposite(self) -> Piece:
        """The same with the other sign."""
        return self._replace(is_negative=not self.is_negative)


ONE = Piece("1")


def sum_of(pieces: Sequence[Piece]) -> Piece:
    """What is added first comes first; none is 0."""
    if len(pieces) < 2:
        return pieces[0] if pieces else Piece("0")
    first = next((i for i, piece in enumerate(pieces) if not piece.is_negative), 0)
    ordered = [pieces[first], *pieces[:first], *pieces[first + 1 :]]
    parts = [ordered[0].whole()]
    for piece in ordered[1:]:
        is_sum = piece.is_negative and piece.binds == _SUM
        parts += (" - " if piece.is_negative else " + ", f"({piece.text})" if is_sum else piece.text)
    return Piece("".join(parts), _SUM)


def product_of(above: Sequence[Piece], below: Sequence[Piece] = ()) -> Piece:
    """Factors over factors, with their signs in front."""
    is_negative = sum(piece.is_negative for piece in (*above, *below)) % 2 == 1
    over = [piece._replace(is_negative=False) for piece in above if piece[:2] != ONE[:2]]
    under = [piece._replace(is_negative=False) for piece in below if piece[:2] != ONE[:2]]
    if len(over) == 1 and not under:
        return over[0]._replace(is_negative=is_negative)
    text = "*".join([piece.beside(_PRODUCT) for piece in over]) or "1"
    if len(under) == 1:
        text += f"/{under[0].beside(_POWER)}"
    elif under:
        text += f"/({'*'.join([piece.beside(_POWER) for piece in under])})"
    return Piece(text, _PRODUCT if over[1:] or under else _ATOM, is_negative)


def _power(base: Piece, exponent: Piece) -> Piece:
    return base if exponent == ONE else Piece(f"{base.beside(_ATOM)}**{exponent.beside(_ATOM)}", _POWER)


def _call(name: str, *arguments: Piece) -> Piece:
    return Piece(f"{name}({', '.join([argument.whole() for argument in arguments])})")


PIECES: Functions = {
    **{name: partial(_call, name) for name in FUNCTIONS},
    "add": lambda a, b: sum_of([a, b]),
    "sub": lambda a, b: sum_of([a, b.opposite()]),
    "mul": lambda a, b: product_of([a, b]),
    "div": lambda a, b: product_of([a], [b]),
    "pow": _power,
    "neg": Piece.opposite,
    "mean": lambda *values: product_of([sum_of(values)], [Piece(str(len(values)))] * (len(values) > 1)),
}
"""The arithmetic of `Shape.run` in pieces of text."""


class Longhand:
    """The derivatives of a smooth shape whose slots are filled with pieces of text."""

    def __init__(self, shape: Shape, names: Sequence[Piece], numbers: Sequence[Decimal]) -> None:
        self._shape, self._names, self._numbers = shape, names, numbers
        self._texts: dict[int, Piece] = {}

    def derivative(self, slot: int) -> str:
        """By one of the name slots."""
        moving: set[int] = set()
        for index, (operation, operands) in enumerate(self._shape.steps):
            if operation == "name":
                if operands[0] == slot:
                    moving.add(index)
            elif operation != "number" and not moving.isdisjoint(operands):
                moving.add(index)
        return self._derivative(len(self._shape.steps) - 1, moving).whole()

    def _derivative(self, index: int, moving: set[int]) -> Piece:
        """Of a step, if `moving` are the steps that depend on the variable."""
        if index not in moving:
            return Piece("0")
        operation, operands = self._shape.steps[index]
        if operation == "name":
            return ONE
        if operation in (*_SUMS, "neg"):
            terms = [(step, sign) for step, sign in self._terms(index) if step in moving]
            pieces = [(self._derivative(step, moving), sign) for step, sign in terms]
            return sum_of([piece.opposite() if sign < 0 else piece for piece, sign in pieces])
        if operation in _PRODUCTS:
            return self._of_product(index, moving)
        if operation == "pow" and operands[1] not in moving:
            return self._of_power(operands[0], operands[1], moving)
        return sum_of(
            [
                product_of([self._slope(index, position), self._derivative(operand, moving)])
                for position, operand in enumerate(operands)
                if operand in moving
            ]
        )

    def _of_product(self, index: int, moving: set[int]) -> Piece:
        above, below, is_negative = self._factors(index)
        over, under = [*map(self._text, above)], [*map(self._text, below)]
        terms = []
        for place, step in enumerate(above):
            if step in moving:
                slope = self._derivative(step, moving)
                terms.append(product_of([*over[:place], slope, *over[place + 1 :]], under))
        for place, step in enumerate(below):
            if step in moving:
                slope = self._derivative(step, moving).opposite()
                squared = [*under[:place], _power(under[place], Piece("2")), *under[place + 1 :]]
                terms.append(product_of([*over, slope], squared))
        total = sum_of(terms)
        return total.opposite() if is_negative else total

    def _of_power(self, base: int, exponent: int, moving: set[int]) -> Piece:
        """By a base; the exponent is fixed."""
        return product_of(
            [
                self._text(exponent),
                _power(self._text(base), self._less_one(exponent)),
                self._derivative(base, moving),
            ]
        )

    def _less_one(self, step: int) -> Piece:
        operation, operands = self._shape.steps[step]
        if operation != "number":
            return sum_of([self._text(step), ONE.opposite()])
        with digits(_EXACT):
            return _number(self._numbers[operands[0]] - 1)

    def _slope(self, index: int, position: int) -> Piece:
        operation, operands = self._shape.steps[index]
        slope = slope_of(operation, position, len(operands))
        known = {"x": self._text(operands[0]), "y": self._text(operands[-1])}
        names = [known.get(name, Piece(name)) for name in slope.names]
        piece: Piece = slope.shape.run(PIECES, names, [*map(_number, slope.numbers)])
        return piece

    def _text(self, index: int) -> Piece:
        """Of a step; each is written once, but what lies within a sum or product only as its part."""
        if index not in self._texts:
            self._texts[index] = self._written(index)
        return self._texts[index]

    def _written(self, index: int) -> Piece:
        operation, operands = self._shape.steps[index]
        if operation == "name":
            return self._names[operands[0]]
        if operation == "number":
            return _number(self._numbers[operands[0]])
        if operation in _SUMS:
            terms = [(self._text(step), sign) for step, sign in self._terms(index)]
            return sum_of([piece.opposite() if sign < 0 else piece for piece, sign in terms])
        if operation in _PRODUCTS:
            above, below, is_negative = self._factors(index)
            piece = product_of([*map(self._text, above)], [*map(self._text, below)])
            return piece.opposite() if is_negative else piece
        function: Callable[..., Piece] = PIECES[operation]
        return function(*map(self._text, operands))

    def _terms(self, index: int) -> list[tuple[int, int]]:
        """The terms of a sum in order, each with its sign."""
        terms = []
        left = [(index, 1)]
        while left:
            step, sign = left.pop()
            operation, operands = self._shape.steps[step]
            if operation in _SUMS:
                left += [(operands[1], sign if operation == "add" else -sign), (operands[0], sign)]
            elif operation == "neg":
                left.append((operands[0], -sign))
            else:
                terms.append((step, sign))
        return terms

    def _factors(self, index: int) -> tuple[list[int], list[int], bool]:
        """The factors of a product in order, above and below the fraction bar, and whether it is negative."""
        parts: tuple[list[int], list[int]] = [], []
        is_negative = False
        left = [(index, 0)]
        while left:
            step, side = left.pop()
            operation, operands = self._shape.steps[step]
            if operation in _PRODUCTS:
                left += [(operands[1], side if operation == "mul" else 1 - side), (operands[0], side)]
            elif operation == "neg":
                is_negative = not is_negative
                left.append((operands[0], side))
            else:
                parts[side].append(step)
        return *parts, is_negative


_EXACT = 3_000
"""Digits that a number of a spec less 1 may have."""


def _number(value: Decimal) -> Piece:
    return Piece(str(abs(value)), is_negative=value < 0)
