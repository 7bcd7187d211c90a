"""A text to a `Spec`: tables and settings put in, read, and all that is wrong in the order of files."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from chainprice import limits
from chainprice.errors import Place, Problem, SpecError, UsageError
from chainprice.spec import overrides
from chainprice.spec.language import has_table
from chainprice.spec.model import Spec
from chainprice.spec.places import Places
from chainprice.spec.reader import Reader
from chainprice.spec.text import Source, read_source
from chainprice.spec.tree import TreeError, TreeProblem, lines_of, read_tree

if TYPE_CHECKING:
    from chainprice.spec.library import Trees


def load(path_or_text: str | os.PathLike[str] | Source, settings: Iterable[str] = ()) -> Spec:
    """The spec of a file, of standard input (`-`), of a text (a string with a line break), or of a source.

    `settings` are `NAME=VALUE` strings as `--set` takes them.

    Raises UsageError if the file cannot be read or a setting names nothing, and SpecError, with
    all problems and their places, if the text is not a sound spec.
    """
    return Draft(path_or_text).with_settings(settings)


class Draft:
    """A spec's text as a plain tree, of which specs are made that differ in what is set."""

    def __init__(self, path_or_text: str | os.PathLike[str] | Source) -> None:
        """Raises UsageError if the file cannot be read, SpecError if its text is no tree."""
        self._source = path_or_text if isinstance(path_or_text, Source) else read_source(path_or_text)
        try:
            self._tree, self._problems = read_tree(self._source.text)
        except TreeError as error:
            raise SpecError(_located(self._source, [error.problem])) from None
        self._table = None
        self._trees: Trees = {}
        if has_table(self._tree):
            from chainprice.spec.firmtable import FirmTableError, expanded

            try:
                self._tree, self._source, self._table = expanded(self._tree, self._source)
            except FirmTableError as error:
                found = _located(self._source, self._problems[: limits.PROBLEMS_SHOWN])
                raise SpecError([*found, *error.problems]) from None

    def with_settings(self, settings: Iterable[str] = ()) -> Spec:
        """The spec with these settings; raises what `load` raises."""
        applied = overrides.apply(self._tree, settings)
        if applied.problems:
            raise UsageError(applied.problems)
        reader = Reader(trees=self._trees)
        places = Places(self._source, MappingProxyType(dict(applied.changed)), table=self._table)
        spec = reader.read_spec(applied, self._source, places)
        if reader.nested:
            return _sound_with_its_files(spec, self._problems, reader)
        if self._problems or reader.problems:
            raise SpecError(_in_order(*_found_in(places, self._problems, reader)))
        return spec

    def names_in_forms(self) -> frozenset[str]:
        """The names whose values may decide which formula a form is, or whether it is sound.

        They are as the forms write them, without the firms in front; those of files are known once a spec
        was made.
        """
        from chainprice.spec.formnames import names_in_forms

        trees = (self._tree, *(file.tree for file in self._trees.values()))
        return frozenset(itertools.chain.from_iterable(map(names_in_forms, trees)))


def _sound_with_its_files(spec: Spec, tree_problems: Sequence[TreeProblem], reader: Reader) -> Spec:
    """The spec, if nothing is wrong with it nor with any file that its firms name."""
    library = reader.library
    if library.setting_problems:
        raise UsageError(library.setting_problems)
    if tree_problems or reader.problems or not library.is_sound:
        found = [_found_in(spec.places, tree_problems, reader), *(_found_in(*read) for read in library.read)]
        every = itertools.chain(*(problems for problems, _ in found), library.problems)
        problems = {
            (problem.place, problem.message): problem for problem in every
        }  # a file may be named twice
        unseen = sum(count - len(problems) for problems, count in found)
        raise SpecError(_in_order([*problems.values()], len(problems) + unseen))
    return spec


def _found_in(
    places: Places, tree_problems: Sequence[TreeProblem], reader: Reader | None
) -> tuple[list[Problem], int]:
    """What is wrong with one file, as far as it is shown, and how much there is in all."""
    noted = reader.problems if reader else []
    shown = noted[: limits.PROBLEMS_SHOWN]
    found = places.find_all(path for path, _, _ in shown)
    problems = [
        *_located(places.source, tree_problems[: limits.PROBLEMS_SHOWN]),
        *(Problem(message, place, hint) for place, (_, message, hint) in zip(found, shown, strict=True)),
    ]
    if places.table is not None:
        problems = _once_a_place(problems)
    return problems, len(tree_problems) + len(noted)


def _located(source: Source, problems: Iterable[TreeProblem]) -> list[Problem]:
    lines = lines_of(source.text)
    return [
        Problem(
            problem.message,
            Place(
                source.path,
                problem.line,
                problem.column,
                problem.length,
                lines[problem.line - 1] if problem.line <= len(lines) else "",
            ),
            problem.hint,
        )
        for problem in problems
    ]


def _once_a_place(problems: list[Problem]) -> list[Problem]:
    """The first problem of each place: what is wrong with a template is so for every row of its table."""
    return [*{problem.place: problem for problem in reversed(problems)}.values()][::-1]


def _in_order(problems: list[Problem], count: int) -> list[Problem]:
    """By file and line; of `count` problems those beyond the limit are only counted."""
    files = {p.place.path: None for p in problems if p.place}
    order = {path: number for number, path in enumerate(files)}
    last = (len(files), 0, 0)
    problems.sort(key=lambda p: (order[p.place.path], p.place.line or 0, p.place.column) if p.place else last)
    if count <= limits.PROBLEMS_SHOWN:
        return problems
    shown = problems[: limits.PROBLEMS_SHOWN]
    return [*shown, Problem(f"and {count - len(shown):,} more problems")]
