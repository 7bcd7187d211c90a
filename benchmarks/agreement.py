"""How far another's prices are from chainprice's, read as a stream of rows.

    python agreement.py TABLE PRICES.json

Prints `apart` (the largest relative difference), `where`, `compared`, `lacking` (goods that the other
has no price for) and `lost` (goods whose price is too small for a double, which are not compared).
"""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

SMALLEST = 1e-300
"""Prices below it are lost to doubles, or have lost digits on the way."""

TRADED = 1e-6
"""In a market, goods that are a smaller part of total value are left out: by hand they are mostly noise."""


def apart(own: Iterable[tuple[str, float]], others: Mapping[str, float]) -> dict[str, Any]:
    """The comparison, good by good."""
    worst, where, compared, lacking, lost = 0.0, "", 0, 0, 0
    for good, price in own:
        if 0 < abs(price) < SMALLEST:
            lost += 1
        elif good not in others:
            lacking += 1
        else:
            compared += 1
            far = abs(others[good] - price) / (max(abs(price), abs(others[good])) or 1.0)
            if not far <= worst:
                worst, where = far, good
    return {"apart": worst, "where": where, "compared": compared, "lacking": lacking, "lost": lost}


def rows(path: Path) -> Iterator[tuple[str, float]]:
    """Good and price, from what `solve` printed as CSV or as JSON."""
    return _market_rows(path) if path.suffix == ".json" else _table_rows(path)


def _table_rows(path: Path) -> Iterator[tuple[str, float]]:
    """What is below all doubles comes as the smallest one."""
    csv.field_size_limit(sys.maxsize)
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            digits = row["price"].lower().partition("e")[0].strip("-+0.")
            yield row["good"], float(row["price"]) or (math.ulp(0.0) if digits else 0.0)


def _market_rows(path: Path) -> Iterator[tuple[str, float]]:
    solution = json.loads(path.read_text(encoding="utf-8"))
    for row in solution["goods"]:
        if row["value"] > TRADED * solution["total_value"]:
            yield row["good"], row["price"]


if __name__ == "__main__":
    prices = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    print(json.dumps(apart(rows(Path(sys.argv[1])), prices)))
