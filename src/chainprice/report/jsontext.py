"""Results as JSON.

A result of many rows is written column by column: what a column holds is looked at once for all its values.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import chain, islice
from json.encoder import encode_basestring
from math import isfinite
from types import NoneType
from typing import Any

from chainprice.arithmetic import written
from chainprice.solution import fields_of, in_json

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode

_TOGETHER = 1_000
"""Rows that are written together."""


def json_text(data: Mapping[str, Any]) -> str:
    """JSON in the contract's key order, a row of a list on a line; names in their own alphabet.

    Values are JSON's own, or parts of a solution.
    """
    lines = ",\n".join(f'  "{key}": {_value(value)}' for key, value in data.items())
    return f"{{\n{lines}\n}}\n"


def _value(value: Any) -> str:
    if not isinstance(value, (list, tuple)) or not value or fields_of(value) is not None:
        return _encode(in_json(value))
    rows = ",\n    ".join(_lines(value))
    return f"[\n    {rows}\n  ]"


def _lines(rows: Sequence[Any]) -> Iterator[str]:
    for start in range(0, len(rows), _TOGETHER):
        yield from _texts(rows[start : start + _TOGETHER], _writers())


Writers = Mapping[type, Callable[[Any], str]]
"""For each type of simple values, what writes one."""


def _writers() -> Writers:
    words = {None: "null", True: "true", False: "false"}.__getitem__
    return {
        str: encode_basestring,
        float: _Numbers().__getitem__,
        Decimal: lambda number: f'"{written(number)}"',
        bool: words,
        NoneType: words,
    }


class _Numbers(dict[float, str]):
    """Doubles as JSON; the same few stand in many places of a result."""

    def __missing__(self, number: float) -> str:
        if not isfinite(number):
            raise ValueError(f"JSON has no {number}")
        text = self[number] = float.__repr__(number)
        return text


def _texts(values: Sequence[Any], writers: Writers) -> Iterable[str]:
    """Each of some values as JSON."""
    kinds = {*map(type, values)}
    if kinds <= writers.keys():
        if len(kinds) == 1:
            return map(writers[kinds.pop()], values)
        return [writers[type(value)](value) for value in values]
    if kinds == {tuple}:
        return _lists(values, writers)
    fields = {*map(fields_of, values)}
    if len(fields) == 1 and (keys := fields.pop()) is not None:
        return _rows(values, keys, writers)
    return [_encode(in_json(value)) for value in values]


def _rows(rows: Sequence[Any], keys: Sequence[str], writers: Writers) -> Iterable[str]:
    """Rows with the same keys."""
    columns = [_texts(column, writers) for _, column in zip(keys, zip(*rows, strict=True), strict=False)]
    row = ", ".join(f"{encode_basestring(key)}: %s" for key in keys)
    return map(f"{{{row}}}".__mod__, zip(*columns, strict=True))


def _lists(lists: Sequence[tuple[Any, ...]], writers: Writers) -> Iterable[str]:
    """The items of all lists are written together, and then shared out."""
    items = iter(_texts([*chain.from_iterable(lists)], writers))
    lengths = [*map(len, lists)]
    if set(lengths) == {1}:
        return map("[%s]".__mod__, items)
    return [f"[{', '.join(islice(items, length))}]" for length in lengths]
