"""JSON Schemas (draft 2020-12) of the spec and of every result in JSON, from what reads and makes them.

Editors complete and explain keys with them; a pipeline checks what it takes in.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from chainprice.errors import Problem, UsageError
from chainprice.formula import suggestion
from chainprice.schemas import results, spec

_SCHEMAS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "spec": spec.schema,
    "solve": results.solve_schema,
    "verify": results.verify_schema,
    "sweep": results.sweep_schema,
    "simulate": results.simulate_schema,
    "graph": results.graph_schema,
    "diagnose": results.diagnose_schema,
    "sensitivity": results.sensitivity_schema,
    "check": results.check_schema,
}

NAMES = tuple(_SCHEMAS)
"""What has a schema: the spec, and each command that prints JSON."""


def schema(name: str = "spec") -> dict[str, Any]:
    """The JSON Schema of a spec, or of what the command `name` prints as JSON.

    Raises UsageError where there is none.
    """
    if name not in _SCHEMAS:
        hint = suggestion(name, NAMES) or f"there are: {', '.join(NAMES)}"
        raise UsageError(Problem(f"there is no schema of '{name}'", None, hint))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_SCHEMAS[name]()}


def schema_text(name: str = "spec") -> str:
    """The same as a file."""
    return json.dumps(schema(name), indent=2, ensure_ascii=False) + "\n"
