"""Results as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def json_text(data: Mapping[str, Any]) -> str:
    """JSON in the contract's key order, a row of a list on a line; names in their own alphabet."""
    lines = ",\n".join(f'  "{key}": {_value(value)}' for key, value in data.items())
    return f"{{\n{lines}\n}}\n"


def _value(value: Any) -> str:
    if not isinstance(value, list) or not value:
        return _encode(value)
    rows = ",\n    ".join(map(_encode, value))
    return f"[\n    {rows}\n  ]"
