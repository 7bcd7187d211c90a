"""YAML or JSON text to a plain tree of dicts, lists, strings, booleans and None.

JSON is read here, on the standard library's fast road; what is not JSON, or is JSON with a key given
twice, is read as YAML. A number stays the text that was written, so that decimals are exact and a number
is read like any other formula.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

Tree = dict[str, "Tree"] | list["Tree"] | str | bool | None


class TreeProblem(NamedTuple):
    """Something wrong with the text as YAML: reason, line and column from 1, way out."""

    message: str
    line: int
    column: int
    hint: str = ""
    length: int = 1


class TreeError(Exception):
    """The text is not YAML; there is no tree."""

    def __init__(self, problem: TreeProblem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class ReadTree(NamedTuple):
    """A text's tree, and what is wrong with it although it has one."""

    tree: Tree
    problems: tuple[TreeProblem, ...]


def lines_of(text: str) -> list[str]:
    """The lines of a text as YAML counts them: a vertical tab or a form feed ends none."""
    return _LINE_BREAK.split(text)


_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


def read_tree(text: str) -> ReadTree:
    """The tree of a YAML or JSON text.

    Raises TreeError where the text is not YAML at all.
    """
    if text.lstrip()[:1] == "{":
        tree = _read_json(text)
        if tree is not None:
            return ReadTree(tree, ())
    from chainprice.spec import yamltree

    return yamltree.read_yaml(text)


class _DuplicateKeyError(Exception):
    """A JSON object has a key twice; the YAML road finds where."""


def _read_json(text: str) -> Tree:
    """The tree of a JSON text by the fast road, or None: then YAML has the last word."""
    try:
        tree: Tree = json.loads(
            text, parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=_unique
        )
    except (ValueError, RecursionError, _DuplicateKeyError):
        return None
    return tree


def _unique(pairs: list[tuple[str, Tree]]) -> dict[str, Tree]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise _DuplicateKeyError
    return mapping
