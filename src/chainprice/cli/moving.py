"""`simulate` and `diagnose`: out of equilibrium."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import typer

from chainprice import limits
from chainprice.cli.application import DONE, OUT_OF_EQUILIBRIUM, app
from chainprice.cli.reading import fail_if_output_unfit, fail_if_read_twice, load_spec, width_for
from chainprice.errors import Problem, UsageError
from chainprice.options import (
    DiagnoseFormat,
    MakerChoice,
    OutputOption,
    SetOption,
    SimulateFormat,
    SpecArgument,
)
from chainprice.output import complain, write_file, write_result

if TYPE_CHECKING:
    from chainprice.diagnosis import Diagnosis
    from chainprice.dynamics import Simulation


@app.command()
def simulate(
    spec: SpecArgument,
    *,
    maker: Annotated[
        MakerChoice, typer.Option(help="Market makers' cost function: prices move by amounts, or by factors.")
    ] = MakerChoice.quadratic,
    liquidity: Annotated[
        float, typer.Option(help="How deep market makers are; twice as deep, prices move half as fast.")
    ] = 1.0,
    steps: Annotated[int, typer.Option(metavar="N", help="Steps at most.")] = limits.SIMULATED_STEPS,
    step_size: Annotated[
        float | None, typer.Option(help="Time in a step; by the market's own curvature by default.")
    ] = None,
    foresight: Annotated[
        float, typer.Option(help="How far agents expect the last change to go on, from 0 to 1.")
    ] = 1.0,
    start: Annotated[
        str,
        typer.Option(
            metavar="cold|FILE",
            help="Begin without prices, or with those of a file (JSON of solve or simulate, YAML, CSV).",
        ),
    ] = "cold",
    shock: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE@STEP",
            help="At a step the world changes, as --set would change it. May be repeated.",
        ),
    ] = None,
    noise: Annotated[
        float, typer.Option(help="The part by which agents misjudge prices and quantities, at random.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the noise: the same seed, the same path.")] = 0,
    every: Annotated[
        int | None,
        typer.Option(metavar="N", help="Write down every N steps; at most 1,000 records by default."),
    ] = None,
    tolerance: Annotated[
        float, typer.Option(help="The distance to equilibrium that is arrival.")
    ] = limits.ARRIVED,
    format_: Annotated[
        SimulateFormat, typer.Option("--format", "-f", help="How to print it.")
    ] = SimulateFormat.table,
    settings: SetOption = None,
    output: OutputOption = None,
) -> None:
    """Let the market find its prices, every agent by what it sees."""
    from chainprice.observation import read_observation
    from chainprice.report.line import progress_line

    if format_ is SimulateFormat.png and output is None:
        raise UsageError(Problem("a PNG is no text for a terminal", None, "name a file with --output"))
    fail_if_output_unfit(output, [spec], [] if start == "cold" else [start])
    fail_if_read_twice([spec, start])
    read = load_spec(spec, settings)
    with progress_line(sys.stderr):
        simulate_spec = _dynamics().simulate
        simulation = simulate_spec(
            read,
            maker=maker.value,
            liquidity=liquidity,
            steps=steps,
            step_size=step_size,
            foresight=foresight,
            start=None if start == "cold" else read_observation(start, read),
            shocks=_dynamics().read_shocks(shock or ()),
            noise=noise,
            seed=seed,
            every=every,
            tolerance=tolerance,
        )
    if format_ is SimulateFormat.png and output is not None:
        from chainprice.report.plots import simulation_png

        write_file(output, simulation_png(simulation))
    else:
        write_result(_simulation_as(simulation, format_, output), output, format_)


def _dynamics() -> ModuleType:
    """What simulates; raises MissingExtraError without CasADi."""
    from chainprice.allocation import fail_if_no_solver_for

    fail_if_no_solver_for("simulate")
    from chainprice import dynamics

    return dynamics


def _simulation_as(simulation: Simulation, format_: SimulateFormat, output: Path | None) -> str:
    match format_:
        case SimulateFormat.json:
            from chainprice.report.jsontext import json_text

            return json_text(simulation.to_dict())
        case SimulateFormat.svg:
            from chainprice.report.plots import simulation_svg

            return simulation_svg(simulation)
        case SimulateFormat.csv:
            from chainprice.report.paths import simulation_csv

            return simulation_csv(simulation)
    from chainprice.report.paths import simulation_text

    return simulation_text(simulation, width_for(output))


@app.command()
def diagnose(
    spec: SpecArgument,
    *,
    observed: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="The observed market: prices of goods and quantities of uses, as JSON, YAML or CSV, or "
            "a result of `solve`; - is standard input.",
        ),
    ],
    tolerance: Annotated[
        float, typer.Option(help="Relative tolerance of every gap, excess and price.")
    ] = limits.OBSERVED_TOLERANCE,
    format_: Annotated[
        DiagnoseFormat, typer.Option("--format", "-f", help="How to print it.")
    ] = DiagnoseFormat.table,
    settings: SetOption = None,
    output: OutputOption = None,
) -> None:
    """Say where an observed market is out of equilibrium, and what that costs."""
    from chainprice.diagnosis import diagnose as diagnose_market
    from chainprice.diagnosis import read_observation
    from chainprice.report.diagnoses import missing_problems
    from chainprice.report.line import progress_line
    from chainprice.report.problems import problem_lines

    fail_if_read_twice([spec, observed])
    fail_if_output_unfit(output, [spec], [observed])
    read = load_spec(spec, settings)
    observation = read_observation(observed, read)
    with progress_line(sys.stderr):
        diagnosis = diagnose_market(read, observation, tolerance=tolerance)
    write_result(_diagnosis_as(diagnosis, format_, output), output, format_)
    if format_ is not DiagnoseFormat.json:
        complain(problem_lines(missing_problems(diagnosis)))
    raise typer.Exit(DONE if diagnosis.within_tolerance else OUT_OF_EQUILIBRIUM)


def _diagnosis_as(diagnosis: Diagnosis, format_: DiagnoseFormat, output: Path | None) -> str:
    match format_:
        case DiagnoseFormat.json:
            from chainprice.report.jsontext import json_text

            return json_text(diagnosis.contents())
        case DiagnoseFormat.csv:
            from chainprice.report.diagnoses import diagnosis_csv

            return diagnosis_csv(diagnosis)
        case DiagnoseFormat.table:
            from chainprice.report.diagnoses import diagnosis_text

            return diagnosis_text(diagnosis, width_for(output))
