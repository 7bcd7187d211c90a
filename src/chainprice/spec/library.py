"""The files that a spec and its chains name: which they are, that none is inside itself, and what they say.

A file is read once for each set of parameters that firms give it, however often it is named.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from chainprice import limits
from chainprice.errors import Problem, SpecError, UsageError, short
from chainprice.spec.chains import Keys, Written
from chainprice.spec.language import has_table
from chainprice.spec.model import Spec
from chainprice.spec.neighbours import Neighbour, neighbour
from chainprice.spec.overrides import Setting, apply
from chainprice.spec.places import Elsewhere, Places
from chainprice.spec.text import ChainFile, Source, read_source
from chainprice.spec.tree import Tree, TreeError, TreeProblem, read_tree

if TYPE_CHECKING:
    from chainprice.spec.reader import Reader

Arguments = Mapping[str, str]
"""The parameters that a firm gives to the file of its chain, as they are written."""


class FileRead(NamedTuple):
    """A file with all that is wrong with it: with its text as YAML, and with what it says."""

    places: Places
    tree_problems: tuple[TreeProblem, ...]
    reader: Reader | None


class ReadFile(NamedTuple):
    """The tree of a file, with the firms of its tables, and what is wrong with its text as YAML."""

    tree: Tree
    problems: tuple[TreeProblem, ...]
    source: Source
    table: Elsewhere | None


Trees = dict[str, ReadFile]
"""Files that were read, by their real paths."""


class Library:
    """The files that a spec and its chains name, each looked up once.

    `files` are all that were read, in the order in which they were named; `read` each way in which they were
    read; `problems` what made a file unreadable; `setting_problems` what is wrong with settings for them.
    """

    def __init__(self, source: Source, new_reader: Callable[[Library], Reader], trees: Trees) -> None:
        """`trees` are those of files that were read before, and get those of others."""
        self.files: dict[str, Source] = {}
        self.read: list[FileRead] = []
        self.problems: list[Problem] = []
        self.setting_problems: list[Problem] = []
        self.parts = 0
        self.is_incomplete = False
        """Whether some chain could not be read."""
        self._new_reader = new_reader
        self._known: dict[tuple[str, tuple[tuple[str, str], ...], tuple[Setting, ...]], Written | None] = {}
        self._open = [] if source.folder is None else [(os.path.realpath(source.path), source.path)]
        self._length = len(source.text)
        self._trees = trees
        self._broken: set[str] = set()
        self._kept = source.chains
        self._named: dict[str, str] = {}

    @property
    def is_sound(self) -> bool:
        """Whether nothing was wrong with any file."""
        found = (bool(read.tree_problems) or bool(read.reader and read.reader.problems) for read in self.read)
        return not (self.problems or any(found))

    def chain(
        self, reader: Reader, keys: Keys, written: str, arguments: Arguments, settings: tuple[Setting, ...]
    ) -> Written | None:
        """The chain in the file that `reader`'s file calls `written`; None, and reported, if it has none."""
        found = self._found(reader.places.source, written)
        chain = None
        if isinstance(found, Problem):
            reader.report(keys, found.message, found.hint)
        elif not self._is_inside_itself(reader, keys, found):
            key = (found.real, tuple(sorted(arguments.items())), settings)
            if key not in self._known:
                self._known[key] = self._read(reader, keys, found, arguments, settings)
            chain = self._known[key]
        self.is_incomplete |= chain is None
        return chain

    def _found(self, source: Source, written: str) -> Neighbour | Problem:
        """The file that a source calls `written`; one that was kept is not looked for again."""
        path = str(Path(source.folder or "", written))
        kept = self._kept.get(path)
        found = neighbour(source, written) if kept is None else Neighbour(path, kept.real)
        if isinstance(found, Neighbour):
            self._named[found.path] = found.real
        return found

    def source_with_files(self, source: Source) -> Source:
        """The source, which keeps the files of all chains: who reads it again reads the same."""
        named = ((path, real) for path, real in self._named.items() if real in self.files)
        return replace(source, chains={path: ChainFile(real, self.files[real]) for path, real in named})

    def _is_inside_itself(self, reader: Reader, keys: Keys, found: Neighbour) -> bool:
        reals = [real for real, _ in self._open]
        if found.real in reals:
            loop = [path for _, path in self._open[reals.index(found.real) :]]
            names = " > ".join(_relative([*loop, loop[0]]))
            reader.report(keys, f"this chain is inside itself: {names}", "a chain ends in firms that produce")
            return True
        if len(self._open) > limits.NESTING_DEPTH:
            reader.report(keys, f"more than {limits.NESTING_DEPTH} chains inside each other")
            return True
        return False

    def _read(
        self,
        reader: Reader,
        keys: Keys,
        found: Neighbour,
        arguments: Arguments,
        settings: tuple[Setting, ...],
    ) -> Written | None:
        file = self._file(reader, keys, found)
        if file is None or self._is_too_much(reader, keys, file.tree):
            return None
        applied = apply(_with_arguments(file.tree, arguments), settings)
        self.setting_problems += applied.problems
        inner = self._new_reader(self)
        places = Places(file.source, applied.changed, table=file.table)
        self.read.append(FileRead(places, file.problems, inner))
        self._open.append((found.real, found.path))
        spec = inner.read_chain(applied, file.source, places)
        self._open.pop()
        if not spec.firms and not inner.has_problem(("firms",)):
            inner.report(("firms",), "a chain needs at least one firm", "add `firms:`")
        self.is_incomplete |= not spec.firms
        _fail_if_not_its_parameters(reader, keys, file.tree, arguments, written=found.path)
        return _of_file(applied.tree, spec, inner, places)

    def _file(self, reader: Reader, keys: Keys, found: Neighbour) -> ReadFile | None:
        """What a file says, read once; None where that was said to be wrong."""
        if found.real not in self._trees and found.real not in self._broken:
            file = self._tree(reader, keys, found)
            if file is None:
                self._broken.add(found.real)
            else:
                self._trees[found.real] = file
        known = self._trees.get(found.real)
        if known is not None:
            self.files[found.real] = known.source
        return known

    def _tree(self, reader: Reader, keys: Keys, found: Neighbour) -> ReadFile | None:
        """The tree of a file with the firms of its tables; None, and said why, where there is none."""
        source = self._source(reader, keys, found)
        if source is None:
            return None
        try:
            tree, problems = read_tree(source.text)
        except TreeError as error:
            self.read.append(FileRead(Places(source), (error.problem,), None))
            return None
        if not has_table(tree):
            return ReadFile(tree, problems, source, None)
        from chainprice.spec.firmtable import FirmTableError, expanded

        try:
            written = expanded(tree, source)
        except FirmTableError as error:
            self.read.append(FileRead(Places(source), problems, None))
            self.problems += error.problems
            return None
        self.files[found.real] = written.source  # what was read, tables and all
        tables = sum(len(content.data) for content in written.source.neighbours.values())
        if self._is_too_long(reader, keys, tables):
            return None
        return ReadFile(written.tree, problems, written.source, written.table)

    def _is_too_much(self, reader: Reader, keys: Keys, tree: Tree) -> bool:
        """Whether there are too many firms already: a file is read again for each set of parameters."""
        firms = tree.get("firms") if isinstance(tree, dict) else None
        self.parts += len(firms) if isinstance(firms, dict) else 0
        if self.parts <= limits.NESTED_PARTS:
            return False
        reader.report(keys, f"more than {limits.NESTED_PARTS:,} firms inside firms")
        return True

    def _is_too_long(self, reader: Reader, keys: Keys, length: int) -> bool:
        self._length += length
        if self._length <= limits.SPEC_BYTES:
            return False
        reader.report(keys, f"all files together are longer than {limits.SPEC_BYTES:,} bytes")
        return True

    def _source(self, reader: Reader, keys: Keys, found: Neighbour) -> Source | None:
        if found.real not in self.files:
            kept = self._kept.get(found.path)
            try:
                source = read_source(found.path) if kept is None else kept.source
            except SpecError as error:
                self.problems += error.problems
                return None
            except UsageError as error:
                reader.report(keys, f"'{short(found.path)}' cannot be read: {error.reason}")
                return None
            if self._is_too_long(reader, keys, len(source.text)):
                return None
            self.files[found.real] = source
        return self.files[found.real]


def _relative(paths: Iterable[str]) -> list[str]:
    """Paths as seen from the folder that they have in common."""
    whole = [*paths]
    common = os.path.commonpath([Path(path).parent for path in whole])
    return [PurePosixPath(os.path.relpath(path, common)).as_posix() for path in whole]


def _with_arguments(tree: Tree, arguments: Arguments) -> Tree:
    """The tree of a file with the parameters that a firm gives it."""
    if not arguments or not isinstance(tree, dict):
        return tree
    own = tree.get("parameters")
    return {**tree, "parameters": {**(own if isinstance(own, dict) else {}), **arguments}}


def _fail_if_not_its_parameters(
    reader: Reader, keys: Keys, tree: Tree, arguments: Arguments, *, written: str
) -> None:
    """Report every argument that the file has no parameter for."""
    own = tree.get("parameters") if isinstance(tree, dict) else None
    known = own if isinstance(own, dict) else {}
    for name in arguments:
        if name not in known:
            hint = reader.nearest(name, known) or f"its parameters are: {', '.join(known) or 'none'}"
            at = (*keys[:-1], "parameters", name)
            reader.report(at, f"the chain in '{short(written)}' has no parameter '{name}'", hint, at_key=True)


def _of_file(tree: Tree, spec: Spec, reader: Reader, places: Places) -> Written:
    stated = tree if isinstance(tree, dict) else {}
    nested = {keys[1]: firm for keys, firm in reader.nested.items() if len(keys) == 2}
    return Written(
        places,
        (),
        {name: firm for name, firm in spec.firms.items() if name not in nested},
        nested,
        spec.goods,
        spec.parameters,
        is_file=True,
        inputs=frozenset(spec.supply) if stated.get("supply") is not None else None,
        outputs=frozenset(spec.demand) if stated.get("demand") is not None else None,
        title=spec.title,
    )
