"""Formula text to a `Formula`: names and numbers lifted out, the rest through an `ast` whitelist.

Lifting comes first and does most of the guarding: `k*ore^0.3` becomes the skeleton
`n0*n1**c0`, so that Python's parser never sees a user's name or number (a good may be called
`lambda`), and any other character is refused on the spot. Each distinct skeleton is parsed once.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from chainprice import limits
from chainprice.formula.shape import FUNCTIONS, Functions, Shape, ShapeBuilder

_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_\u0080-\U0010ffff][A-Za-z0-9_\u0080-\U0010ffff]*)"
    r"|(?P<operator>\*\*|[-+*/^(),])"
    r"|(?P<other>.)",
    re.DOTALL,
)

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


@dataclass(frozen=True, slots=True)
class Formula:
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


def read(text: str) -> Formula:
    """The formula that `text` writes.

    Raises FormulaError, with the place in `text`, if it is not a formula of the language.
    """
    if len(text) > limits.FORMULA_LENGTH:
        raise FormulaError(f"formula longer than {limits.FORMULA_LENGTH:,} characters")
    lifted = _lift(text)
    try:
        shape = _shape(lifted.skeleton, len(lifted.names), len(lifted.numbers))
    except _SkeletonError as error:
        start, end = lifted.span(error.column)
        raise FormulaError(error.message, start, max(1, end - start), error.hint) from None
    return Formula(text, shape, lifted.names, lifted.numbers)


def is_name(text: str) -> bool:
    """Whether `text` may name a good, a firm or a parameter: a letter or _, then also digits."""
    return text.isidentifier()


def suggestion(name: str, known: Iterable[str]) -> str:
    """'did you mean ...?' for a name that is nearly one of `known`, else ''."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6) if len(names) < 10_000 else []
    same = [other for other in names if other.casefold() == name.casefold()]
    return f"did you mean '{(same or close)[0]}'?" if same or close else ""


class _Lifted(NamedTuple):
    """A text taken apart: the skeleton, what was lifted, and where each token stood."""

    skeleton: str
    names: tuple[str, ...]
    numbers: tuple[Decimal, ...]
    columns: Sequence[int]
    spans: Sequence[tuple[int, int]]

    def span(self, column: int) -> tuple[int, int]:
        """Start and end in the text of the token at or before `column` of the skeleton."""
        best = 0
        for index, start in enumerate(self.columns):
            if start <= column:
                best = index
        return self.spans[best] if self.spans else (0, 1)


def _lift(text: str) -> _Lifted:
    """Names to n0, n1, ..., numbers to c0, c1, ..., functions and operators as they are."""
    names: dict[str, int] = {}
    numbers: list[Decimal] = []
    parts: list[str] = []
    columns: list[int] = []
    spans: list[tuple[int, int]] = []
    column, previous = 0, ""
    for token in _TOKEN.finditer(text):
        kind, word = token.lastgroup, token.group()
        if kind == "space":
            continue
        if kind == "number":
            part = f"c{len(numbers)}"
            numbers.append(_number(word, token.start()))
        elif kind == "name":
            part = _lift_name(text, token, names)
        elif kind == "operator":
            part = "**" if word == "^" else word
        else:
            raise _refused(word, token.start())
        begins = kind in ("number", "name") or (word == "(" and previous != "name")
        if begins and previous in ("number", "name", ")"):
            raise FormulaError(
                f"an operator is missing before '{word}'", token.start(), len(word), "write * to multiply"
            )
        columns.append(column)
        spans.append(token.span())
        parts.append(part)
        column += len(part) + 1
        previous = kind if kind != "operator" else word
    return _Lifted(" ".join(parts), tuple(names), tuple(numbers), columns, spans)


def _lift_name(text: str, token: re.Match[str], names: dict[str, int]) -> str:
    word = token.group()
    if not word.isascii() and not word.isidentifier():
        bad = next(i for i in range(len(word)) if not word[: i + 1].isidentifier())
        raise _refused(word[bad], token.start() + bad)
    called = text[token.end() :].lstrip().startswith("(") if "(" in text else False
    if not called:
        return f"n{names.setdefault(word, len(names))}"
    if word not in FUNCTIONS:
        hint = suggestion(word, FUNCTIONS) or f"the functions are {', '.join(FUNCTIONS)}"
        raise FormulaError(f"unknown function '{word}'", token.start(), len(word), hint)
    return word


def _number(word: str, offset: int) -> Decimal:
    number = Decimal(word)
    if number and abs(number.adjusted()) > limits.NUMBER_EXPONENT:
        raise FormulaError(
            f"number beyond 1e±{limits.NUMBER_EXPONENT}", offset, len(word), "use a nearer unit"
        )
    return number


def _refused(letter: str, offset: int) -> FormulaError:
    if letter in _LOOK_ALIKES:
        hint = f"write {_LOOK_ALIKES[letter]}"
    else:
        hint = _NOT_FORMULAS.get(letter, "formulas have numbers, names, + - * / ^ and functions")
    return FormulaError(f"'{letter}' is not part of a formula", offset, 1, hint)


class _SkeletonError(Exception):
    def __init__(self, message: str, column: int, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.column, self.hint = message, column, hint


_BINARY: Mapping[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.Pow: "pow",
}


@lru_cache(maxsize=65_536)
def _shape(skeleton: str, names: int, numbers: int) -> Shape:
    """The shape of a skeleton, through Python's own parser and a whitelist of its nodes."""
    if not skeleton:
        raise _SkeletonError("the formula is empty", 0)
    _fail_if_nested_too_deeply(skeleton)
    builder = ShapeBuilder()
    result: int | None = None
    for operation, column, term in _terms(skeleton):
        step = _walk(_parse(term, column), builder, 0, column)
        result = step if result is None else builder.step(operation, result, step)
    return builder.build(names, numbers)


def _terms(skeleton: str) -> Iterator[tuple[str, int, str]]:
    """The top-level terms of a sum: ("add" or "sub", column, text), one by one.

    Python's parser gives up after some 3,000 terms; a good that 100,000 firms make has more.
    """
    depth, start, operation = 0, 0, "add"
    column, previous = 0, ""
    for word in skeleton.split(" "):
        depth += (word == "(") - (word == ")")
        if word in ("+", "-") and depth == 0 and (previous == ")" or previous.isalnum()):
            yield operation, start, skeleton[start : column - 1]
            start, operation = column + 2, "add" if word == "+" else "sub"
        column += len(word) + 1
        previous = word
    yield operation, start, skeleton[start:]


def _parse(term: str, column: int) -> ast.expr:
    """Python's syntax tree of a term that begins at `column` of the skeleton."""
    try:
        return ast.parse(term, mode="eval").body
    except SyntaxError as error:
        raise _syntax_problem(term, error, column) from None
    except (RecursionError, MemoryError):
        raise _SkeletonError("too many terms inside a parenthesis", column) from None


def _fail_if_nested_too_deeply(skeleton: str) -> None:
    depth = 0
    for column, letter in enumerate(skeleton):
        depth += (letter == "(") - (letter == ")")
        if depth > limits.FORMULA_NESTING:
            raise _SkeletonError(f"more than {limits.FORMULA_NESTING} parentheses deep", column)


def _syntax_problem(term: str, error: SyntaxError, column: int) -> _SkeletonError:
    """Python's complaint in the words of formulas (its own speak of Python)."""
    if term.count("(") > term.count(")"):
        hint = "close it; inside { } a comma ends a value, so put a formula with commas in quotes"
        return _SkeletonError("a parenthesis is not closed", column + term.rindex("("), hint)
    if term.count("(") < term.count(")"):
        return _SkeletonError("a parenthesis too many", column + term.rindex(")"))
    if not term or term[-1] in "+-*/,":
        return _SkeletonError("the formula stops after an operator", column + len(term) - 1)
    at = column + min((error.offset or 1) - 1, len(term) - 1)
    return _SkeletonError("this is not a formula", at, "something is missing or too much here")


def _walk(node: ast.expr, builder: ShapeBuilder, depth: int, column: int) -> int:
    """The step that computes `node`, a part of the term that begins at `column`."""
    here = column + node.col_offset
    if depth > limits.FORMULA_NESTING:
        raise _SkeletonError(f"nested more than {limits.FORMULA_NESTING} deep", here)
    match node:
        case ast.Name(id=word) if word not in FUNCTIONS:
            return builder.step("name" if word[0] == "n" else "number", int(word[1:]))
        case ast.BinOp():
            return _walk_operators(node, builder, depth, column)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return builder.step("neg", _walk(operand, builder, depth + 1, column))
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _walk(operand, builder, depth + 1, column)
        case ast.Call(func=ast.Name(id=function), args=arguments, keywords=[]) if function in FUNCTIONS:
            _fail_if_miscounted(function, len(arguments), here)
            operands = [_walk(item, builder, depth + 1, column) for item in arguments]
            return builder.step(function, *operands)
        case _:
            raise _SkeletonError("this is not a formula", here)


def _walk_operators(node: ast.BinOp, builder: ShapeBuilder, depth: int, column: int) -> int:
    """A run of operators that lean left, as long sums do, is walked in a loop, not by recursion."""
    run: list[tuple[str, ast.expr]] = []
    left: ast.expr = node
    while isinstance(left, ast.BinOp):
        if type(left.op) not in _BINARY:
            raise _SkeletonError("this is not a formula", column + left.col_offset)
        run.append((_BINARY[type(left.op)], left.right))
        left = left.left
    result = _walk(left, builder, depth + 1, column)
    for operation, right in reversed(run):
        result = builder.step(operation, result, _walk(right, builder, depth + 1, column))
    return result


def _fail_if_miscounted(function: str, count: int, column: int) -> None:
    fewest, most = FUNCTIONS[function]
    if not fewest <= count <= most:
        wanted = (
            "one argument" if most == 1 else f"{fewest} or {most} arguments" if most == 2 else "at least one"
        )
        raise _SkeletonError(f"'{function}' takes {wanted}, not {count}", column)
