"""The JSON Schemas of results. They are those of this version: a later one may have more keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from chainprice.schemas.types import Schema, closed, described, properties_of, schema_of


def solve_schema() -> Schema:
    """The schema of what `solve -f json` prints."""
    from chainprice.solution import FORMAT, Solution

    spec = closed(properties_of(Solution, Solution.SOURCE_KEYS), "The spec that was priced.")
    properties = {"spec": spec, **properties_of(Solution, Solution.KEYS)}
    return _result(FORMAT, "A price table", properties, Solution.LEFT_OUT)


def verify_schema() -> Schema:
    """The schema of what `verify -f json` prints."""
    from chainprice.verification.result import FORMAT, Verification

    return _result(FORMAT, "Verified price tables", properties_of(Verification), {"skipped"})


def simulate_schema() -> Schema:
    """The schema of what `simulate -f json` prints."""
    from chainprice.allocation import fail_if_no_solver_for

    fail_if_no_solver_for("the schema of simulate")
    from chainprice.dynamics.result import FORMAT, Simulation

    spec = closed(properties_of(Simulation, Simulation.SOURCE_KEYS), "The spec that was simulated.")
    return _result(FORMAT, "A market's path", {"spec": spec, **properties_of(Simulation, Simulation.KEYS)})


def check_schema() -> Schema:
    """The schema of what `check -f json` prints."""
    from chainprice.inspection import FORMAT, Inspection

    sound = described(schema_of(bool), "Whether every spec can be read without an error.")
    specs = described(schema_of(tuple[Inspection, ...]), "One for each spec, as they were named.")
    return _result(FORMAT, "Specs that were read, not priced", {"sound": sound, "specs": specs})


def diagnose_schema() -> Schema:
    """The schema of what `diagnose -f json` prints."""
    from chainprice.diagnosis import FORMAT, Diagnosis

    spec = closed(properties_of(Diagnosis, Diagnosis.SOURCE_KEYS), "The spec of the market.")
    properties = {"spec": spec, **properties_of(Diagnosis, Diagnosis.KEYS)}
    return _result(FORMAT, "An observed market and its equilibrium", properties)


def sensitivity_schema() -> Schema:
    """The schema of what `sensitivity -f json` prints."""
    from chainprice.statics import FORMAT, Sensitivities

    spec = closed(properties_of(Sensitivities, Sensitivities.SOURCE_KEYS), "The spec that was looked at.")
    properties = {"spec": spec, **properties_of(Sensitivities, Sensitivities.KEYS)}
    return _result(FORMAT, "How total value and prices change", properties)


def graph_schema() -> Schema:
    """The schema of what `graph -f json` prints."""
    from chainprice.diagram import FORMAT, Diagram

    spec = closed(properties_of(Diagram, Diagram.SOURCE_KEYS), "The spec that was drawn.")
    properties = {"spec": spec, **properties_of(Diagram, Diagram.KEYS)}
    return _result(FORMAT, "A priced chain as a graph", properties, Diagram.LEFT_OUT)


def sweep_schema() -> Schema:
    """The schema of a line that `sweep -f jsonl` prints."""
    from chainprice.sweeping.rows import FORMAT, SweepRow

    schema = _result(FORMAT, "A point of a sweep", properties_of(SweepRow))
    return schema | {"description": "What `chainprice sweep -f jsonl` prints, on each line."}


def _result(form: str, title: str, properties: Mapping[str, Schema], optional: Iterable[str] = ()) -> Schema:
    name, _, version = form.removeprefix("chainprice.").partition("/")
    head = {"const": form, "description": "The format and its version; a new version means a new meaning."}
    return {
        "$id": f"urn:chainprice:{name}:{version}",
        "title": title,
        **closed({"format": head, **properties}, f"What `chainprice {name} -f json` prints.", optional),
    }
