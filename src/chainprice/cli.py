"""The command line: parse flags, call one function, print, map errors to exit codes."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import typer

from chainprice import limits
from chainprice.errors import ChainpriceError, NoAnswerError, Problem, UsageError, printable
from chainprice.options import (
    AllocationChoice,
    AllocationOption,
    CheckFormat,
    DiagnoseFormat,
    ExplainFormat,
    GateArgument,
    GoodsOption,
    GraphFormat,
    MakerChoice,
    MethodChoice,
    NumeraireOption,
    OutputOption,
    SensitivityFormat,
    SetOption,
    SimulateFormat,
    SolveFormat,
    SpecArgument,
    SpecsArgument,
    SweepFormat,
    VaryOption,
    VerifyFormat,
    offer_goods,
    offer_schemas,
)
from chainprice.output import complain, fail_if_unfit, write_file, write_result

if TYPE_CHECKING:
    from chainprice.diagnosis import Diagnosis
    from chainprice.diagram import Diagram
    from chainprice.dynamics import Simulation
    from chainprice.examination import Outcome
    from chainprice.solution import Solution
    from chainprice.spec import Source, Spec
    from chainprice.statics import Sensitivities
    from chainprice.verification import PriceTable

DONE, NOT_VERIFIED, BAD_INPUT, NO_ANSWER = 0, 1, 2, 3
OUT_OF_EQUILIBRIUM = NOT_VERIFIED


app = typer.Typer(
    name="chainprice",
    help="Price supply chains from a spec file, and verify the prices.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _show_version(value: bool) -> None:
    if value:
        from chainprice.version import __version__

        typer.echo(f"chainprice {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Price supply chains from a spec file, and verify the prices."""


@app.command()
def solve(
    spec: SpecArgument,
    *,
    format_: Annotated[
        SolveFormat, typer.Option("--format", "-f", help="How to print it.")
    ] = SolveFormat.table,
    numeraire: NumeraireOption = None,
    allocation: AllocationOption = None,
    digits: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Significant digits, all of them right. Above 17 they go as text."
        ),
    ] = None,
    settings: SetOption = None,
    output: OutputOption = None,
) -> None:
    """Print the price table: every good's price, every firm's books."""
    from chainprice.arithmetic import DOUBLE_DIGITS
    from chainprice.report.line import progress_line
    from chainprice.solver import solve as solve_spec

    _fail_if_unfit(output, [spec])
    read = _load(spec, settings, allocation)
    with progress_line(sys.stderr):
        details = format_ is not SolveFormat.csv
        solution = solve_spec(read, numeraire=numeraire, count=digits or DOUBLE_DIGITS, details=details)
    verified = True
    if format_ is SolveFormat.html:
        verified, text = _page(read, solution, digits)
    else:
        text = _solution_as(solution, format_, digits, output)
    write_result(text, output, format_)
    if format_ is not SolveFormat.json:
        from chainprice.report.problems import problem_lines, warning_problems

        complain(problem_lines(warning_problems(solution)))
    raise typer.Exit(DONE if verified else NOT_VERIFIED)


def _page(spec: Spec, solution: Solution, digits: int | None) -> tuple[bool, str]:
    """Whether a solution is verified, and the page that says so."""
    from chainprice.diagram import diagram_of
    from chainprice.gate import verify as verify_spec
    from chainprice.report.line import progress_line
    from chainprice.report.pages import Dossier, page_html

    with progress_line(sys.stderr):
        verdict = verify_spec(spec, solution)
    dossier = Dossier(spec, solution, diagram_of(spec, solution), verdict)
    return verdict.verified, page_html(dossier, digits)


def _solution_as(solution: Solution, format_: SolveFormat, digits: int | None, output: Path | None) -> str:
    if format_ is SolveFormat.json:
        from chainprice.report.jsontext import json_text

        return json_text(solution.contents())
    from chainprice.report import solutions

    match format_:
        case SolveFormat.csv:
            return solutions.solution_csv(solution)
        case SolveFormat.markdown:
            return solutions.solution_markdown(solution, digits)
        case SolveFormat.latex:
            return solutions.solution_latex(solution, digits)
    return solutions.solution_text(solution, digits, _width(output))


@app.command()
def verify(
    specs: GateArgument,
    *,
    table: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Check this published table instead: JSON or CSV of `solve`, or a JSON object of prices; "
            "- is standard input.",
        ),
    ] = None,
    tolerance: Annotated[float, typer.Option(help="Relative tolerance of every row.")] = limits.TOLERANCE,
    method: Annotated[
        MethodChoice, typer.Option(help="How to differentiate; by the size of the chain by default.")
    ] = MethodChoice.auto,
    jobs: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Specs at a time, in a process each; one a core by default."),
    ] = None,
    certify: Annotated[
        bool, typer.Option("--certify", help="Also enclose every price in an interval that surely holds it.")
    ] = False,
    format_: Annotated[
        VerifyFormat, typer.Option("--format", "-f", help="How to print it.")
    ] = VerifyFormat.table,
    settings: SetOption = None,
    output: OutputOption = None,
) -> None:
    """Check prices against direct differentiation of the composed function."""
    from chainprice.batch import kept_from, verify_all
    from chainprice.examination import Question
    from chainprice.report.line import progress_line
    from chainprice.report.problems import problem_lines
    from chainprice.verification import METHODS

    _fail_if_read_twice([*specs, table])
    if output is not None:
        _fail_if_unfit(output, kept_from(output, specs), [table] if table else [])
    question = Question(
        tolerance=tolerance,
        method=next(name for name in METHODS if name == method.value),
        settings=tuple(settings or ()),
        locates=format_ is VerifyFormat.github,
        table=None if table is None else _read_table(table),
        certify=certify,
    )
    with progress_line(sys.stderr):
        outcomes = verify_all(specs, question, jobs)
    if format_ is not VerifyFormat.github:
        complain(problem_lines([problem for outcome in outcomes for problem in outcome.problems]))
    write_result(_verification_as(outcomes, format_, output), output, format_)
    raise typer.Exit(_gate_code({outcome.result for outcome in outcomes}))


def _verification_as(outcomes: Sequence[Outcome], format_: VerifyFormat, output: Path | None) -> str:
    match format_:
        case VerifyFormat.json:
            from chainprice.report.jsontext import json_text
            from chainprice.report.verdicts import verification_dict

            return json_text(verification_dict(outcomes))
        case VerifyFormat.junit:
            from chainprice.report.junit import junit_text

            return junit_text(outcomes)
        case VerifyFormat.github:
            from chainprice.report.annotations import verification_annotations

            return verification_annotations(outcomes)
        case VerifyFormat.table:
            from chainprice.report.verdicts import verification_text

            return verification_text(outcomes, _width(output))


def _gate_code(results: Collection[str]) -> int:
    """What could not be read says more than what failed, and that more than what has no answer."""
    codes = {"unreadable": BAD_INPUT, "failed": NOT_VERIFIED, "no answer": NO_ANSWER}
    return next((code for result, code in codes.items() if result in results), DONE)


def _fail_if_read_twice(paths: Sequence[str | None]) -> None:
    if paths.count("-") > 1:
        raise UsageError("standard input can be read once: '-' is named twice")


def _read_table(path: str) -> PriceTable:
    from chainprice.spec.text import read_text
    from chainprice.verification import read_table

    return read_table(read_text(path), path)


@app.command()
def explain(
    spec: SpecArgument,
    *,
    good: Annotated[
        str | None,
        typer.Option(
            metavar="GOOD",
            help="Only this price: what it is made of, and why.",
            autocompletion=offer_goods,
        ),
    ] = None,
    format_: Annotated[
        ExplainFormat, typer.Option("--format", "-f", help="How to print it.")
    ] = ExplainFormat.text,
    settings: SetOption = None,
    output: OutputOption = None,
) -> None:
    """Show the chain rule step by step, with formulas and numbers."""
    from chainprice.explanation import explain as explain_spec
    from chainprice.report import walk
    from chainprice.report.line import progress_line

    _fail_if_unfit(output, [spec])
    read = _load(spec, settings)
    with progress_line(sys.stderr):
        explanation = explain_spec(read, good)
    writers: dict[ExplainFormat, Callable[..., str]] = {
        ExplainFormat.text: walk.walk_text,
        ExplainFormat.markdown: walk.walk_markdown,
        ExplainFormat.latex: walk.walk_latex,
    }
    write_result(writers[format_](explanation), output)


@app.command()
def graph(
    spec: SpecArgument,
    *,
    format_: Annotated[
        GraphFormat, typer.Option("--format", "-f", help="How to draw it.")
    ] = GraphFormat.text,
    numeraire: NumeraireOption = None,
    allocation: AllocationOption = None,
    settings: SetOption = None,
    output: OutputOption = None,
) -> None:
    """Draw the chain: goods and firms, quantities one way and prices the other."""
    from chainprice.diagram import graph as graph_spec
    from chainprice.report.line import progress_line

    _fail_if_unfit(output, [spec])
    read = _load(spec, settings, allocation)
    with progress_line(sys.stderr):
        diagram = graph_spec(read, numeraire=numeraire)
    write_result(_diagram_as(diagram, format_, output), output, format_)


def _diagram_as(diagram: Diagram, format_: GraphFormat, output: Path | None) -> str:
    match format_:
        case GraphFormat.json:
            from chainprice.report.jsontext import json_text

            return json_text(diagram.contents())
        case GraphFormat.svg:
            from chainprice.report.diagrams.svg import diagram_svg

            return diagram_svg(diagram)
        case GraphFormat.dot:
            from chainprice.report.diagrams.dot import diagram_dot

            return diagram_dot(diagram)
        case GraphFormat.mermaid:
            from chainprice.report.diagrams.mermaid import diagram_mermaid

            return diagram_mermaid(diagram)
        case GraphFormat.text:
            from chainprice.report.diagrams.tree import diagram_text

            return diagram_text(diagram, _width(output))


@app.command()
def sweep(
    spec: SpecArgument,
    *,
    vary: VaryOption = None,
    samples: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Points from a CSV or Parquet file instead: a column for each number that varies.",
        ),
    ] = None,
    good: GoodsOption = None,
    numeraire: NumeraireOption = None,
    allocation: AllocationOption = None,
    plot: Annotated[
        str | None,
        typer.Option(
            metavar="GOOD",
            help="Draw the price of this good instead of printing rows; with -f svg as a picture.",
            autocompletion=offer_goods,
        ),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Processes; one a core by default.")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Price the points on the Dask cluster of this scheduler."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Begin anew, whatever --output has in it.")
    ] = False,
    format_: Annotated[
        SweepFormat | None,
        typer.Option("--format", "-f", help="How to print it; csv by default."),
    ] = None,
    settings: SetOption = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write rows to a file; if it has some of this sweep, go on where they end.",
            callback=lambda file: None if file == Path("-") else file,
        ),
    ] = None,
) -> None:
    """Print the price table at many points: a grid of varied numbers, or samples."""
    from chainprice.recording import Campaign, carry_out
    from chainprice.report.line import progress_line

    _fail_if_unfit(output, [spec], [str(samples)] if samples else [])
    campaign = Campaign(
        spec=spec,
        settings=tuple(settings or ()),
        vary=tuple(vary or ()),
        samples=samples,
        goods=tuple(good or ()),
        numeraire=numeraire,
        allocation=None if allocation is None else allocation.value,
        plot=plot,
        width=_width(output if format_ is SweepFormat.svg else None),
        jobs=jobs,
        scheduler=scheduler,
        overwrite=overwrite,
        form=None if format_ is None else format_.value,
        output=output,
    )
    with progress_line(sys.stderr):
        outcome, picture = carry_out(campaign)
    if picture is not None:
        write_result(picture, output if format_ is SweepFormat.svg else None, "svg")
    complain(outcome.message(output))
    raise typer.Exit(DONE if outcome.solved else NO_ANSWER)


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
    _fail_if_unfit(output, [spec], [] if start == "cold" else [start])
    _fail_if_read_twice([spec, start])
    read = _load(spec, settings)
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

    return simulation_text(simulation, _width(output))


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

    _fail_if_read_twice([spec, observed])
    _fail_if_unfit(output, [spec], [observed])
    read = _load(spec, settings)
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

            return diagnosis_text(diagnosis, _width(output))


@app.command()
def sensitivity(
    spec: SpecArgument,
    *,
    of: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GOOD",
            help="Also how the price of this good changes. May be repeated.",
            autocompletion=offer_goods,
        ),
    ] = None,
    tax: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GOOD=TAX",
            help="Also who bears a tax on this good: money a unit (0.1), or a part of the sellers' price "
            "(10%); below 0 a subsidy. May be repeated.",
        ),
    ] = None,
    format_: Annotated[
        SensitivityFormat, typer.Option("--format", "-f", help="How to print it.")
    ] = SensitivityFormat.table,
    allocation: Annotated[
        AllocationChoice | None, typer.Option(help="How quantities come about; the spec's own by default.")
    ] = None,
    settings: SetOption = None,
    output: OutputOption = None,
) -> None:
    """Say how total value and prices change with every number of the spec."""
    from dataclasses import replace

    from chainprice.report.line import progress_line
    from chainprice.statics import sensitivity as sensitivity_of

    _fail_if_unfit(output, [spec])
    read = _load(spec, settings)
    if allocation is not None:
        read = replace(read, allocation=allocation.value)
    with progress_line(sys.stderr):
        result = sensitivity_of(read, of=of or (), taxes=tax or ())
    write_result(_sensitivity_as(result, format_, output), output, format_)


def _sensitivity_as(result: Sensitivities, format_: SensitivityFormat, output: Path | None) -> str:
    match format_:
        case SensitivityFormat.json:
            from chainprice.report.jsontext import json_text

            return json_text(result.contents())
        case SensitivityFormat.csv:
            from chainprice.report.sensitivities import sensitivity_csv

            return sensitivity_csv(result)
        case SensitivityFormat.table:
            from chainprice.report.sensitivities import sensitivity_text

            return sensitivity_text(result, _width(output))


@app.command()
def check(
    specs: SpecsArgument,
    *,
    format_: Annotated[
        CheckFormat, typer.Option("--format", "-f", help="How to print it.")
    ] = CheckFormat.text,
    settings: SetOption = None,
    output: OutputOption = None,
) -> None:
    """Read specs and report what is wrong with them; compute nothing."""
    from chainprice.inspection import inspect
    from chainprice.report.inspections import check_json, check_text
    from chainprice.report.problems import github_lines, problem_lines

    _fail_if_read_twice(specs)
    _fail_if_unfit(output, specs)
    inspections = [inspect(path, settings or ()) for path in specs]
    match format_:
        case CheckFormat.json:
            text = check_json(inspections)
        case CheckFormat.github:
            text = "".join(github_lines(i.problems) for i in inspections)
        case CheckFormat.text:
            text = check_text(inspections)
            for inspection in inspections:
                complain(problem_lines(inspection.problems))
    write_result(text, output, format_)
    raise typer.Exit(DONE if all(inspection.sound for inspection in inspections) else BAD_INPUT)


@app.command()
def init(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="Write to NAME.yaml; without it, to standard output."),
    ] = None,
    *,
    output: OutputOption = None,
) -> None:
    """Write a commented spec to start from."""
    from chainprice.starter import SCHEMA_FILE, starter_spec

    target = output or (_spec_file(name) if name else None)
    if target is not None and output is None and target.exists():
        raise UsageError(f"{target} is there already; name another, or use --output to replace it")
    folder = Path() if target is None else target.parent
    has_schema = (folder / SCHEMA_FILE).exists()
    fail_if_unfit(target)
    write_result(starter_spec(file=str(target) if target else "SPEC", has_schema=has_schema), target)
    if target is not None:
        complain(f"wrote {printable(str(target))}; next: chainprice solve {printable(str(target))}\n")


def _spec_file(name: str) -> Path:
    path = Path(name)
    return path if path.suffix in (".yaml", ".yml") else path.with_name(f"{path.name}.yaml")


@app.command()
def schema(
    name: Annotated[
        str,
        typer.Argument(
            metavar="[NAME]",
            help="Of what: spec, or a command that prints JSON.",
            autocompletion=offer_schemas,
        ),
    ] = "spec",
    *,
    output: OutputOption = None,
) -> None:
    """Print the JSON Schema of the spec, or of a command's JSON."""
    from chainprice.schemas import schema_text

    write_result(schema_text(name), output, "json")


# What all commands share.


def _fail_if_unfit(output: Path | None, specs: Sequence[str], others: Sequence[str] = ()) -> None:
    """Fail if the output would replace what is read: a spec, what a spec names, or one of the `others`."""
    from chainprice.spec import load
    from chainprice.spec.text import STDIN

    fail_if_unfit(output, [*specs, *others])
    if output is None or not output.is_file():
        return
    for path in [path for path in specs if path != STDIN]:
        files: list[Source] = []
        with suppress(ChainpriceError):
            read = load(Path(path))
            files = [read.source, *read.files]
        tables = [table.path for source in files for table in source.neighbours.values()]
        fail_if_unfit(output, [*(source.path for source in files), *tables])


def _load(path: str, settings: Sequence[str] | None, allocation: AllocationChoice | None = None) -> Spec:
    from dataclasses import replace

    from chainprice.spec import load
    from chainprice.spec.text import STDIN

    read = load(path if path == STDIN else Path(path), settings or ())
    return read if allocation is None else replace(read, allocation=allocation.value)


def _width(output: Path | None) -> int | None:
    """The width of the terminal that the result goes to, if it goes to one."""
    is_drawn = output is None and sys.stdout is not None and sys.stdout.isatty()
    return shutil.get_terminal_size().columns if is_drawn else None


def _exit_code(error: ChainpriceError) -> int:
    return NO_ANSWER if isinstance(error, NoAnswerError) else BAD_INPUT


_COMPLETE = "_CHAINPRICE_COMPLETE"
"""Set by a shell that asks what could come next."""

_COMPLETION_OPTIONS = {"--install-completion", "--show-completion"}


def run(arguments: Sequence[str]) -> int:
    """Run a command; returns its exit code. KeyboardInterrupt passes through."""
    if _COMPLETE in os.environ or _COMPLETION_OPTIONS.intersection(arguments):
        from chainprice.completion import prepare_bash

        prepare_bash(os.environ)
    command = typer.main.get_command(app)
    usage_error: type[Exception] = typer.BadParameter.__mro__[1]
    click_error: type[Exception] = typer.BadParameter.__mro__[2]
    try:
        result = command.main(args=list(arguments), prog_name="chainprice", standalone_mode=False)
    except ChainpriceError as error:
        complain(f"{error}\n")
        return _exit_code(error)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except SystemExit as leaving:
        if isinstance(leaving.__context__, BrokenPipeError):  # `--help | head`
            return DONE
        raise
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        complain(f"error: {printable(where + (error.strerror or str(error)).lower())}\n")
        return BAD_INPUT
    except click_error as error:
        path = getattr(getattr(error, "ctx", None), "command_path", "chainprice")
        hint = f"\n  try '{path} --help'" if isinstance(error, usage_error) else ""
        message = error.format_message() if hasattr(error, "format_message") else str(error)
        complain(f"error: {printable(message)}{hint}\n" if message else "")
        return BAD_INPUT
    except Exception as error:
        if os.environ.get("CHAINPRICE_DEBUG"):
            raise
        complain(
            f"internal error: {type(error).__name__}: {error}\n"
            "  this is a bug in chainprice; CHAINPRICE_DEBUG=1 shows where\n"
        )
        return NO_ANSWER
    return result if isinstance(result, int) else DONE
