"""`solve`: the price table."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chainprice.cli.application import DONE, NOT_VERIFIED, app
from chainprice.cli.reading import fail_if_output_unfit, load_spec, width_for
from chainprice.options import (
    AllocationOption,
    NumeraireOption,
    OutputOption,
    SetOption,
    SolveFormat,
    SpecArgument,
)
from chainprice.output import complain, write_result

if TYPE_CHECKING:
    from chainprice.solution import Solution
    from chainprice.spec import Spec


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

    fail_if_output_unfit(output, [spec])
    read = load_spec(spec, settings, allocation)
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
    return solutions.solution_text(solution, digits, width_for(output))
