"""Out of equilibrium: a market that moves by what each agent can see (MODEL.md section 6).

`simulate` runs it. Needs CasADi: `pip install 'chainprice[equilibrium]'`.
"""

from chainprice.dynamics.choices import Maker, Shock, read_shocks
from chainprice.dynamics.result import Era, Simulation
from chainprice.dynamics.simulation import simulate

__all__ = ["Era", "Maker", "Shock", "Simulation", "read_shocks", "simulate"]
