"""Where an observed market is out of equilibrium: who would move which way, and what that is worth.

MODEL.md section 6. An observation (`observation`) is completed by what follows from it (`inference`); every
user is asked what it would rather do (`gaps`), every good gets a verdict (`verdicts`), and the equilibrium
says what moving there would add to total value.
"""

from chainprice.diagnosis.result import FORMAT, Diagnosis, Gap, GoodRow, Inferred, Missing, Note
from chainprice.diagnosis.sequence import diagnose
from chainprice.observation import Observation, read_observation

__all__ = [
    "FORMAT",
    "Diagnosis",
    "Gap",
    "GoodRow",
    "Inferred",
    "Missing",
    "Note",
    "Observation",
    "diagnose",
    "read_observation",
]
