"""Formula text to a `Formula`: names and numbers lifted out, the rest through the grammar.

Lifting comes first: `k*ore^0.3` becomes the tokens `n0 * n1 ^ c0`, and a character that no formula
has is refused on the spot. Nothing is ever evaluated as Python. Each distinct row of tokens is
parsed once.

Most formulas of a long chain look like one that was read before. These are not even taken apart
into tokens: one regular expression splits names and numbers from what stands between them, and
where that has been read, the shape is known (`_outline`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Context, Decimal, InvalidOperation
from functools import cache, lru_cache
from typing import Any, NamedTuple

from chainprice import limits
from chainprice.formula import hints
from chainprice.formula.grammar import GrammarError, parse, span_of
from chainprice.formula.shape import FUNCTIONS, Functions, Shape
from chainprice.formula.size import derivative_length

_NAME = r"[^\x00-@[-^`{-\x7f][^\x00-/:-@[-^`{-\x7f]*+"
"""A letter or _, then digits too; all that is not ASCII counts as a letter here. A class that says what is
left out compiles fifty times as fast as one that says what is in."""

_NUMBER = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"

_INNER_NAME = rf"{_NAME}(?:\.{_NAME})*+"
"""What is inside a firm has a name with dots, which no spec can write."""


@cache
def _token(name: str) -> re.Pattern[str]:
    return re.compile(
        r"(?P<space>\s+)"
        rf"|(?P<number>{_NUMBER})"
        rf"|(?P<call>{_NAME}\s*\()"
        rf"|(?P<name>{name})"
        r"|(?P<operator>\*\*|[-+*/^(),])"
        r"|(?P<other>.)",
        re.DOTALL,
    )


LIFTED = re.compile(rf"(?<![^\x00-/:-@[-^`{{-\x7f])({_NUMBER}|{_NAME}(?!\s*\())")
"""A whole number or name; a function, which has a parenthesis after it, is part of what stands between."""


class Allowed(NamedTuple):
    """How large a formula may be, and the digits and powers of ten of its numbers."""

    nesting: int
    operations: int
    digits: int
    exponent: int


WRITTEN = Allowed(
    limits.FORMULA_NESTING,
    limits.FORMULA_OPERATIONS,
    limits.NUMBER_DIGITS,
    limits.NUMBER_EXPONENT,
)
"""What a spec may hold."""

DERIVED = Allowed(
    limits.DERIVATIVE_NESTING,
    limits.FORMULA_LENGTH,
    limits.DERIVED_NUMBER,
    limits.DERIVED_NUMBER,
)
"""What comes of such a formula when it is differentiated."""


class FormulaError(Exception):
    """A formula breaks the language; `offset` and `length` say where in its text."""

    def __init__(self, message: str, offset: int = 0, length: int = 1, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.offset, self.length, self.hint = message, offset, length, hint


class Formula(NamedTuple):
    """A checked formula: its text, its shape, and what fills the shape's slots.

    `names` are the distinct names in order of appearance, `numbers` the literals, exact.
    """

    text: str
    shape: Shape
    names: tuple[str, ...]
    numbers: tuple[Decimal, ...]

    def evaluate(self, functions: Functions, values: Mapping[str, Any]) -> Any:
        """Its value in an arithmetic (`functions["number"]` turns a literal into a number)."""
        numbers = [functions["number"](number) for number in self.numbers]
        return self.shape.run(functions, [values[name] for name in self.names], numbers)

    def offset(self, name: str) -> int:
        """Where `name` first stands in the text."""
        tokens = tokens_of(self.text, DERIVED)
        return next((t.start() for t in tokens if t.lastgroup == "name" and t.group() == name), 0)

    def span(self, step: int) -> tuple[int, int]:
        """Where the part that one of the shape's steps stands for begins and ends in the text."""
        lifted = _lift(self.text, DERIVED)
        first, last = span_of(lifted.tokens, step)
        return lifted.spans[first][0], lifted.spans[last][1]

    def __str__(self) -> str:
        return self.text

    def __hash__(self) -> int:
        return hash(self.text)


def read(text: str, allowed: Allowed = WRITTEN) -> Formula:
    """The formula that `text` writes.

    Raises FormulaError, with the place in `text`, if it is not a formula of the language, or is larger than
    is allowed.
    """
    if len(text) > _OUTLINED or allowed is not WRITTEN:
        return _parsed(text, allowed)
    outline: list[Any] = LIFTED.split(text)
    names: dict[str, int] = {}
    numbers: list[Decimal] = []
    for place in range(1, len(outline), 2):
        word = outline[place]
        if word > ":":  # digits and the point come before the colon, letters after it
            outline[place] = names.setdefault(word, len(names))
        elif (number := _decimal(word)) is not None:
            outline[place] = None
            numbers.append(number)
    key = tuple(outline)
    # Spaces and signs beyond ASCII may hide in what looks like a name.
    is_plain = text.isascii() or all(map(is_name, names))
    shape = _SHAPES.get(key)
    if shape is not None and is_plain:
        return Formula(text, shape, tuple(names), tuple(numbers))
    formula = _parsed(text, allowed)
    if is_plain:
        _remember(key, formula.shape)
    return formula


TOO_LONG_A_NAME = f"a name longer than {limits.NAME_LENGTH} characters"

is_name = str.isidentifier
"""Whether a text may name a good, a firm or a parameter: a letter or _, then also digits."""


_Outline = tuple[str | int | None, ...]
"""What stands between names and numbers, and in their places the index of a name, None for a number."""

_OUTLINED = 1_000
"""Longer formulas are seldom alike: they are parsed."""

_REMEMBERED = 65_536

_SHAPES: dict[_Outline, Shape] = {}
"""The shapes of the outlines that have been read and found to be formulas."""


def _remember(outline: _Outline, shape: Shape) -> None:
    if len(_SHAPES) >= _REMEMBERED:
        _SHAPES.clear()
    _SHAPES[outline] = shape


def _parsed(text: str, allowed: Allowed) -> Formula:
    """The formula by its tokens: what is wrong with a text is only found here."""
    if len(text) > limits.FORMULA_LENGTH:
        raise FormulaError(f"formula longer than {limits.FORMULA_LENGTH:,} characters", hint=_DIVIDE)
    lifted = _lift(text, allowed)
    try:
        shape = _shape(lifted.tokens, len(lifted.names), len(lifted.numbers), allowed.nesting)
    except GrammarError as error:
        start, end = lifted.spans[error.place] if lifted.spans else (0, 1)
        message = error.message.format(word=text[start:end])
        raise FormulaError(message, start, end - start, error.hint) from None
    formula = Formula(text, shape, lifted.names, lifted.numbers)
    if allowed is WRITTEN and len(text) > _OUTLINED:
        _fail_if_derivatives_are_long(formula)
    return formula


_DIVIDE = "divide it among several firms, with goods between them"


def _fail_if_derivatives_are_long(formula: Formula) -> None:
    length, most = derivative_length(*formula[1:]), limits.DERIVATIVE_LENGTH
    if length > most:
        message = f"its derivatives, written out, have about {length:,} characters, and the limit is {most:,}"
        raise FormulaError(message, 0, len(formula.text), _DIVIDE)


class _Lifted(NamedTuple):
    """A text taken apart: the tokens, what was lifted out, and where each token stood."""

    tokens: tuple[str, ...]
    names: tuple[str, ...]
    numbers: tuple[Decimal, ...]
    spans: Sequence[tuple[int, int]]


def _lift(text: str, allowed: Allowed) -> _Lifted:
    """Names to n0, n1, ..., numbers to c0, c1, ..., functions and operators as they are."""
    names: dict[str, int] = {}
    numbers: list[Decimal] = []
    tokens: list[str] = []
    spans: list[tuple[int, int]] = []
    operations = 0
    for token in tokens_of(text, allowed):
        kind, (start, end) = token.lastgroup, token.span()
        word = token.group()
        if kind == "space":
            continue
        if kind == "number":
            tokens.append(f"c{len(numbers)}")
            numbers.append(_number(word, start, allowed))
        elif kind == "name":
            _fail_if_not_a_name(word, start)
            tokens.append(f"n{names.setdefault(word, len(names))}")
        elif kind == "call":
            word = word[:-1].rstrip()
            end = start + len(word)
            _fail_if_unknown_function(word, start)
            tokens.append(f"{word}(")
            operations += 1
        elif kind == "operator":
            tokens.append("^" if word == "**" else word)
            operations += word not in "()"
        else:
            raise _refused(word, start)
        spans.append((start, end))
        if operations > allowed.operations:
            message = f"a formula of more than {allowed.operations:,} operations"
            raise FormulaError(message, start, end - start, _DIVIDE)
    return _Lifted(tuple(tokens), tuple(names), tuple(numbers), spans)


def tokens_of(text: str, allowed: Allowed = WRITTEN) -> Iterator[re.Match[str]]:
    """The tokens of a text; the spaces between them are tokens too."""
    return _token(_NAME if allowed is WRITTEN else _INNER_NAME).finditer(text)


def _fail_if_not_a_name(word: str, start: int) -> None:
    if not word.isascii() and not all(map(is_name, word.split("."))):
        bad = next(i for i in range(len(word)) if not word[: i + 1].isidentifier())
        raise _refused(word[bad], start + bad)
    if len(word) > limits.NAME_LENGTH:
        raise FormulaError(TOO_LONG_A_NAME, start, len(word), "shorten it")


def _fail_if_unknown_function(word: str, start: int) -> None:
    _fail_if_not_a_name(word, start)
    if word not in FUNCTIONS:
        hint = hints.suggestion(word, FUNCTIONS) or f"the functions are {', '.join(FUNCTIONS)}"
        raise FormulaError(f"unknown function '{word}'", start, len(word), hint)


def _number(word: str, offset: int, allowed: Allowed) -> Decimal:
    number = _decimal(word) if allowed is WRITTEN else _within(word, allowed)
    if number is not None:
        return number
    if len(word) > allowed.digits and _within(word, allowed._replace(digits=len(word))) is not None:
        message = f"a number of more than {allowed.digits:,} digits"
        raise FormulaError(message, offset, len(word), "round it")
    raise FormulaError(f"number beyond 1e±{allowed.exponent}", offset, len(word), "use a nearer unit")


@lru_cache(maxsize=_REMEMBERED)
def _decimal(word: str) -> Decimal | None:
    """The number that a spec's literal writes, if it may; one object for all that are alike."""
    return _within(word, WRITTEN)


def _within(word: str, allowed: Allowed) -> Decimal | None:
    """The number that a literal writes, None if it is too far from 1 or has too many digits."""
    try:
        number = Decimal(word)
    except InvalidOperation:
        return None  # the exponent alone is more than a decimal holds
    if number and abs(number.adjusted()) > allowed.exponent:
        return None
    # Zeros before and behind are no digits of it.
    long = len(word) > allowed.digits and len(number.normalize(_EXACT).as_tuple().digits) > allowed.digits
    return None if long else number


_EXACT = Context(prec=limits.FORMULA_LENGTH)


def _refused(letter: str, offset: int) -> FormulaError:
    return FormulaError(f"'{letter}' is not part of a formula", offset, 1, hints.of_character(letter))


@lru_cache(maxsize=_REMEMBERED)
def _shape(tokens: tuple[str, ...], names: int, numbers: int, nesting: int) -> Shape:
    """The shape of what is left of a formula; formulas that differ in names and numbers share it."""
    return parse(tokens, names, numbers, nesting)
