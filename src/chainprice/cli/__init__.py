"""The command line: parse flags, call one function, print, map errors to exit codes."""

from chainprice.cli.running import run

__all__ = ["run"]
