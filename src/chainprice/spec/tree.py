"""YAML or JSON text to a plain tree of dicts, lists, strings, booleans and None.

YAML 1.2's core rules, with one turn: a number stays the text that was written, so that decimals
are exact and a number is read like any other formula. No tag is accepted, so no text can name a
type to be built; an alias is the same object again, so no alias can multiply.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from chainprice import limits

Tree = dict[str, "Tree"] | list["Tree"] | str | bool | None

_PLAIN: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
"""The plain scalars of YAML 1.2's core schema that are not text (or numbers, which stay text)."""

_TEXT, _CONSTANT, _MAP, _LIST = "text", "constant", "map", "list"


@dataclass(frozen=True, slots=True)
class TreeProblem:
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


class _CoreSchema:
    """Resolves an untagged node to one of four kinds; an explicit tag is passed on as it is."""

    def resolve(self, kind: type[Node], value: Any, implicit: Any) -> str:
        if kind is ScalarNode:
            return _CONSTANT if implicit[0] and value in _PLAIN else _TEXT
        return _MAP if kind is MappingNode else _LIST

    def descend_resolver(self, parent: Any, index: Any) -> None:
        """Resolving by path, which YAML loaders offer, is not part of the core schema."""

    def ascend_resolver(self) -> None:
        """See `descend_resolver`."""


if yaml.__with_libyaml__:
    from yaml.cyaml import CParser  # type: ignore[attr-defined]

    class _Composer(_CoreSchema, CParser):
        """libyaml's parser under the core schema."""

else:  # pragma: no cover  (PyYAML's wheels all have libyaml)

    class _Composer(  # type: ignore[no-redef]
        _CoreSchema,
        yaml.reader.Reader,
        yaml.scanner.Scanner,
        yaml.parser.Parser,
        yaml.composer.Composer,
    ):
        """PyYAML's own parser under the core schema."""

        def __init__(self, text: str) -> None:
            yaml.reader.Reader.__init__(self, text)
            yaml.scanner.Scanner.__init__(self)
            yaml.parser.Parser.__init__(self)
            yaml.composer.Composer.__init__(self)


def read_tree(text: str) -> ReadTree:
    """The tree of a YAML or JSON text.

    Raises TreeError where the text is not YAML at all.
    """
    if text.lstrip()[:1] == "{":
        tree = _read_json(text)
        if tree is not None:
            return ReadTree(tree, ())
    builder = _Builder()
    node = compose(text)
    tree = builder.build(node, 0) if node is not None else None
    return ReadTree(tree, tuple(builder.problems))


def compose(text: str) -> Node | None:
    """YAML's node tree, in which every node knows its line and column; None for an empty text."""
    _fail_if_nested_too_deeply(text)
    try:
        node: Node | None = _Composer(text).get_single_node()
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        column = error.position - before.rfind("\n")
        problem = TreeProblem("not YAML: a control character", before.count("\n") + 1, column)
        raise TreeError(problem) from None
    except yaml.MarkedYAMLError as error:
        raise TreeError(_marked_problem(error)) from None
    return node


def _marked_problem(error: yaml.MarkedYAMLError) -> TreeProblem:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    reason = " ".join(part for part in (error.problem, error.context) if part) or "not YAML"
    hint = ""
    if "mapping values are not allowed" in reason:
        hint = "a value that contains ': ' needs quotes; or the indentation is off"
    elif "cannot start any token" in reason:
        hint = "indent with spaces, and put quotes around text that begins with a special character"
    elif "single document" in reason:
        reason, hint = "the file holds more than one document", "one spec a file: remove the '---'"
    return TreeProblem(f"not YAML: {reason}", line, column, hint)


def _fail_if_nested_too_deeply(text: str) -> None:
    """libyaml recurses on brackets; this counts them first (text in quotes counts too: no harm)."""
    if max(text.count("["), text.count("{")) <= limits.TREE_DEPTH:
        return
    depth = 0
    for line, content in enumerate(text.splitlines(), start=1):
        if not any(bracket in content for bracket in "[]{}"):
            continue
        for column, letter in enumerate(content, start=1):
            if letter in "[{":
                depth += 1
            elif letter in "]}":
                depth = max(0, depth - 1)
            if depth > limits.TREE_DEPTH:
                raise TreeError(TreeProblem("nested too deeply", line, column))


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


class _Builder:
    """Node tree to plain tree; what it does not like is a problem with the node's place."""

    def __init__(self) -> None:
        self.problems: list[TreeProblem] = []
        self._built: dict[int, Tree] = {}
        self._open: set[int] = set()

    def build(self, node: Node, depth: int) -> Tree:
        if node.tag is _TEXT:
            return str(node.value)
        if node.tag is _CONSTANT:
            return _PLAIN[node.value]
        if id(node) in self._built:
            return self._built[id(node)]
        if node.tag is not _MAP and node.tag is not _LIST:
            self._report(node, f"the tag '{node.tag}' is not part of the language", "remove it")
        elif id(node) in self._open or depth > limits.TREE_DEPTH:
            self._report(node, "this contains itself" if id(node) in self._open else "nested too deeply")
            return None
        if isinstance(node, ScalarNode):
            return str(node.value)
        self._open.add(id(node))
        tree: Tree
        if isinstance(node, MappingNode):
            tree = dict(self._pairs(node, depth))
        else:
            tree = [self.build(item, depth + 1) for item in node.value]
        self._open.discard(id(node))
        self._built[id(node)] = tree
        return tree

    def _pairs(self, node: MappingNode, depth: int) -> Iterator[tuple[str, Tree]]:
        seen: dict[str, Node] = {}
        for key_node, value_node in node.value:
            value = self.build(value_node, depth + 1)
            if not isinstance(key_node, ScalarNode) or key_node.tag is not _TEXT:
                self._report(key_node, "a key must be text", "put it in quotes if it is meant as a name")
                continue
            key = str(key_node.value)
            if key in seen:
                line = seen[key].start_mark.line + 1
                self._report(key_node, f"key '{key}' is given twice", f"first given in line {line}")
                continue
            seen[key] = key_node
            yield key, value

    def _report(self, node: Node, message: str, hint: str = "") -> None:
        start, end = node.start_mark, node.end_mark
        length = end.column - start.column if end.line == start.line else 1
        self.problems.append(TreeProblem(message, start.line + 1, start.column + 1, hint, max(1, length)))


def find(root: Node | None, path: tuple[str | int, ...]) -> tuple[Node | None, Node] | None:
    """The key node (if it has one) and the value node at `path`, as deep as the path goes."""
    if root is None:
        return None
    key: Node | None = None
    node = root
    for step in path:
        if isinstance(node, MappingNode):
            pair = next(((k, v) for k, v in node.value if k.value == step), None)
            if pair is None:
                break
            key, node = pair
        elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
            key, node = None, node.value[step]
        else:
            break
    return key, node
