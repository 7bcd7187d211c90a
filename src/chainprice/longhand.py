"""The derivatives of long formulas as text: by the sum, product and chain rules, as they come.

A sum or product of any length is differentiated as a whole, term by term or factor by factor, so that what
is written is no longer than its number of terms asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from chainprice.arithmetic import digits
from chainprice.formula import FUNCTIONS, Functions, Shape
from chainprice.joining import slope_of

_SUM, _PRODUCT, _POWER, _ATOM = range(4)
"""How tightly a piece of text holds together."""

_SUMS = ("add", "sub", "neg")
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
    over = [piece for piece in above if piece.text != "1"]
    under = [piece for piece in below if piece.text != "1"]
    is_negative = sum([piece.is_negative for piece in (*above, *below)]) % 2 == 1
    if len(over) == 1 and not under:
        return over[0]._replace(is_negative=is_negative)
    text = "*".join([_wrapped(piece, _PRODUCT) for piece in over]) or "1"
    if len(under) == 1:
        text += f"/{_wrapped(under[0], _POWER)}"
    elif under:
        text += f"/({'*'.join([_wrapped(piece, _POWER) for piece in under])})"
    return Piece(text, _PRODUCT if over[1:] or under else _ATOM, is_negative)


def _wrapped(piece: Piece, binds: int) -> str:
    """Without its sign, in parentheses unless it holds together at least so tightly."""
    return f"({piece.text})" if piece.binds < binds else piece.text


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


class _Product(NamedTuple):
    """A product: its factors above and below the fraction bar, each with how often, and its sign."""

    above: Mapping[int, int]
    below: Mapping[int, int]
    is_negative: bool


class Longhand:
    """The derivatives of a smooth shape whose slots are filled with pieces of text."""

    def __init__(self, shape: Shape, names: Sequence[Piece], numbers: Sequence[Decimal]) -> None:
        self._shape, self._names, self._numbers = shape, names, numbers
        self._texts: dict[int, Piece] = {}
        self._sums: dict[int, list[tuple[int, int]]] = {}
        self._products: dict[int, _Product] = {}
        self._sides: dict[int, tuple[list[Piece], list[Piece]]] = {}
        self._place = {of[0]: i for i, (operation, of) in enumerate(shape.steps) if operation == "name"}
        self._parents: dict[int, list[int]] | None = None

    def derivative(self, slot: int) -> str:
        """By one of the name slots."""
        root = len(self._shape.steps) - 1
        return self._derivative(root, self._moving(root, slot)).whole()

    def _moving(self, root: int, slot: int) -> set[int]:
        """The steps that depend on a slot; of those within a sum or product, only its terms or factors."""
        if self._parents is None:
            self._parents = self._found_parents(root)
        moving: set[int] = set()
        name = self._place.get(slot)
        left = [name] if name in self._parents else []
        while left:
            step = left.pop()
            if step not in moving:
                moving.add(step)
                left += self._parents[step]
        return moving

    def _found_parents(self, root: int) -> dict[int, list[int]]:
        parents: dict[int, list[int]] = {root: []}
        left = [root]
        while left:
            step = left.pop()
            for part in self._parts(step):
                if part not in parents:
                    parents[part] = []
                    left.append(part)
                parents[part].append(step)
        return parents

    def _parts(self, index: int) -> Iterable[int]:
        operation, operands = self._shape.steps[index]
        if operation in ("name", "number"):
            return ()
        if operation in _SUMS:
            return [step for step, _ in self._terms(index)]
        if operation in _PRODUCTS:
            product = self._factors(index)
            return [*product.above, *product.below]
        return operands

    def _derivative(self, index: int, moving: set[int]) -> Piece:
        """Of a step, if `moving` are the steps that depend on the variable."""
        if index not in moving:
            return Piece("0")
        operation, operands = self._shape.steps[index]
        if operation == "name":
            return ONE
        if operation in _SUMS:
            terms = [(step, sign) for step, sign in self._terms(index) if step in moving]
            pieces = [(self._derivative(step, moving), sign) for step, sign in terms]
            return sum_of([piece.opposite() if sign < 0 else piece for piece, sign in pieces])
        if operation in _PRODUCTS:
            return self._of_product(self._factors(index), moving)
        if operation == "pow" and operands[1] not in moving:
            return self._of_power(operands[0], operands[1], moving)
        return sum_of(
            [
                product_of([self._slope(index, position), self._derivative(operand, moving)])
                for position, operand in enumerate(operands)
                if operand in moving
            ]
        )

    def _of_product(self, product: _Product, moving: set[int]) -> Piece:
        """Factor by factor: f^n is n*f^(n - 1) times the slope of f, and all others stay."""
        above, below = self._pieces(product)
        terms = []
        for place, (step, count) in enumerate(product.above.items()):
            if step in moving:
                own = [_whole(count), self._repeated(step, count - 1), self._derivative(step, moving)]
                terms.append(product_of([*above[:place], *own, *above[place + 1 :]], below))
        for place, (step, count) in enumerate(product.below.items()):
            if step in moving:
                own = [_whole(count), self._derivative(step, moving).opposite()]
                more = self._repeated(step, count + 1)
                terms.append(product_of([*above, *own], [*below[:place], more, *below[place + 1 :]]))
        total = sum_of(terms)
        return total.opposite() if product.is_negative else total

    def _pieces(self, product: _Product) -> tuple[list[Piece], list[Piece]]:
        """What stands above the fraction bar, and below."""
        key = id(product)
        if key not in self._sides:
            above, below = (
                [self._repeated(step, count) for step, count in side.items()] for side in product[:2]
            )
            self._sides[key] = above, below
        return self._sides[key]

    def _repeated(self, step: int, count: int) -> Piece:
        """A factor so many times."""
        return _power(self._text(step), _whole(count)) if count else ONE

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
            product = self._factors(index)
            piece = product_of(*self._pieces(product))
            return piece.opposite() if product.is_negative else piece
        function: Callable[..., Piece] = PIECES[operation]
        return function(*map(self._text, operands))

    def _terms(self, index: int) -> list[tuple[int, int]]:
        """The terms of a sum in order, each with its sign."""
        if index not in self._sums:
            terms = self._sums[index] = []
            left = [(index, 1)]
            while left:
                step, sign = left.pop()
                operation, operands = self._shape.steps[step]
                if operation == "neg":
                    left.append((operands[0], -sign))
                elif operation in _SUMS:
                    left += [(operands[1], -sign if operation == "sub" else sign), (operands[0], sign)]
                else:
                    terms.append((step, sign))
        return self._sums[index]

    def _factors(self, index: int) -> _Product:
        """The factors of a product in order."""
        if index not in self._products:
            sides: tuple[dict[int, int], dict[int, int]] = {}, {}
            is_negative = False
            left = [(index, 0)]
            while left:
                step, side = left.pop()
                operation, operands = self._shape.steps[step]
                if operation == "neg":
                    is_negative = not is_negative
                    left.append((operands[0], side))
                elif operation in _PRODUCTS:
                    left += [(operands[1], 1 - side if operation == "div" else side), (operands[0], side)]
                else:
                    sides[side][step] = sides[side].get(step, 0) + 1
            self._products[index] = _Product(*sides, is_negative)
        return self._products[index]


def _whole(count: int) -> Piece:
    return Piece(str(count))


_EXACT = 3_000
"""Digits that a number of a spec less 1 may have."""


def _number(value: Decimal) -> Piece:
    return Piece(str(abs(value)), is_negative=value < 0)
