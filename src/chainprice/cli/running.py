"""From arguments to an exit code: whatever goes wrong is said in words."""

from __future__ import annotations

import os
from collections.abc import Sequence

import typer

from chainprice.cli.application import BAD_INPUT, DONE, NO_ANSWER
from chainprice.cli.commands import application, needed
from chainprice.errors import ChainpriceError, NoAnswerError, printable
from chainprice.output import complain


def _exit_code(error: ChainpriceError) -> int:
    return NO_ANSWER if isinstance(error, NoAnswerError) else BAD_INPUT


_COMPLETE = "_CHAINPRICE_COMPLETE"
"""Set by a shell that asks what could come next."""


_COMPLETION_OPTIONS = {"--install-completion", "--show-completion"}


def run(arguments: Sequence[str]) -> int:
    """Run a command; returns its exit code. KeyboardInterrupt passes through."""
    if _COMPLETE in os.environ or _COMPLETION_OPTIONS.intersection(arguments):
        from chainprice.completion import prepare_bash

        prepare_bash(os.environ)
    command = typer.main.get_command(application(needed(arguments)))
    usage_error: type[Exception] = typer.BadParameter.__mro__[1]
    click_error: type[Exception] = typer.BadParameter.__mro__[2]
    try:
        result = command.main(args=list(arguments), prog_name="chainprice", standalone_mode=False)
    except ChainpriceError as error:
        complain(f"{error}\n")
        return _exit_code(error)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except SystemExit as leaving:
        if isinstance(leaving.__context__, BrokenPipeError):  # `--help | head`
            return DONE
        raise
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        complain(f"error: {printable(where + (error.strerror or str(error)).lower())}\n")
        return BAD_INPUT
    except click_error as error:
        path = getattr(getattr(error, "ctx", None), "command_path", "chainprice")
        hint = f"\n  try '{path} --help'" if isinstance(error, usage_error) else ""
        message = error.format_message() if hasattr(error, "format_message") else str(error)
        complain(f"error: {printable(message)}{hint}\n" if message else "")
        return BAD_INPUT
    except Exception as error:
        if os.environ.get("CHAINPRICE_DEBUG"):
            raise
        complain(
            f"internal error: {type(error).__name__}: {error}\n"
            "  this is a bug in chainprice; CHAINPRICE_DEBUG=1 shows where\n"
        )
        return NO_ANSWER
    return result if isinstance(result, int) else DONE
