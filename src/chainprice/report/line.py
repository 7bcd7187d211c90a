"""One line on a terminal that says what a long command is doing, and is gone when it ends."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from chainprice import progress
from chainprice.errors import printable

PATIENCE = 1.0
"""Seconds of silence before anything is shown."""

_OFTEN = 0.1
"""Seconds between two looks of the line."""


@contextmanager
def progress_line(stream: TextIO | None) -> Iterator[None]:
    """Within it, what is reported stands on the last line of `stream`, if that is a terminal."""
    if stream is None or not stream.isatty():
        yield
        return
    line = _Line(stream)
    try:
        with progress.heard_by(line.show):
            yield
    finally:
        line.clear()


class _Line:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._begin = time.monotonic()
        self._next = self._begin + PATIENCE
        self._is_shown = False

    def show(self, stage: str) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _OFTEN
            self._is_shown = True
            self._write(f"{printable(stage)} ({now - self._begin:.0f} s)")

    def clear(self) -> None:
        if self._is_shown:
            self._write("")
            self._stream.write("\r")
            self._stream.flush()

    def _write(self, text: str) -> None:
        """Over whatever stands there; a terminal whose last column is filled goes to the next line."""
        from rich.cells import set_cell_size

        self._stream.write("\r" + set_cell_size(text, shutil.get_terminal_size().columns - 1))
        self._stream.flush()
