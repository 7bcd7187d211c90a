"""Where a spec's text comes from: a file, standard input, or a string."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

from chainprice import limits
from chainprice.errors import Place, Problem, SpecError, UsageError
from chainprice.spec.encoding import decoded, is_no_text

STDIN = "-"

_BLOCK = 1 << 20
"""Bytes that are read at a time."""


class Content(NamedTuple):
    """The bytes of a file that a spec names, as they were when it was read."""

    path: str
    data: bytes

    @property
    def sha256(self) -> str:
        """The digest of the bytes, in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True, slots=True)
class Source:
    """A text and where it came from; `digest` is the SHA-256 of its bytes.

    `folder` is the one that its file lies in; None for standard input and for a text, which lie nowhere.
    `neighbours` are the tables that the text names, once they were read, by the name that it gives them, and
    `chains` the files of chains that it and these name, by their paths: who reads the source again reads the
    same.
    """

    path: str
    digest: str
    text: str = field(repr=False)
    folder: str | None = None
    neighbours: Mapping[str, Content] = field(default_factory=dict, repr=False)
    chains: Mapping[str, ChainFile] = field(default_factory=dict, repr=False)

    @property
    def sha256(self) -> str:
        """Of all that was read: the digest of the text, or where it names files that of all the digests.

        The latter is what `sha256sum SPEC FILE... | cut -c1-64 | sha256sum` prints. A text and its tables
        have one, and of those of the spec and of each file of a chain in turn there is one again.
        """
        own = _digest([self.digest, *(content.sha256 for content in self.neighbours.values())])
        files = {file.real: file.source for file in self.chains.values()}
        return _digest([own, *(source.sha256 for source in files.values())])


class ChainFile(NamedTuple):
    """The file of a chain: its real path, without links, and what was read in it."""

    real: str
    source: Source


def _digest(digests: list[str]) -> str:
    """The digest of the lines of several; that of one is itself."""
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("".join(f"{digest}\n" for digest in digests).encode()).hexdigest()


def read_source(path_or_text: str | os.PathLike[str]) -> Source:
    """The text of a file, of standard input (`-`), or the string itself if it is a spec's text.

    A string with a line break, or one that begins with `{`, is text; any other string is a path.
    Raises UsageError if the file cannot be read, SpecError if it is not UTF-8.
    """
    if isinstance(path_or_text, str) and ("\n" in path_or_text or path_or_text.lstrip().startswith("{")):
        return _source("<text>", path_or_text.encode("utf-8", "surrogatepass"))
    data = read_bytes(path_or_text, limits.SPEC_BYTES)
    if path_or_text == STDIN:
        return _source("<stdin>", data)
    path = os.fspath(path_or_text)
    return _source(path, data, str(Path(path).parent))


def _source(path: str, data: bytes | bytearray, folder: str | None = None) -> Source:
    """What is hashed are the bytes that are read here, whatever becomes of the file meanwhile."""
    text = decoded(data, path)
    if isinstance(text, Problem):
        raise SpecError(text)
    return Source(path, hashlib.sha256(data).hexdigest(), text, folder)


def read_text(path: str) -> str:
    """The text of a price table's file, or of standard input for `-`; raises UsageError if there is none."""
    text = decoded(read_bytes(path, limits.TABLE_BYTES), path)
    if isinstance(text, Problem):
        raise UsageError(text)
    return text


def read_bytes(path: str | os.PathLike[str], most: int, *, is_text: bool = True) -> bytearray:
    """The bytes of a file, or of standard input for `-`; of a text up to the first that no text has.

    Raises UsageError if there are none to read, or more than `most`.
    """
    try:
        if path == STDIN:
            if sys.stdin is None:
                raise UsageError(Problem("standard input is closed", Place("<stdin>")))
            return _blocks(sys.stdin.buffer, "<stdin>", most, is_text)
        with Path(path).open("rb", buffering=0) as stream:
            size = os.fstat(stream.fileno()).st_size
            if size > most:
                raise _too_long(os.fspath(path), most)
            return _blocks(stream, os.fspath(path), most, is_text)
    except FileNotFoundError:
        reason, hint = "there is no such file", ""
    except IsADirectoryError:
        reason, hint = "this is a folder", "name a spec file in it"
    except (OSError, ValueError) as error:
        reason, hint = (getattr(error, "strerror", None) or str(error)).lower(), ""
    raise UsageError(Problem(reason, Place(os.fspath(path) if path != STDIN else "<stdin>"), hint))


def _blocks(stream: BinaryIO, path: str, most: int, is_text: bool) -> bytearray:
    """Block by block, for a stream may have no end."""
    data = bytearray()
    while block := stream.read(_BLOCK):
        data += block
        if is_text and is_no_text(block):
            break
        if len(data) > most:
            raise _too_long(path, most)
    return data


def _too_long(path: str, most: int) -> UsageError:
    return UsageError(Problem(f"longer than {most:,} bytes", Place(path)))
