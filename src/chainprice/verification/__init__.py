"""Verification: a price table against direct differentiation, on a road of its own.

Nothing here imports the backward pass, the derivatives or even the arithmetic that made the table.
The formulas are composed anew, evaluated with mpmath, and differentiated directly: the table comes
in as plain numbers, whoever made it.
"""

from chainprice.verification.check import METHODS, Method, verify_table
from chainprice.verification.clearing import verify_market
from chainprice.verification.result import (
    Certificate,
    Check,
    Condition,
    Publication,
    Stale,
    Verdict,
    Verification,
)
from chainprice.verification.rows import uses_of
from chainprice.verification.table import PriceTable, read_table, table_of

__all__ = [
    "METHODS",
    "Certificate",
    "Check",
    "Condition",
    "Method",
    "PriceTable",
    "Publication",
    "Stale",
    "Verdict",
    "Verification",
    "read_table",
    "table_of",
    "uses_of",
    "verify_market",
    "verify_table",
]
