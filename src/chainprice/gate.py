"""`verify` as users know it: solve a spec, or take a table that somebody published, and check it."""

from __future__ import annotations

from chainprice import allocation, limits, network
from chainprice.solution import Solution
from chainprice.solver import solve
from chainprice.spec import Spec
from chainprice.verification import Method, PriceTable, Verdict, table_of, verify_table


def verify(
    spec: Spec,
    table: PriceTable | Solution | None = None,
    *,
    tolerance: float = limits.TOLERANCE,
    method: Method = "auto",
) -> Verdict:
    """Check a price table against direct differentiation of the composed function (MODEL.md section 5).

    Without a table the spec is solved first. `method` is chosen by the size of the chain unless
    it is named.

    Raises what `solve` and `verify_table` raise.
    """
    allocation.fail_if_market_must_choose(spec, network.build(spec))
    if table is None:
        table = solve(spec)
    if isinstance(table, Solution):
        table = table_of(table.to_dict())
    return verify_table(spec, table, tolerance=tolerance, method=method)
