"""The command line: parse flags, call one function, print, map errors to exit codes."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chainprice import limits
from chainprice.errors import ChainpriceError, NoAnswerError, Problem, UsageError

if TYPE_CHECKING:
    from chainprice.solution import Solution
    from chainprice.spec import Spec
    from chainprice.verification import PriceTable, Verdict

DONE, NOT_VERIFIED, BAD_INPUT, NO_ANSWER = 0, 1, 2, 3


class SolveFormat(StrEnum):
    """Formats of `solve`."""

    table = "table"
    json = "json"
    csv = "csv"
    markdown = "markdown"
    latex = "latex"


class VerifyFormat(StrEnum):
    """Formats of `verify`."""

    table = "table"
    json = "json"


class ExplainFormat(StrEnum):
    """Formats of `explain`."""

    text = "text"
    markdown = "markdown"
    latex = "latex"


class CheckFormat(StrEnum):
    """Formats of `check`."""

    text = "text"
    json = "json"
    github = "github"


class AllocationChoice(StrEnum):
    """How quantities come about."""

    auto = "auto"
    given = "given"
    competitive = "competitive"


class MethodChoice(StrEnum):
    """How `verify` differentiates."""

    auto = "auto"
    symbolic = "symbolic"
    numeric = "numeric"
    adjoint = "adjoint"


SpecArgument = Annotated[str, typer.Argument(metavar="SPEC", help="A spec file; - is standard input.")]
SpecsArgument = Annotated[
    list[str], typer.Argument(metavar="SPEC...", help="Spec files; - is standard input.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Change a number: a parameter, firm.parameter, supply.good.quantity, supply.good.price, "
        "demand.good.price, demand.good.quantity. May be repeated.",
    ),
]
OutputOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write to a file, whole or not at all."),
]

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
    numeraire: Annotated[
        str | None, typer.Option(metavar="GOOD", help="The good that all money is counted in.")
    ] = None,
    allocation: Annotated[
        AllocationChoice | None, typer.Option(help="How quantities come about; the spec's own by default.")
    ] = None,
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
    from dataclasses import replace

    from chainprice.arithmetic import DOUBLE_DIGITS
    from chainprice.report.line import progress_line
    from chainprice.solver import solve as solve_spec

    read = _load(spec, settings)
    if allocation is not None:
        read = replace(read, allocation=allocation.value)
    with progress_line(sys.stderr):
        details = format_ is not SolveFormat.csv
        solution = solve_spec(read, numeraire=numeraire, count=digits or DOUBLE_DIGITS, details=details)
    _write(_solution_as(solution, format_, digits, output), output, [spec])
    if format_ is not SolveFormat.json:
        from chainprice.report.problems import problem_lines, warning_problems

        _complain(problem_lines(warning_problems(solution)))


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
        case SolveFormat.table:
            return solutions.solution_text(solution, digits, _width(output))


@app.command()
def verify(
    specs: SpecsArgument,
    *,
    table: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Check this `solve -f json` result instead; - is standard input."),
    ] = None,
    tolerance: Annotated[float, typer.Option(help="Relative tolerance of every row.")] = limits.TOLERANCE,
    method: Annotated[
        MethodChoice, typer.Option(help="How to differentiate; by the size of the chain by default.")
    ] = MethodChoice.auto,
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
    from chainprice.report.jsontext import json_text
    from chainprice.report.verdicts import verification_text
    from chainprice.verification import Verification

    _fail_if_table_is_for_many(specs, table)
    published = _read_table(table) if table is not None else None
    codes: list[int] = []
    verdicts = []
    for path in specs:
        verdict, code = _verdict(path, published, tolerance, method.value, settings, certify=certify)
        verdicts.append(verdict)
        codes.append(code)
    verification = Verification.of(verdicts)
    if format_ is VerifyFormat.json:
        text = json_text(verification.to_dict())
    else:
        text = verification_text(verification, _width(output))
    _write(text, output, [*specs, *([table] if table else [])])
    raise typer.Exit(next((code for code in (BAD_INPUT, NOT_VERIFIED, NO_ANSWER) if code in codes), DONE))


def _fail_if_table_is_for_many(specs: Sequence[str], table: str | None) -> None:
    if table is not None and len(specs) > 1:
        raise UsageError("--table belongs to one spec, and several are named")
    if [*specs, table].count("-") > 1:
        raise UsageError("standard input can be read once: '-' is named twice")


def _read_table(path: str) -> PriceTable:
    from chainprice.spec.text import read_bytes
    from chainprice.verification import read_table

    return read_table(read_bytes(path).decode("utf-8-sig", "replace"), path)


def _verdict(
    path: str,
    table: PriceTable | None,
    tolerance: float,
    method: str,
    settings: Sequence[str] | None,
    *,
    certify: bool,
) -> tuple[Verdict, int]:
    """One spec's verdict and exit code; what is wrong with one spec does not stop the next."""
    from chainprice.gate import verify as verify_spec
    from chainprice.report.line import progress_line
    from chainprice.verification import METHODS, Verdict

    chosen = next(name for name in METHODS if name == method)
    try:
        read = _load(path, settings)
        with progress_line(sys.stderr):
            verdict = verify_spec(read, table, tolerance=tolerance, method=chosen, certify=certify)
    except ChainpriceError as error:
        _complain(f"{error}\n")
        reason = "\n".join(_one_line(problem) for problem in error.problems)
        return Verdict(path, None, tolerance, error=reason), _exit_code(error)
    return verdict, DONE if verdict.verified else NOT_VERIFIED


def _one_line(problem: Problem) -> str:
    return str(problem).split("\n", 1)[0]


@app.command()
def explain(
    spec: SpecArgument,
    *,
    good: Annotated[
        str | None, typer.Option(metavar="GOOD", help="Only this price: what it is made of, and why.")
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

    read = _load(spec, settings)
    with progress_line(sys.stderr):
        explanation = explain_spec(read, good)
    writers: dict[ExplainFormat, Callable[..., str]] = {
        ExplainFormat.text: walk.walk_text,
        ExplainFormat.markdown: walk.walk_markdown,
        ExplainFormat.latex: walk.walk_latex,
    }
    _write(writers[format_](explanation), output, [spec])


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

    inspections = [inspect(path, settings or ()) for path in specs]
    match format_:
        case CheckFormat.json:
            text = check_json(inspections)
        case CheckFormat.github:
            text = "".join(github_lines(i.problems) for i in inspections)
        case CheckFormat.text:
            text = check_text(inspections)
            for inspection in inspections:
                _complain(problem_lines(inspection.problems))
    _write(text, output, specs)
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
    from chainprice.starter import starter_spec

    target = output or (_spec_file(name) if name else None)
    if target is not None and output is None and target.exists():
        raise UsageError(f"{target} is there already; name another, or use --output to replace it")
    _write(starter_spec(file=str(target) if target else "SPEC"), target, [])
    if target is not None:
        _complain(f"wrote {target}; next: chainprice solve {target}\n")


def _spec_file(name: str) -> Path:
    path = Path(name)
    return path if path.suffix in (".yaml", ".yml") else path.with_name(f"{path.name}.yaml")


# What all commands share.


def _load(path: str, settings: Sequence[str] | None) -> Spec:
    from chainprice.spec import load
    from chainprice.spec.text import STDIN

    return load(path if path == STDIN else Path(path), settings or ())


def _write(text: str, output: Path | None, inputs: Sequence[str]) -> None:
    from chainprice.output import write_result

    write_result(text, output, [path for path in inputs if path != "-"])


def _complain(text: str) -> None:
    from chainprice.output import write_stream

    if text:
        write_stream(sys.stderr, text)


def _width(output: Path | None) -> int | None:
    """The width of the terminal that the result goes to, if it goes to one."""
    return shutil.get_terminal_size().columns if output is None and sys.stdout.isatty() else None


def _exit_code(error: ChainpriceError) -> int:
    return NO_ANSWER if isinstance(error, NoAnswerError) else BAD_INPUT


def run(arguments: Sequence[str]) -> int:
    """Run a command; returns its exit code. KeyboardInterrupt passes through."""
    command = typer.main.get_command(app)
    usage_error: type[Exception] = typer.BadParameter.__mro__[1]
    click_error: type[Exception] = typer.BadParameter.__mro__[2]
    try:
        result = command.main(args=list(arguments), prog_name="chainprice", standalone_mode=False)
    except ChainpriceError as error:
        _complain(f"{error}\n")
        return _exit_code(error)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except click_error as error:
        path = getattr(getattr(error, "ctx", None), "command_path", "chainprice")
        hint = f"\n  try '{path} --help'" if isinstance(error, usage_error) else ""
        message = error.format_message() if hasattr(error, "format_message") else str(error)
        _complain(f"error: {message}{hint}\n" if message else "")
        return BAD_INPUT
    except Exception as error:
        if os.environ.get("CHAINPRICE_DEBUG"):
            raise
        _complain(
            f"internal error: {type(error).__name__}: {error}\n"
            "  this is a bug in chainprice; CHAINPRICE_DEBUG=1 shows where\n"
        )
        return NO_ANSWER
    return result if isinstance(result, int) else DONE
