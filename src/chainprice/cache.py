"""What sympy found about functional shapes: of common ones shipped, of others kept between runs.

`known_shapes.txt` has a line for each result that is shipped with the program. It counts under the
releases of sympy that are known to find the same. All else is kept in the user's cache directory, where
an entry is a small text file: a heading, its key, the result as JSON with formulas as text, and a
checksum. Nothing in it is ever run; formulas are read back through the grammar like any other. An entry
that is damaged, foreign or unreadable counts as not there, and where nothing can be written nothing is.

`CHAINPRICE_CACHE` names another directory; `off` does without. What is shipped is part of the program
and counts all the same.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from json import dumps, loads
from pathlib import Path
from typing import Any, TypeVar

from chainprice.version import __version__

T = TypeVar("T")

VARIABLE = "CHAINPRICE_CACHE"
OFF = "off"

MOST_ENTRIES = 20_000
"""Entries from which on the older half goes when a new one comes."""

SHIPPED = Path(__file__).with_name("known_shapes.txt")
"""A heading, the releases of sympy, then a key and its result on each line, with a tab between them."""

SHIPPED_HEADING = "chainprice known shapes 1"

_LONGEST = 1_000_000
"""Bytes beyond which a result is not worth keeping, and a file not ours."""

_HEADING = "chainprice cache 2"


def remembered(
    find: Callable[[], T], to_data: Callable[[T], Any], from_data: Callable[[Any], T], kind: str, *key: object
) -> T:
    """What `find` gives, from what is shipped or from the cache; else kept for the next run.

    `from_data` raises ValueError for what `to_data` never made.
    """
    for look_up in (shipped, recall):
        with suppress(ValueError):
            known = look_up(kind, *key)
            if known is not None:
                return from_data(known)
    found = find()
    keep(to_data(found), kind, *key)
    return found


def shipped(kind: str, *key: object) -> Any:
    """What is shipped under this key, or None; raises ValueError if it is no JSON."""
    text, mark = _all_shipped(), f"\n{name_of(kind, *key)}\t"
    begin = text.find(mark)
    return None if begin < 0 else loads(text[begin + len(mark) : text.index("\n", begin + 1)])


@cache
def _all_shipped() -> str:
    """The lines that are shipped, "" where sympy might find something else."""
    release = ".".join((_sympy_version() or "").split(".")[:2])
    with suppress(OSError, ValueError):
        text = SHIPPED.read_text("utf-8")
        heading, releases = text.split("\n", 2)[:2]
        if heading == SHIPPED_HEADING and release in releases.split():
            return text
    return ""


def recall(kind: str, *key: object) -> Any:
    """What was kept under this key, or None."""
    folder, makers = _folder(), _makers()
    if folder is None or makers is None:
        return None
    name = f"{makers} {name_of(kind, *key)}"
    try:
        with _path(folder, name).open("rb") as stream:
            content = stream.read(_LONGEST + 1)
        text, _, check = content.rstrip(b"\n").rpartition(b"\n")
        heading, known, data = text.decode("utf-8").split("\n")
        if len(content) > _LONGEST or (heading, known) != (_HEADING, name) or check != _checksum(text):
            return None
        return loads(data)
    except (OSError, ValueError, RecursionError):
        return None


def keep(result: Any, kind: str, *key: object) -> None:
    """Keep a result (anything JSON has) under a key; another process may do the same at the same time."""
    folder, makers = _folder(), _makers()
    if folder is None or makers is None:
        return
    name = f"{makers} {name_of(kind, *key)}"
    text = "\n".join((_HEADING, name, dumps(result, separators=(",", ":")))).encode()
    if len(text) > _LONGEST - 100:
        return
    import tempfile

    path = _path(folder, name)
    with suppress(OSError):
        _make_room(folder)
        handle, temporary = tempfile.mkstemp(prefix=".", dir=folder)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(text + b"\n" + _checksum(text) + b"\n")
            Path(temporary).replace(path)
        except OSError:
            Path(temporary).unlink(missing_ok=True)


def name_of(kind: str, *key: object) -> str:
    """A key as one line of text without tabs."""
    return " ".join((kind, *(re.sub(r"\s", "", str(part)) for part in key)))


def _path(folder: Path, name: str) -> Path:
    return folder / f"{sha256(name.encode()).hexdigest()[:40]}.txt"


def _checksum(text: bytes) -> bytes:
    return sha256(text).hexdigest().encode()


@cache
def _folder() -> Path | None:
    """Where entries are, None if there is no such place."""
    chosen = os.environ.get(VARIABLE, "")
    if chosen.lower() == OFF:
        return None
    if chosen:
        return Path(chosen)
    try:
        home = Path.home()
    except RuntimeError:  # nobody's home
        return None
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "chainprice" / "Cache"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "chainprice"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "chainprice"


def _makers() -> str | None:
    """The versions that entries are made by; others' entries are not ours."""
    version = _sympy_version()
    return f"{__version__} {version}" if version else None


@cache
def _sympy_version() -> str | None:
    """Found without importing sympy, which takes longer than all else; None if it cannot be."""
    spec = find_spec("sympy")
    if spec is None or spec.origin is None:
        return None
    with suppress(OSError):
        release = Path(spec.origin).with_name("release.py").read_text("utf-8")
        found = re.search(r"__version__\s*=\s*[\"']([^\"'\s]+)", release)
        return found.group(1) if found else None
    return None


@cache
def _make_room(folder: Path) -> None:
    """Once a run: make the directory, for nobody else to read, and see that it does not grow for ever."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    entries = list(folder.glob("*.txt"))
    if len(entries) >= MOST_ENTRIES:
        entries.sort(key=lambda entry: entry.stat().st_mtime)
        for entry in entries[: len(entries) // 2]:
            entry.unlink(missing_ok=True)
