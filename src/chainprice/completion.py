"""What a shell offers when TAB is pressed: spec files, goods and numbers of the spec on the line.

A shell waits for the answer and shows whatever is written meanwhile. So a spec is only looked at, neither
checked nor priced, and where nothing can be offered nothing is said. What is offered goes into a command
line, so it is only ever names of the language: a key like `$(rm -r .)` is not offered.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from typer import _completion_shared

from chainprice import limits
from chainprice.errors import ChainpriceError
from chainprice.formula import is_name
from chainprice.spec import overrides
from chainprice.spec.language import SPEC, TABLE
from chainprice.spec.text import read_source
from chainprice.spec.tree import Tree, TreeError, read_tree

SUFFIXES = (".yaml", ".yml", ".json")
"""What a spec file's name ends with."""

_QUOTED = re.compile(r"[\s'\"\\$`!*?\[\](){}<>|&;#~]")
"""Characters that a shell has to quote."""


def goods(specs: Iterable[str]) -> list[str]:
    """The goods of the first of these files that holds a spec, as far as it can be made out."""
    tree = _first_tree(specs)
    made = (good for firm in _part(tree, "firms").values() for good in _part(firm, "production"))
    return [name for name in dict.fromkeys([*_part(tree, "supply"), *made]) if is_name(name)]


def settings(specs: Iterable[str]) -> list[str]:
    """What `--set` takes for the first of these files that holds a spec: each `NAME=`."""
    names = overrides.settable(_first_tree(specs))
    return [f"{name}=" for name in names if all(map(is_name, name.split(".")))]


def spec_files(incomplete: str) -> list[str]:
    """Spec files and folders that begin so; a folder that stands alone is looked into.

    None where a name would have to be quoted, or cannot be printed: shells see to that when nothing is
    offered.
    """
    head, _, begin = incomplete.rpartition("/")
    folder = f"{head}/" if head or incomplete.startswith("/") else ""
    found = [f"{folder}{name}" for name in _names(folder, begin)]
    if any(_QUOTED.search(text) or not text.isprintable() for text in [folder, *found]):
        return []
    if len(found) == 1 and found[0].endswith("/"):
        return spec_files(found[0]) or found
    return found


def _names(folder: str, begin: str) -> Iterator[str]:
    """The names of a folder's spec files, and of the folders in it with a / behind."""
    try:
        for path in sorted(Path(folder or ".").iterdir()):
            if path.name.startswith(begin) and (begin or not path.name.startswith(".")):
                if path.is_dir():
                    yield f"{path.name}/"
                elif path.suffix in SUFFIXES:
                    yield path.name
    except (OSError, ValueError):
        return


def _first_tree(specs: Iterable[str]) -> Tree:
    trees = (tree for tree in map(_tree, specs) if isinstance(tree, dict))
    return next((tree for tree in trees if not SPEC.keys.keys().isdisjoint(tree)), None)


def _tree(path: str) -> Tree:
    """The tree of a file; None for what is no file, too long to wait for, or neither YAML nor JSON."""
    try:
        file = Path(path).expanduser()
        if not file.is_file() or file.stat().st_size > limits.COMPLETION_BYTES:
            return None
        tree = read_tree(file.read_text(encoding="utf-8-sig")).tree
        return _with_firms_of_table(tree, file)
    except (OSError, ValueError, RuntimeError, TreeError):
        return None


def _with_firms_of_table(tree: Tree, file: Path) -> Tree:
    """The tree with the firms of its table, if that is found and not too long to wait for."""
    table = _part(tree, "firms").get(TABLE)
    if isinstance(table, str) and file.with_name(table).stat().st_size <= limits.COMPLETION_BYTES:
        from chainprice.spec.firmtable import FirmTableError, expanded

        with suppress(FirmTableError, ChainpriceError):
            return expanded(tree, read_source(file)).tree
    return tree


def _part(tree: Tree, key: str) -> dict[str, Any]:
    """The mapping under a key; empty where there is none."""
    part = tree.get(key) if isinstance(tree, dict) else None
    return part if isinstance(part, dict) else {}


_BASH_JOINS = "="
"""A word by itself to bash, and a part of one to everybody else."""

_BASH_SPACING = '    [[ "${COMPREPLY[*]}" == *[=/] ]] && compopt -o nospace\n'
"""No space behind `name=` and `folder/`: something must follow."""


def prepare_bash(environment: MutableMapping[str, str]) -> None:
    """Teach bash about spaces, and join the words that it has taken apart."""
    scripts = _completion_shared._completion_scripts  # there is no public way to them
    scripts["bash"] = scripts["bash"].replace("    return 0\n", f"{_BASH_SPACING}    return 0\n")
    join_words(environment)


def join_words(environment: MutableMapping[str, str]) -> None:
    """Put together what bash has taken apart, `name`, `=`, `value`, in the words that it hands over."""
    words = environment.get("COMP_WORDS", "").split("\n")
    place = environment.get("COMP_CWORD", "")
    if _BASH_JOINS in words and place.isdecimal():
        joined, at = _joined(words, int(place))
        environment["COMP_WORDS"], environment["COMP_CWORD"] = "\n".join(joined), str(at)


def _joined(words: Sequence[str], place: int) -> tuple[list[str], int]:
    joined: list[str] = []
    at = place
    for index, word in enumerate(words):
        if joined and _BASH_JOINS in (word, words[index - 1]):
            joined[-1] += word
        else:
            joined.append(word)
        if index == place:
            at = len(joined) - 1
    return joined, at
