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
from chainprice.spec import Spec, load, overrides
from chainprice.spec.language import SPEC, has_table, tables_in
from chainprice.spec.text import read_source
from chainprice.spec.tree import Tree, TreeError, read_tree

SUFFIXES = (".yaml", ".yml", ".json")
"""What a spec file's name ends with."""

_QUOTED = re.compile(r"[\s'\"\\$`!*?\[\](){}<>|&;#~]")
"""Characters that a shell has to quote."""


def goods(specs: Iterable[str]) -> list[str]:
    """The goods of the first of these files that holds a spec, as far as it can be made out."""
    tree, spec = _first(specs)
    if spec is not None:
        made = (good for firm in spec.firms.values() for good in firm.production)
        return [name for name in dict.fromkeys([*spec.supply, *made]) if _is_inner_name(name)]
    made = (good for firm in _part(tree, "firms").values() for good in _part(firm, "production"))
    return [name for name in dict.fromkeys([*_part(tree, "supply"), *made]) if is_name(name)]


def settings(specs: Iterable[str]) -> list[str]:
    """What `--set` takes for the first of these files that holds a spec: each `NAME=`."""
    tree, spec = _first(specs)
    names = overrides.settable(tree)
    if spec is not None:
        names = [*dict.fromkeys([*names, *_inside(spec)])]
    return [f"{name}=" for name in names if _is_inner_name(name)]


def _inside(spec: Spec) -> Iterator[str]:
    """The parameters of chains inside firms, and of the firms in them."""
    yield from (name for name in spec.parameters if "." in name)
    for name, firm in spec.firms.items():
        if "." in name:
            used = (word for formula in firm.production.values() for word in formula.names)
            words = [*firm.parameters, *(word for word in used if word in spec.parameters)]
            yield from (f"{name}.{word.rpartition('.')[2]}" for word in words)


def _is_inner_name(name: str) -> bool:
    return all(map(is_name, name.split(".")))


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


def _first(specs: Iterable[str]) -> tuple[Tree, Spec | None]:
    """The first tree that is a spec's; where firms in it are chains, the spec too, if it is sound."""
    for path in specs:
        tree = _tree(path)
        if isinstance(tree, dict) and not SPEC.keys.keys().isdisjoint(tree):
            return tree, _spec(path) if _is_nested(tree) and _is_short(Path(path), tree, set()) else None
    return None, None


def _is_nested(tree: Tree) -> bool:
    firms = _part(tree, "firms").values()
    return any("firms" in firm or "chain" in firm for firm in firms if isinstance(firm, dict))


def _is_short(path: Path, tree: Tree, seen: set[Path]) -> bool:
    """Whether the files of its chains, and tables, are no longer than what is looked into."""
    if has_table(tree):
        return False  # it was too long, or wrong
    for firm in _part(tree, "firms").values():
        file = path.parent / str(_part({"firm": firm}, "firm").get("chain", ""))
        if file.suffix in SUFFIXES and file not in seen:
            seen.add(file)
            inner = _tree(str(file))
            if inner is None or not _is_short(file, inner, seen):
                return False
    return sum(file.stat().st_size for file in seen) <= limits.COMPLETION_BYTES


def _spec(path: str) -> Spec | None:
    try:
        return load(Path(path))
    except (ChainpriceError, OSError):
        return None


def _tree(path: str) -> Tree:
    """The tree of a file; None for what is no file, too long to wait for, or neither YAML nor JSON."""
    try:
        file = Path(path).expanduser()
        if not file.is_file() or file.stat().st_size > limits.COMPLETION_BYTES:
            return None
        tree = read_tree(file.read_text(encoding="utf-8-sig")).tree
        return _with_firms_of_tables(tree, file)
    except (OSError, ValueError, RuntimeError, TreeError):
        return None


def _with_firms_of_tables(tree: Tree, file: Path) -> Tree:
    """The tree with the firms of its tables, if these are found and not too long to wait for."""
    tables = {*tables_in(tree)}
    if tables and sum((file.parent / table).stat().st_size for table in tables) <= limits.COMPLETION_BYTES:
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
