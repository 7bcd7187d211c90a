"""The degree of concavity of a formula, by rules that settle what people mostly write.

A product of powers of concave functions is concave while its exponents sum to no more than 1, and so are
sums and roots of such, harmonic means (`a*b/(a + b)`, `a/(3 + a)`), `ln(1 + a)` and `1 - exp(-a)`.

Of most numbers the rules see the sign only: `3*sqrt(a)` is as concave as `7*sqrt(a)`. They say themselves
whose size they ask for, and what they found is remembered by those sizes and by the signs of all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache

from chainprice.formula import Shape, Step

CONCAVE = Decimal(1)
"""The greatest degree that is concave."""

_CONSTANT = Decimal(0)
"""The degree of a positive constant."""

_ZERO = Decimal(0)

_REMEMBERED = 65_536
"""Sets of numbers of which a shape remembers what the rules said."""

_Memory = tuple[tuple[int, ...], dict[tuple[Decimal, ...], bool]]
"""The numbers whose size mattered so far, by place, and what the rules said for such sizes."""


class Degrees:
    """What the rules know of all formulas of one shape, for positive names.

    The degree of a function is the least d known for which it is positive and its d-th root concave. Degrees
    of factors add up (the geometric mean is concave and grows with its arguments); a power multiplies them.
    """

    def __init__(self, shape: Shape, constants: tuple[int, ...]) -> None:
        """`constants` are the slots of names that are constants."""
        self._shape = shape
        filled: list[Step] = [("number", (slot,)) for slot in range(shape.numbers)]
        filled += [("name", (slot,)) for slot in constants]
        self._places = {step: place for place, step in enumerate(filled)}
        self._memory: _Memory = ((), {})

    def are_concave(self, values: Sequence[Decimal]) -> bool:
        """Whether the function with these numbers, and then these constants, is known to be concave."""
        for value in values:
            if value <= _ZERO:
                return self._is_concave(_Numbers(values))
        asked, known = self._memory
        key = tuple([values[place] for place in asked]) if asked else ()
        return known[key] if key in known else self._remember(values)

    def _remember(self, values: Sequence[Decimal]) -> bool:
        """The answer for numbers that are all positive, kept by those whose size it was made of."""
        asked, known = self._memory
        numbers = _Numbers(values)
        is_concave = self._is_concave(numbers)
        if len(known) == _REMEMBERED or not numbers.asked.issubset(asked):
            asked, known = tuple(numbers.asked.union(asked)), {}
            self._memory = asked, known
        known[tuple([values[place] for place in asked])] = is_concave
        return is_concave

    def _is_concave(self, numbers: _Numbers) -> bool:
        degree = _Steps(self._shape, self._places, numbers).degrees[-1]
        return degree is not None and degree <= CONCAVE


@lru_cache(maxsize=8192)
def degrees(shape: Shape, constants: tuple[int, ...]) -> Degrees:
    """The degrees of a shape in which these name slots are constants."""
    return Degrees(shape, constants)


class _Numbers:
    """Numbers that note whose size was asked for, not the sign alone."""

    def __init__(self, values: Sequence[Decimal]) -> None:
        self._values = values
        self.asked: set[int] = set()

    def is_positive(self, place: int) -> bool:
        """Whether a number is above 0."""
        return self._values[place] > _ZERO

    def size(self, place: int) -> Decimal:
        """The number itself."""
        self.asked.add(place)
        return self._values[place]


class _Steps:
    """What is known of each step: its degree, and its place among the numbers if it is one."""

    def __init__(self, shape: Shape, places: Mapping[Step, int], numbers: _Numbers) -> None:
        self._steps = shape.steps
        self._numbers = numbers
        self.degrees: list[Decimal | None] = []
        self._places = [places.get(step) for step in shape.steps]
        for step, place in zip(shape.steps, self._places, strict=True):
            self.degrees.append(self._degree(*step) if place is None else self._of_number(place))

    def _of_number(self, place: int) -> Decimal | None:
        return _CONSTANT if self._numbers.is_positive(place) else None

    def _degree(self, operation: str, operands: Sequence[int]) -> Decimal | None:
        if operation == "name":
            return CONCAVE
        degree = self._of_powers(operation, operands)
        return self._of_bounded(operation, operands) if degree is None else degree

    def _of_powers(self, operation: str, operands: Sequence[int]) -> Decimal | None:
        """The degree of a sum, a product, a power or a multiple."""
        parts = [self.degrees[operand] for operand in operands]
        known = [part for part in parts if part is not None]
        exponent = self._places[operands[-1]]
        degree: Decimal | None = None
        if len(known) == len(parts):
            match operation, known:
                case "pow", [base, _] if exponent is not None:
                    degree = base * self._numbers.size(exponent)
                case "sqrt", [base]:
                    degree = base / 2
                case "mul", [first, second]:
                    degree = first + second
                case "add", [first, second] if max(first, second) <= CONCAVE:
                    degree = max(
                        first, second
                    )  # u^d + v^d is, like any CES function, a power of a concave one
                case "div", [first, second] if second == _CONSTANT:
                    degree = first
        return degree

    def _of_bounded(self, operation: str, operands: Sequence[int]) -> Decimal | None:
        """1 for concave functions of concave ones that no power describes."""
        match operation:
            case "ln":
                is_one = self._is_concave(operands[0]) and self._floor(operands[0]) >= 1
            case "div":
                is_one = self._is_harmonic(*operands)
            case "sub":
                is_one = self._is_what_decay_leaves(*operands)
            case _:
                is_one = False
        return CONCAVE if is_one else None

    def _is_concave(self, step: int) -> bool:
        degree = self.degrees[step]
        return degree is not None and degree <= CONCAVE

    def _floor(self, step: int) -> Decimal:
        """What a sum of numbers and of what is positive is no less than: the sum of the numbers."""
        floor = _ZERO
        addends = [step]
        while addends:
            operation, operands = self._steps[addend := addends.pop()]
            place = self._places[addend]
            if place is not None:
                floor += self._numbers.size(place)
            elif operation == "add":
                addends += operands
        return floor

    def _is_harmonic(self, above: int, below: int) -> bool:
        """Whether a quotient is a harmonic mean, u*v/(u + v) times constants; one of them may be constant."""
        operation, addends = self._steps[below]
        if operation != "add":
            return False
        first, second = (self._factors(addend) for addend in addends)
        means = sorted([*first, *second])
        return (
            len(first) <= 1 >= len(second)
            and len(set(means)) == len(means)
            and means == sorted(self._factors(above))
            and all(self._is_concave(step) for step in means)
            and all(self.degrees[step] is not None for step in (above, *addends))
        )

    def _factors(self, step: int) -> list[int]:
        """The factors of a product that are no constants."""
        operation, operands = self._steps[step]
        if self.degrees[step] == _CONSTANT:
            return []
        if operation == "mul":
            return [factor for operand in operands for factor in self._factors(operand)]
        if operation == "div" and self.degrees[operands[1]] == _CONSTANT:
            return self._factors(operands[0])
        return [step]

    def _is_what_decay_leaves(self, whole: int, rest: int) -> bool:
        """Whether a difference is 1 - exp(-u), the 1 no less than that."""
        operation, operands = self._steps[rest]
        is_decay = operation == "exp" and self._is_opposite(operands[0])
        return is_decay and self._places[whole] is not None and self._floor(whole) >= 1

    def _is_opposite(self, step: int) -> bool:
        """Whether a step is -u, u concave: `-a/2` and `-0.5*a` begin with the sign."""
        operation, operands = self._steps[step]
        if operation == "neg":
            return self._is_concave(operands[0])
        if operation not in ("mul", "div") or not self._is_opposite(operands[0]):
            return False
        is_multiple = self.degrees[operands[1]] == _CONSTANT
        is_times = operation == "mul" and self.degrees[self._signless(operands[0])] == _CONSTANT
        return is_multiple or (is_times and self._is_concave(operands[1]))

    def _signless(self, step: int) -> int:
        operation, operands = self._steps[step]
        return operands[0] if operation == "neg" else step
