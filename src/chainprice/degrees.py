"""The degree of concavity of a formula, by rules that settle what people mostly write.

A product of powers of concave functions is concave while its exponents sum to no more than 1, and so are
sums and roots of such, harmonic means (`a*b/(a + b)`, `a/(3 + a)`), `ln(1 + a)` and `1 - exp(-a)`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from chainprice.formula import Shape

CONCAVE = Decimal(1)
"""The greatest degree that is concave."""

_CONSTANT = Decimal(0)
"""The degree of a positive constant."""


def degree(shape: Shape, numbers: Sequence[Decimal], constants: Mapping[int, Decimal]) -> Decimal | None:
    """The least d known for which the function is positive and its d-th root concave; None if none is known.

    For positive names; `constants` has the values of those that are constants, by slot. Degrees of factors
    add up (the geometric mean is concave and grows with its arguments); a power multiplies them.
    """
    return _Steps(shape, numbers, constants).degrees[-1]


class _Steps:
    """What is known of each step: its degree, its value if it is a number, and what it is no less than."""

    def __init__(self, shape: Shape, numbers: Sequence[Decimal], constants: Mapping[int, Decimal]) -> None:
        self._steps = shape.steps
        self.degrees: list[Decimal | None] = []
        self._values: list[Decimal | None] = []
        self._floors: list[Decimal] = []
        for operation, operands in shape.steps:
            value: Decimal | None = None
            if operation == "number":
                value = numbers[operands[0]]
            elif operation == "name":
                value = constants.get(operands[0])
            self._add(operation, operands, value)

    def _add(self, operation: str, operands: Sequence[int], value: Decimal | None) -> None:
        floor = Decimal(0)
        if value is not None:
            degree, floor = _CONSTANT if value > 0 else None, value
        elif operation == "name":
            degree = CONCAVE
        else:
            degree = self._of_powers(operation, operands)
            if degree is None:
                degree = self._of_bounded(operation, operands)
            if operation == "add":
                floor = sum((self._floors[operand] for operand in operands), Decimal(0))
        self.degrees.append(degree)
        self._values.append(value)
        self._floors.append(floor)

    def _of_powers(self, operation: str, operands: Sequence[int]) -> Decimal | None:
        """The degree of a sum, a product, a power or a multiple."""
        parts = [self.degrees[operand] for operand in operands]
        known = [part for part in parts if part is not None]
        last = self._values[operands[-1]]
        degree: Decimal | None = None
        if len(known) == len(parts):
            match operation, known:
                case "pow", [base, _] if last is not None and last > 0:
                    degree = base * last
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
                is_one = self._is_concave(operands[0]) and self._floors[operands[0]] >= 1
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
        return is_decay and self._values[whole] is not None and self._floors[whole] >= 1

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
