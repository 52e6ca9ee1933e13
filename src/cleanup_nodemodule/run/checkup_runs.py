"""Looks at what became of earlier runs, by the history."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from cleanup_nodemodule.errors import ExitCode
from cleanup_nodemodule.record import state_directory
from cleanup_nodemodule.record.history.database import reading
from cleanup_nodemodule.record.history.files import HistoryError
from cleanup_nodemodule.record.history.runs import Passed, passed
from cleanup_nodemodule.record.trust import StateError
from cleanup_nodemodule.run.checkup import Check, ok, warning
from cleanup_nodemodule.words import command, iso

HISTORY: Final = "last success"

_SUCCEEDED: Final = frozenset({ExitCode.DONE, ExitCode.INCOMPLETE})
"""Exit codes of runs that have done what they could, as the metrics count them."""


class Earlier(NamedTuple):
    """What the history says."""

    checks: list[Check]
    last_run: float | None = None
    """When the last run began, in seconds since the epoch; None if that is not known."""


def of_history(jobs: Sequence[str], _path: str) -> Earlier:
    """Look at the last runs of these *jobs*, or if there are none at the last of all."""
    try:
        with reading(state_directory.directory()) as connection:
            everything = [] if connection is None else passed(connection)
            each = {} if connection is None else {job: passed(connection, job) for job in jobs}
    except StateError:
        return Earlier([])  # The state directory has its own check.
    except HistoryError as error:
        advice = "the next run begins a new one, and sets the old one aside"
        return Earlier([warning(HISTORY, f"the history cannot be read: {error}", advice)])
    if not everything:
        return Earlier([ok(HISTORY, "no run is in the history yet")])
    checks = [*_of_jobs(each)] or [_of_runs("the last run", everything)]
    return Earlier(checks, everything[-1].began_at)


def _of_jobs(each: dict[str, list[Passed]]) -> Iterator[Check]:
    for job, runs in each.items():
        if runs:
            yield _of_runs(f"the last run of the job {job}", runs)
        else:
            yield ok(HISTORY, f"the job {job} has not run yet")


def _of_runs(what: str, runs: Sequence[Passed]) -> Check:
    last = runs[-1]
    if last.exit_code in _SUCCEEDED:
        return ok(HISTORY, f"{what} succeeded at {iso(last.began_at)}")
    success = next((run for run in reversed(runs) if run.exit_code in _SUCCEEDED), None)
    before = (
        "none before it succeeded"
        if success is None
        else f"the last success was at {iso(success.began_at)}"
    )
    return warning(
        HISTORY,
        f"{what}, at {iso(last.began_at)}, ended with exit code {last.exit_code}; {before}",
        "see what became of the runs, and run it by hand to see why",
        command("history"),
    )
