"""Where a spec's text comes from: a file, standard input, or a string."""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from chainprice.errors import Place, Problem, SpecError, UsageError

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Source:
    """A text and where it came from; `sha256` is of its bytes."""

    path: str
    sha256: str
    text: str = field(repr=False)


def read_source(path_or_text: str | os.PathLike[str]) -> Source:
    """The text of a file, of standard input (`-`), or the string itself if it is a spec's text.

    A string with a line break, or one that begins with `{`, is text; any other string is a path.
    Raises UsageError if the file cannot be read, SpecError if it is not UTF-8.
    """
    if isinstance(path_or_text, str):
        if path_or_text == STDIN:
            return _decode("<stdin>", sys.stdin.buffer.read())
        if "\n" in path_or_text or path_or_text.lstrip().startswith("{"):
            return _decode("<text>", path_or_text.encode("utf-8", "surrogatepass"))
    return _decode(os.fspath(path_or_text), read_bytes(path_or_text))


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a file, or of standard input for `-`; raises UsageError if there are none to read."""
    if path == STDIN:
        return sys.stdin.buffer.read()
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        reason, hint = "there is no such file", ""
    except IsADirectoryError:
        reason, hint = "this is a folder", "name a spec file in it"
    except (OSError, ValueError) as error:
        reason, hint = (getattr(error, "strerror", None) or str(error)).lower(), ""
    raise UsageError(Problem(reason, Place(os.fspath(path)), hint))


def _decode(path: str, data: bytes) -> Source:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise SpecError(
            Problem(
                f"byte 0x{data[error.start]:02x} is not UTF-8",
                Place(path, line, column),
                "save the file as UTF-8",
            )
        ) from None
    return Source(path, hashlib.sha256(data).hexdigest(), text)
