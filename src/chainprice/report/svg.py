"""What every picture in SVG shares: colours, words for who cannot see it, and how text is measured."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from xml.sax.saxutils import escape

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a6d00", "#7a5195")
"""Told apart by people who confuse colours (Okabe and Ito, 2008, and two darker ones)."""

_LETTER = 0.62
"""The width of a letter, in heights of the font; of a wide one 1."""


def svg_document(
    size: tuple[int, int], words: tuple[str, str], style: str, body: Sequence[str], *, name: str = ""
) -> str:
    """A picture that stands alone: its words, a title and a description, say in words what it shows.

    With a `name` its style and its ids hold for this picture only, so that a page may have it among others.
    """
    width, height = size
    title, description = words
    mark, attribute = (f"{name}-", f' class="{name}"') if name else ("", "")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg"{attribute} width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-labelledby="{mark}title {mark}description">\n'
        f'<title id="{mark}title">{escape(title)}</title>\n'
        f'<desc id="{mark}description">{escape(description)}</desc>\n'
        f"<style>{style}</style>\n" + "\n".join(body) + "\n</svg>\n"
    )


def cut(text: str, most: int) -> str:
    """At most so many characters of a text."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def text_width(text: str, size: float) -> float:
    """About how wide a text is in a sans-serif font of this size."""
    if text.isascii():
        return _LETTER * size * len(text)
    return size * sum(1.0 if unicodedata.east_asian_width(letter) in "WF" else _LETTER for letter in text)


def cut_to_width(text: str, size: float, width: float) -> str:
    """As much of a text as is about so wide."""
    if text_width(text, size) <= width:
        return text
    kept, room = "", width - size
    for letter in text:
        room -= text_width(letter, size)
        if room < 0:
            break
        kept += letter
    return f"{kept}…"
