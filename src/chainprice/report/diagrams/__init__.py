"""A graph of goods and firms as Mermaid, DOT, SVG, and a tree for a terminal."""
