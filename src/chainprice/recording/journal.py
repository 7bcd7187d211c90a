"""A file of rows that only grows: what is in it stays, whatever ends the run that writes it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from chainprice.errors import Place, Problem, UsageError
from chainprice.output import cannot_be_written
from chainprice.recording.record import refused
from chainprice.report.sweeps import Form, line_begin

CONTINUE = "the same command goes on where it stopped"


class Journal:
    """Rows of a sweep in a file, one line each, numbered from 0 without a gap.

    `done` rows are in it, `solved` of them with an answer.
    """

    def __init__(self, path: Path, form: Form, header: str) -> None:
        """Opens the file, makes it where it is not there, and takes away a last line that was cut off.

        Raises UsageError where it cannot be written, where another run writes to it, or where what is in it
        is not the header and then rows in their order.
        """
        self._path, self._form, self._header = path, form, header.encode("utf-8")
        self.done = self.solved = 0
        self.last = b""
        try:
            self._stream: BinaryIO = path.open("ab+", buffering=0)
            _fail_if_locked(self._stream, path)
            self._read()
        except OSError as error:
            raise cannot_be_written(path, error) from None

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def append(self, text: str) -> None:
        """Add whole lines; where that fails, what was there before stays as it was. Raises UsageError."""
        data = memoryview(text.encode("utf-8"))
        try:
            while data:
                data = data[self._stream.write(data) or 0 :]
        except OSError as error:
            with suppress(OSError):
                self._stream.truncate(self._size)
            raise cannot_be_written(self._path, error, f"no finished point is lost: {CONTINUE}") from None
        self._size += len(text.encode("utf-8"))

    def keep(self) -> None:
        """See to it that the rows are on the disk."""
        with suppress(OSError):
            os.fsync(self._stream.fileno())

    def fail_unless_last(self, prefix: str) -> None:
        """Raise UsageError where the last row does not begin so."""
        if self.last and not self.last.startswith(prefix.encode("utf-8")):
            raise refused(self._path, f"row {self.done - 1} of it is not that of this sweep")

    def _read(self) -> None:
        self._size = 0
        self._stream.seek(0)
        with open(os.dup(self._stream.fileno()), "rb") as reader:  # noqa: PTH123 - an open file
            first = reader.readline() if self._header else b""
            if first == self._header:
                self._size = len(first)
                self._read_rows(reader)
            elif not self._header.startswith(first):
                raise refused(self._path, "the first line of it is not the header of this sweep")
        if os.fstat(self._stream.fileno()).st_size != self._size:
            self._stream.truncate(self._size)
        if self._size == 0:
            self.append(self._header.decode("utf-8"))

    def _read_rows(self, reader: BinaryIO) -> None:
        ends = b",\n" if self._form == "csv" else b'"error": null}\n'
        while (line := reader.readline()).endswith(b"\n"):
            if not line.startswith(line_begin(self._form, self.done).encode("ascii")):
                raise refused(self._path, f"row {self.done} of it is not that of this sweep")
            self.done += 1
            self.solved += line.endswith(ends)
            self._size += len(line)
            self.last = line


def rows_after(text: str, skipped: int) -> str:
    """Lines without the first ones."""
    return text if not skipped else "".join(text.splitlines(keepends=True)[skipped:])


def _fail_if_locked(stream: BinaryIO, path: Path) -> None:
    """One run at a time writes to a file; where a system has no locks, users see to that."""
    try:
        from fcntl import LOCK_EX, LOCK_NB, flock
    except ImportError:
        return
    try:
        flock(stream, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        raise UsageError(Problem("another run writes to it now", Place(str(path)), "wait for it")) from None
