"""Which node of a graph stands in which column, and in which order: loops cut, columns by depth, by igraph.

The order within the columns, with few crossings, is that of Sugiyama's method (K. Sugiyama, S. Tagawa,
M. Toda, IEEE Systems, Man and Cybernetics 11(2), 1981).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from chainprice.errors import MissingExtraError, Problem

Link = tuple[int, int]
"""An edge, from one node to another, by their places."""

_EXACT = 150
"""Edges up to which the cheapest cut of all loops is searched for; a heuristic serves beyond."""

_SWEEPS = 300


class Layers(NamedTuple):
    """Columns of vertices from left to right, each from top to bottom.

    Vertices are the nodes and then helpers: an edge that passes columns has a helper in each. `ways` has for
    each edge the vertices on its way, its ends among them, None where it goes back against all others.
    """

    columns: tuple[tuple[int, ...], ...]
    ways: tuple[tuple[int, ...] | None, ...]


def layers_of(count: int, links: Sequence[Link], values: Sequence[float]) -> Layers:
    """Columns for `count` nodes; a loop is cut where its flow is of least value.

    Raises MissingExtraError without igraph.
    """
    igraph = _igraph()
    cut = _cut(igraph, count, links, values)
    forward = [link for place, link in enumerate(links) if place not in cut]
    depths = _depths(count, forward)
    ways: list[tuple[int, ...] | None] = []
    steps: list[Link] = []
    for place, (source, target) in enumerate(links):
        if place in cut:
            ways.append(None)
            continue
        helpers = range(len(depths), len(depths) + depths[target] - depths[source] - 1)
        depths += range(depths[source] + 1, depths[target])
        way = (source, *helpers, target)
        ways.append(way)
        steps += pairwise(way)
    return Layers(_ordered(igraph, depths, steps), tuple(ways))


def _igraph() -> Any:
    try:
        import igraph
    except ImportError:
        message = "a picture is laid out by igraph, which is not installed"
        hint = "pip install 'chainprice[graph]'; -f mermaid, dot and text need nothing"
        raise MissingExtraError(Problem(message, None, hint)) from None
    return igraph


def _cut(igraph: Any, count: int, links: Sequence[Link], values: Sequence[float]) -> frozenset[int]:
    """The edges without which there is no loop: together of little value."""
    graph = igraph.Graph(n=count, edges=list(links), directed=True)
    if graph.is_dag():
        return frozenset()
    least = (max(values) or 1.0) * 1e-3  # where nothing has a value, few edges
    method = "ip" if len(links) <= _EXACT else "eades"
    return frozenset(graph.feedback_arc_set([value + least for value in values], method))


def _depths(count: int, links: Sequence[Link]) -> list[int]:
    """Each node's column: after all that it needs; what needs nothing stands just before its first use."""
    after: Mapping[int, list[int]] = {node: [] for node in range(count)}
    waiting = [0] * count
    for source, target in links:
        after[source].append(target)
        waiting[target] += 1
    depths = [0] * count
    sources = [node for node in range(count) if not waiting[node]]
    ready = list(sources)
    while ready:
        node = ready.pop()
        for target in after[node]:
            depths[target] = max(depths[target], depths[node] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    for node in sources:
        if after[node]:
            depths[node] = min(depths[target] for target in after[node]) - 1
    first = min(depths, default=0)
    return [depth - first for depth in depths]


def _ordered(igraph: Any, depths: Sequence[int], steps: Sequence[Link]) -> tuple[tuple[int, ...], ...]:
    """The vertices of each column in igraph's order."""
    graph = igraph.Graph(n=len(depths), edges=list(steps), directed=True)
    layout = graph.layout_sugiyama(layers=list(depths), maxiter=_SWEEPS)
    columns: list[list[int]] = [[] for _ in range(max(depths, default=-1) + 1)]
    for vertex, depth in enumerate(depths):
        columns[depth].append(vertex)
    return tuple(tuple(sorted(column, key=lambda vertex: (layout[vertex][0], vertex))) for column in columns)
