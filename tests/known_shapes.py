"""What the program ships about common functional shapes: `python tests/known_shapes.py` makes it anew.

The specs below are solved with sympy, and all that it is asked for and finds is written down, in the
form of the user's cache: the names and numbers of a formula are not in it, so that each stands for
all formulas of its shape. `refresh.py` does this too.
"""

import re
from collections.abc import Iterator
from itertools import product
from json import dumps
from pathlib import Path
from typing import Any
from unittest.mock import patch

from outputs import readme_blocks
from support import SPECS

import chainprice
from chainprice import cache
from chainprice.starter import starter_spec

RELEASES = ("1.13", "1.14")
"""Of sympy; each of them was seen to find just what is in the file (1.13.0, 1.13.3 and 1.14.0)."""

CONCAVE = """
    x; a*x; x*a; x/a; a*x/b; a*b*x; a*x + b; x - a; a*x - b; x - a*x; x - x/a; (1 - a)*x; x*(1 - a)
    sqrt(x); a*sqrt(x); a*sqrt(b*x); a*sqrt(x/b); a*sqrt(x + b); sqrt(x) + a; a*sqrt(x) + b
    x^k; a*x^k; x^k*a; x^(1/2); a*x^(1/2); x^(1/3); a*x^(1/3); x^(2/3); a*x^(2/3); a*x^k + b; a*(x + b)^k
    ln(x + 1); ln(1 + x); a*ln(x + 1); a*ln(1 + x); a*ln(1 + x/b); a*ln(x/b + 1); a*ln(1 + b*x); a*ln(b*x + 1)
    1 - 1/(x + 1); 1 - 1/(1 + x); a*(1 - 1/(x + 1)); a*(1 - 1/(1 + x)); a - a/(x + 1)
    a - a*exp(-b*x); x/(1 + a*x); a*x/(1 + b*x)
    x/(x + 1); x/(1 + x); a*x/(x + 1); a*x/(1 + x); x/(x + a); x/(a + x); a*x/(x + b); a*x/(b + x)
    1 - exp(-x); a*(1 - exp(-x)); 1 - exp(-a*x); a*(1 - exp(-b*x)); a*(1 - exp(-x/b)); tanh(x); a*tanh(x/b)
    a*tanh(b*x); a*x - b*x^2; x - a*x^2; a*x - x^2/b; x - x^2/a; a*x - b*x*x; x*(a - b*x); x*(1 - x/a)
    x + y; a*x + b*y; x + a*y; a*x + y; x/a + y/b; a*(x + y); a*(x + b*y); x + y - a; x - a*y; a*x - b*y
    sqrt(x*y); sqrt(x)*sqrt(y); a*sqrt(x*y); a*sqrt(x)*sqrt(y); (x*y)^k; a*(x*y)^k; x*y/(x + y); a*x*y/(x + y)
    x^k*y^m; a*x^k*y^m; x^k*y^(1 - k); a*x^k*y^(1 - k); a*(x^k)*(y^m); x^(1/3)*y^(2/3); a*x^(1/3)*y^(2/3)
    x^(1/3)*y^(1/3); a*x^(1/3)*y^(1/3); a*x^k*sqrt(y); a*sqrt(x)*y^k
    x^k*y^m*a; x^k*y^m/a; sqrt(x)*y^k; x^k*sqrt(y); a*x*y/(b*x + c*y); x*y/(a*x + b*y)
    sqrt(x + y); a*sqrt(x + y); (x + y)^k; a*(x + y)^k; ln(1 + x + y); a*ln(1 + x + y)
    sqrt(x) + sqrt(y); a*sqrt(x) + b*sqrt(y); x^k + y^m; a*x^k + b*y^m; a*ln(1 + x) + b*ln(1 + y)
    a*x + b*y - c*x^2; a*x - b*x^2 + c*y
    (x^k + y^k)^(1/k); c*(x^k + y^k)^(1/k); (a*x^k + b*y^k)^(1/k); c*(a*x^k + b*y^k)^(1/k)
    (a*x^k + (1 - a)*y^k)^(1/k); c*(a*x^k + (1 - a)*y^k)^(1/k)
    (a*x^(-k) + b*y^(-k))^(-1/k); c*(a*x^(-k) + b*y^(-k))^(-1/k); (a*x^-k + b*y^-k)^(-1/k)
    c*(a*x^-k + b*y^-k)^(-1/k); c*(a*x^(-k) + (1 - a)*y^(-k))^(-1/k); c*(a*x^-k + (1 - a)*y^-k)^(-1/k)
    (a*x^0.25 + b*y^0.25)^4; c*(a*x^0.25 + b*y^0.25)^4; (x^0.5 + y^0.5)^2; (a*x^0.5 + b*y^0.5)^2; c*(a*x^0.5 + b*y^0.5)^2
    (a*sqrt(x) + b*sqrt(y))^2; c*(a*sqrt(x) + b*sqrt(y))^2; 1/(a/x + b/y); c/(a/x + b/y); (a*x^-1 + b*y^-1)^-1
    c*(a*x^-1 + b*y^-1)^-1; c*(a*x^(-1) + b*y^(-1))^(-1)
    c*(a*x^k + b*y^k)^m; c*(a*x^-k + b*y^-k)^-m; (a*x^k + b*y^k)^m; (a*x^-k + b*y^-k)^-m
    c*(a*x^(k/m) + b*y^(k/m))^l; c*(a*x^(-k/m) + b*y^(-k/m))^-l
    min(x, y); min(x/a, y/b); min(a*x, b*y); min(x, y/a); min(x/a, y); min(x, a*y); min(a*x, y); a*min(x, y)
    a*min(x/b, y/c); min(x, a); min(x/a, b); min(a*x, b); a*min(x, b); a*min(x/b, c); a*min(1, x/b)
    min(x/a, y/b)*c; min(x, y)^k; a*min(x, y)^k; min(x/a, y/b)^k; c*min(x/a, y/b)^k; min(x/a, y/b, c); min(x, y, a)
    x + y + z; a*x + b*y + c*z; x/a + y/b + z/c; x^k*y^m*z^n; a*x^k*y^m*z^n; x^k*y^m*z^(1 - k - m)
    a*x^k*y^m*z^(1 - k - m); (x*y*z)^(1/3); a*(x*y*z)^(1/3); sqrt(x) + sqrt(y) + sqrt(z)
    a*sqrt(x) + b*sqrt(y) + c*sqrt(z); a*x^k*y^m + b*z; a*x^k*(y*z)^m
    a*x + b*y + c*z + w; w + x + y + z; w^k*x^l*y^m*z^n; a*w^k*x^l*y^m*z^n; min(w, x, y, z); a*min(w, x, y, z)
    min(x, y, z); min(x/a, y/b, z/c); min(a*x, b*y, c*z); a*x^k*min(y/b, z/c); min(x^k*y^m, a)
"""
"""Production functions in goods w, x, y, z, with coefficients a, b, c and exponents k, l, m, n."""

OTHER = """
    ln(x); a*ln(x); a + b*ln(x); a*ln(x) + b; a*ln(x) + b*ln(y); a*ln(x/b); log(x, 2); log(x, 10); exp(x); exp(-x)
    a*exp(x); a*exp(b*x); a*exp(-b*x); a*exp(-x/b); x^2; a*x^2; a*x^2 + b*x; x^3; a*x^3; x*x; a*x*x; 1/x; a/x
    a/x^k; a*x^(-k); a*x^-k; a - b/x; a*x^1.5; x*y; a*x*y; x*y*z; a*x*y*z; x/y; a*x/y; x^2*y; x*y^2; x^2/(1 + x^2)
    a*x^2/(b + x^2); a/(1 + exp(-x)); a/(1 + exp(-b*x)); a/(1 + exp(-b*(x - c))); a/(1 + b*exp(-c*x))
    a + b*x - c*x^2; a*x - b*x^3; max(x, y); max(x, a); max(0, x - a); max(x - a, 0); max(0, a*(x - b)); abs(x)
    abs(x - a); a - abs(x - b); a - (x - b)^2; a - b*(x - c)^2; a*x*y/(b + y); sin(x); cos(x); a*sin(x); atan(x)
"""
"""The same, where a market has no use for them, or no end."""

CURVES = """
    a; a - q; a - b*q; a - q/b; a*(1 - q/b); a - b*q^2; a*(b - q); (a - q)/b; a + q; a + b*q; a + q/b; a + b*q^2
    b*q; q; q/b; -b*q + a; max(a - b*q, 0); max(0, a - b*q); a - b*q - c*q^2; a + b*q + c*q^2
"""
"""Prices in q; what has an antiderivative whatever its numbers are."""

COEFFICIENTS = {"a": "0.8", "b": "0.2", "c": "5"}
EXPONENTS = ("0.3", "0.5")
"""One that is left open, and the half, which simplifies."""

SUBSTITUTION = ("0.25", "0.5", "0.75")
"""Exponents where elasticities of substitution are constant: as 1/k is an exponent too, k is not left open."""

POINTS = (
    (1, 2, 3, 4),
    (0.01, 90, 90, 90),
    (90, 0.01, 90, 90),
    (90, 90, 0.01, 90),
    (90, 90, 90, 0.01),
    (1, 1, 1, 1),
)
"""Amounts of w, x, y, z, for bends: each argument binds somewhere, and somewhere they are all equal."""


def forms(text: str) -> list[str]:
    """The formulas of a list."""
    return [formula.strip() for line in text.splitlines() for formula in line.split(";") if formula.strip()]


def written(formula: str) -> Iterator[tuple[str, str]]:
    """A form as users write it, with numbers, with parameters, or with both; and its parameters."""
    letters = [letter for letter in "abcklmn" if re.search(rf"\b{letter}\b", formula)]
    exponents = [letter for letter in letters if letter in "klmn"]
    usual = SUBSTITUTION if "1/k" in formula else EXPONENTS if len(exponents) < 4 else EXPONENTS[:1]
    for values in product(usual, repeat=len(exponents)):
        numbers = COEFFICIENTS | dict(zip(exponents, values, strict=True))
        for named in {(), tuple(letters[:1]), tuple(letters)}:
            text = formula
            for letter in {*letters} - {*named}:
                text = re.sub(rf"\b{letter}\b", numbers[letter], text)
            yield text, ", ".join(f"{letter}: {numbers[letter]}" for letter in named)


def given(formula: str, parameters: str, point: tuple[float, ...]) -> str:
    """A firm that gets just so much of its inputs."""
    supply = ", ".join(f"{good}: {{quantity: {amount}}}" for good, amount in inputs(formula, point))
    return one_firm(formula, parameters, supply, "1")


def market(formula: str, parameters: str) -> str:
    """A firm that buys its inputs."""
    supply = ", ".join(
        f"{good}: {{price: 0.1, quantity: {amount}}}" for good, amount in inputs(formula, POINTS[0])
    )
    return one_firm(formula, parameters, supply, "9 - q")


def inputs(formula: str, point: tuple[float, ...]) -> Iterator[tuple[str, float]]:
    """The goods that a formula names, with an amount of each."""
    return ((good, x) for good, x in zip("wxyz", point, strict=True) if re.search(rf"\b{good}\b", formula))


def one_firm(formula: str, parameters: str, supply: str, price: str) -> str:
    """The text of a spec."""
    return (
        f"parameters: {{{parameters}}}\nfirms: {{f: {{production: {{out: '{formula}'}}}}}}\n"
        f"supply: {{{supply}}}\ndemand: {{out: {{price: '{price}'}}}}\n"
    )


def specs() -> Iterator[str | Path]:
    """All specs that are solved: files, and texts."""
    yield from SPECS
    yield from (starter_spec(), *readme_blocks("yaml"))
    for form in forms(CONCAVE) + forms(OTHER):
        points = POINTS if re.search("min|max|abs", form) else POINTS[:1]
        for formula, parameters in written(form):
            yield from (given(formula, parameters, point) for point in points)
            if form in forms(CONCAVE):
                yield market(formula, parameters)
    for form in forms(CURVES):
        for formula, parameters in written(form):
            yield one_firm("x", parameters, "x: {quantity: 0.1}", formula)


def found() -> dict[str, Any]:
    """What sympy finds while all of them are solved in a fresh process, with nothing known before."""
    entries: dict[str, Any] = {}

    def note(result: Any, kind: str, *key: object) -> None:
        entries[cache.name_of(kind, *key)] = result

    with patch.multiple(cache, shipped=lambda *_: None, recall=lambda *_: None, keep=note):
        for spec in specs():
            try:
                chainprice.solve(chainprice.load(spec)).to_dict()
            except chainprice.ChainpriceError as error:
                raise SystemExit(f"{spec}\n{error}") from None
    return entries


def text_of(entries: dict[str, Any]) -> str:
    """The file: the releases of sympy, then a key and a result on each line."""
    lines = (f"{key}\t{dumps(data, separators=(',', ':'))}" for key, data in sorted(entries.items()))
    return "\n".join((cache.SHIPPED_HEADING, " ".join(RELEASES), *lines, ""))


def refresh() -> None:
    """Write it where the program looks for it."""
    cache.SHIPPED.write_text(text_of(found()), encoding="utf-8")


if __name__ == "__main__":
    refresh()
