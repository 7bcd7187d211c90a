"""The competitive allocation: the market chooses quantities so that total value is greatest.

MODEL.md section 3. `find` writes the market as a nonlinear programme, has IPOPT solve it, proves the
point by polishing it until every condition holds in decimals, and asks whether every firm would stay
there. What comes back can be had in any number of digits.

Needs CasADi: `pip install 'chainprice[equilibrium]'`.
"""

import os

# numpy's matrices here are small: threads of its linear algebra only get in each other's way. The
# solver's are large, so the limit is gone again before CasADi is loaded.
_unset = [name for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS") if name not in os.environ]
os.environ.update(dict.fromkeys(_unset, "1"))
import numpy as np  # noqa: E402, F401

for _name in _unset:
    del os.environ[_name]

from chainprice.equilibrium.clearing import Clearing, Limit  # noqa: E402
from chainprice.equilibrium.market import Market, find  # noqa: E402

__all__ = ["Clearing", "Limit", "Market", "find"]
