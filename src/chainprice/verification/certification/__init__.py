"""Certified prices: every price of a table against an interval that surely holds the price.

All arithmetic here is on balls (`balls`): what comes out holds the exact price of the spec, whatever rounding
has done. `given` encloses prices where quantities follow from the spec; `market` those of a market that
chooses them (`programme` says which conditions are active, `lagrangian` differentiates them, `krawczyk`
encloses their solution). Needs python-flint; nothing imports this package unless certified prices are asked
for.
"""

from chainprice.verification.certification.certify import certify

__all__ = ["certify"]
