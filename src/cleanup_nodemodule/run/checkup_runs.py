"""Looks at what starts runs by itself, and at what became of earlier ones, by the history."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from cleanup_nodemodule.errors import ExitCode
from cleanup_nodemodule.record import state_directory
from cleanup_nodemodule.record.history.database import reading
from cleanup_nodemodule.record.history.files import HistoryError
from cleanup_nodemodule.record.history.runs import Passed, passed
from cleanup_nodemodule.record.trust import StateError
from cleanup_nodemodule.run.checkup import Check, missing, ok, warning
from cleanup_nodemodule.unattended.schedule.installed import installed
from cleanup_nodemodule.unattended.schedule.scheduler import Installed
from cleanup_nodemodule.unattended.schedule.scheduler_names import SchedulerName
from cleanup_nodemodule.words import command, iso, printable, quoted

HISTORY: Final = "last success"
SCHEDULE: Final = "schedule"

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
        each = {job: [run for run in everything if run.job == job] for job in jobs}
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


def of_schedules(jobs: Sequence[str], _path: str) -> list[Check]:
    """Look whether what starts runs by itself is installed and active; *jobs* are those that there are."""
    faults: list[str] = []
    found = installed(faults=faults)
    checks = [
        warning(
            SCHEDULE, fault, "look what the system starts by itself", command("schedule", "list")
        )
        for fault in faults
    ]
    checks += map(_of_schedule, found)
    if checks:
        return checks
    if not jobs:
        return [ok(SCHEDULE, "nothing is installed, and there is no job")]
    install = command("schedule", "install", "--job", jobs[0], "--every", "day")
    return [
        warning(
            SCHEDULE,
            "no job starts by itself, unless something else starts it",
            "install one",
            install,
        )
    ]


def _of_schedule(one: Installed) -> Check:
    what = f"{one.scheduler} starts the job {one.job} (--every {quoted(one.every)})"
    again = command(
        *("schedule", "install", "--job", one.job, "--every", one.every),
        *(("--system",) if one.system else ()),
    )
    if one.active is False:
        return missing(
            SCHEDULE,
            f"{one.scheduler} has the job {one.job} ({printable(one.place)}), but it is not active",
            one.cure,
            None if one.scheduler is SchedulerName.CRON else again,
        )
    if one.active is None:
        advice = "look whether it has run"
        return warning(
            SCHEDULE, f"{what}, as far as can be told", advice, command("schedule", "list")
        )
    if one.last_exit not in {None, *_SUCCEEDED}:
        found = f"{what}, and the last time it ended with exit code {one.last_exit}"
        return warning(
            SCHEDULE, found, "run it by hand to see why", command("run", one.job, "--dry-run")
        )
    return ok(SCHEDULE, what if one.next_run is None else f"{what}, next at {iso(one.next_run)}")
