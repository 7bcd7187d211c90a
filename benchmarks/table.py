"""Tables in Markdown that can also be read on a terminal, and their place in the README."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from measure import Outcome, Run

BEGIN = "<!-- benchmarks: begin, written by `python benchmarks --write README.md` -->"
END = "<!-- benchmarks: end -->"


@dataclass(frozen=True, slots=True)
class Section:
    """A table with a sentence before it."""

    text: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """The section; the first column is text, the others are numbers."""
        table = [self.header, *self.rows]
        widths = [max(len(row[i]) for row in table) for i in range(len(self.header))]
        rules = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
        lines = [
            "| " + " | ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) + " |"
            for row in (self.header, rules, *self.rows)
        ]
        return "\n".join([self.text, "", *lines, ""])


def seconds(number: float) -> str:
    """Two digits, or three."""
    if number >= 10:
        return f"{number:.0f} s" if number >= 100 else f"{number:.1f} s"
    return f"{number:.2f} s" if number >= 0.1 else f"{number * 1000:.3g} ms"


def times(ratio: float) -> str:
    """A ratio."""
    return f"{ratio:,.0f}×" if ratio >= 10 else f"{ratio:.1f}×" if ratio >= 1 else f"{ratio:.2f}×"


def memory(number: float) -> str:
    """Bytes."""
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{number / 1e6:.0f} MB"


def outcome(run: Run) -> str:
    """What a run took, or how it ended."""
    match run.outcome:
        case Outcome.DONE:
            return seconds(run.seconds)
        case Outcome.SLOW:
            return f"> {run.cap:.0f} s"
        case Outcome.LARGE:
            return f"> {memory(run.cap)}"
        case _:
            return run.outcome.value


def ratio(run: Run, to: Run) -> str:
    """How many times as long one took as the other, or less than that if the other was stopped; else "–"."""
    if not run.done or not to.at_least:
        return "–"
    return ("" if to.done else "< ") + times(run.seconds / to.at_least)


def put(text: str, table: str) -> str:
    """A text with the table between its markers; raises ValueError if they are not there, once each."""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"there is no place for the table: it goes between '{BEGIN}' and '{END}'")
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{table.strip()}\n\n{END}{rest.partition(END)[2]}"
