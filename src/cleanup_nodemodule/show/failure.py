"""Says why a command did nothing."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

from cleanup_nodemodule.config.keys import Format
from cleanup_nodemodule.errors import CleanupError, ExitCode
from cleanup_nodemodule.model import Mode
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.report import build
from cleanup_nodemodule.report.rows import Report
from cleanup_nodemodule.run.facts import Facts
from cleanup_nodemodule.show.formats import KINDS, Wanted
from cleanup_nodemodule.show.output_files import OutputFiles
from cleanup_nodemodule.show.streams import emit, say, warn
from cleanup_nodemodule.words import PROGRAM
from cleanup_nodemodule.work.tasks import Stopped


def fail(error: CleanupError, *, mode: Mode, format_: Format | None) -> ExitCode:
    """Say why a command ends, as :func:`print_failure` does, and return its exit code."""
    print_failure(
        str(error), error.code, error.path, number=error.number, mode=mode, format_=format_
    )
    return error.exit_code


def print_failure(
    message: str,
    code: ProblemCode,
    path: str | None,
    *,
    number: int | None = None,
    mode: Mode,
    format_: Format | None,
) -> None:
    """Say why nothing was done; on standard output too, in a *format_* that has something to say of it.

    The *number* is the error that the system said, None if it said nothing (errno(3)).
    """
    warn(f"{PROGRAM}: {message}")
    if format_ is not None and KINDS[format_].tells_failures:
        failed = build.of_failure(message, code, path, Facts().now(mode), number)
        emit(partial(_print, failed, format_))


@contextmanager
def telling(files: OutputFiles, mode: Mode) -> Iterator[None]:
    """Have what ends a command be told in its *files*: an old one would pass for the result of this run.

    Whoever catches it says it elsewhere.
    """
    try:
        yield
    except CleanupError as error:
        _write(files, mode, str(error), error.code, error.path, error.number)
        raise
    except Stopped:
        _write(files, mode, NOT_BEGUN, ProblemCode.INTERRUPTED)
        raise
    except Exception as error:
        number = error.errno if isinstance(error, OSError) else None
        _write(files, mode, unexpected(error), ProblemCode.FAILURE, None, number)
        raise


NOT_BEGUN: Final = "interrupted; nothing was done"
"""What is said of a run that was stopped before it began."""


def unexpected(error: Exception) -> str:
    """Return what to say of a fault of this program."""
    return f"unexpected failure, please report it: {type(error).__name__}: {error}"


def _write(
    files: OutputFiles,
    mode: Mode,
    message: str,
    code: ProblemCode,
    path: str | None = None,
    number: int | None = None,
) -> None:
    for why in files.write(build.of_failure(message, code, path, Facts().now(mode), number)):
        say(f"{PROGRAM}: {why}")


def _print(failed: Report, format_: Format) -> None:
    write = KINDS[format_].pieces
    for piece in write(failed, Wanted()) if write is not None else ():
        if isinstance(piece, str):
            sys.stdout.write(piece)
        else:
            sys.stdout.buffer.write(piece)
