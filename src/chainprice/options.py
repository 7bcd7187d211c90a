"""What may stand on the command line: choices, shared options, and what a shell offers for them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class SolveFormat(StrEnum):
    """Formats of `solve`."""

    table = "table"
    json = "json"
    csv = "csv"
    markdown = "markdown"
    latex = "latex"
    html = "html"


class VerifyFormat(StrEnum):
    """Formats of `verify`."""

    table = "table"
    json = "json"
    junit = "junit"
    github = "github"


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


class GraphFormat(StrEnum):
    """Formats of `graph`."""

    text = "text"
    mermaid = "mermaid"
    dot = "dot"
    svg = "svg"
    json = "json"


class SimulateFormat(StrEnum):
    """Formats of `simulate`."""

    table = "table"
    csv = "csv"
    json = "json"
    svg = "svg"
    png = "png"


class MakerChoice(StrEnum):
    """A market maker's cost function."""

    quadratic = "quadratic"
    exponential = "exponential"


class DiagnoseFormat(StrEnum):
    """Formats of `diagnose`."""

    table = "table"
    json = "json"
    csv = "csv"


class SensitivityFormat(StrEnum):
    """Formats of `sensitivity`."""

    table = "table"
    json = "json"
    csv = "csv"


class SweepFormat(StrEnum):
    """Formats of `sweep`."""

    csv = "csv"
    jsonl = "jsonl"
    parquet = "parquet"
    svg = "svg"


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


def _specs_on(line: typer.Context) -> list[str]:
    """What may be a spec on a command line that is being completed; unfinished, it is not always parsed."""
    return [path for path in (line.params.get("spec"), *(line.params.get("specs") or ()), *line.args) if path]


def offer_files(incomplete: str) -> list[str]:
    """Spec files and folders that begin so."""
    from chainprice.completion import spec_files

    return spec_files(incomplete)


def offer_goods(ctx: typer.Context, incomplete: str) -> list[str]:
    """The goods of the specs on the line."""
    from chainprice.completion import goods

    return [good for good in goods(_specs_on(ctx)) if good.startswith(incomplete)]


def offer_settings(ctx: typer.Context, incomplete: str) -> list[str]:
    """What `--set` can change in the specs on the line."""
    from chainprice.completion import settings

    found = settings(_specs_on(ctx))
    return [setting for setting in found if setting.startswith(incomplete) and setting != incomplete]


def offer_schemas(incomplete: str) -> list[str]:
    """What there is a schema of."""
    from chainprice.schemas import NAMES

    return [name for name in NAMES if name.startswith(incomplete)]


def _named(given: str | list[str]) -> str | list[str]:
    """The paths as they are; an empty one would be the working folder."""
    if "" in ([given] if isinstance(given, str) else given):
        raise typer.BadParameter("an empty path names no file; perhaps a variable of the shell is not set")
    return given


SpecArgument = Annotated[
    str,
    typer.Argument(
        metavar="SPEC",
        help="A spec file; - is standard input.",
        autocompletion=offer_files,
        callback=_named,
    ),
]
SpecsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="SPEC...",
        help="Spec files; - is standard input.",
        autocompletion=offer_files,
        callback=_named,
    ),
]
GateArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="SPEC...",
        help="Spec files, folders of them, or patterns; - is standard input.",
        autocompletion=offer_files,
        callback=_named,
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Change a number: a parameter, firm.parameter, supply.good.quantity, supply.good.price, "
        "demand.good.price, demand.good.quantity. May be repeated.",
        autocompletion=offer_settings,
    ),
]
NumeraireOption = Annotated[
    str | None,
    typer.Option(metavar="GOOD", help="The good that all money is counted in.", autocompletion=offer_goods),
]
AllocationOption = Annotated[
    AllocationChoice | None, typer.Option(help="How quantities come about; the spec's own by default.")
]
GoodsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--good",
        metavar="GOOD",
        help="Only the columns of this good. May be repeated.",
        autocompletion=offer_goods,
    ),
]
VaryOption = Annotated[
    list[str] | None,
    typer.Option(
        "--vary",
        metavar="NAME=START:STOP:COUNT",
        help="Vary a number, named as --set names it, in so many even steps from START to STOP; with "
        "NAME=log:START:STOP:COUNT by even factors. May be repeated: every combination is a point.",
        autocompletion=offer_settings,
    ),
]
OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write to a file, whole or not at all.",
        callback=lambda file: None if file == Path("-") else file,
    ),
]
