"""A priced chain as a graph of goods and firms: what a picture of it shows, not how it looks."""

from chainprice.diagram.drawing import diagram_of, graph
from chainprice.diagram.model import FORMAT, Diagram, Edge, InnerChain, Mark, Node

__all__ = ["FORMAT", "Diagram", "Edge", "InnerChain", "Mark", "Node", "diagram_of", "graph"]
