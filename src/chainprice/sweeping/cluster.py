"""Chunks over a Dask cluster, results in their order: `pip install 'chainprice[cluster]'`.

The spec travels as text, once; workers need chainprice and no files. Dask runs what was lost with a worker
on another one.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from chainprice.errors import MissingExtraError, Problem, UsageError, short
from chainprice.sweeping.points import Chunk
from chainprice.version import __version__

R = TypeVar("R")

INSTALL = "pip install 'chainprice[cluster]'"

_PATIENCE = 10
"""Seconds in which a scheduler must answer, and have a worker."""

_AHEAD = 4
"""Chunks for each thread of the cluster that are under way at a time."""

_one_at_a_time = threading.Lock()
"""A worker may have several threads; pricing is pure Python or a solver that knows no threads."""


def stream(
    address: str,
    price: Callable[[Chunk], R],
    chunks: Iterator[Chunk],
    failed: Callable[[Chunk, str], R],
) -> Iterator[R]:
    """What `price` makes of each chunk on the workers of the scheduler at an address.

    `failed` is what a chunk comes to that Dask gives up: one that no worker survives. Raises
    MissingExtraError without Dask, UsageError where no scheduler answers, where it has no workers, or where
    these have no chainprice of this version.
    """
    with _client(address) as client:
        _fail_if_unfit(client, address)
        ahead = _AHEAD * max(1, sum(client.nthreads().values()))
        shared = client.submit(_same, price, pure=False)
        waiting: deque[tuple[Chunk, Any]] = deque()
        for chunk in chunks:
            waiting.append((chunk, client.submit(_priced, shared, chunk, pure=False)))
            if len(waiting) >= ahead:
                yield _result(*waiting.popleft(), failed)
        while waiting:
            yield _result(*waiting.popleft(), failed)


def _same(price: Callable[[Chunk], R]) -> Callable[[Chunk], R]:
    return price


def _priced(price: Callable[[Chunk], R], chunk: Chunk) -> R:
    with _one_at_a_time:
        return price(chunk)


def _result(chunk: Chunk, future: Any, failed: Callable[[Chunk, str], R]) -> R:
    from distributed import KilledWorker

    try:
        result: R = future.result()
    except KilledWorker:
        return failed(chunk, "every worker of the cluster that priced it died")
    return result


@contextmanager
def _client(address: str) -> Iterator[Any]:
    try:
        from distributed import Client
    except ImportError:
        message = "a cluster needs Dask's distributed, which is not installed"
        raise MissingExtraError(Problem(message, None, INSTALL)) from None
    _silence()
    try:
        client = Client(address, timeout=_PATIENCE, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        reason = short(str(error).split("\n", maxsplit=1)[0])
        raise UsageError(
            Problem(
                f"no Dask scheduler answers at {address}: {reason}",
                None,
                "start one with `dask scheduler`, and workers with `dask worker ADDRESS`",
            )
        ) from None
    try:
        yield client
    finally:
        client.close(timeout=2)


def _silence() -> None:
    """Lost workers are nothing to tell: what they had to do is done all the same."""
    for name in list(logging.Logger.manager.loggerDict):
        if name.split(".")[0] in ("distributed", "tornado", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL)


def _fail_if_unfit(client: Any, address: str) -> None:
    """Raise UsageError unless there are workers, and all that are there have this chainprice."""
    from distributed import TimeoutError as NoWorkersError

    try:
        client.wait_for_workers(1, timeout=_PATIENCE)
    except NoWorkersError:
        raise UsageError(
            Problem(
                f"the scheduler at {address} has no workers", None, f"start one with `dask worker {address}`"
            )
        ) from None
    others = {found for found in client.run(_version_there).values() if found != __version__}
    if others:
        found = ", ".join(sorted(other or "none" for other in others))
        raise UsageError(
            Problem(
                f"workers at {address} have another chainprice ({found}) than this one, {__version__}",
                None,
                f"install chainprice {__version__} where the workers run",
            )
        )


def _version_there() -> str:
    """Runs on a worker, which may not have this module: it is sent as it is."""
    try:
        from chainprice.version import __version__ as found
    except ImportError:
        return ""
    return found
