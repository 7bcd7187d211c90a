"""The way out where a formula or a name is refused: what was probably meant."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable

_SYMBOLS = {"−": "-", "–": "-", "×": "*", "·": "*", "⋅": "*", "÷": "/", "∕": "/", "²": "^2", "³": "^3"}
"""What looks like an operator, and the operator."""

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

_LATIN = str.maketrans(
    "авеорсухіјѕһԁԛԝкмнтАВЕОРСУХІЈЅНКМТԌαοινρτυχκΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "aBeopcyxijshdqwkMHTABEOPCYXIJSHKMTGaoivptuxkABEZHIKMNOPTYX",
)
"""Letters of other alphabets as the Latin ones that they look like."""

_FEW = 10_000
"""Names up to which near ones are looked for."""


def of_character(letter: str) -> str:
    """For a character that no formula has."""
    if letter in _SYMBOLS:
        return f"write {_SYMBOLS[letter]}"
    return _NOT_FORMULAS.get(letter, "formulas have numbers, names, + - * / ^ and functions")


def suggestion(name: str, known: Iterable[str]) -> str:
    """'did you mean ...?' for a name that is nearly one of `known`, else ''."""
    names = list(known)
    alike = _look_alike(name, names)
    if alike:
        return f"did you mean '{alike}'? {_difference(name, alike)}"
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6) if len(names) < _FEW else []
    same = [other for other in names if other.casefold() == name.casefold()]
    return f"did you mean '{(same or close)[0]}'?" if same or close else ""


def _look_alike(name: str, names: Iterable[str]) -> str | None:
    """The first other name that is written with other letters that look the same."""
    if name.isascii():
        names = (other for other in names if not other.isascii())
    look = None
    for other in names:
        look = look or _look(name)
        if other != name and _look(other) == look:
            return other
    return None


def _look(name: str) -> str:
    return unicodedata.normalize("NFKC", name).translate(_LATIN)


def _difference(name: str, other: str) -> str:
    """Which letter is the odd one: the first that differs, here or there."""
    place = next((i for i, (a, b) in enumerate(zip(name, other, strict=False)) if a != b), None)
    if place is None:
        place = min(len(name), len(other))
    here, there = name[place : place + 1], other[place : place + 1]
    if here and not here.isascii():
        return f"the '{here}' here is {unicodedata.name(here, hex(ord(here)))}"
    return f"the '{there}' there is {unicodedata.name(there, hex(ord(there)))}"
