"""Where results go: standard output, or a file that is written whole or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from chainprice.errors import Place, Problem, UsageError


def write_result(text: str, target: Path | None, inputs: Iterable[str] = ()) -> None:
    """Write a result to `target`, or to standard output.

    Raises UsageError if the file cannot be written, or is one of the `inputs`.
    """
    if target is None:
        write_stream(sys.stdout, text)
    else:
        _fail_if_input(target, inputs)
        write_file(target, text)


def _fail_if_input(target: Path, inputs: Iterable[str]) -> None:
    for path in inputs:
        with suppress(OSError):
            if Path(path).exists() and target.exists() and Path(path).samefile(target):
                raise UsageError(Problem("the output would replace its own input", Place(str(target))))


def write_file(target: Path, text: str) -> None:
    """Write beside the target and rename: the old file or the new one, and nothing between."""
    import tempfile

    temporary: str | None = None
    try:
        if target.exists() and not target.is_file():
            target.write_text(text, encoding="utf-8", newline="")  # a device or a pipe cannot be renamed
            return
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask())
        Path(temporary).replace(target)
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise UsageError(Problem(f"cannot be written: {reason}", Place(str(target)))) from None
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_stream(stream: TextIO, text: str) -> None:
    """Write to standard output or error; a reader that has left (`| head`) is no error.

    A letter that the stream's encoding lacks is escaped; rules of tables become dashes.
    """
    encoding = stream.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.replace("─", "-").encode(encoding, "backslashreplace").decode(encoding)
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        # Python flushes once more at exit: give it a place to flush to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
