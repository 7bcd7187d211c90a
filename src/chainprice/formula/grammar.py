"""Tokens to a `Shape`: operator precedence, in a loop with its own stack.

No recursion, so that what can be read depends on this page alone, alike on every machine: a sum or
product of any length, and nesting as deep as is allowed. A token that is not named below is
refused. (Dijkstra's shunting-yard algorithm.)
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from chainprice.formula.shape import FUNCTIONS, Shape, ShapeBuilder


class GrammarError(Exception):
    """The tokens are not a formula; `place` is the index of the token to show, {word} in the message."""

    def __init__(self, message: str, place: int, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.place, self.hint = message, place, hint


class _Operator(NamedTuple):
    """An operation, and how tightly it binds what stands before it and what follows."""

    operation: str
    before: int
    after: int


_BINARY: Mapping[str, _Operator] = {
    "+": _Operator("add", 1, 1),
    "-": _Operator("sub", 1, 1),
    "*": _Operator("mul", 2, 2),
    "/": _Operator("div", 2, 2),
    "^": _Operator("pow", 5, 4),  # leans right: 2^3^2 is 2^(3^2)
}
_SIGN: Mapping[str, str] = {"-": "neg", "+": "plus"}
_SIGN_BINDS = 3  # -x^2 is -(x^2)


@dataclass(slots=True)
class _Waiting:
    """What waits for an operand: an operator, a sign, a function `sqrt(` or a parenthesis `(`.

    `binds` is how tightly it holds what follows; what only its parenthesis ends holds nothing (0).
    """

    operation: str
    place: int
    binds: int = 0
    arguments: int = 0

    @property
    def is_call(self) -> bool:
        return self.operation in FUNCTIONS


def parse(tokens: Sequence[str], names: int, numbers: int, nesting: int) -> Shape:
    """The shape of a formula whose names stand as n0, n1, ... and whose numbers as c0, c1, ...

    A function stands with its parenthesis: `sqrt(`. Raises GrammarError if it is not a formula, or one
    that is nested more than `nesting` deep.
    """
    reader = _Reader(nesting)
    for place, word in enumerate(tokens):
        if reader.wants_operand:
            reader.read_operand(word, place)
        else:
            reader.read_operator(word, place)
    return reader.finished(len(tokens)).build(names, numbers)


def span_of(tokens: Sequence[str], step: int) -> tuple[int, int]:
    """The first and the last token of the operands, or of the call, that first make a step of a formula."""
    reader = _Surveyor()
    for place, word in enumerate(tokens):
        reader.here = place
        if reader.wants_operand:
            reader.read_operand(word, place)
        else:
            reader.read_operator(word, place)
    reader.finished(len(tokens))
    return reader.span_of_step[step]


class _Reader:
    def __init__(self, nesting: int) -> None:
        self.nesting = nesting
        self.builder = ShapeBuilder()
        self.values: list[int] = []
        self.waiting: list[_Waiting] = []
        self.wants_operand = True

    def read_operand(self, word: str, place: int) -> None:
        """A word where a number, a name, or what may begin an operand, is due."""
        if word.endswith("("):
            self._wait(_Waiting(word[:-1], place))
        elif word in _SIGN:
            self._wait(_Waiting(_SIGN[word], place, _SIGN_BINDS))
        elif word[0] in "nc":
            self.values.append(self.builder.step("name" if word[0] == "n" else "number", int(word[1:])))
            self.wants_operand = False
        elif word == ")" and self.waiting and self.waiting[-1].is_call and not self.waiting[-1].arguments:
            self._close(self.waiting.pop())
        else:
            raise GrammarError("something is missing before '{word}'", place)

    def read_operator(self, word: str, place: int) -> None:
        """A word where an operator, a comma or the end of a parenthesis is due."""
        if word in _BINARY:
            operation, before, after = _BINARY[word]
            self._apply_waiting(before)
            self._wait(_Waiting(operation, place, after))
            self.wants_operand = True
        elif word == ",":
            self._apply_waiting(1)
            if not self.waiting or not self.waiting[-1].is_call:
                raise GrammarError(
                    "a comma belongs between the arguments of a function", place, "write 1.5 and 1000"
                )
            self.waiting[-1].arguments += 1
            self.wants_operand = True
        elif word == ")":
            self._apply_waiting(1)
            if not self.waiting:
                raise GrammarError("a parenthesis too many", place)
            self.waiting[-1].arguments += 1
            self._close(self.waiting.pop())
        else:
            raise GrammarError("an operator is missing before '{word}'", place, "write * to multiply")

    def finished(self, count: int) -> ShapeBuilder:
        """The steps, when all tokens have been read."""
        if not count:
            raise GrammarError("the formula is empty", 0)
        if not self.wants_operand:
            self._apply_waiting(1)
        elif self.waiting[-1].binds:
            raise GrammarError("the formula stops after an operator", count - 1)
        if self.waiting:
            hint = "close it; inside { } a comma ends a value, so put a formula with commas in quotes"
            raise GrammarError("a parenthesis is not closed", self.waiting[-1].place, hint)
        return self.builder

    def _wait(self, waiting: _Waiting) -> None:
        if len(self.waiting) == self.nesting:
            raise GrammarError(f"nested more than {self.nesting} deep", waiting.place)
        self.waiting.append(waiting)

    def _apply_waiting(self, binds: int) -> None:
        """Applies all that holds its operand at least as tightly as `binds`."""
        while self.waiting and self.waiting[-1].binds >= binds:
            operation = self.waiting.pop().operation
            if operation != "plus":
                self._apply(operation, 1 if operation == "neg" else 2)

    def _apply(self, operation: str, count: int) -> None:
        operands = self.values[len(self.values) - count :]
        del self.values[len(self.values) - count :]
        self.values.append(self.builder.step(operation, *operands))

    def _close(self, opened: _Waiting) -> None:
        if opened.is_call:
            _fail_if_miscounted(opened)
            self._apply(opened.operation, opened.arguments)
        self.wants_operand = False


def _fail_if_miscounted(call: _Waiting) -> None:
    fewest, most = FUNCTIONS[call.operation]
    if not fewest <= call.arguments <= most:
        wanted = (
            "one argument" if most == 1 else f"{fewest} or {most} arguments" if most == 2 else "at least one"
        )
        raise GrammarError(f"'{call.operation}' takes {wanted}, not {call.arguments}", call.place)


class _Surveyor(_Reader):
    """A reader of a formula that was read before, which remembers where each step stands."""

    def __init__(self) -> None:
        super().__init__(nesting=sys.maxsize)
        self.here = 0
        self.span_of_step: dict[int, tuple[int, int]] = {}
        self._spans: list[tuple[int, int]] = []

    def read_operand(self, word: str, place: int) -> None:
        """Numbers and names begin and end where they stand."""
        super().read_operand(word, place)
        if not self.wants_operand:
            self._spans.append((place, place))

    def _apply(self, operation: str, count: int) -> None:
        super()._apply(operation, count)
        spans = self._spans[len(self._spans) - count :]
        del self._spans[len(self._spans) - count :]
        self._note((spans[0][0], spans[-1][1]))

    def _close(self, opened: _Waiting) -> None:
        known = len(self.span_of_step)
        super()._close(opened)
        self._spans.pop()
        self._note((opened.place, self.here))
        if opened.is_call and len(self.span_of_step) > known:
            self.span_of_step[self.values[-1]] = self._spans[-1]

    def _note(self, span: tuple[int, int]) -> None:
        self._spans.append(span)
        self.span_of_step.setdefault(self.values[-1], span)
