"""Elements of HTML and MathML. Text in them is escaped, unless it was made here."""

from __future__ import annotations

from html import escape

from chainprice.errors import printable

VOID = frozenset({"meta", "br"})
"""Elements of HTML without content or end."""


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


def element(tag: str, *contents: str, **attributes: str) -> Markup:
    """An element.

    In an attribute's name `_` is a dash, and one at its end, as in `class_`, nothing. An attribute that is ""
    is left out.
    """
    given = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items() if value}
    head = "".join(f' {name}="{escaped(value)}"' for name, value in given.items())
    if tag in VOID:
        return Markup(f"<{tag}{head}>")
    return Markup(f"<{tag}{head}>{''.join(map(escaped, contents))}</{tag}>")


def escaped(text: str) -> str:
    """Text as it stands in an element or in an attribute; markup as it is."""
    return text if isinstance(text, Markup) else escape(printable(text))
