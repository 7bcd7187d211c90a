"""Boxes, rows and ways of a picture, as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from chainprice.report.diagrams.folding import Rows
from chainprice.report.diagrams.layers import Layers, Link


class Size(NamedTuple):
    """How large a node has to be for what is written in it."""

    width: float
    height: float


class Band(NamedTuple):
    """An edge: between which nodes, how wide it is, and how much room its label takes, at which end."""

    link: Link
    width: float
    value: float
    label: float
    label_at_target: bool


class Box(NamedTuple):
    """A node's rectangle."""

    x: float
    y: float
    width: float
    height: float


class Route(NamedTuple):
    """An edge as a path of SVG, its two ends, and where its label begins or ends."""

    path: str
    start: tuple[float, float]
    end: tuple[float, float]
    goes_back: bool


class Plan(NamedTuple):
    """The picture's places."""

    boxes: tuple[Box, ...]
    routes: tuple[Route, ...]
    width: float
    height: float
    columns: tuple[int, ...]
    """Of each node, from left to right through all rows."""
    rows: tuple[int, ...]
    """Of each column."""


class Gap(NamedTuple):
    """The room before a column: where labels, tracks and bends are, from left to right."""

    left: float
    """The right side of the column before."""
    after_labels: float
    bend_from: float
    bend_to: float
    before_labels: float
    right: float
    """The left side of the column."""


class Sheet(NamedTuple):
    """The rows of the picture."""

    rows: Rows
    drops: tuple[float, ...]
    """How far below its place in one row each row stands."""
    lefts: tuple[float, ...]
    """What is to the left of each row, where all stood in one."""
    lanes: Mapping[int, float]
    """How low each edge goes back."""
    below: tuple[float, ...]
    """Where each row ends."""
    bundles: tuple[float, ...]
    """The room of the edges that go on to the next row."""
    crossing: tuple[tuple[int, ...], ...]
    """Those edges."""
    bottom: float


class Layout(NamedTuple):
    """All that the ways of edges depend on."""

    bands: Sequence[Band]
    layers: Layers
    column: Mapping[int, int]
    """Of each vertex."""
    heights: Sequence[float]
    """Of each vertex, as if there were one row."""
    ports: Mapping[tuple[int, int], float]
    """For each edge and each of its ends, how far below the node's middle it is."""
    tracks: Mapping[tuple[int, int], float]
    """For each edge that goes back and each of its ends, how far from the labels it turns."""
    gaps: Sequence[Gap]
    sheet: Sheet
