"""Marks for the keys of a result's JSON, where its rows are defined: `Annotated[type, description, mark]`."""

SOMETIMES = "sometimes"
"""A key that is left out where its value is None."""
