"""Which files the command line means: specs, folders of specs, and patterns that no shell has expanded."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from glob import escape, glob, has_magic
from pathlib import Path
from typing import NamedTuple

from chainprice.errors import Place, Problem
from chainprice.spec.text import STDIN

SUFFIXES = (".yaml", ".yml", ".json")
"""What a spec's name ends in, if it is to be found in a folder."""

_ANY_FOLDERS = re.compile(rf"(?:^|(?<=[/{re.escape(os.sep)}]))\*\*(?:[/{re.escape(os.sep)}]|$)")
"""A `**` that is a whole part of a pattern."""


class Gathered(NamedTuple):
    """A file to be read; or, with a `problem`, a name that leads to none.

    `path` is as the user would write it. `folder` is the one that the file was found in, None if the
    file was named itself: then it must be a spec.
    """

    path: str
    folder: str | None = None
    problem: Problem | None = None


def gather(names: Iterable[str]) -> tuple[Gathered, ...]:
    """The files that these names mean, in the order of the names, each folder's sorted.

    A folder means all files with one of the `SUFFIXES` in and below it, without hidden ones. A file that
    is met twice, by whatever path, is there once.
    """
    found: dict[object, Gathered] = {}
    for item in (item for name in names for item in _meant_by(name)):
        key = _identity(item.path)
        first = found.setdefault(key, item)
        if first.folder is not None and item.folder is None:
            found[key] = first._replace(folder=None)
    return tuple(found.values())


def _identity(path: str) -> object:
    """The same for all paths to one file."""
    if path == STDIN:
        return path
    try:
        status = Path(path).stat()
    except (OSError, ValueError):
        return path
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(path)


def _meant_by(name: str) -> Iterator[Gathered]:
    if name == STDIN or not has_magic(name) or _exists(name):
        yield from _in_folder(name) if name != STDIN and _is_folder(name) else [Gathered(name)]
        return
    matches = list(_matches(name))
    for path in matches:
        yield from _in_folder(path) if _is_folder(path) else [Gathered(path)]
    if not matches:
        yield _nothing(name, "no file matches this pattern")


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False


def _is_folder(path: str) -> bool:
    try:
        return path != "" and Path(path).is_dir()
    except (OSError, ValueError):
        return False


def _nothing(path: str, message: str, hint: str = "") -> Gathered:
    return Gathered(path, None, Problem(message, Place(path), hint))


def _matches(pattern: str) -> Iterator[str]:
    """The paths that match, sorted; `**` stands for any folders, also none, but for no hidden ones."""
    mark = _ANY_FOLDERS.search(pattern)
    if mark is None:
        yield from sorted(glob(pattern))  # noqa: PTH207
        return
    before, after = pattern[: mark.start()], pattern[mark.end() :]
    for top in sorted(glob(before)) if before else [os.curdir]:  # noqa: PTH207
        for folder, _ in _walk(top, []) if after else ():
            start = "" if folder == os.curdir else escape(str(Path(folder))) + os.sep
            yield from _matches(start + after)
        if not after:
            yield top


def _in_folder(folder: str) -> Iterator[Gathered]:
    """All files in and below a folder that have a spec's suffix; a problem if there are none."""
    problems: list[Gathered] = []
    paths = [Path(here, file) for here, files in _walk(folder, problems) for file in files]
    chosen = [path for path in paths if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")]
    chosen = [path for path in chosen if path.is_file() or not path.exists()]
    for path in sorted(chosen, key=lambda path: path.parts):
        yield Gathered(str(path), folder)
    yield from problems
    if not chosen and not problems:
        yield _nothing(folder, "there is no spec in this folder", f"none of its files ends in {_suffixes()}")


def _suffixes() -> str:
    return f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"


def _walk(top: str, problems: list[Gathered]) -> Iterator[tuple[str, list[str]]]:
    """Every folder from `top` down that is not hidden, with its files; each folder once.

    Linked folders come last, so that a file has its own path and not that of a link, and a loop ends.
    """

    def note(error: OSError) -> None:
        reason = (error.strerror or str(error)).lower()
        problems.append(_nothing(str(error.filename), f"this folder cannot be read: {reason}"))

    seen: set[object] = set()
    waiting = [top]
    while waiting:
        links: list[str] = []
        for start in waiting:
            for here, folders, files in os.walk(start, onerror=note):
                if (key := _identity(here)) in seen:
                    folders.clear()
                    continue
                seen.add(key)
                folders[:] = sorted(folder for folder in folders if not folder.startswith("."))
                links += (str(Path(here, f)) for f in folders if Path(here, f).is_symlink())
                yield here, sorted(files)
        waiting = links
