"""What several commands do with the spec and the output that they are given."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from chainprice.errors import ChainpriceError, UsageError
from chainprice.options import AllocationChoice
from chainprice.output import fail_if_unfit

if TYPE_CHECKING:
    from chainprice.spec import Source, Spec


def fail_if_output_unfit(output: Path | None, specs: Sequence[str], others: Sequence[str] = ()) -> None:
    """Fail if the output would replace what is read: a spec, what a spec names, or one of the `others`."""
    from chainprice.spec import load
    from chainprice.spec.text import STDIN

    fail_if_unfit(output, [*specs, *others])
    if output is None or not output.is_file():
        return
    for path in [path for path in specs if path != STDIN]:
        files: list[Source] = []
        with suppress(ChainpriceError):
            read = load(Path(path))
            files = [read.source, *read.files]
        tables = [table.path for source in files for table in source.neighbours.values()]
        fail_if_unfit(output, [*(source.path for source in files), *tables])


def fail_if_read_twice(paths: Sequence[str | None]) -> None:
    """Fail if standard input is named more than once."""
    if paths.count("-") > 1:
        raise UsageError("standard input can be read once: '-' is named twice")


def load_spec(path: str, settings: Sequence[str] | None, allocation: AllocationChoice | None = None) -> Spec:
    """The spec at a path, with settings from the command line; raises what `load` raises."""
    from dataclasses import replace

    from chainprice.spec import load
    from chainprice.spec.text import STDIN

    read = load(path if path == STDIN else Path(path), settings or ())
    return read if allocation is None else replace(read, allocation=allocation.value)


def width_for(output: Path | None) -> int | None:
    """The width of the terminal that the result goes to, if it goes to one."""
    is_drawn = output is None and sys.stdout is not None and sys.stdout.isatty()
    return shutil.get_terminal_size().columns if is_drawn else None
