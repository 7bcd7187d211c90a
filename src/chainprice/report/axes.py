"""What pictures with axes share: a style for light and dark, scales, grids and lines of SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from xml.sax.saxutils import quoteattr

from chainprice.report.svg import COLOURS

Scale = Callable[[float], float]
"""From a number to a place in the picture."""


STYLE = (
    "svg{background:#fff;font:12px system-ui,sans-serif;fill:#1b1b1b}"
    ".axis{stroke:#999}.grid{stroke:#e4e4e4}.shock{stroke:#b00020;stroke-dasharray:4 3}"
    ".line{fill:none;stroke-width:1.8}.other{fill:none;stroke:#bbb;stroke-width:.8}"
    ".far{fill:none;stroke:#1b1b1b;stroke-width:1.8}.head{font-size:15px;font-weight:600}"
    ".soft{fill:#5a5a5a}.tick{fill:#5a5a5a;font-size:11px}"
    "@media(prefers-color-scheme:dark){svg{background:#15171a;fill:#eceff1}.grid{stroke:#2b2f33}"
    ".axis{stroke:#6b7075}.soft,.tick{fill:#a9b0b6}.other{stroke:#50565c}.far{stroke:#eceff1}"
    ".shock{stroke:#ff7b8a}}"
)


def grid(marks: Sequence[tuple[float, str]], y: Scale, sides: tuple[float, float]) -> Iterator[str]:
    """Lines across, from one side to the other, each with its text."""
    left, right = sides
    for value, text in marks:
        height = y(value)
        yield f'<line class="grid" x1="{left}" x2="{right}" y1="{height:.1f}" y2="{height:.1f}"/>'
        yield f'<text class="tick" text-anchor="end" x="{left - 6}" y="{height + 4:.1f}">{text}</text>'


def stroke(place: int) -> str:
    """The look of a line by its place among all."""
    dash = "" if place < len(COLOURS) else ' stroke-dasharray="5 3"'
    return f"stroke={quoteattr(COLOURS[place % len(COLOURS)])}{dash}"


def path(steps: Sequence[float], values: Sequence[float], x: Scale, y: Scale) -> str:
    """A line through points, without those that are drawn where the last one is."""
    points = [f"{x(step):.1f} {y(value):.1f}" for step, value in zip(steps, values, strict=True)]
    kept = [point for place, point in enumerate(points) if not place or point != points[place - 1]]
    return "M" + "L".join(kept)


def ticks(low: float, high: float) -> list[float]:
    """About five round numbers from `low` to `high`."""
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough)
    return [low + step * count for count in range(int((high - low) / step + 1e-9) + 1)]


def round_ticks(low: float, high: float) -> list[float]:
    """About five round numbers within `low` and `high`."""
    step = ticks(0.0, high - low)[1] if high > low else 1.0
    first = math.ceil(low / step - 1e-9)
    return [place * step for place in range(first, math.floor(high / step + 1e-9) + 1)]
