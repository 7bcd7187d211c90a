"""Whole specs for hypothesis: valid ones, and nearly valid ones, as YAML or as JSON.

A document is built from the language's own parts (a chain of firms, goods that are shared, curves, limits,
parameters), and may then be broken in one or two places, as people break them: a key misspelt or given
twice, a number where a name belongs, a bracket lost, a strange letter.
"""

from __future__ import annotations

import json
from typing import Any

import yaml
from hypothesis import strategies as st

Draw = st.DrawFn

NAMES = ("ore", "coal", "steel", "E", "I", "S", "lambda", "beta", "e", "pi", "q", "_x1", "Öl", "鋼", "demand")
STRANGE = (
    "",
    " ",
    "a b",
    "1a",
    "sqrt",
    "é",
    "é",
    "ﬁ",
    "=1",
    "[red]",
    "\x1b[31m",
    "a\u202eb",
    "😀",
    "x" * 300,
)
NUMBERS = ("0", "1", "4", "0.5", "1/3", "2.5e3", "1e-9", "7", "100", "9^0.5", "exp(1)")
WRONG_NUMBERS = (
    "-1",
    "1e999",
    "1e1001",
    "nan",
    ".inf",
    "9^9^9^9",
    "1/0",
    "sqrt(-1)",
    "2**(10**10)",
    "",
    "[1]",
    "x",
)

COMMON = (
    "{0}",
    "{k}*{0}",
    "sqrt({0})",
    "{0}^0.5",
    "ln({0} + 1)",
    "1 - 1/({0} + 1)",
    "{0}/({0} + {k})",
    "{0}^0.3*{1}^0.6",
    "{k}*{0}^0.25*{1}^0.5",
    "min({0}, {1}/{k})",
    "({0}^-1 + {1}^-1)^-1",
    "{0} + {k}*{1}",
    "1 - exp(-{0})",
    "max({0}, {k})",
    "abs({0} - {1})",
)
"""Shapes that are met often; what sympy says of them is remembered from one spec to the next."""

FUNCTIONS = ("exp", "ln", "sqrt", "abs", "sin", "cos", "tan", "tanh", "atan", "erf", "asin", "cosh")


def formulas(inputs: list[str]) -> st.SearchStrategy[str]:
    """Production functions of these goods: seven of eight of a common shape."""
    return st.integers(0, 7).flatmap(lambda die: free_formulas(inputs) if die == 7 else _common(inputs))


@st.composite
def _common(draw: Draw, inputs: list[str]) -> str:
    first, second = draw(st.sampled_from(inputs)), draw(st.sampled_from(inputs))
    return draw(st.sampled_from(COMMON)).format(first, second, k=draw(st.sampled_from(NUMBERS[1:])))


def free_formulas(names: list[str]) -> st.SearchStrategy[str]:
    """Formulas of any form."""
    leaves = st.sampled_from([*names, *NUMBERS, "pi"])

    def larger(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.one_of(
            st.tuples(parts, st.sampled_from("+-*/^"), parts).map(" ".join),
            st.tuples(st.sampled_from(FUNCTIONS), parts).map(lambda pair: f"{pair[0]}({pair[1]})"),
            st.lists(parts, min_size=2, max_size=3).map(lambda some: f"min({', '.join(some)})"),
            parts.map(lambda part: f"-({part})"),
        )

    return st.recursive(leaves, larger, max_leaves=8)


@st.composite
def valid(draw: Draw) -> dict[str, Any]:
    """A document that keeps to the language. It may all the same have no answer."""
    names = draw(st.permutations([*NAMES[:8], "Öl", "鋼"]))
    primaries, made = list(names[: draw(st.integers(1, 2))]), list(names[2 : 2 + draw(st.integers(1, 3))])
    is_market = draw(st.integers(0, 15)) == 0
    firms: dict[str, Any] = {}
    for index, good in enumerate(made):
        inputs = made[index - 1 : index] or primaries
        if draw(st.booleans()) and index:
            inputs = [*inputs, draw(st.sampled_from(primaries))]
        firms[f"firm{index}"] = {"production": {good: draw(formulas(inputs))}}
    spec: dict[str, Any] = {
        "firms": firms,
        "supply": {good: _supply(draw, is_market=is_market) for good in primaries},
        "demand": {made[-1]: _demand(draw, is_market=is_market)},
    }
    if draw(st.integers(0, 3)) == 0:
        spec["title"] = draw(st.sampled_from(["A chain", *STRANGE]))
        spec["goods"] = {made[0]: {"unit": draw(st.sampled_from(["t", *STRANGE]))}}
    if draw(st.integers(0, 3)) == 0:
        good = draw(st.sampled_from(primaries))
        spec.setdefault("goods", {}).setdefault(good, {})["rival"] = False
    return spec


def _supply(draw: Draw, *, is_market: bool) -> dict[str, str]:
    if not is_market:
        return {"quantity": draw(st.sampled_from(NUMBERS))}
    curve = draw(st.sampled_from(["2", "2 + q/10", "1/3", "q"]))
    return {"price": curve, "quantity": draw(st.sampled_from(["9", "100"]))}


def _demand(draw: Draw, *, is_market: bool) -> dict[str, str]:
    if not is_market:
        return {"price": draw(st.sampled_from(NUMBERS))}
    return {"price": draw(st.sampled_from(["5", "100 - q", "9/(q + 1)"]))}


@st.composite
def nearly_valid(draw: Draw) -> dict[str, Any]:
    """A document with one or two things wrong with it."""
    spec = draw(valid())
    for _ in range(draw(st.integers(1, 2))):
        _break(draw, spec)
    return spec


def _break(draw: Draw, spec: dict[str, Any]) -> None:
    """Changes one place in a document."""
    place: dict[str, Any] = spec
    while True:
        if not place:
            return
        key = draw(st.sampled_from(sorted(place)))
        if not isinstance(place[key], dict) or draw(st.integers(0, 3)) == 0:
            break
        place = place[key]
    match draw(st.integers(0, 4)):
        case 0:
            del place[key]
        case 1:
            place[draw(st.sampled_from([*NAMES, *STRANGE, "frims", "prise"]))] = place.pop(key)
        case 2:
            junk = (None, True, [], {}, "x y", [{"a": "b"}], *WRONG_NUMBERS, *STRANGE)
            place[key] = draw(st.sampled_from(junk))
        case 3:
            place[draw(st.sampled_from(["goods", "parameters", "numeraire", "allocation", "money"]))] = place[
                key
            ]
        case 4:
            place[key] = draw(free_formulas([*NAMES]))


@st.composite
def texts(draw: Draw) -> bytes:
    """A document as a file holds it; of nearly valid ones, some are broken as text."""
    is_valid = draw(st.integers(0, 2)) == 0
    document = draw(valid() if is_valid else nearly_valid())
    text = (
        json.dumps(document, ensure_ascii=draw(st.booleans()))
        if draw(st.booleans())
        else yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
    )
    data = text.encode()
    if is_valid or draw(st.integers(0, 3)):
        return data
    at = draw(st.integers(0, len(data)))
    return data[:at] + draw(st.sampled_from(_SPLINTERS)) + data[at + draw(st.integers(0, 3)) :]


_SPLINTERS = (
    b"",
    b"\0",
    b"\xff",
    b"\t",
    b"}",
    b"[",
    b": ",
    b"&a ",
    b"*a",
    b"!!python/name:os.system ",
    b"'",
    b"\r",
)
