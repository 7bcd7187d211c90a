"""`check`, `init` and `schema`: spec files themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chainprice.cli.application import BAD_INPUT, DONE, app
from chainprice.cli.reading import fail_if_output_unfit, fail_if_read_twice
from chainprice.errors import UsageError, printable
from chainprice.options import (
    CheckFormat,
    OutputOption,
    SetOption,
    SpecsArgument,
    offer_schemas,
)
from chainprice.output import complain, fail_if_unfit, write_result


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

    fail_if_read_twice(specs)
    fail_if_output_unfit(output, specs)
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
