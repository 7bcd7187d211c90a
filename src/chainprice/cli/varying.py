"""`sweep` and `sensitivity`: other numbers, many of them and next to those of the spec."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chainprice.cli.application import DONE, NO_ANSWER, app
from chainprice.cli.reading import fail_if_output_unfit, load_spec, width_for
from chainprice.options import (
    AllocationChoice,
    AllocationOption,
    GoodsOption,
    NumeraireOption,
    OutputOption,
    SensitivityFormat,
    SetOption,
    SpecArgument,
    SweepFormat,
    VaryOption,
    offer_goods,
)
from chainprice.output import complain, write_result

if TYPE_CHECKING:
    from chainprice.statics import Sensitivities


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
        typer.Option("--format", "-f", help="How to print it; as the file of --output ends, or csv."),
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

    fail_if_output_unfit(output, [spec], [str(samples)] if samples else [])
    format_ = format_ or _by_ending(output)
    campaign = Campaign(
        spec=spec,
        settings=tuple(settings or ()),
        vary=tuple(vary or ()),
        samples=samples,
        goods=tuple(good or ()),
        numeraire=numeraire,
        allocation=None if allocation is None else allocation.value,
        plot=plot,
        width=width_for(output if format_ is SweepFormat.svg else None),
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


def _by_ending(output: Path | None) -> SweepFormat | None:
    """The format that a file's name ends in, if it does in one."""
    ending = "" if output is None else output.suffix[1:].lower()
    return next((known for known in SweepFormat if known.value == ending), None)


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

    fail_if_output_unfit(output, [spec])
    read = load_spec(spec, settings)
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

            return sensitivity_text(result, width_for(output))
