"""Says why a command did nothing."""

from cleanup_nodemodule import plain, report
from cleanup_nodemodule.run.facts import Facts
from cleanup_nodemodule.run.orders import Mode
from cleanup_nodemodule.stdio import emit, say


def print_failure(
    message: str, number: int, path: str | None, doing: str, *, mode: Mode, as_json: bool
) -> None:
    """Say why nothing was done; as a document too, on standard output, if one was asked for."""
    say(f"{plain.PROGRAM}: {message}")
    if as_json:
        failed = report.of_failure(message, number, path, doing, Facts().now(mode))
        emit(lambda: print(report.to_json(failed)))
