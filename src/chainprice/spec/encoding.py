"""Bytes to text: UTF-8, with or without a byte order mark; of other encodings, which it looks like."""

from __future__ import annotations

import codecs
import re

from chainprice.errors import Place, Problem

_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32LE"),
    (codecs.BOM_UTF32_BE, "UTF-32BE"),
    (codecs.BOM_UTF16_LE, "UTF-16LE"),
    (codecs.BOM_UTF16_BE, "UTF-16BE"),
)
"""What a text in another encoding of Unicode may begin with; the longer ones first."""

_WIDE = (("UTF-32LE", 4, 0), ("UTF-32BE", 4, 3), ("UTF-16LE", 2, 0), ("UTF-16BE", 2, 1))
"""Encodings with several bytes for a letter: how many, and which of them an ASCII letter fills."""

_PACKED = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}
"""What a packed file begins with."""

_NO_TEXT = re.compile(rb"[\x01-\x08\x0e-\x1a\x1c-\x1f]|\0\0")
"""Bytes that no text has; a NUL may be there by mishap."""

_LOOKED_AT = 1 << 16
"""Bytes from which an encoding is guessed."""


def is_no_text(data: bytes) -> bool:
    """Whether there is a NUL among these bytes, which no UTF-8 text has."""
    return b"\0" in data


def decoded(data: bytes | bytearray, path: str) -> str | Problem:
    """The text of UTF-8 bytes, or what is wrong with them."""
    end = data.find(0)
    if end >= 0:
        hint = "this is no text file" if _NO_TEXT.search(data) else "remove it"
        return _other(data, path) or _problem(data, end, "a NUL character", path, hint)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        other = _other(data, path)
        if other is not None:
            return other
        if error.reason == "unexpected end of data":
            message, hint = "the file ends in the middle of a letter", "it has been cut off"
        else:
            message, hint = f"byte 0x{data[error.start]:02x} is not UTF-8", "save the file as UTF-8"
            guess = _one_byte_encoding(data)
            if guess is not None:
                hint += f"; it looks like {guess}: `iconv -f {guess} -t UTF-8 OLD > NEW`"
        return _problem(data, error.start, message, path, hint)


def _problem(data: bytes | bytearray, at: int, message: str, path: str, hint: str) -> Problem:
    """A problem at a byte, with its line if the file is a text; what is before it is UTF-8."""
    before = data[:at].decode("utf-8-sig", "replace")
    line = before.count("\n") + before.count("\r") - before.count("\r\n") + 1
    begin = max(before.rfind("\n"), before.rfind("\r")) + 1
    text = ""
    if not _NO_TEXT.search(data):
        rest = data[at : at + _LOOKED_AT].decode("utf-8", "replace")
        text = before[begin:] + re.split(r"[\r\n]", rest, maxsplit=1)[0]
    return Problem(message, Place(path, line, len(before) - begin + 1, text=text), hint)


def _other(data: bytes | bytearray, path: str) -> Problem | None:
    """That it is packed, or in an encoding with more than a byte for each letter."""
    for begin, kind in _PACKED.items():
        if data.startswith(begin):
            return Problem(f"this is a {kind} file", Place(path), "unpack it first")
    encoding = _wide_encoding(data[:_LOOKED_AT])
    if encoding is None:
        return None
    hint = f"save the file as UTF-8: `iconv -f {encoding} -t UTF-8 OLD > NEW`"
    return Problem(f"this looks like {encoding}, and not like UTF-8", Place(path), hint)


def _wide_encoding(data: bytes | bytearray) -> str | None:
    """By its mark, or by where the NULs are in text that is mostly ASCII."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    for name, width, place in _WIDE:
        letters = data[place::width]
        rest = len(data) // width * (width - 1)
        if letters and b"\0" not in letters and data.count(0) > 0.8 * rest > 0:
            return name
    return None


def _one_byte_encoding(data: bytes | bytearray) -> str | None:
    """Windows' encoding of Western Europe if it has letters of it, else Latin-1; None for what is no text."""
    if _NO_TEXT.search(data):
        return None
    return "WINDOWS-1252" if re.search(rb"[\x80-\x9f]", data) else "ISO-8859-1"
