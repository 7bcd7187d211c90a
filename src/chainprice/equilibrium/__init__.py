"""The competitive allocation: the market chooses quantities so that total value is greatest.

MODEL.md section 3. `find` writes the market as a nonlinear programme, has IPOPT solve it, proves the
point by polishing it until every condition holds in decimals, and asks whether every firm would stay
there. What comes back can be had in any number of digits.

Needs CasADi: `pip install 'chainprice[equilibrium]'`.
"""

import os

# Matrices here are small: threads of the linear algebra only get in each other's way.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from chainprice.equilibrium.clearing import Clearing, Limit
from chainprice.equilibrium.market import Market, find

__all__ = ["Clearing", "Limit", "Market", "find"]
