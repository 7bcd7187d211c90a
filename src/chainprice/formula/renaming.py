"""A formula with other names: of a chain inside a firm, as the market outside knows its goods.

Such names have dots, `plant.reactor_gas`, and no spec can write them; the text, the shape and the numbers
stay what they were.
"""

from __future__ import annotations

from collections.abc import Mapping

from chainprice.formula.reader import DERIVED, LIFTED, Formula, read, tokens_of


def renamed(formula: Formula, names: Mapping[str, str]) -> Formula:
    """The formula with each name as `names` has it; those that are not in `names` stay as they are."""
    if all(names.get(name, name) == name for name in formula.names):
        return formula
    text = LIFTED.sub(lambda word: names.get(word[0], word[0]), formula.text)
    new = tuple([names.get(name, name) for name in formula.names])
    if len({*new}) < len(new):  # two goods inside are one outside
        return read(text, DERIVED)
    return formula._replace(text=text, names=new)


def span_before(before: str, after: str, start: int, end: int) -> tuple[int, int]:
    """Where the part of a renamed text, from `start` to before `end`, stands in the text `before`."""
    pairs = zip(tokens_of(before), tokens_of(after, DERIVED), strict=False)
    meant = [old for old, new in pairs if new.start() < end and new.end() > start]
    return (meant[0].start(), meant[-1].end()) if meant else (0, len(before))
