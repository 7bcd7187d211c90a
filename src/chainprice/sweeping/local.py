"""Chunks over the cores of this machine, results in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import TypeVar

from chainprice.sweeping.points import Chunk

R = TypeVar("R")

DIED = "the process that priced it died: {}"


def split(chunk: Chunk) -> list[Chunk]:
    """A chunk's points, each a chunk of its own."""
    return [
        Chunk(
            chunk.first + place,
            tuple([(column[place],) for column in chunk.columns]),
            {0: chunk.faults[place]} if place in chunk.faults else {},
        )
        for place in range(len(chunk))
    ]


def stream(
    price: Callable[[Chunk], R],
    chunks: Iterator[Chunk],
    jobs: int,
    failed: Callable[[Chunk, str], R],
    joined: Callable[[list[R]], R],
) -> Iterator[R]:
    """What `price` makes of each chunk, in so many processes; in this one where one is enough.

    Where a process dies, its chunk is priced again, each point in a process of its own: `failed` is what a
    point comes to that its process does not survive, and `joined` makes one result of those of single points.
    """
    first = list(islice(chunks, 2))
    if jobs == 1 or len(first) < 2:
        yield from map(price, first)
        yield from map(price, chunks)
        return
    from chainprice.workers import stream as stream_through
    from chainprice.workers import work

    def died(chunk: Chunk, _: str) -> R:
        def died_alone(point: Chunk, how_alone: str) -> R:
            return failed(point, DIED.format(how_alone))

        return joined(work(partial(_call, price), split(chunk), 1, died_alone))

    def both() -> Iterator[Chunk]:
        yield from first
        yield from chunks

    yield from stream_through(partial(_call, price), both(), jobs, died)


def _call(price: Callable[[Chunk], R], chunk: Chunk) -> R:
    return price(chunk)
