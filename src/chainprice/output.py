"""Where results go: standard output, or a file that is written whole or not at all."""

from __future__ import annotations

import codecs
import os
import re
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from chainprice.errors import Place, Problem, UsageError

_DESCRIPTORS = re.compile(r"/dev/fd|/proc/[^/]+(?:/task/[^/]+)?/fd")
"""Folders whose entries are files that are open already, like that behind /dev/stdout."""


def fail_if_unfit(target: Path | None, inputs: Iterable[str] = ()) -> None:
    """Before anything is computed: raise UsageError for a target that is a folder, or one of the `inputs`.

    The same file under another name (a link, ./x) is the same file.
    """
    if target is None:
        return
    with suppress(OSError, ValueError):
        if target.is_dir():
            raise _cannot_be_written(target, "this is a folder")
        if not target.parent.is_dir():
            raise _cannot_be_written(target, f"there is no folder {target.parent}")
    for path in inputs:
        with suppress(OSError, ValueError):
            if path != "-" and Path(path).is_file() and target.is_file() and Path(path).samefile(target):
                raise UsageError(Problem("the output would replace its own input", Place(str(target))))


def write_result(text: str, target: Path | None, form: str = "") -> None:
    """Write a result to `target`, or to standard output. `form` is what it is written in: "json", ...

    Raises UsageError if it cannot be written.
    """
    if target is not None:
        write_file(target, text, form)
    elif sys.stdout is None:
        raise UsageError("standard output is closed")
    else:
        try:
            write_stream(sys.stdout, text, form)
        except OSError as error:
            _forget(sys.stdout)
            raise UsageError(f"standard output cannot be written: {_reason(error)}") from None


def complain(text: str) -> None:
    """Write to standard error; where that is closed or full, there is nobody left to tell."""
    if text and sys.stderr is not None:
        try:
            write_stream(sys.stderr, text)
        except OSError:
            _forget(sys.stderr)


def write_file(target: Path, text: str | bytes, form: str = "") -> None:
    """Write beside the target and rename: the old file or the new one, and nothing between.

    A link stays, and what it leads to is replaced, with the permissions that it had. A pipe, a device or
    /dev/stdout cannot be replaced, and is written to.
    """
    try:
        data = text if isinstance(text, bytes) else written_in(text, "utf-8", form).encode("utf-8")
        file = Path(os.path.realpath(target))
        if _is_open_already(target) or (file.exists() and not file.is_file()):
            with target.open("ab", buffering=0) as stream:
                _write_all(stream.fileno(), data)
        else:
            _replace(file, data)
    except BrokenPipeError:
        return
    except (OSError, ValueError) as error:
        raise _cannot_be_written(target, _reason(error)) from None


def _replace(file: Path, data: bytes) -> None:
    import tempfile

    handle, temporary = tempfile.mkstemp(prefix=f".{file.name[:100]}.", dir=file.parent)
    try:
        try:
            _write_all(handle, data)
            os.fsync(handle)
        finally:
            os.close(handle)
        Path(temporary).chmod(file.stat().st_mode & 0o777 if file.exists() else 0o666 & ~_umask())
        Path(temporary).replace(file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _write_all(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]


def _is_open_already(target: Path) -> bool:
    """Whether a path leads, link by link, to an open file: /dev/stdout, /proc/self/fd/1."""
    path = os.path.abspath(target)  # noqa: PTH100 - `resolve` would follow the link itself
    for _ in range(40):  # as many links as a system follows
        folder, name = os.path.split(path)
        path = os.path.join(os.path.realpath(folder), name)  # noqa: PTH118
        if _DESCRIPTORS.fullmatch(os.path.dirname(path)):  # noqa: PTH120
            return True
        if not Path(path).is_symlink():
            return False
        path = os.path.normpath(Path(path).parent / Path(path).readlink())
    return False


def _cannot_be_written(target: Path, reason: str) -> UsageError:
    return UsageError(Problem(f"cannot be written: {reason}", Place(str(target))))


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_stream(stream: TextIO, text: str, form: str = "") -> None:
    """Write to standard output or error; a reader that has left (`| head`) is no error."""
    try:
        stream.write(written_in(text, stream.encoding or "utf-8", form))
        stream.flush()
    except BrokenPipeError:
        _forget(stream)


def write_part(stream: TextIO, text: str, form: str = "") -> bool:
    """Write a part of a result to a stream; whether there is still somebody who reads it.

    Raises UsageError if it cannot be written.
    """
    try:
        stream.write(written_in(text, stream.encoding or "utf-8", form))
        stream.flush()
    except BrokenPipeError:
        _forget(stream)
        return False
    except OSError as error:
        _forget(stream)
        raise UsageError(f"standard output cannot be written: {_reason(error)}") from None
    return True


def cannot_be_written(target: Path, error: Exception, hint: str = "") -> UsageError:
    """The error about a file that could not be written."""
    return UsageError(Problem(f"cannot be written: {_reason(error)}", Place(str(target)), hint))


def _forget(stream: TextIO) -> None:
    """Python flushes once more at exit: give it a place to flush to."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


# Letters that an encoding lacks, or that a terminal would obey.


def written_in(text: str, encoding: str, form: str = "") -> str:
    r"""A text as it can be encoded: letters that are lacking are escaped, as its form has it.

    JSON has `\u20ac`, XML (and a label of DOT) `&#8364;`, Mermaid `#8364;` for any letter; in an encoding
    that is not one of Unicode these are nothing but ASCII, which is the same in all encodings. Elsewhere it
    is a backslash and the number, and rules of tables become dashes. JSON may hold any text, of which nothing
    may control a terminal.
    """
    if text.isascii():
        return text
    if form in _ESCAPES:
        is_unicode = codecs.lookup(encoding).name.startswith("utf")
        return (_UNSAFE if is_unicode else _NOT_ASCII).sub(_ESCAPES[form], text)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.replace("─", "-").encode(encoding, "backslashreplace").decode(encoding)
    return text


_UNSAFE = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters beyond those that JSON escapes anyhow, changes of direction, halves of letters."""

_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


def _in_json(letter: re.Match[str]) -> str:
    units = letter[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def _in_xml(letter: re.Match[str]) -> str:
    return f"&#{ord(letter[0])};"


def _in_mermaid(letter: re.Match[str]) -> str:
    return f"#{ord(letter[0])};"


_ESCAPES = {
    "json": _in_json,
    **dict.fromkeys(("junit", "svg", "html", "dot"), _in_xml),
    "mermaid": _in_mermaid,
}
"""How a letter is escaped, by the form of the text that it stands in."""
