"""Runs the command line. Turns whatever ends it into a sentence and an exit code, in one place."""

import itertools
import re
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import typer

from cleanup_nodemodule.commands.app import app
from cleanup_nodemodule.commands.wrong_usage import sentence
from cleanup_nodemodule.config.keys import Format
from cleanup_nodemodule.errors import CleanupError, ExitCode
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.words import PROGRAM

if TYPE_CHECKING:
    from cleanup_nodemodule.model import Mode


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return the exit code."""
    try:
        code = app(list(arguments), prog_name=PROGRAM, standalone_mode=False)
    except typer.TyperException as error:
        _fail(sentence(error), ProblemCode.USAGE, arguments)
        return ExitCode.USAGE
    except CleanupError as error:
        from cleanup_nodemodule.show.failure import fail

        return fail(error, mode=_mode(arguments), format_=_wanted_format(arguments))
    except (typer.Abort, KeyboardInterrupt):
        interrupted(arguments)
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - whatever it is, a program that asked gets its document
        traceback.print_exc()
        from cleanup_nodemodule.show.failure import unexpected

        number = error.errno if isinstance(error, OSError) else None
        _fail(unexpected(error), ProblemCode.FAILURE, arguments, number)
        return ExitCode.UNEXPECTED
    return int(code or ExitCode.DONE)


def interrupted(arguments: Sequence[str]) -> None:
    """Say that the run was stopped before it began."""
    from cleanup_nodemodule.show.failure import NOT_BEGUN

    _fail(NOT_BEGUN, ProblemCode.INTERRUPTED, arguments)


def _wanted_format(arguments: Sequence[str]) -> Format | None:
    """Return the format that a command line asks for which could not be understood."""
    words = list(arguments)
    if "--json" in words:
        return Format.JSON
    values = [value for option, value in itertools.pairwise(words) if _FORMAT.fullmatch(option)]
    values += [found[1] for word in words if (found := _FORMAT_AND_VALUE.fullmatch(word))]
    return next((Format(value) for value in reversed(values) if value in set(Format)), None)


_FORMAT: Final = re.compile(r"--format|-[a-zA-Z0-9]*f")

_FORMAT_AND_VALUE: Final = re.compile(r"(?:--format=|-[a-zA-Z0-9]*f)(.+)")


def _mode(arguments: Sequence[str]) -> "Mode":
    """Return what a command line that could not be understood is likely to have been for."""
    if "--no-dry-run" in arguments:
        return "trash" if "--trash" in arguments else "delete"
    return "delete" if arguments[:1] == ["resume"] and "--dry-run" not in arguments else "dry-run"


def _fail(
    message: str, code: ProblemCode, arguments: Sequence[str], number: int | None = None
) -> None:
    """Say why the run ends here, as a document too if one was asked for."""
    from cleanup_nodemodule.show.failure import print_failure

    print_failure(
        message,
        code,
        None,
        number=number,
        mode=_mode(arguments),
        format_=_wanted_format(arguments),
    )
