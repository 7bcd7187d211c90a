"""`verify` as users know it: solve a spec, or take a table that somebody published, and check it."""

from __future__ import annotations

from importlib.util import find_spec

from chainprice import allocation, limits, network
from chainprice.errors import MissingExtraError, Problem
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
    certify: bool = False,
) -> Verdict:
    """Check a price table against direct differentiation of the composed function (MODEL.md section 5).

    Without a table the spec is solved first. `method` is chosen by the size of the chain unless
    it is named. `certify` also encloses every price in an interval that surely holds it, and fails what is
    outside; a price that cannot be enclosed leaves the verdict unverified.

    Raises what `solve` and `verify_table` raise, MissingExtraError where certified prices need python-flint.
    """
    if certify:
        _fail_if_no_ball_arithmetic()
    graph = network.build(spec)
    is_given = allocation.is_given(spec, graph)
    if not is_given:
        allocation.fail_if_no_equilibrium_solver(spec, graph)
    if table is None:
        table = solve(spec)
    if isinstance(table, Solution):
        table = table_of(table.to_dict())
    if is_given:
        verdict = verify_table(spec, table, tolerance=tolerance, method=method)
    else:
        verdict = verify_market(spec, table, MarketValue(spec), tolerance=tolerance)
    return _certified(spec, table, verdict) if certify else verdict


def _certified(spec: Spec, table: PriceTable, verdict: Verdict) -> Verdict:
    from chainprice.verification.certification import certify

    return certify(spec, table, verdict)


def _fail_if_no_ball_arithmetic() -> None:
    if find_spec("flint") is None:
        message = "certified prices need the certify extra, which is not installed"
        raise MissingExtraError(Problem(message, None, "pip install 'chainprice[certify]'"))
