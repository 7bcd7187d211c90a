"""How wide each edge of a graph is: by its value."""

from __future__ import annotations

from chainprice.diagram import Diagram

_THINNEST = 1.0


def widths_of(diagram: Diagram, widest: float) -> list[float]:
    """The width of each edge, in proportion to the size of its value, up to `widest`; none below 1."""
    values = [abs(float(edge.value)) for edge in diagram.edges]
    most = max(values, default=0.0)
    return [max(widest * value / most, _THINNEST) if most else _THINNEST for value in values]
