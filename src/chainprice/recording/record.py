"""Which sweep a file of rows belongs to: a small file beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chainprice.errors import Place, Problem, UsageError
from chainprice.output import write_file
from chainprice.report.sweeps import columns
from chainprice.sweeping.evaluation import Job
from chainprice.sweeping.points import Points
from chainprice.version import __version__

FORMAT = "chainprice.sweep-record/1"

_MOST_BYTES = 50_000_000

_IN_WORDS = {
    "spec": "another spec, or an older text of this one",
    "set": "other settings (--set)",
    "allocation": "another allocation",
    "numeraire": "another numeraire",
    "points": "other points (--vary, --samples)",
    "columns": "other columns (--good)",
    "form": "another format",
}
"""What is different, where the entry of a record is."""

Record = Mapping[str, Any]


def record_of(job: Job, points: Points, form: str) -> dict[str, Any]:
    """What tells a sweep from others, and who wrote it."""
    return {
        "format": FORMAT,
        "chainprice": __version__,
        "path": job.source.path,
        "spec": job.source.sha256,
        "set": list(job.settings),
        "allocation": job.allocation,
        "numeraire": job.numeraire,
        "points": {**points.identity(), "count": points.count},
        "columns": columns(job),
        "form": form,
    }


def path_beside(target: Path) -> Path:
    """Where the record of a file is."""
    return target.with_name(f"{target.name}.sweep.json")


def write_record(target: Path, record: Record) -> None:
    """Beside the target, whole or not at all."""
    text = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in record.items())
    write_file(path_beside(target), f"{{\n{text}\n}}\n", "json")


def fail_if_of_another(target: Path, record: Record) -> None:
    """Raise UsageError unless the record beside a file is that of this very sweep."""
    path = path_beside(target)
    try:
        with path.open("rb") as stream:
            known = json.loads(stream.read(_MOST_BYTES))
    except FileNotFoundError:
        raise refused(
            target, f"this file is there already, and no sweep's: there is no {path.name}"
        ) from None
    except (OSError, ValueError, RecursionError):
        raise refused(target, f"{path.name} beside it cannot be read") from None
    if not isinstance(known, dict) or known.get("format") != FORMAT:
        raise refused(target, f"{path.name} beside it is no record of a sweep")
    different = [words for key, words in _IN_WORDS.items() if known.get(key) != record[key]]
    if different:
        raise refused(target, f"this file has the rows of another sweep: {'; '.join(different)}")


def refused(target: Path, reason: str) -> UsageError:
    """The error about a file that cannot be continued."""
    return UsageError(
        Problem(reason, Place(str(target)), "name another file, or replace it with --overwrite")
    )
