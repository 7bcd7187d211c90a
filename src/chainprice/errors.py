"""Everything that can go wrong, as values: what, where, and the way out.

This module neither prints nor exits. A `Problem` is one thing that is wrong, with its `Place` if
it has one; an exception carries all the problems of one cause, so that a user mends a file in one go.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

Severity = Literal["error", "warning"]


class Place(NamedTuple):
    """A place in a text: `line` and `column` count from 1; `length` characters are meant.

    A place without a line is the whole file; `text` is the source line, "" if it is not known.
    """

    path: str
    line: int | None = None
    column: int = 1
    length: int = 1
    text: str = ""

    def __str__(self) -> str:
        return self.path if self.line is None else f"{self.path}:{self.line}:{self.column}"


class Problem(NamedTuple):
    """One thing that is wrong: the reason, the place, and the way out (`hint`)."""

    message: str
    place: Place | None = None
    hint: str = ""
    severity: Severity = "error"

    def __str__(self) -> str:
        where = f"{printable(str(self.place))}: " if self.place else ""
        head = f"{where}{self.severity}: {printable(self.message)}"
        hint = printable(self.hint)
        if self.place is None or self.place.line is None or not self.place.text:
            return f"{head}\n  {hint}" if hint else head
        return f"{head}\n{_excerpt(self.place, hint)}"


def _excerpt(place: Place, hint: str) -> str:
    """The source line with a caret under what is meant; long lines are cut around it."""
    start = max(0, place.column - 60)
    line = printable(place.text[start : start + 100])
    before = printable(place.text[start : place.column - 1])
    meant = printable(place.text[place.column - 1 : place.column - 1 + place.length]) or " "
    carets = "^" * max(1, min(_width(meant), _width(line) - _width(before)))
    return f"{place.line:>5} | {line}\n      | {' ' * _width(before)}{carets} {hint}".rstrip()


def _width(text: str) -> int:
    """Columns that `text` takes on a terminal: wide East Asian letters take two, accents none."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(unicodedata.category(letter) in ("Mn", "Me", "Cf") for letter in text)


_JOINERS = "\u200c\u200d"
"""Formatting characters that words of Persian and families of emoji need, and that move nothing."""


def is_control(letter: str) -> bool:
    """Whether a character controls or formats what is around it: a line break, an escape, a direction."""
    return not (letter.isprintable() or letter in _JOINERS or unicodedata.category(letter) == "Zs")


def printable(text: str) -> str:
    """`text` with every control or formatting character escaped: none reaches a terminal."""
    if text.isprintable():
        return text
    return "".join(map(_printable, text))


def _printable(letter: str) -> str:
    if letter == "\t":
        return " "
    return letter.encode("unicode_escape").decode("ascii") if is_control(letter) else letter


def short(text: str) -> str:
    """A user's text as a message quotes it: the middle of a long one is left out."""
    if len(text) <= _QUOTED:
        return text
    return f"{text[: _QUOTED // 2]} ... {text[-_QUOTED // 4 :]}"


def some(names: Sequence[str]) -> str:
    """Names as a message lists them: the first of many, and how many more there are."""
    more = len(names) - _LISTED
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:_LISTED])} and {more:,} more"


_QUOTED = 200
_LISTED = 20


class ChainpriceError(Exception):
    """The base of all that chainprice raises on purpose; `problems` lists every offender."""

    def __init__(self, problems: Problem | Iterable[Problem] | str) -> None:
        if isinstance(problems, str):
            problems = Problem(problems)
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    @property
    def reason(self) -> str:
        """The first problem's message, on one line."""
        return self.problems[0].message


class UsageError(ChainpriceError):
    """The command or the call is wrong: an option's value, a file that cannot be read or written."""


class MissingExtraError(UsageError):
    """The question needs an optional package that is not installed."""


class SpecError(ChainpriceError):
    """The spec breaks the language; every offence of the file is in `problems`."""


class TableError(ChainpriceError):
    """The price table handed to `verify` cannot be read as one."""


class ObservationError(ChainpriceError):
    """The observed market handed to `diagnose` cannot be read as one."""


class NoAnswerError(ChainpriceError):
    """The spec is sound, but the question has no answer; one subclass for each cause."""


class UndefinedError(NoAnswerError):
    """A function has no finite real value (or no slope) where the chain operates."""


class MarketMustChooseError(NoAnswerError):
    """Some quantities do not follow from the spec (MODEL.md section 2 does not apply)."""


class IncreasingReturnsError(NoAnswerError):
    """A firm would rather do something else at the prices of the optimum: no competitive equilibrium."""


class UnboundedError(NoAnswerError):
    """Total value has no limit."""


class InfeasibleError(NoAnswerError):
    """What must be delivered cannot be."""


class NoConvergenceError(NoAnswerError):
    """The solver stopped short of an answer, and nothing shows why."""


class NumeraireError(NoAnswerError):
    """Nothing can be priced in a numeraire whose own price is zero."""


class PrecisionError(NoAnswerError):
    """The digits asked for could not be reached: too many cancel on the way."""
