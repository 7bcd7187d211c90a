"""Which module has which command: a run imports the one that it asks for, not all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module

import typer

from chainprice.cli.application import app

MODULES = {
    "solve": "solving",
    "verify": "verifying",
    "explain": "showing",
    "graph": "showing",
    "sweep": "varying",
    "sensitivity": "varying",
    "simulate": "moving",
    "diagnose": "moving",
    "check": "files",
    "init": "files",
    "schema": "files",
}
"""In the order of `--help`."""


def application(names: Iterable[str] = MODULES) -> typer.Typer:
    """The application, with these commands at least."""
    for module in dict.fromkeys(MODULES[name] for name in names):
        import_module(f"chainprice.cli.{module}")
    order = list(MODULES)
    app.registered_commands.sort(key=lambda command: order.index(command.callback.__name__))  # type: ignore[union-attr]
    return app


def needed(arguments: Sequence[str]) -> Iterable[str]:
    """The commands that a command line is about: the one that it begins with, or else all.

    The version is nobody's.
    """
    first = "".join(arguments[:1])
    if first == "--version":
        return ()
    return (first,) if first in MODULES else MODULES
