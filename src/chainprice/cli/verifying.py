"""`verify`: the price table against direct differentiation."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chainprice import limits
from chainprice.cli.application import BAD_INPUT, DONE, NO_ANSWER, NOT_VERIFIED, app
from chainprice.cli.reading import fail_if_output_unfit, fail_if_read_twice, width_for
from chainprice.options import (
    GateArgument,
    MethodChoice,
    OutputOption,
    SetOption,
    VerifyFormat,
)
from chainprice.output import complain, write_result

if TYPE_CHECKING:
    from chainprice.examination import Outcome
    from chainprice.verification import PriceTable


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

    fail_if_read_twice([*specs, table])
    if output is not None:
        fail_if_output_unfit(output, kept_from(output, specs), [table] if table else [])
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

            return verification_text(outcomes, width_for(output))


def _gate_code(results: Collection[str]) -> int:
    """What could not be read says more than what failed, and that more than what has no answer."""
    codes = {"unreadable": BAD_INPUT, "failed": NOT_VERIFIED, "no answer": NO_ANSWER}
    return next((code for result, code in codes.items() if result in results), DONE)


def _read_table(path: str) -> PriceTable:
    from chainprice.spec.text import read_text
    from chainprice.verification import read_table

    return read_table(read_text(path), path)
