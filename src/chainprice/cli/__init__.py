"""The command line: parse flags, call one function, print, map errors to exit codes.

`--help` lists the commands in the order in which their modules are imported here.
"""

# ruff: noqa: F401, I001
from chainprice.cli.application import app
from chainprice.cli import solving, verifying, showing, varying, moving, files
from chainprice.cli.running import run

__all__ = ["app", "run"]
