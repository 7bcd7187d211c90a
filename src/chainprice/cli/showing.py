"""`explain` and `graph`: a priced chain, step by step and as a picture."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chainprice.cli.application import app
from chainprice.cli.reading import fail_if_output_unfit, load_spec, width_for
from chainprice.options import (
    AllocationOption,
    ExplainFormat,
    GraphFormat,
    NumeraireOption,
    OutputOption,
    SetOption,
    SpecArgument,
    offer_goods,
)
from chainprice.output import write_result

if TYPE_CHECKING:
    from chainprice.diagram import Diagram


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
    numeraire: NumeraireOption = None,
    allocation: AllocationOption = None,
    settings: SetOption = None,
    output: OutputOption = None,
) -> None:
    """Show the chain rule step by step, with formulas and numbers."""
    from chainprice.explanation import explain as explain_spec
    from chainprice.report import walk
    from chainprice.report.line import progress_line

    fail_if_output_unfit(output, [spec])
    read = load_spec(spec, settings, allocation)
    with progress_line(sys.stderr):
        explanation = explain_spec(read, good, numeraire=numeraire)
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

    fail_if_output_unfit(output, [spec])
    read = load_spec(spec, settings, allocation)
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

            return diagram_text(diagram, width_for(output))
