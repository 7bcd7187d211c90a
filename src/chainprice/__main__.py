"""The command's entry point: `chainprice`, and `python -m chainprice`."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence

INTERRUPTED = 130

MANY_OBJECTS = 10_000_000
"""New objects from which on Python looks for cycles among them: a chain of many firms has none to find."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code is what it returns (CONTRACT: 0, 1, 2, 3 or 130)."""
    gc.set_threshold(MANY_OBJECTS)
    try:
        from chainprice.cli import run

        return run(sys.argv[1:] if arguments is None else list(arguments))
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        gc.freeze()  # the process ends: nobody needs the memory that a last look for cycles would find


if __name__ == "__main__":
    sys.exit(main())
