"""Says why a command did nothing."""

from cleanup_nodemodule.errors import CleanupError
from cleanup_nodemodule.exit_codes import ExitCode
from cleanup_nodemodule.model import Mode
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.report import build, document
from cleanup_nodemodule.run.facts import Facts
from cleanup_nodemodule.show.streams import emit, say
from cleanup_nodemodule.words import PROGRAM


def fail(error: CleanupError, *, mode: Mode, as_json: bool) -> ExitCode:
    """Say why a command ends, as :func:`print_failure` does, and return its exit code."""
    print_failure(
        str(error), error.code, error.path, number=error.number, mode=mode, as_json=as_json
    )
    return error.exit_code


def print_failure(
    message: str,
    code: ProblemCode,
    path: str | None,
    *,
    number: int | None = None,
    mode: Mode,
    as_json: bool,
) -> None:
    """Say why nothing was done; as a document too, on standard output, if one was asked for.

    The *number* is the error that the system said, None if it said nothing (errno(3)).
    """
    say(f"{PROGRAM}: {message}")
    if as_json:
        failed = build.of_failure(message, code, path, Facts().now(mode), number)
        emit(lambda: print(document.to_json(failed)))
