"""Formulas: text in, a checked and compiled straight-line program out.

    formula = read("sqrt(natgas)")
    formula.evaluate(functions, {"natgas": 4})

Nothing here runs user text as Python, and nothing here knows about firms, goods or markets.
"""

from chainprice.formula.reader import Formula, FormulaError, is_name, read, suggestion
from chainprice.formula.shape import FUNCTIONS, KINKED, Functions, Shape, ShapeBuilder

__all__ = [
    "FUNCTIONS",
    "KINKED",
    "Formula",
    "FormulaError",
    "Functions",
    "Shape",
    "ShapeBuilder",
    "is_name",
    "read",
    "suggestion",
]
