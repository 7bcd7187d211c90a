"""The names that forms are made of: where one of them has another value, a form may be another formula."""

from __future__ import annotations

from collections.abc import Iterator

from chainprice.spec.language import FORM
from chainprice.spec.template import words_in
from chainprice.spec.tree import Tree


def names_in_forms(tree: Tree) -> Iterator[str]:
    """The names in the numbers of all forms of a tree, as they are written there: perhaps more than once."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, dict):
            continue
        if isinstance(node.get(FORM), str):
            yield from words_in(node)
        else:
            waiting += node.values()
