"""Files that a spec names: each lies in the spec's own folder, or below it.

A spec from a stranger may be read with the rights of whoever reads it, so what it names must not lead out of
its folder: not by an absolute path, not by `..`, not by a symbolic link, nor to a device.
"""

from __future__ import annotations

import stat
from pathlib import Path, PureWindowsPath
from typing import NamedTuple

from chainprice.errors import Problem, is_control, short
from chainprice.formula import suggestion
from chainprice.spec.text import Source


class Neighbour(NamedTuple):
    """A file beside a spec: its path as it is shown and opened, and the real one, without links."""

    path: str
    real: str


def neighbour(source: Source, written: str) -> Neighbour | Problem:
    """The file that a spec calls `written`, or why there is none; the problem has no place yet.

    `written` is relative to the spec's folder. The file exists and is a regular one.
    """
    if source.folder is None:
        where = "standard input" if source.path == "<stdin>" else "a text"
        message = f"{where} has no folder in which '{short(written)}' could be"
        return Problem(message, hint="put the spec in a file")
    return _refusal(written) or _found(source.folder, written)


def _found(folder: str, written: str) -> Neighbour | Problem:
    path = Path(folder, written)
    try:
        real = path.resolve()
        is_inside = real.is_relative_to(Path(folder).resolve())
        mode = path.stat().st_mode
    except FileNotFoundError:
        message = f"there is no file '{short(written)}' beside the spec"
        return Problem(message, hint=_nearest(path))
    except (OSError, ValueError, RuntimeError) as error:  # a loop of links is a RuntimeError before 3.13
        reason = (getattr(error, "strerror", None) or "no path of this system").lower()
        return Problem(f"'{short(written)}' cannot be read: {reason}")
    if not is_inside:
        return Problem(f"'{short(written)}' leads out of the spec's folder by a link", hint=_INSIDE)
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "no regular file"
        return Problem(f"'{short(written)}' is {kind}", hint="name a file in the spec's folder or below it")
    return Neighbour(str(path), str(real))


_INSIDE = "it must lie in the spec's folder or below it"


def _refusal(written: str) -> Problem | None:
    """Why a path is refused by its looks alone; the same on every system."""
    if not written.strip():
        return Problem("the name of a file is expected", hint=_INSIDE)
    if any(map(is_control, written)):
        return Problem("a file's name contains a control character", hint="rename the file")
    if "\\" in written:
        return Problem("a path has no backslashes here", hint="write / between folders, on Windows too")
    path = PureWindowsPath(written)
    if path.drive or path.root:
        return Problem(f"'{short(written)}' is an absolute path", hint=_INSIDE)
    if ".." in path.parts:
        return Problem(f"'{short(written)}' leads out of a folder by '..'", hint=_INSIDE)
    return None


def _nearest(path: Path) -> str:
    try:
        return suggestion(path.name, sorted(entry.name for entry in path.parent.iterdir()))
    except (OSError, ValueError):
        return ""
