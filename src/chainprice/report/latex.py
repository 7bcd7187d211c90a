r"""Formulas, names and plain text in LaTeX.

A formula is typeset by running its shape in an arithmetic of LaTeX text: `1/(2*sqrt(gas))` becomes
`\frac{1}{2 \sqrt{\mathrm{gas}}}`, in the form in which it was written.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from chainprice.errors import printable
from chainprice.formula import DERIVED, FUNCTIONS, FormulaError, Functions, read

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
}

_SUM, _PRODUCT, _POWER, _ATOM = range(4)


class _Math(NamedTuple):
    """A piece of LaTeX math, and how tightly it holds together."""

    text: str
    tightness: int

    def within(self, tightness: int) -> str:
        return self.text if self.tightness >= tightness else rf"\left({self.text}\right)"


def plain_latex(text: str) -> str:
    """Text with LaTeX's special characters escaped.

    Letters of other alphabets stay as they are: they need a font that has them (and XeLaTeX or LuaLaTeX).
    """
    return "".join(_SPECIAL.get(letter, letter) for letter in printable(text))


def upright(name: str) -> str:
    """A name in math: upright, so that it reads as one word; as text where math has no such letters."""
    return rf"\{'mathrm' if name.isascii() else 'textrm'}{{{plain_latex(name)}}}"


def number_latex(text: str) -> str:
    """A written number in math: a fraction or a power of ten as such."""
    fraction = re.fullmatch(r"(-?)(\d+)/(\d+)", text)
    if fraction:
        return rf"{fraction[1]}\frac{{{fraction[2]}}}{{{fraction[3]}}}"
    return re.sub(r"e([+-]?\d+)$", r" \\cdot 10^{\1}", text)


def formula_latex(text: str) -> str:
    """A formula in math; what is no formula (`P_a / P_b`) as upright text."""
    try:
        formula = read(text, DERIVED)
    except FormulaError:
        return upright(text)
    names = {name: _name(name) for name in formula.names}
    result: _Math = formula.evaluate(_LATEX, names)
    return result.text


def _name(name: str) -> _Math:
    if name in ("pi", "q", "e"):
        return _Math(rf"\{name}" if name == "pi" else name, _ATOM)
    price = re.fullmatch(r"P_([\w.]+)", name)
    return _Math(f"P_{{{upright(price[1])}}}" if price else upright(name), _ATOM)


def _number(value: Decimal) -> _Math:
    return _Math(number_latex(str(value).lower().replace("e+", "e")), _ATOM)


def _mul(a: _Math, b: _Math) -> _Math:
    left, right = a.within(_PRODUCT), b.within(_PRODUCT)
    dot = r" \cdot " if right[:1].isdigit() or right.startswith(r"\frac") else r" \, "
    return _Math(f"{left}{dot}{right}", _PRODUCT)


def _pow(a: _Math, b: _Math) -> _Math:
    return _Math(f"{a.within(_ATOM)}^{{{b.text}}}", _POWER)


def _call(name: str) -> Callable[..., _Math]:
    known = {"ln", "log", "exp", "sin", "cos", "tan", "sinh", "cosh", "tanh", "min", "max"}
    roman = {"asin": "arcsin", "acos": "arccos", "atan": "arctan"}.get(name, name)
    head = rf"\{roman}" if name in known or roman != name else rf"\operatorname{{{name}}}"
    return lambda *a: _Math(rf"{head}\left({', '.join(x.text for x in a)}\right)", _ATOM)


_LATEX: Functions = {
    **{name: _call(name) for name in FUNCTIONS},
    "number": _number,
    "add": lambda a, b: _Math(f"{a.text} + {b.within(_PRODUCT)}", _SUM),
    "sub": lambda a, b: _Math(f"{a.text} - {b.within(_PRODUCT)}", _SUM),
    "mul": _mul,
    "div": lambda a, b: _Math(rf"\frac{{{a.text}}}{{{b.text}}}", _PRODUCT),
    "pow": _pow,
    "neg": lambda a: _Math(f"-{a.within(_PRODUCT)}", _SUM),
    "sqrt": lambda a: _Math(rf"\sqrt{{{a.text}}}", _ATOM),
    "abs": lambda a: _Math(rf"\left|{a.text}\right|", _ATOM),
    "exp": lambda a: _Math(f"e^{{{a.text}}}", _POWER),
    "log": lambda a, base=None: _Math(
        rf"\log\left({a.text}\right)" if base is None else rf"\log_{{{base.text}}}\left({a.text}\right)",
        _ATOM,
    ),
}
