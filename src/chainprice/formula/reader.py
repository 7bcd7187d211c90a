"""Formula text to a `Formula`: names and numbers lifted out, the rest through the grammar.

Lifting comes first: `k*ore^0.3` becomes the tokens `n0 * n1 ^ c0`, and a character that no formula
has is refused on the spot. Nothing is ever evaluated as Python. Each distinct row of tokens is
parsed once.

Most formulas of a long chain look like one that was read before. These are not even taken apart
into tokens: one regular expression splits names and numbers from what stands between them, and
where that has been read, the shape is known (`_outline`).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, NamedTuple

from chainprice import limits
from chainprice.formula.grammar import GrammarError, parse
from chainprice.formula.shape import FUNCTIONS, Functions, Shape

_NAME = r"[^\x00-@[-^`{-\x7f][^\x00-/:-@[-^`{-\x7f]*+"
"""A letter or _, then digits too; all that is not ASCII counts as a letter here. A class that says what is
left out compiles fifty times as fast as one that says what is in."""

_NUMBER = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"

_TOKEN = re.compile(
    r"(?P<space>\s+)"
    rf"|(?P<number>{_NUMBER})"
    rf"|(?P<call>{_NAME}\s*\()"
    rf"|(?P<name>{_NAME})"
    r"|(?P<operator>\*\*|[-+*/^(),])"
    r"|(?P<other>.)",
    re.DOTALL,
)

_LIFTED = re.compile(rf"(?<![^\x00-/:-@[-^`{{-\x7f])({_NUMBER}|{_NAME}(?!\s*\())")
"""A whole number or name; a function, which has a parenthesis after it, is part of what stands between."""

_LOOK_ALIKES = {"−": "-", "–": "-", "×": "*", "·": "*", "⋅": "*", "÷": "/", "∕": "/", "²": "^2", "³": "^3"}

_NOT_FORMULAS = {
    ".": "a formula has no attributes: names are letters, digits and _ only",
    "[": "a formula has no indices",
    "{": "a formula has no sets",
    "'": "a formula has no text",
    '"': "a formula has no text",
    "=": "a formula has no assignments or comparisons",
    "<": "a formula has no comparisons; a bend can be written with min, max or abs",
    ">": "a formula has no comparisons; a bend can be written with min, max or abs",
    "%": "write 5% as 0.05",
    ":": "a formula has no assignments",
}


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
        tokens = _TOKEN.finditer(self.text)
        return next((t.start() for t in tokens if t.lastgroup == "name" and t.group() == name), 0)

    def __str__(self) -> str:
        return self.text

    def __hash__(self) -> int:
        return hash(self.text)


def read(text: str, nesting: int = limits.FORMULA_NESTING) -> Formula:
    """The formula that `text` writes, nested at most `nesting` deep.

    Raises FormulaError, with the place in `text`, if it is not a formula of the language.
    """
    if len(text) > _OUTLINED or nesting != limits.FORMULA_NESTING:
        return _parsed(text, nesting)
    outline: list[Any] = _LIFTED.split(text)
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
    formula = _parsed(text, nesting)
    if is_plain:
        _remember(key, formula.shape)
    return formula


is_name = str.isidentifier
"""Whether a text may name a good, a firm or a parameter: a letter or _, then also digits."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """'did you mean ...?' for a name that is nearly one of `known`, else ''."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6) if len(names) < 10_000 else []
    same = [other for other in names if other.casefold() == name.casefold()]
    return f"did you mean '{(same or close)[0]}'?" if same or close else ""


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


def _parsed(text: str, nesting: int) -> Formula:
    """The formula by its tokens: what is wrong with a text is only found here."""
    if len(text) > limits.FORMULA_LENGTH:
        raise FormulaError(f"formula longer than {limits.FORMULA_LENGTH:,} characters")
    lifted = _lift(text)
    try:
        shape = _shape(lifted.tokens, len(lifted.names), len(lifted.numbers), nesting)
    except GrammarError as error:
        start, end = lifted.spans[error.place] if lifted.spans else (0, 1)
        message = error.message.format(word=text[start:end])
        raise FormulaError(message, start, end - start, error.hint) from None
    return Formula(text, shape, lifted.names, lifted.numbers)


class _Lifted(NamedTuple):
    """A text taken apart: the tokens, what was lifted out, and where each token stood."""

    tokens: tuple[str, ...]
    names: tuple[str, ...]
    numbers: tuple[Decimal, ...]
    spans: Sequence[tuple[int, int]]


def _lift(text: str) -> _Lifted:
    """Names to n0, n1, ..., numbers to c0, c1, ..., functions and operators as they are."""
    names: dict[str, int] = {}
    numbers: list[Decimal] = []
    tokens: list[str] = []
    spans: list[tuple[int, int]] = []
    for token in _TOKEN.finditer(text):
        kind, (start, end) = token.lastgroup, token.span()
        word = token.group()
        if kind == "space":
            continue
        if kind == "number":
            tokens.append(f"c{len(numbers)}")
            numbers.append(_number(word, start))
        elif kind == "name":
            _fail_if_not_a_name(word, start)
            tokens.append(f"n{names.setdefault(word, len(names))}")
        elif kind == "call":
            word = word[:-1].rstrip()
            end = start + len(word)
            _fail_if_unknown_function(word, start)
            tokens.append(f"{word}(")
        elif kind == "operator":
            tokens.append("^" if word == "**" else word)
        else:
            raise _refused(word, start)
        spans.append((start, end))
    return _Lifted(tuple(tokens), tuple(names), tuple(numbers), spans)


def _fail_if_not_a_name(word: str, start: int) -> None:
    if not word.isascii() and not word.isidentifier():
        bad = next(i for i in range(len(word)) if not word[: i + 1].isidentifier())
        raise _refused(word[bad], start + bad)


def _fail_if_unknown_function(word: str, start: int) -> None:
    _fail_if_not_a_name(word, start)
    if word not in FUNCTIONS:
        hint = suggestion(word, FUNCTIONS) or f"the functions are {', '.join(FUNCTIONS)}"
        raise FormulaError(f"unknown function '{word}'", start, len(word), hint)


def _number(word: str, offset: int) -> Decimal:
    number = _decimal(word)
    if number is None:
        message = f"number beyond 1e±{limits.NUMBER_EXPONENT}"
        raise FormulaError(message, offset, len(word), "use a nearer unit")
    return number


@lru_cache(maxsize=_REMEMBERED)
def _decimal(word: str) -> Decimal | None:
    """The number that a literal writes, None if it is too far from 1; one object for all that are alike."""
    try:
        number = Decimal(word)
    except InvalidOperation:
        return None  # the exponent alone is more than a decimal holds
    return None if number and abs(number.adjusted()) > limits.NUMBER_EXPONENT else number


def _refused(letter: str, offset: int) -> FormulaError:
    if letter in _LOOK_ALIKES:
        hint = f"write {_LOOK_ALIKES[letter]}"
    else:
        hint = _NOT_FORMULAS.get(letter, "formulas have numbers, names, + - * / ^ and functions")
    return FormulaError(f"'{letter}' is not part of a formula", offset, 1, hint)


@lru_cache(maxsize=_REMEMBERED)
def _shape(tokens: tuple[str, ...], names: int, numbers: int, nesting: int) -> Shape:
    """The shape of what is left of a formula; formulas that differ in names and numbers share it."""
    return parse(tokens, names, numbers, nesting)
