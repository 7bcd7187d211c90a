"""`verify` as users know it: solve a spec, or take a table that somebody published, and check it."""

from __future__ import annotations

from chainprice import allocation, limits, network
from chainprice.solution import Solution
from chainprice.solver import MarketValue, solve
from chainprice.spec import Spec
from chainprice.verification import Method, PriceTable, Verdict, table_of, verify_market, verify_table


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
    graph = network.build(spec)
    is_given = allocation.is_given(spec, graph)
    if not is_given:
        allocation.fail_if_no_equilibrium_solver(spec, graph)
    if table is None:
        table = solve(spec)
    if isinstance(table, Solution):
        table = table_of(table.to_dict())
    if is_given:
        return verify_table(spec, table, tolerance=tolerance, method=method)
    return verify_market(spec, table, MarketValue(spec), tolerance=tolerance)
