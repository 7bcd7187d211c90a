"""Formulas in MathML, which browsers typeset themselves.

A formula is typeset by running its shape in an arithmetic of MathML, as it is in LaTeX (`report.latex`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from chainprice.formula import DERIVED, FUNCTIONS, FormulaError, Functions, read
from chainprice.report.markup import Markup, element

_SUM, _PRODUCT, _POWER, _ATOM = range(4)

_APPLIED = element("mo", Markup("&#8289;"))
"""Between a function and its arguments: nothing to see, but a screen reader says `of`."""


class _Math(NamedTuple):
    """A piece of MathML, and how tightly it holds together."""

    markup: Markup
    tightness: int

    def within(self, tightness: int) -> Markup:
        return self.markup if self.tightness >= tightness else _row(_sign("("), self.markup, _sign(")"))


def math(*contents: Markup) -> Markup:
    """A formula as it stands in a line of text."""
    return element("math", *contents, displaystyle="true")


def rule_mathml(text: str) -> Markup:
    """An equation, such as a price rule: `P_x = P_y * 2`; what is no formula stands as it is."""
    left, equals, right = text.partition(" = ")
    if not equals:
        return math(formula_mathml(text))
    return math(_row(formula_mathml(left), _sign("="), formula_mathml(right)))


def slope_mathml(output: str, source: str, formula: str) -> Markup:
    """A marginal product: the partial derivative of an output by an input, as a formula."""
    of, by = (_row(_sign("∂"), name_mathml(name)) for name in (output, source))
    return math(_row(element("mfrac", of, by), _sign("="), formula_mathml(formula)))


def formula_mathml(text: str) -> Markup:
    """A formula, without the element around it; what is no formula (`its shadow price`) as text."""
    try:
        formula = read(text, DERIVED)
    except FormulaError:
        return element("mtext", text)
    names = {name: _Math(_symbol(name), _ATOM) for name in formula.names}
    result: _Math = formula.evaluate(_MATHML, names)
    return result.markup


def name_mathml(name: str) -> Markup:
    """A name: upright, so that it reads as one word."""
    return element("mi", name, mathvariant="normal")


def _symbol(name: str) -> Markup:
    if name in ("pi", "q", "e"):
        return element("mi", "π" if name == "pi" else name)
    if name.startswith("P_") and len(name) > 2:
        return element("msub", element("mi", "P"), name_mathml(name[2:]))
    return name_mathml(name)


def _row(*contents: Markup) -> Markup:
    return element("mrow", *contents)


def _sign(text: str) -> Markup:
    return element("mo", text)


def _number(value: Decimal) -> _Math:
    text = str(value).lower()
    parts = re.fullmatch(r"([^e]+)e\+?(-?\d+)", text)
    if parts is None:
        return _Math(element("mn", text), _ATOM)
    exponent = parts[2].removeprefix("-")
    power = element("mn", exponent)
    if parts[2].startswith("-"):
        power = _row(_sign("−"), power)
    tens = element("msup", element("mn", "10"), power)
    return _Math(_row(element("mn", parts[1]), _sign("×"), tens), _PRODUCT)


def _joined(sign: str, tightness: int) -> Callable[[_Math, _Math], _Math]:
    """Terms or factors; the second holds together more tightly than the sign."""
    inner = tightness if sign == "⋅" else _PRODUCT
    return lambda a, b: _Math(_row(a.within(tightness), _sign(sign), b.within(inner)), tightness)


def _call(name: str) -> Callable[..., _Math]:
    head = {"asin": "arcsin", "acos": "arccos", "atan": "arctan"}.get(name, name)
    return lambda *arguments: _Math(_applied(name_mathml(head), *arguments), _ATOM)


def _applied(head: Markup, *arguments: _Math) -> Markup:
    inside = [part for argument in arguments for part in (_sign(","), argument.markup)][1:]
    return _row(head, _APPLIED, _row(_sign("("), *inside, _sign(")")))


def _log(a: _Math, base: _Math | None = None) -> _Math:
    head = name_mathml("log")
    return _Math(_applied(head if base is None else element("msub", head, base.markup), a), _ATOM)


_MATHML: Functions = {
    **{name: _call(name) for name in FUNCTIONS},
    "number": _number,
    "add": _joined("+", _SUM),
    "sub": _joined("−", _SUM),
    "mul": _joined("⋅", _PRODUCT),
    "div": lambda a, b: _Math(element("mfrac", a.markup, b.markup), _PRODUCT),
    "pow": lambda a, b: _Math(element("msup", a.within(_ATOM), b.markup), _POWER),
    "neg": lambda a: _Math(_row(_sign("−"), a.within(_PRODUCT)), _SUM),
    "sqrt": lambda a: _Math(element("msqrt", a.markup), _ATOM),
    "abs": lambda a: _Math(_row(_sign("|"), a.markup, _sign("|")), _ATOM),
    "exp": lambda a: _Math(element("msup", element("mi", "e"), a.markup), _POWER),
    "log": _log,
}
