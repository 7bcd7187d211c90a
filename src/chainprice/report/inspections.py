"""What `check` prints."""

from __future__ import annotations

from collections.abc import Sequence

from chainprice.errors import printable
from chainprice.inspection import FORMAT, Inspection
from chainprice.report.jsontext import json_text


def check_text(inspections: Sequence[Inspection]) -> str:
    """A line for each spec."""
    return "".join(f"{_inspected(inspection)}\n" for inspection in inspections)


def _inspected(inspection: Inspection) -> str:
    path = printable(inspection.path)
    if not inspection.sound:
        count = sum(problem.severity == "error" for problem in inspection.problems)
        return f"{path}: {count} error{'s' if count != 1 else ''}"
    firms, goods = _count(inspection.firms, "firm"), _count(inspection.goods, "good")
    return f"{path}: sound: {firms}, {goods}, allocation {inspection.allocation}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' if number != 1 else ''}"


def check_json(inspections: Sequence[Inspection]) -> str:
    """Format chainprice.check/1."""
    return json_text(
        {
            "format": FORMAT,
            "sound": all(inspection.sound for inspection in inspections),
            "specs": [inspection.to_dict() for inspection in inspections],
        }
    )
