"""YAML text to a plain tree: YAML 1.2's core rules, but numbers stay text.

No tag is accepted, so no text can name a type to be built; an alias is the same object again, so no
alias can multiply.

There is a fast road for what is plain (no anchors, no tags) and a thorough one for everything else. Only
the thorough one finds what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml
from yaml.events import (
    CollectionStartEvent,
    DocumentEndEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from chainprice import limits
from chainprice.spec.tree import ReadTree, Tree, TreeError, TreeProblem, lines_of

_PLAIN: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
"""The plain scalars of YAML 1.2's core schema that are not text (or numbers, which stay text)."""

_TEXT, _CONSTANT, _MAP, _LIST = "text", "constant", "map", "list"


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


def read_yaml(text: str) -> ReadTree:
    """The tree of a YAML text; raises TreeError where there is none."""
    try:
        return ReadTree(read_plain(text), ())
    except (UnusualError, yaml.YAMLError):
        return read_thoroughly(text)


def read_thoroughly(text: str) -> ReadTree:
    """The tree of any YAML text, and all that is wrong with it; raises TreeError where there is no tree."""
    builder = _Builder()
    node = compose(text)
    tree = builder.build(node, 0) if node is not None else None
    return ReadTree(tree, tuple(builder.problems))


def compose(text: str) -> Node | None:
    """YAML's node tree, in which every node knows its line and column; None for an empty text."""
    _fail_if_nested_too_deeply(text)
    try:
        node: Node | None = _Composer(text).get_single_node()
    except yaml.reader.ReaderError:
        found = yaml.reader.Reader.NON_PRINTABLE.search(text)  # libyaml counts bytes, and not letters
        before = lines_of(text[: found.start() if found else 0])
        problem = TreeProblem("not YAML: a control character", len(before), len(before[-1]) + 1)
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
    for bracket in _BRACKET.finditer(text):
        if bracket.group() in "[{":
            depth += 1
        elif depth:
            depth -= 1
        if depth > limits.TREE_DEPTH:
            lines = lines_of(text[: bracket.end()])
            raise TreeError(TreeProblem(_TOO_DEEP, len(lines), len(lines[-1]), _FILE_OF_ITS_OWN))


_TOO_DEEP = "nested too deeply"
_FILE_OF_ITS_OWN = "what is inside a firm may have a file of its own: `chain: plant.yaml`"

_BRACKET = re.compile(r"[\[\]{}]")


class UnusualError(Exception):
    """The text holds what the fast road does not know, or what is wrong."""


Events = Iterator[Event]


def read_plain(text: str) -> Tree:
    """The tree of a YAML text by the fast road: straight from the parser's events, no node is made.

    Raises UnusualError, TreeError or the parser's own error: then the thorough road has the last word.
    """
    _fail_if_nested_too_deeply(text)
    events: Events = iter(_Composer(text).get_event, None)
    next(events)  # the stream begins
    if isinstance(next(events), StreamEndEvent):
        return None
    tree = _tree(next(events), events, 0)
    if not isinstance(next(events), DocumentEndEvent) or not isinstance(next(events), StreamEndEvent):
        raise UnusualError
    return tree


def _tree(event: Event, events: Events, depth: int) -> Tree:
    """The tree that begins with `event`; its other events are taken from `events`."""
    if type(event) is ScalarEvent:
        return _scalar(event)
    if not isinstance(event, CollectionStartEvent) or depth > limits.TREE_DEPTH:
        raise UnusualError
    if event.tag is not None or event.anchor is not None:
        raise UnusualError
    return _mapping(events, depth) if isinstance(event, MappingStartEvent) else _sequence(events, depth)


def _scalar(event: ScalarEvent) -> str | bool | None:
    if event.tag is not None or event.anchor is not None:
        raise UnusualError
    value: str = event.value
    return _PLAIN[value] if value in _PLAIN and event.implicit[0] else value


def _mapping(events: Events, depth: int) -> Tree:
    mapping: dict[str, Tree] = {}
    for event in events:
        if type(event) is MappingEndEvent:
            return mapping
        key = _scalar(event) if type(event) is ScalarEvent else None
        if not isinstance(key, str) or key in mapping:
            raise UnusualError
        mapping[key] = _tree(next(events), events, depth + 1)
    raise UnusualError


def _sequence(events: Events, depth: int) -> Tree:
    sequence: list[Tree] = []
    for event in events:
        if type(event) is SequenceEndEvent:
            return sequence
        sequence.append(_tree(event, events, depth + 1))
    raise UnusualError


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
        if id(node) in self._open:
            self._report(node, "this contains itself")
            return None
        if depth > limits.TREE_DEPTH:
            raise TreeError(_problem(node, _TOO_DEEP, _FILE_OF_ITS_OWN))
        if node.tag is not _MAP and node.tag is not _LIST:
            self._report(node, f"the tag '{node.tag}' is not part of the language", "remove it")
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
        self.problems.append(_problem(node, message, hint))


def _problem(node: Node, message: str, hint: str) -> TreeProblem:
    start, end = node.start_mark, node.end_mark
    length = end.column - start.column if end.line == start.line else 1
    return TreeProblem(message, start.line + 1, start.column + 1, hint, max(1, length))


class Finder:
    """Finds paths of keys in a node tree; each mapping is looked through once, however many are asked for."""

    def __init__(self, root: Node | None) -> None:
        self._root = root
        self._pairs: dict[int, dict[str, tuple[Node, Node]]] = {}

    def find(self, path: tuple[str | int, ...]) -> tuple[Node | None, Node] | None:
        """The key node (if it has one) and the value node at `path`, as deep as the path goes."""
        if self._root is None:
            return None
        key: Node | None = None
        node = self._root
        for step in path:
            if isinstance(node, MappingNode) and step in (pairs := self._pairs_of(node)):
                key, node = pairs[step]
            elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
                key, node = None, node.value[step]
            else:
                break
        return key, node

    def _pairs_of(self, node: MappingNode) -> dict[Any, tuple[Node, Node]]:
        """A mapping's pairs by their keys; of a key that is given twice, the first."""
        if id(node) not in self._pairs:
            texts = ((key.value, key, value) for key, value in node.value if isinstance(key, ScalarNode))
            self._pairs[id(node)] = {text: (key, value) for text, key, value in reversed([*texts])}
        return self._pairs[id(node)]
