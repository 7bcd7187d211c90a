"""The application that all commands belong to, and its exit codes."""

from __future__ import annotations

from typing import Annotated

import typer

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
