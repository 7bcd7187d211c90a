"""The price of one good over a sweep, as a picture: on a terminal, or as SVG that stands alone.

The first number that varies goes to the right; every combination of the others is a line. Of a file of
samples the first column goes to the right, and every point is a mark. Of very many points some are drawn.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from xml.sax.saxutils import escape

from chainprice.errors import printable
from chainprice.report.axes import STYLE, Scale, grid, path, round_ticks, stroke
from chainprice.report.numbers import shown
from chainprice.report.svg import COLOURS, cut, svg_document
from chainprice.sweeping.points import Grid, Points

_LINES = 8
"""Lines that are drawn; of more combinations, as many of them, evenly apart."""

_PLACES = 1_000
"""Points of a line that are drawn, or marks of samples."""


class Curve(NamedTuple):
    """A line of a picture: its name, short and in full, and its points; y is None where there is no price."""

    short: str
    name: str
    points: list[tuple[float, float | None]]


@dataclass(slots=True)
class Trace:
    """What a picture needs of a sweep's rows, taken from their lines as they come; its size has a limit.

    `good` is the one whose price is drawn, in column `place` of CSV.
    """

    points: Points
    good: str
    place: int
    title: str
    _ys: dict[int, tuple[float | None, float | None]] = field(default_factory=dict)
    """By the number of a point, its first value and its price."""

    def add_csv(self, text: str) -> None:
        """Lines of CSV, without the header."""
        for line in text.splitlines():
            number, _, rest = line.partition(",")
            if self._is_drawn(int(number)):
                cells = rest.split(",", self.place)
                self._ys[int(number)] = _number(cells[0]), _number(cells[self.place - 1])

    def add_json(self, text: str) -> None:
        """Lines of JSON."""
        for line in text.splitlines():
            row = json.loads(line)
            number = row["point"]
            if self._is_drawn(number):
                self._ys[number] = next(iter(row["at"].values())), _number(row["prices"][self.good])

    def add_row(self, number: int, x: float | None, price: float | None) -> None:
        """One row, of a Parquet file."""
        if self._is_drawn(number):
            self._ys[number] = x, price

    def curves(self) -> list[Curve]:
        """The lines, in the order of the points; one for all samples."""
        if not isinstance(self.points, Grid):
            marks = [(x, y) for x, y in self._ys.values() if x is not None]
            return [Curve("", "", sorted(marks, key=lambda mark: mark[0]))]
        lines: dict[int, list[tuple[float, float | None]]] = {}
        for number, (x, y) in sorted(self._ys.items()):
            if x is not None:
                lines.setdefault(number % self._combinations, []).append((x, y))
        return [Curve(*self._names(line), marks) for line, marks in sorted(lines.items())]

    @property
    def is_scattered(self) -> bool:
        """Whether the points are samples, which no line joins."""
        return not isinstance(self.points, Grid)

    @property
    def is_geometric(self) -> bool:
        """Whether what goes to the right grows by factors."""
        return isinstance(self.points, Grid) and self.points.variations[0].is_geometric

    @property
    def left_out(self) -> str:
        """What is not drawn, in words."""
        if not isinstance(self.points, Grid):
            every = _every(self.points.count, _PLACES)
            return f"every {every:,}th point" if every > 1 else ""
        more = self._combinations - math.ceil(self._combinations / _every(self._combinations, _LINES))
        return f"{more:,} more lines are not drawn" if more else ""

    @property
    def _combinations(self) -> int:
        """Values of all that varies but the first, together."""
        others = self.points.variations[1:] if isinstance(self.points, Grid) else ()
        return math.prod(variation.count for variation in others)

    def _is_drawn(self, number: int) -> bool:
        if not isinstance(self.points, Grid):
            return number % _every(self.points.count, _PLACES) == 0
        place, line = divmod(number, self._combinations)
        last = self.points.variations[0].count - 1
        is_place = place == last or place % _every(last + 1, _PLACES) == 0
        return is_place and line % _every(self._combinations, _LINES) == 0

    def _names(self, line: int) -> tuple[str, str]:
        """A line's combination of values, without and with what they are of."""
        chunk = next(iter(self.points.chunks(1, line)))
        values = [shown(column[0], 4) for column in chunk.columns[1:]]
        named = zip(self.points.names[1:], values, strict=True)
        return ", ".join(values), ", ".join(f"{name} = {value}" for name, value in named)


def _every(count: int, most: int) -> int:
    return max(1, math.ceil(count / most))


def _number(cell: object) -> float | None:
    """A finite number, or None."""
    value = float(cell) if isinstance(cell, (float, int)) or (isinstance(cell, str) and cell) else math.nan
    return value if math.isfinite(value) else None


class _Frame(NamedTuple):
    """What there is to draw, and its ends."""

    curves: list[Curve]
    xs: tuple[float, float]
    ys: tuple[float, float]
    is_geometric: bool

    def right(self, x: float) -> float:
        """From 0 to 1, how far to the right."""
        low, high = self.xs
        if low == high:
            return 0.5
        if self.is_geometric:
            return math.log(x / low) / math.log(high / low)
        return (x - low) / (high - low)

    def up(self, y: float) -> float:
        """From 0 to 1, how far up."""
        low, high = self.ys
        return 0.5 if low == high else (y - low) / (high - low)


def _frame(trace: Trace) -> _Frame | None:
    """None where no point has a price."""
    curves = trace.curves()
    xs = [x for curve in curves for x, _ in curve.points]
    ys = [y for curve in curves for _, y in curve.points if y is not None]
    if not ys:
        return None
    low, high = min(ys), max(ys)
    if low == high:
        low, high = low - abs(low or 1) / 2, high + abs(high or 1) / 2
    elif 0 < low < (high - low):
        low = 0.0
    return _Frame(curves, (min(xs), max(xs)), (low, high), trace.is_geometric)


# On a terminal.

_MARKS = "*+xo#@%&"
_ROWS, _WIDEST, _NARROWEST = 16, 100, 30


def plot_text(trace: Trace, width: int | None) -> str:
    """The picture in letters, as wide as a terminal is, or 80 columns."""
    frame = _frame(trace)
    head = f"price of {trace.good} by {trace.points.names[0]}"
    if frame is None:
        return f"{head}\nno point has a price\n"
    marks = [shown(frame.ys[0] + (frame.ys[1] - frame.ys[0]) * part, 4) for part in (1, 0.5, 0)]
    margin = max(map(len, marks))
    columns = max(_NARROWEST, min(width or 80, _WIDEST) - margin - 3)
    cells = _cells(frame, columns, joined=not trace.is_scattered)
    labels = {0: marks[0], _ROWS // 2: marks[1], _ROWS - 1: marks[2]}
    lines = [f"{labels.get(row, ''):>{margin}} | {''.join(cells[row]).rstrip()}" for row in range(_ROWS)]
    left, right = (shown(x, 6) for x in frame.xs)
    steps = " (logarithmic)" if frame.is_geometric else ""
    middle = f"{trace.points.names[0]}{steps}"
    room = columns - len(left) - len(right) - 2
    middle = (middle if len(middle) <= room else "").center(max(room, 0))
    names = [f"  {_MARKS[place]} {curve.name}" for place, curve in enumerate(frame.curves) if curve.name]
    notes = [f"  {trace.left_out}"] if trace.left_out else []
    axis = [f"{'':>{margin}} +-{'-' * columns}", f"{'':>{margin}}   {left} {middle} {right}".rstrip()]
    drawn = [head, *lines, *axis, *names, *notes]
    return "".join(f"{printable(line).rstrip()}\n" for line in drawn)


def _cells(frame: _Frame, columns: int, *, joined: bool) -> list[list[str]]:
    cells = [[" "] * columns for _ in range(_ROWS)]
    for place, curve in reversed(list(enumerate(frame.curves))):
        before: tuple[float, float] | None = None
        for x, y in curve.points:
            if y is None:
                before = None
                continue
            there = frame.right(x) * (columns - 1), (1 - frame.up(y)) * (_ROWS - 1)
            for column, row in _between(before, there) if joined else [there]:
                cells[round(row)][round(column)] = _MARKS[place]
            before = there
    return cells


def _between(a: tuple[float, float] | None, b: tuple[float, float]) -> Iterator[tuple[float, float]]:
    """Places from one to another, the last one too."""
    if a is not None:
        steps = math.ceil(max(abs(b[0] - a[0]), abs(b[1] - a[1])))
        for step in range(1, steps):
            yield a[0] + (b[0] - a[0]) * step / steps, a[1] + (b[1] - a[1]) * step / steps
    yield b


# As SVG.

_SIZE = (760, 420)
_LEFT, _RIGHT, _EDGE, _TOP, _BOTTOM = 78, 190, 28, 62, 56


def plot_svg(trace: Trace) -> str:
    """The picture as SVG."""
    frame = _frame(trace)
    title = printable(f"Price of {trace.good} by {trace.points.names[0]}")
    body = _nothing() if frame is None else _drawn(trace, frame)
    words = title, _in_words(trace, frame)
    return svg_document(_SIZE, words, STYLE, [*_head(trace, title), *body])


def _head(trace: Trace, title: str) -> Iterator[str]:
    yield f'<text class="head" x="{_LEFT}" y="24">{escape(cut(title, 80))}</text>'
    subtitle = "; ".join(filter(None, [trace.title, trace.left_out]))
    yield f'<text class="soft" x="{_LEFT}" y="43">{escape(cut(printable(subtitle), 108))}</text>'


def _nothing() -> Iterator[str]:
    yield f'<text class="soft" x="{_LEFT}" y="{_TOP + 40}">no point has a price</text>'


def _in_words(trace: Trace, frame: _Frame | None) -> str:
    if frame is None:
        return "No point has a price."
    (left, right), name = frame.xs, trace.points.names[0]
    parts = [f"{name} from {shown(left)} to {shown(right)}."]
    for curve in frame.curves:
        ys = [y for _, y in curve.points if y is not None]
        if ys:
            about = f"{curve.name}: " if curve.name else ""
            parts.append(
                f"{about}the price is {shown(ys[0])} at first and {shown(ys[-1])} at last, "
                f"from {shown(min(ys))} to {shown(max(ys))}."
            )
    return printable(" ".join([*parts, trace.left_out]).strip())


def _drawn(trace: Trace, frame: _Frame) -> Iterator[str]:
    is_named = bool(frame.curves[0].name)
    right, low = _SIZE[0] - (_RIGHT if is_named else _EDGE), _SIZE[1] - _BOTTOM

    def x(value: float) -> float:
        return _LEFT + (right - _LEFT) * frame.right(value)

    def y(value: float) -> float:
        return low - (low - _TOP) * frame.up(value)

    yield from grid([(mark, f"{mark:.6g}") for mark in round_ticks(*frame.ys)], y, (_LEFT, right))
    for mark in _marks_of(frame):
        at = f"{x(mark):.1f}"
        yield f'<line class="axis" x1="{at}" x2="{at}" y1="{low}" y2="{low + 4}"/>'
        yield f'<text class="tick" text-anchor="middle" x="{at}" y="{low + 17}">{mark:.6g}</text>'
    steps = ", logarithmic" if frame.is_geometric else ""
    name = escape(cut(printable(trace.points.names[0] + steps), 70))
    at = f'x="{(_LEFT + right) / 2}" y="{_SIZE[1] - 16}"'
    yield f'<text class="soft" text-anchor="middle" {at}>{name}</text>'
    for place, curve in reversed(list(enumerate(frame.curves))):
        yield from _curve(place, curve, x, y, joined=not trace.is_scattered)
    if is_named:
        yield from _legend(trace, frame, right + 16)


def _legend(trace: Trace, frame: _Frame, left: float) -> Iterator[str]:
    """What the lines are of, and the values of each."""
    heading = printable(", ".join(trace.points.names[1:]))
    yield _with_title("soft", left, _TOP + 4, cut(heading, 26), heading)
    for place, curve in enumerate(frame.curves):
        height = _TOP + 26 + 18 * place
        yield f'<path class="line" {stroke(place)} d="M{left} {height}h22"/>'
        yield _with_title("", left + 28, height + 4, cut(printable(curve.short), 20), printable(curve.name))


def _with_title(kind: str, x: float, y: float, text: str, title: str) -> str:
    """A text that says more where a pointer rests on it."""
    of_kind = f'class="{kind}" ' if kind else ""
    return f'<text {of_kind}x="{x}" y="{y}">{escape(text)}<title>{escape(title)}</title></text>'


def _marks_of(frame: _Frame) -> Sequence[float]:
    low, high = frame.xs
    if not frame.is_geometric or low == high:
        return round_ticks(low, high) if low != high else [low]
    least, most = sorted((math.log10(abs(low)), math.log10(abs(high))))
    powers = range(math.ceil(least - 1e-9), math.floor(most + 1e-9) + 1)
    if len(powers) < 2:
        return [low, high]
    return [math.copysign(10.0**power, low) for power in powers[:: _every(len(powers), 7)]]


def _curve(place: int, curve: Curve, x: Scale, y: Scale, *, joined: bool) -> Iterator[str]:
    """A line, broken where a point has no price, or marks."""
    if not joined:
        colour = COLOURS[place]
        for value, price in curve.points:
            if price is not None:
                yield f'<circle cx="{x(value):.1f}" cy="{y(price):.1f}" r="2" style="fill:{colour}"/>'
        return
    for piece in _pieces(curve.points):
        xs, ys = [point[0] for point in piece], [point[1] for point in piece]
        if len(piece) == 1:
            at = f'cx="{x(xs[0]):.1f}" cy="{y(ys[0]):.1f}"'
            yield f'<circle {at} r="2" style="fill:{COLOURS[place]}"/>'
        else:
            yield f'<path class="line" {stroke(place)} d="{path(xs, ys, x, y)}"/>'


def _pieces(points: Iterable[tuple[float, float | None]]) -> Iterator[list[tuple[float, float]]]:
    piece: list[tuple[float, float]] = []
    for x, y in points:
        if y is not None:
            piece.append((x, y))
        elif piece:
            yield piece
            piece = []
    if piece:
        yield piece
