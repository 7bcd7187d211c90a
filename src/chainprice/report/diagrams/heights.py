"""How high each vertex of a layered graph stands: near its neighbours, and clear of those in its column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_SWEEPS = 12


def heights_of(
    columns: Sequence[Sequence[int]], sizes: Sequence[float], pulls: Sequence[tuple[int, int, float, float]]
) -> list[float]:
    """The middle of each vertex, the smallest top at 0.

    `sizes` are the vertices' heights with the gap around them. A pull (a, b, at a, at b) wants vertex `a`, at
    an offset from its middle, as high as `b` at its own. The columns are swept in turn, forth and back; in
    each the vertices are as near to the mean of their pulls as their order lets them (least squares).
    """
    heights = _stacked(columns, sizes)
    left: Mapping[int, list[tuple[int, float]]] = {vertex: [] for vertex in range(len(sizes))}
    right: Mapping[int, list[tuple[int, float]]] = {vertex: [] for vertex in range(len(sizes))}
    for a, b, at_a, at_b in pulls:
        right[a].append((b, at_b - at_a))
        left[b].append((a, at_a - at_b))
    for sweep in range(_SWEEPS):
        is_last = sweep >= _SWEEPS - 2
        order = columns if sweep % 2 == 0 else columns[::-1]
        sides = (left, right) if is_last else ((left,) if sweep % 2 == 0 else (right,))
        for column in order:
            wanted = [_mean(vertex, heights, sides) for vertex in column]
            for vertex, height in zip(column, _spaced(wanted, [sizes[v] for v in column]), strict=True):
                heights[vertex] = height
    top = min((heights[vertex] - sizes[vertex] / 2 for vertex in range(len(sizes))), default=0.0)
    return [height - top for height in heights]


def _stacked(columns: Sequence[Sequence[int]], sizes: Sequence[float]) -> list[float]:
    """Each column without gaps, around 0."""
    heights = [0.0] * len(sizes)
    for column in columns:
        top = -sum(sizes[vertex] for vertex in column) / 2
        for vertex in column:
            heights[vertex] = top + sizes[vertex] / 2
            top += sizes[vertex]
    return heights


def _mean(
    vertex: int, heights: Sequence[float], sides: Sequence[Mapping[int, list[tuple[int, float]]]]
) -> float:
    wanted = [heights[other] + offset for side in sides for other, offset in side[vertex]]
    return sum(wanted) / len(wanted) if wanted else heights[vertex]


def _spaced(wanted: Sequence[float], sizes: Sequence[float]) -> list[float]:
    """The heights nearest to what is wanted, in this order and without overlap: isotonic regression.

    By pooling adjacent violators (Ayer et al., Annals of Mathematical Statistics 26, 1955).
    """
    offsets, at = [], 0.0
    for place, size in enumerate(sizes):
        at += size / 2 + (sizes[place - 1] / 2 if place else 0.0)
        offsets.append(at)
    pools: list[tuple[float, int]] = []
    for height, offset in zip(wanted, offsets, strict=True):
        total, count = height - offset, 1
        while pools and pools[-1][0] / pools[-1][1] >= total / count:
            total, count = total + pools[-1][0], count + pools[-1][1]
            pools.pop()
        pools.append((total, count))
    levels = [total / count for total, count in pools for _ in range(count)]
    return [level + offset for level, offset in zip(levels, offsets, strict=True)]
