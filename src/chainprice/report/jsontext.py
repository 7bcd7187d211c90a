"""Results as JSON."""

from __future__ import annotations

import json
from typing import Any


def json_text(data: Any) -> str:
    """JSON in the contract's key order; names in their own alphabet."""
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
