"""The path of a market as a picture: prices against their equilibrium, and the distance to it.

As SVG it stands alone, reads in light and dark, and says in words what it shows. PNG is drawn by
matplotlib: `pip install 'chainprice[plot]'`.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import escape

from chainprice.errors import MissingExtraError, Problem, printable
from chainprice.report.axes import STYLE, Scale, grid, path, stroke, ticks
from chainprice.report.svg import COLOURS, cut, svg_document

if TYPE_CHECKING:
    from chainprice.dynamics import Simulation

_WIDTH, _HEIGHT = 760, 536
_LEFT, _RIGHT, _TOP, _GAP, _BOTTOM = 62, 190, 72, 56, 46
_UPPER = 260
"""Height of the panel of prices; the rest is that of the distance."""

_NAMED = 12
"""Goods with a line and a name of their own, those of most value; the others are thin and grey."""

_CEILING = 2.5
"""Prices above so many times their equilibrium are beyond the picture."""

_FLOOR = 1e-9


class Line(NamedTuple):
    """A good's price over what it is measured by, by recorded step."""

    good: str
    ratios: tuple[float, ...]


class Picture(NamedTuple):
    """What is drawn: `lines` of most value first; `distances` by recorded step, None where unknown.

    `measure` is what prices are over.
    """

    title: str
    subtitle: str
    measure: str
    steps: tuple[int, ...]
    lines: tuple[Line, ...]
    distances: tuple[float | None, ...]
    shocks: tuple[tuple[int, str], ...]
    left_out: tuple[str, ...]


def picture(simulation: Simulation) -> Picture:
    """What there is to draw; goods without a price in equilibrium have no ratio.

    Where there never was an equilibrium, prices are over their means on the way.
    """
    import numpy as np

    track, eras = simulation.track, simulation.eras
    is_measured = any(era.prices is not None for era in eras)
    means = dict(zip(simulation.units, track.prices.mean(axis=0).tolist(), strict=True))
    last = (eras[-1].prices or {}) if is_measured else means
    worth = {
        good: abs(last.get(good, 0.0) * float(np.nan_to_num(track.quantities[-1, place])))
        for place, good in enumerate(simulation.units)
    }
    eras_of = [[era for era in eras if era.step <= step][-1].prices or {} for step in track.steps]
    lines, places = [], {good: place for place, good in enumerate(simulation.units)}
    for good in sorted(worth, key=lambda good: -worth[good]):
        prices = track.prices[:, places[good]].tolist()
        usual = [of.get(good, 0.0) if is_measured else means[good] for of in eras_of]
        if all(usual):
            lines.append(Line(good, tuple(price / at for price, at in zip(prices, usual, strict=True))))
    return Picture(
        title=printable(simulation.title or simulation.path),
        subtitle=printable(f"{simulation.outcome}: {simulation.reason}"),
        measure="equilibrium price" if is_measured else "mean price on the way",
        steps=track.steps,
        lines=tuple(lines),
        distances=simulation.distances,
        shocks=tuple((era.step, printable(era.change)) for era in eras[1:]),
        left_out=tuple(good for good in simulation.units if good not in {line.good for line in lines}),
    )


def simulation_svg(simulation: Simulation) -> str:
    """The picture as SVG."""
    drawn = picture(simulation)
    return svg_document((_WIDTH, _HEIGHT), (drawn.title, _in_words(drawn)), STYLE, [*_drawn(drawn)])


def _in_words(drawn: Picture) -> str:
    """What the picture shows, for who cannot see it."""
    names = ", ".join(line.good for line in drawn.lines[:_NAMED])
    ends = [distance for distance in (drawn.distances[0], drawn.distances[-1]) if distance is not None]
    far = f" The farthest price is off by {ends[0]:.1e} at first and {ends[-1]:.1e} at last." if ends else ""
    missing = ", ".join(drawn.left_out)
    left_out = f" Left out, as their {drawn.measure} is 0 or none: {missing}." if missing else ""
    shocks = "".join(f" At step {step}: {change}." for step, change in drawn.shocks)
    return (
        f"{drawn.subtitle}. Above: prices over their {drawn.measure} by step, of {names}. "
        f"Below: the distance of the farthest price on a logarithmic scale.{far}{shocks}{left_out}"
    )


def _drawn(drawn: Picture) -> Iterator[str]:
    yield f'<text class="head" x="{_LEFT}" y="24">{escape(cut(drawn.title, 80))}</text>'
    yield f'<text class="soft" x="{_LEFT}" y="43">{escape(cut(drawn.subtitle, 108))}</text>'
    last = max(drawn.steps[-1], 1)
    right = _WIDTH - _RIGHT

    def x(step: float) -> float:
        return _LEFT + (right - _LEFT) * step / last

    yield from _prices(drawn, x)
    yield from _distance(drawn, x)
    bottom = _HEIGHT - _BOTTOM
    for step in ticks(0, last):
        at = f'x="{x(step):.1f}" y="{bottom + 17}"'
        yield f'<line class="axis" x1="{x(step):.1f}" x2="{x(step):.1f}" y1="{bottom}" y2="{bottom + 4}"/>'
        yield f'<text class="tick" text-anchor="middle" {at}>{step:,.0f}</text>'
    yield f'<text class="soft" text-anchor="middle" x="{(_LEFT + right) / 2}" y="{_HEIGHT - 10}">step</text>'
    for step, change in drawn.shocks:
        yield (
            f'<line class="shock" x1="{x(step):.1f}" x2="{x(step):.1f}" y1="{_TOP}" y2="{bottom}">'
            f"<title>{escape(change)}</title></line>"
        )


def _prices(drawn: Picture, x: Scale) -> Iterator[str]:
    """The upper panel, and the names beside it."""
    highest = max((max(line.ratios) for line in drawn.lines), default=1.0)
    top = min(max(highest * 1.05, 1.2), _CEILING)

    def y(ratio: float) -> float:
        return _TOP + _UPPER * (1 - min(max(ratio, 0.0), top) / top)

    yield f'<text class="soft" x="{_LEFT}" y="{_TOP - 4}">price / {drawn.measure}</text>'
    yield from grid([(tick, f"{tick:g}") for tick in ticks(0, top)], y, (_LEFT, _WIDTH - _RIGHT))
    for line in reversed(drawn.lines[_NAMED:]):
        yield f'<path class="other" d="{path(drawn.steps, line.ratios, x, y)}"/>'
    for place, line in reversed(list(enumerate(drawn.lines[:_NAMED]))):
        yield f'<path class="line" {stroke(place)} d="{path(drawn.steps, line.ratios, x, y)}"/>'
    left = _WIDTH - _RIGHT + 16
    for place, line in enumerate(drawn.lines[:_NAMED]):
        height = _TOP + 8 + 18 * place
        yield f'<path class="line" {stroke(place)} d="M{left} {height}h22"/>'
        yield f'<text x="{left + 28}" y="{height + 4}">{escape(cut(printable(line.good), 20))}</text>'
    more = len(drawn.lines) - _NAMED
    if more > 0:
        yield f'<text class="soft" x="{left}" y="{_TOP + 12 + 18 * _NAMED}">and {more:,} more, grey</text>'


def _distance(drawn: Picture, x: Scale) -> Iterator[str]:
    """The lower panel."""
    low, high = _HEIGHT - _BOTTOM, _TOP + _UPPER + _GAP
    known = [
        (step, max(d, _FLOOR)) for step, d in zip(drawn.steps, drawn.distances, strict=True) if d is not None
    ]
    title = "distance of the farthest price, relative" if known else "no equilibrium to be distant from"
    yield f'<text class="soft" x="{_LEFT}" y="{high - 6}">{title}</text>'
    if not known:
        return
    bottom = math.floor(math.log10(min(d for _, d in known)))
    top = max(math.ceil(math.log10(max(d for _, d in known))), bottom + 1)

    def y(distance: float) -> float:
        return low - (low - high) * (math.log10(distance) - bottom) / (top - bottom)

    every = max(1, math.ceil((top - bottom) / 4))
    yield from grid(
        [(10.0**power, f"1e{power}") for power in range(bottom, top + 1, every)], y, (_LEFT, _WIDTH - _RIGHT)
    )
    yield f'<path class="far" d="{path([s for s, _ in known], [d for _, d in known], x, y)}"/>'


def simulation_png(simulation: Simulation) -> bytes:
    """The picture as PNG; raises MissingExtraError without matplotlib."""
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError:
        message = "a PNG is drawn by matplotlib, which is not installed"
        raise MissingExtraError(
            Problem(message, None, "pip install 'chainprice[plot]'; -f svg needs nothing")
        ) from None
    drawn = picture(simulation)
    with mpl.rc_context({"text.parse_math": False}):
        figure = Figure(figsize=(_WIDTH / 100, _HEIGHT / 100), dpi=200, layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        for line in drawn.lines[_NAMED:]:
            upper.plot(drawn.steps, line.ratios, color="#bbbbbb", linewidth=0.6)
        for place, line in enumerate(drawn.lines[:_NAMED]):
            dash, colour = "-" if place < len(COLOURS) else "--", COLOURS[place % len(COLOURS)]
            upper.plot(drawn.steps, line.ratios, dash, color=colour, label=printable(line.good))
        upper.set_ylim(0, min(max([1.2, *(1.05 * max(line.ratios) for line in drawn.lines)]), _CEILING))
        upper.set_ylabel(f"price / {drawn.measure}")
        figure.suptitle(drawn.title)
        upper.set_title(cut(drawn.subtitle, 100), fontsize=8)
        if drawn.lines:
            upper.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=8)
        distances = [math.nan if d is None else max(d, _FLOOR) for d in drawn.distances]
        lower.semilogy(drawn.steps, distances, color="black")
        lower.yaxis.set_major_formatter(lambda distance, _: f"{distance:.0e}")
        lower.set_ylabel("distance")
        lower.set_xlabel("step")
        for axes in (upper, lower):
            axes.grid(color="#e4e4e4")
            for step, _ in drawn.shocks:
                axes.axvline(step, color="#b00020", linestyle="--", linewidth=0.8)
        stream = io.BytesIO()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing from font")
            figure.savefig(stream, format="png")
    return stream.getvalue()
