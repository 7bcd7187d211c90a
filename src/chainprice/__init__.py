"""chainprice: competitive prices of a supply chain, from a spec file, by backpropagation.

    spec = chainprice.load("specs/tupperware.yaml")
    chainprice.solve(spec).prices["natgas"]
    chainprice.verify(spec).verified

Names are imported when they are first used, so that `import chainprice` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chainprice.diagnosis import Diagnosis, diagnose
    from chainprice.diagram import Diagram, graph
    from chainprice.dynamics import Simulation, simulate
    from chainprice.errors import (
        ChainpriceError,
        NoAnswerError,
        ObservationError,
        SpecError,
        TableError,
        UsageError,
    )
    from chainprice.explanation import Explanation, explain
    from chainprice.gate import verify
    from chainprice.schemas import schema
    from chainprice.solution import Solution
    from chainprice.solver import solve
    from chainprice.spec import Spec, load
    from chainprice.statics import Sensitivities, sensitivity
    from chainprice.sweeping import SweepRow, sweep
    from chainprice.verification import PriceTable, Verdict, read_table
    from chainprice.version import __version__

__all__ = [
    "ChainpriceError",
    "Diagnosis",
    "Diagram",
    "Explanation",
    "NoAnswerError",
    "ObservationError",
    "PriceTable",
    "Sensitivities",
    "Simulation",
    "Solution",
    "Spec",
    "SpecError",
    "SweepRow",
    "TableError",
    "UsageError",
    "Verdict",
    "__version__",
    "diagnose",
    "explain",
    "graph",
    "load",
    "read_table",
    "schema",
    "sensitivity",
    "simulate",
    "solve",
    "sweep",
    "verify",
]

_HOMES = {
    **dict.fromkeys(("ChainpriceError", "NoAnswerError", "ObservationError"), "errors"),
    **dict.fromkeys(("SpecError", "TableError", "UsageError"), "errors"),
    **dict.fromkeys(("Diagnosis", "diagnose"), "diagnosis"),
    **dict.fromkeys(("Diagram", "graph"), "diagram"),
    **dict.fromkeys(("Spec", "load"), "spec"),
    **dict.fromkeys(("Explanation", "explain"), "explanation"),
    **dict.fromkeys(("PriceTable", "Verdict", "read_table"), "verification"),
    **dict.fromkeys(("Simulation", "simulate"), "dynamics"),
    **dict.fromkeys(("Sensitivities", "sensitivity"), "statics"),
    **dict.fromkeys(("SweepRow", "sweep"), "sweeping"),
    "Solution": "solution",
    "schema": "schemas",
    "solve": "solver",
    "verify": "gate",
    "__version__": "version",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'chainprice' has no attribute '{name}'")
    return getattr(import_module(f"chainprice.{_HOMES[name]}"), name)
