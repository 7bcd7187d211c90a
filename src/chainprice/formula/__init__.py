"""Formulas: text in, a checked and compiled straight-line program out.

    formula = read("sqrt(natgas)")
    formula.evaluate(functions, {"natgas": 4})

Nothing here runs user text as Python, and nothing here knows about firms, goods or markets.
"""

from chainprice.formula.hints import suggestion
from chainprice.formula.reader import (
    DERIVED,
    TOO_LONG_A_NAME,
    Formula,
    FormulaError,
    is_name,
    read,
)
from chainprice.formula.shape import FUNCTIONS, KINKED, OPERATORS, Functions, Shape, ShapeBuilder, Step
from chainprice.formula.size import derivative_operations

__all__ = [
    "DERIVED",
    "FUNCTIONS",
    "KINKED",
    "OPERATORS",
    "TOO_LONG_A_NAME",
    "Formula",
    "FormulaError",
    "Functions",
    "Shape",
    "ShapeBuilder",
    "Step",
    "derivative_operations",
    "is_name",
    "read",
    "suggestion",
]
